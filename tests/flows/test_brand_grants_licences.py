"""Flow: a brand grants licences and its licensee accepts. Only these two can end or change a licence."""

import threading
from datetime import date, timedelta
from itertools import pairwise

import licences_made as made
import make
import pytest
import sqlalchemy as sa

from authcheck.audit import log
from authcheck.certificates.meters import units_issued
from authcheck.errors import AuthcheckError, Conflict, NotFound, Rejected
from authcheck.ledger import publishing
from authcheck.ledger.tables import Entry
from authcheck.licences import agreements, grants
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Use, breaches
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

TODAY = make.NOW.date()


@pytest.fixture
def design(workspace: Workspace) -> Design:
    """A design of acme."""
    return make.register(workspace, "KITE-1", owner="acme", seed=1).design


def state_of(workspace: Workspace, licence: Licence, on: date = TODAY) -> str:
    """The stored state of the licence on a day."""
    with workspace.database.reading() as session:
        return grants.grant_of(session, grants.get_licence(session, licence.id), units=units_issued).state(on)


def types_of(workspace: Workspace, licence: Licence) -> list[str]:
    """The types of the entries about a licence version, in the ledger's order."""
    with workspace.database.reading() as session:
        found = sa.select(Entry.type).where(Entry.subject == licence.id).order_by(Entry.number)
        return list(session.scalars(found))


def problems(workspace: Workspace) -> list[str]:
    """The problems that the audit of the ledger finds."""
    publishing.publish(workspace.database, workspace.settings)
    key = publishing.ledger_signer(workspace.settings, workspace.settings.ledger_origin).verifier.public_key
    with workspace.database.snapshot() as session:
        return [f"{one.what} {one.problem}" for one in log.audit(session, key)]


def test_an_offer_counts_once_it_is_accepted(workspace: Workspace, design: Design) -> None:
    """An accepted licence is valid until its last day. No job has to run to end the licence."""
    offered = made.licence(workspace, accepted=False, designs=(design.id,), ends_on=TODAY)
    assert state_of(workspace, offered) == "offered"
    taker = made.organisation(workspace, "maker")
    with workspace.database.writing() as session:
        agreements.accept(session, taker, offered.id, make.NOW)
    assert [state_of(workspace, offered, TODAY + timedelta(days)) for days in (0, 1)] == ["active", "lapsed"]
    assert types_of(workspace, offered) == ["licence.grant", "licence.accept"]
    with pytest.raises(Conflict) as caught, workspace.database.writing() as session:
        agreements.decline(session, taker, offered.id, make.NOW)
    assert caught.value.code == "licence.state"


def test_an_amendment_takes_its_place_when_it_is_accepted(workspace: Workspace, design: Design) -> None:
    """The old version is valid until the amendment is accepted, and its units stay counted."""
    first = made.licence(workspace, designs=(design.id,), territories=("FR",))
    owner, taker = made.organisation(workspace, "acme"), made.organisation(workspace, "maker")
    wider = made.terms(designs=(design.id,), territories=("FR", "DE"))
    with workspace.database.writing() as session:
        second = agreements.amend(session, owner, first.id, wider, make.NOW)
    assert (second.series, second.version, state_of(workspace, first)) == (first.series, 2, "active")
    with workspace.database.writing() as session:
        agreements.accept(session, taker, second.id, make.NOW)
    assert (state_of(workspace, first), state_of(workspace, second)) == ("superseded", "active")
    with workspace.database.reading() as session:
        found = grants.grants_for(session, design=design, licensee_id=taker.id, units=units_issued)
    assert [grant.version for grant in found] == [2, 1]


def test_revoked_is_revoked(workspace: Workspace, design: Design) -> None:
    """A revocation needs a reason and permanently ends all versions and open offers."""
    first = made.licence(workspace, designs=(design.id,))
    owner, taker = made.organisation(workspace, "acme"), made.organisation(workspace, "maker")
    with workspace.database.writing() as session:
        second = agreements.amend(session, owner, first.id, made.terms(designs=(design.id,)), make.NOW)
    with pytest.raises(Rejected) as refused, workspace.database.writing() as session:
        agreements.revoke(session, owner, first.id, "mood", make.NOW)
    with workspace.database.writing() as session:
        agreements.revoke(session, owner, first.id, "unpaid", make.NOW)
    assert refused.value.code == "licence.reason"
    assert state_of(workspace, first) == state_of(workspace, second) == "revoked"
    with pytest.raises(Conflict), workspace.database.writing() as session:
        agreements.accept(session, taker, second.id, make.NOW)
    assert problems(workspace) == []


def test_only_the_two_may_touch_it(workspace: Workspace, design: Design) -> None:
    """Other organisations cannot find the licence. The licensee cannot revoke. The owner cannot accept.

    Nobody grants a licence for another owner's design.
    """
    licence = made.licence(workspace, accepted=False, designs=(design.id,))
    owner, taker, rival = (made.organisation(workspace, name) for name in ("acme", "maker", "rival"))
    attempts = [
        lambda session: agreements.accept(session, rival, licence.id, make.NOW),
        lambda session: agreements.accept(session, owner, licence.id, make.NOW),
        lambda session: agreements.revoke(session, taker, licence.id, "other", make.NOW),
        lambda session: agreements.amend(
            session, rival, licence.id, made.terms(designs=(design.id,)), make.NOW
        ),
        lambda session: grants.get_licence(session, licence.id, organisation_id=rival.id),
        lambda session: grants.get_licence(session, "lic_\x00"),
        lambda session: agreements.offer(session, rival, taker, made.terms(designs=(design.id,)), make.NOW),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound), workspace.database.writing() as session:
            attempt(session)
    with workspace.database.reading() as session:
        assert grants.list_licences(session, rival.id) == []
        assert [one.id for one in grants.list_licences(session, taker.id, role="licensee")] == [licence.id]
        assert grants.list_licences(session, taker.id, role="owner") == []


def test_a_second_exclusive_licence_is_refused(workspace: Workspace, design: Design) -> None:
    """The refusal names the conflicting licence.

    Exclusive licences whose terms do not overlap are both accepted.
    """
    first = made.licence(workspace, designs=(design.id,), territories=("FR", "IT"), exclusive=True)
    with pytest.raises(Conflict) as caught:
        made.licence(workspace, licensee="other", designs=(design.id,), territories=("IT",))
    assert (caught.value.code, caught.value.params["licence"]) == ("licence.exclusive", first.id)
    made.licence(workspace, licensee="other", designs=(design.id,), territories=("DE",), exclusive=True)
    made.licence(workspace, licensee="maker", designs=(design.id,), territories=("IT",))


def test_of_two_exclusive_offers_accepted_at_once_one_wins(workspace: Workspace, design: Design) -> None:
    """Two open exclusive offers are accepted at the same moment. Only one becomes a licence."""
    names = ("one", "two", "three")
    offers = [
        made.licence(workspace, licensee=name, accepted=False, designs=(design.id,), exclusive=True)
        for name in names
    ]
    takers = [made.organisation(workspace, name) for name in names]
    start, won, lost = threading.Barrier(len(names)), [], []

    def take(place: int) -> None:
        start.wait()
        try:
            with workspace.database.writing() as session:
                agreements.accept(session, takers[place], offers[place].id, make.NOW)
            won.append(place)
        except AuthcheckError as error:
            lost.append(error.code)

    threads = [threading.Thread(target=take, args=(place,)) for place in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), lost) == (1, ["licence.exclusive"] * 2)


def test_a_sublicence_lies_within_and_falls_with_its_licence(workspace: Workspace, design: Design) -> None:
    """A sublicence must stay within the terms of its parent licence, and ends with the parent licence."""
    above = made.licence(workspace, designs=(design.id,), territories=("FR", "IT"), sublicensing=True)
    below = made.licence(
        workspace,
        owner="maker",
        licensee="printer",
        parent=above.id,
        designs=(design.id,),
        territories=("IT",),
    )
    with pytest.raises(Conflict) as wider:
        made.licence(
            workspace,
            owner="maker",
            licensee="two",
            parent=above.id,
            designs=(design.id,),
            territories=("DE",),
        )
    with pytest.raises(Conflict) as deeper:
        made.licence(
            workspace,
            owner="printer",
            licensee="two",
            parent=below.id,
            designs=(design.id,),
            territories=("IT",),
        )
    assert wider.value.code == deeper.value.code == "licence.outside_parent"
    printer = made.organisation(workspace, "printer")
    with workspace.database.reading() as session:
        (grant,) = grants.grants_for(session, design=design, licensee_id=printer.id, units=units_issued)
    use = Use(design_id=design.id, territory="IT", on=TODAY)
    assert breaches(grant, use) == ()
    with workspace.database.writing() as session:
        agreements.revoke(session, made.organisation(workspace, "acme"), above.id, "breach", make.NOW)
    with workspace.database.reading() as session:
        (grant,) = grants.grants_for(session, design=design, licensee_id=printer.id, units=units_issued)
    assert [one.code for one in breaches(grant, use)] == ["licence.revoked"]
    assert state_of(workspace, below) == "revoked"


def test_no_chain_of_sublicences_without_end(workspace: Workspace, design: Design) -> None:
    """A chain of eight sublicences is valid. The ninth is refused."""
    handles = ["acme", *(f"maker-{number}" for number in range(grants.LONGEST_CHAIN + 1))]
    last = None
    for giver, taker in pairwise(handles[:-1]):
        above = last.id if last else None
        words = {"owner": giver, "licensee": taker, "parent": above, "sublicensing": True}
        last = made.licence(workspace, designs=(design.id,), **words)
    assert last is not None
    assert state_of(workspace, last) == "active"
    with pytest.raises(Conflict) as caught:
        made.licence(workspace, owner=handles[-2], licensee=handles[-1], parent=last.id, designs=(design.id,))
    assert (caught.value.code, caught.value.params["limit"]) == ("licence.outside_parent", 8)
    with workspace.database.reading() as session:
        (grant,) = grants.grants_for(session, design=design, licensee_id=last.licensee_id, units=units_issued)
    assert len(grants.chain_of(grant)) == 8


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("terms", {"designs": ["dsn_mine"]}),
        ("licensee_id", "owner"),
        ("accepted_at", None),
        ("revoked_at", make.NOW),
        ("superseded_at", make.NOW),
        ("version", 7),
    ],
)
def test_attack_licence_edited_in_sql(
    workspace: Workspace, design: Design, column: str, value: object
) -> None:
    """The audit names a licence row whose terms, licensee or time were edited in SQL."""
    licence = made.licence(workspace, designs=(design.id,))
    assert problems(workspace) == []
    with workspace.database.writing() as session:
        new = licence.owner_id if value == "owner" else value
        session.execute(sa.update(Licence).where(Licence.id == licence.id).values({column: new}))
    assert any(licence.id in problem for problem in problems(workspace))


def test_a_collection_grows(workspace: Workspace) -> None:
    """A licence for a collection covers designs added later.

    It does not cover another owner's collection of the same name.
    """
    made.organisation(workspace, "acme", "brand")
    made.licence(workspace, collections=("Summer",))
    mine = make.register(workspace, "KITE-1", owner="acme", seed=1).design
    theirs = make.register(workspace, "KITE-1", owner="rival", seed=2).design
    with workspace.database.writing() as session:
        session.execute(sa.update(Design).values(collection="Summer"))
    with workspace.database.reading() as session:
        for design, count in ((mine, 1), (theirs, 0)):
            kept = session.get_one(Design, design.id)
            assert len(grants.grants_for(session, design=kept, units=units_issued)) == count
