"""Flow: the operator reads a dispute, rules on it, and revokes the certificates of the side that lost."""

from collections.abc import Callable
from typing import Any

import certificates_made as made
import make
import pytest
from sqlalchemy import select, update

from authcheck.audit.rows import compare_rows
from authcheck.certificates.tables import Certificate
from authcheck.ledger.tables import Entry
from authcheck.registry import designs, disputes
from authcheck.registry.tables import Dispute
from authcheck.tlog.entries import read_body
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


@pytest.fixture
def loser(workspace: Workspace) -> made.Brand:
    """A rival whose certificates were issued before the first owner came to register."""
    rival = made.brand(workspace, "globex", seed=3)
    rival.issue("r1")
    rival.issue("r2", lot="L2")
    make.register(workspace, "FIRST", owner="acme", pictures=[make.picture_bytes(3, "JPEG", quality=60)])
    return rival


def dispute_of(workspace: Workspace) -> Dispute:
    """The only dispute."""
    with workspace.database.reading() as session:
        (dispute,) = disputes.list_disputes(session, ended=True)
    return dispute


def test_the_loser_s_certificates_are_named_and_revoked_in_one_call(
    loser: made.Brand, cli: Callable[..., Any], workspace: Workspace
) -> None:
    """`rule` names the batches that are still active. `revoke-certificates` revokes them all, once."""
    dispute = dispute_of(workspace)
    shown = cli("disputes", "show", dispute.id, "--json").objects[0]
    assert (shown["later"]["owner"], shown["earlier"]["owner"]) == ("acme", "globex")
    refused = cli("disputes", "revoke-certificates", dispute.id)
    assert (refused.code, "dispute.no_loser" in refused.err) == (2, True)
    ruled = cli(
        "disputes",
        "rule",
        dispute.id,
        "--for",
        "later",
        "--reason",
        "Acme drew it in 2019.",
        "--final",
        "--yes",
    )
    assert (ruled.code, "6 certificates" in ruled.err, "globex" in ruled.err) == (0, True, True)
    done = cli("disputes", "revoke-certificates", dispute.id, "--yes")
    assert "6 certificates are now revoked. 0 were already revoked." in done.err
    again = cli("disputes", "revoke-certificates", dispute.id)
    assert "0 certificates are now revoked. 6 were already revoked." in again.err
    with workspace.database.reading() as session:
        assert {*session.scalars(select(Certificate.state))} == {"revoked"}
        assert {*session.scalars(select(Certificate.revocation_reason))} == {"copied"}
        assert designs.get_design(session, loser.design.id).state == "retired"
        assert list(compare_rows(session)) == []


def test_the_ruling_is_an_entry_without_its_reason(
    loser: made.Brand, cli: Callable[..., Any], workspace: Workspace
) -> None:
    """The public ledger says which dispute ended and how, with a hash. Only the two owners read why."""
    dispute = dispute_of(workspace)
    cli(
        "disputes",
        "rule",
        dispute.id,
        "--for",
        "both",
        "--reason",
        "A private settlement.",
        "--final",
        "--yes",
    )
    with workspace.database.reading() as session:
        bodies = list(session.scalars(select(Entry.body).order_by(Entry.number)))
        assert list(compare_rows(session)) == []
    (entry,) = [body for body in map(read_body, bodies) if body["t"] == "design.dispute_end"]
    assert (entry["dispute"], entry["by"]) == (dispute.id, "both")
    assert not any(b"settlement" in body for body in bodies)
    assert "A private settlement." in cli("disputes", "list", "--org", "acme", "--ended", "--json").out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--for", "nobody", "--reason", "x"), "dispute.ruling"),
        (("--for", "both", "--reason", "  "), "dispute.reason"),
        (("--for", "both", "--reason", "x" * 1001), "dispute.reason"),
        (("--for", "both", "--reason", "two\nlines"), "dispute.reason"),
    ],
)
def test_a_ruling_that_cannot_be_made_is_refused(
    loser: made.Brand, cli: Callable[..., Any], workspace: Workspace, words: tuple[str, ...], code: str
) -> None:
    """A wrong choice or reason changes nothing."""
    done = cli("disputes", "rule", dispute_of(workspace).id, *words)
    assert (done.code, code in done.err) == (2, True)
    assert dispute_of(workspace).ended_by is None


def test_the_audit_finds_a_dispute_changed_in_sql(loser: made.Brand, workspace: Workspace) -> None:
    """A dispute that was ended, moved or removed without an entry is found."""
    for values in (
        {"ended_by": "both", "ended_at": make.NOW, "ended_tick": 99},
        {"score": 0.5},
        {"verdict": "lookalike"},
    ):
        with workspace.database.writing() as session:
            before = {name: getattr(session.scalars(select(Dispute)).one(), name) for name in values}
            session.execute(update(Dispute).values(values))
        with workspace.database.reading() as session:
            assert ["disputes" in one.problem for one in compare_rows(session)] == [True]
        with workspace.database.writing() as session:
            session.execute(update(Dispute).values(before))


def test_unsigned_certificates_are_not_counted_as_revoked(
    loser: made.Brand, cli: Callable[..., Any], workspace: Workspace
) -> None:
    """The command counts what it revoked and what was revoked before, and leaves unsigned certificates alone."""
    with workspace.database.writing() as session:
        first = session.scalars(select(Certificate.id).order_by(Certificate.id)).first()
        session.execute(update(Certificate).where(Certificate.id == first).values(state="unsigned"))
    loser.revoke(loser.certificates()[1].code)
    dispute = dispute_of(workspace)
    ruled = cli(
        "disputes",
        "rule",
        dispute.id,
        "--for",
        "later",
        "--reason",
        "Acme drew it in 2019.",
        "--final",
        "--yes",
    )
    assert "4 certificates" in ruled.err
    done = cli("disputes", "revoke-certificates", dispute.id, "--yes")
    assert "4 certificates are now revoked. 1 was already revoked." in done.err
