"""Revocations that wait for a minute: counted, confirmed, taken back, carried out once."""

from datetime import timedelta
from typing import Any

import certificates_made
import make
import pytest
from certificates_made import Brand
from sqlalchemy import func, select

from authcheck.certificates import planned, revoking
from authcheck.certificates.batches import Selection
from authcheck.certificates.tables import Batch, PlannedRevocation
from authcheck.errors import Conflict, NotFound, Rejected, Unavailable
from authcheck.ledger.tables import Entry
from authcheck.workspace import Workspace

DUE = make.NOW + planned.WAITS


@pytest.fixture
def brand(workspace: Workspace) -> Brand:
    """Return a brand with a key and a design."""
    return certificates_made.brand(workspace)


def plan(brand: Brand, batch: Batch, count: int = 3, reason: str = "recalled", **words: int) -> str:
    """Plan a revocation in a batch and return its id."""
    with brand.work.database.writing() as session:
        selection = Selection(batch_id=batch.id, **words)
        return planned.plan(
            session,
            batch.organisation_id,
            selection,
            reason=reason,
            count=count,
            by="per_1",
            now=make.NOW,
        ).id


def carry_out(brand: Brand, seconds: float = 0) -> int:
    """Carry out what is due some seconds after the end of the minute."""
    return planned.carry_out(brand.work.database, brand.work.settings, DUE + timedelta(seconds=seconds))


def states(brand: Brand) -> list[str]:
    """Return the states of the brand's certificates."""
    return [row.state for row in brand.certificates()]


def entries(brand: Brand) -> int:
    """Return the number of entries of the ledger."""
    with brand.work.database.reading() as session:
        return session.scalars(select(func.count()).select_from(Entry)).one()


def test_nothing_is_in_the_ledger_before_the_minute_is_over(brand: Brand) -> None:
    """A planned revocation changes nothing until it is due. Then it is carried out once."""
    batch = brand.issue()
    before = entries(brand)
    plan(brand, batch, count=2, last=2)
    assert carry_out(brand, seconds=-1) == 0
    assert (states(brand), entries(brand)) == (["active"] * 3, before)
    assert carry_out(brand) == 1
    assert states(brand) == ["revoked", "revoked", "active"]
    after = entries(brand)
    assert after > before
    assert (carry_out(brand), entries(brand)) == (0, after)


def test_it_can_be_taken_back_for_a_minute(brand: Brand) -> None:
    """A revocation that is taken back never happens. When the minute is over, it is too late."""
    batch = brand.issue()
    first, second = plan(brand, batch), plan(brand, batch)
    with brand.work.database.writing() as session:
        for _ in range(2):  # a repetition changes nothing
            row = planned.undo(session, first, batch.organisation_id, DUE - timedelta(seconds=1))
            assert row.state == planned.UNDONE
        with pytest.raises(Conflict) as late:
            planned.undo(session, second, batch.organisation_id, DUE)
    assert late.value.code == "revocation.too_late"
    assert carry_out(brand) == 1
    with brand.work.database.writing() as session, pytest.raises(Conflict):
        planned.undo(session, second, batch.organisation_id, make.NOW)  # done, whatever the clock says


@pytest.mark.parametrize(("count", "reason", "code"), [(2, "lost", "revocation.count"),
                                                       (3, "bored", "certificate.reason")])  # fmt: skip
def test_the_confirmed_number_must_be_true(brand: Brand, count: int, reason: str, code: str) -> None:
    """Nobody revokes more units than the number that he has read."""
    batch = brand.issue()
    with pytest.raises((Conflict, Rejected)) as refused:
        plan(brand, batch, count=count, reason=reason)
    assert refused.value.code == code


def test_a_revoked_batch_cannot_be_planned(brand: Brand) -> None:
    """When all units are revoked already, the page says so."""
    batch = brand.issue()
    brand.revoke(batch_id=batch.id)
    with pytest.raises(Conflict) as refused:
        plan(brand, batch)
    assert refused.value.code == "revocation.none"


def test_attack_a_rival_takes_the_revocation_back(brand: Brand) -> None:
    """Another organisation neither sees nor undoes a revocation."""
    batch = brand.issue()
    name = plan(brand, batch)
    rival = certificates_made.brand(brand.work, "rival", seed=7).design.owner_id
    with brand.work.database.writing() as session:
        for wrong in (name, "rvk_\0", "rvk_nobody"):
            with pytest.raises(NotFound) as refused:
                planned.undo(session, wrong, rival, make.NOW)
            assert refused.value.code == "revocation.not_found"
        assert not planned.waiting_of(session, rival, batch.id)
    assert carry_out(brand) == 1


def test_a_refused_revocation_holds_up_no_other(brand: Brand) -> None:
    """A revocation that fails keeps its code. The next ones are carried out."""
    batch, other = brand.issue(), brand.issue("r2", lot="L2")
    broken, _ = plan(brand, batch), plan(brand, other)
    with brand.work.database.writing() as session:
        session.get_one(PlannedRevocation, broken).last = 99
    assert carry_out(brand) == 1
    with brand.work.database.reading() as session:
        row = session.get_one(PlannedRevocation, broken)
        assert (row.state, row.code) == (planned.REFUSED, "certificate.selection")
        assert [shown.id for shown in planned.waiting_of(session, batch.organisation_id, batch.id)] == [
            broken
        ]
        assert planned.undo(session, broken, batch.organisation_id, DUE).state == planned.UNDONE  # put away
        assert not planned.waiting_of(session, batch.organisation_id, batch.id)


@pytest.mark.parametrize(
    "fault", [Unavailable("Later.", code="ledger.clock"), RuntimeError("a fault of ours")]
)
def test_what_fails_for_now_waits_for_the_next_round(
    brand: Brand, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """A slow clock or a fault refuses nothing: the revocation is carried out later, and others are meanwhile."""
    batch, other = brand.issue(), brand.issue("r2", lot="L2")
    first, _ = plan(brand, batch), plan(brand, other)
    revoke = revoking.revoke

    def fail_once(*arguments: Any, **words: Any) -> Any:
        if arguments[4].batch_id == batch.id:
            raise fault
        return revoke(*arguments, **words)

    monkeypatch.setattr(revoking, "revoke", fail_once)
    if isinstance(fault, Unavailable):
        with pytest.raises(Unavailable):
            carry_out(brand)
    else:
        assert carry_out(brand) == 1
    with brand.work.database.reading() as session:
        assert session.get_one(PlannedRevocation, first).state == planned.WAITING
    monkeypatch.undo()
    carry_out(brand)
    assert set(states(brand)) == {"revoked"}
