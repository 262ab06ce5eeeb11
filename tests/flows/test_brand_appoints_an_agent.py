"""Flow: a brand appoints an agent for some designs and countries until a day, and either side ends it."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import agents_made as made
import make
import pytest
import sqlalchemy as sa
from database_work import work_of
from ledger_attacks import findings, sign
from licences_made import organisation

from authcheck.errors import AuthcheckError, Conflict, NotFound, Rejected
from authcheck.ledger.tables import Entry
from authcheck.members import appointments, organisations
from authcheck.members.permissions import Resource, Right, grants_of_scopes
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Appointment
from authcheck.tlog.entries import digest, read_body
from authcheck.workspace import Workspace

NOW = make.NOW
LATER = NOW + timedelta(hours=1)


def entries_of(workspace: Workspace, appointment: Appointment) -> list[dict[str, Any]]:
    """Return the fields of the entries about an appointment, in the ledger's order."""
    with workspace.database.reading() as session:
        rows = session.scalars(
            sa.select(Entry).where(Entry.subject == appointment.id).order_by(Entry.number)
        ).all()
    return [read_body(row.body) for row in rows]


def current(workspace: Workspace, appointment: Appointment, now: Any = NOW) -> bool:
    """Return whether the agent has this appointment now."""
    with workspace.database.reading() as session:
        try:
            appointments.get_current(session, appointment.id, agent_id=appointment.agent_id, now=now)
        except NotFound:
            return False
    return True


def test_an_appointment_names_what_the_agent_may_do(workspace: Workspace) -> None:
    """Designs are found by id and by reference, countries by any name, and the agent reaches these only."""
    kite = make.register(workspace, "KITE-1", owner="acme", seed=1).design
    moon = make.register(workspace, "MOON-1", owner="acme", seed=2).design
    row = made.appoint(workspace, designs=["KITE-1", moon.id.lower()], territories=["fr", "Italy"])
    assert (row.designs, row.territories) == (sorted([kite.id, moon.id]), ["FR", "IT"])
    reach = appointments.reach_of(row)
    assert reach == Reach(frozenset({kite.id, moon.id}), frozenset({"FR", "IT"}))
    assert (reach.covers_designs([kite.id, moon.id]), reach.covers_designs([kite.id, "dsn_other"])) == (
        True,
        False,
    )
    assert (reach.covers_territory("FR"), reach.covers_territory("DE")) == (True, False)
    assert (reach.covers_territories(["FR"]), reach.covers_territories(["FR", "CN"])) == (True, False)
    assert (reach.covers_design(None), reach.covers_territory(None)) == (False, False)
    assert appointments.reach_of(made.appoint(workspace, territories=["*"])) == WHOLE
    assert WHOLE.covers_design(None)
    assert len(made.appoint(workspace, territories=["EU"]).territories) == 27


def test_no_scope_of_an_agent_revokes_issues_or_manages_people() -> None:
    """The scopes that a brand can give hold no right over people, certificates or other organisations."""
    grants = grants_of_scopes(appointments.SCOPES)
    assert grants[Resource.CERTIFICATES] == Right.READ
    assert grants[Resource.DISPUTES] == Right.READ
    assert not {Resource.PEOPLE, Resource.REVOCATIONS, Resource.ORGANISATIONS} & grants.keys()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"scopes": ()}, "appointment.scopes"),
        ({"scopes": ["designs:read", "certificates:issue"]}, "appointment.scopes"),
        ({"scopes": ["people:write"]}, "appointment.scopes"),
        ({"scopes": ["admin"]}, "appointment.scopes"),
        ({"designs": ["NOT-THERE"]}, "design.not_found"),
        ({"designs": ["dsn_01H455VB4PEX5VSKNK084SN02Q"]}, "design.not_found"),
        ({"designs": [str(number) for number in range(501)]}, "appointment.designs"),
        ({"territories": ["Congo"]}, "appointment.territory"),
        ({"territories": [""]}, "appointment.territory"),
        ({"territories": ["*", "FR"]}, "appointment.territory"),
        ({"ends_on": NOW.date() - timedelta(days=1)}, "appointment.ends"),
        ({"ends_on": NOW.date() + timedelta(days=5 * 366 + 1)}, "appointment.ends"),
    ],
)
def test_terms_that_cannot_be_given_are_refused(
    workspace: Workspace, words: dict[str, Any], code: str
) -> None:
    """Nothing is stored of a refused appointment."""
    with pytest.raises(Rejected) as refused:
        made.appoint(workspace, **words)
    assert refused.value.code == code
    with workspace.database.reading() as session:
        assert session.scalars(sa.select(Appointment)).all() == []


def test_only_an_agent_acts_and_only_for_a_brand(workspace: Workspace) -> None:
    """The operator says who is an agent, so that no brand makes a licensee its deputy by mistake."""
    for handle, role in (("tees", "licensee"), ("market", "marketplace"), ("other", "brand")):
        organisation(workspace, handle, role)
        with pytest.raises(Conflict) as refused:
            made.appoint(workspace, agent=handle)
        assert refused.value.code == "appointment.not_agent"
    for handle in ("tees", "market", "helper"):
        organisation(workspace, handle, "agent")
        with pytest.raises(Conflict) as refused:
            made.appoint(workspace, client=handle)
        assert refused.value.code == "appointment.not_brand"
    with workspace.database.writing() as session:
        both = organisations.create_organisation(
            session, handle="both", name="Both", roles=["brand", "agent"], now=NOW
        )
    with pytest.raises(Rejected) as itself:
        made.appoint(workspace, agent=both.handle, client=both.handle)
    assert itself.value.code == "appointment.self"


def test_a_foreign_design_is_answered_like_an_unknown_one(workspace: Workspace) -> None:
    """An appointment cannot be used to ask which designs others have: same words, statements and rows."""
    foreign = make.register(workspace, "SECRET", owner="globex", seed=3).design
    made.appoint(workspace)
    unknown = foreign.id[:-1] + ("0" if foreign.id[-1] != "0" else "1")
    seen = []
    for name in (foreign.id, unknown, "SECRET", "MISSING"):
        with work_of(workspace) as work, pytest.raises(NotFound) as refused:
            made.appoint(workspace, designs=[name])
        seen.append((str(refused.value).replace(name, "NAME"), work))
    assert seen[0] == seen[1]
    assert seen[2] == seen[3]
    assert [words for words, _ in seen] == ["acme has no design 'NAME'."] * 4


@pytest.mark.postgresql
def test_the_ledger_has_the_appointment_and_its_end_without_its_terms(workspace: Workspace) -> None:
    """The entries name both parties and the salted hash of the terms, and the audit agrees."""
    row = made.appoint(workspace, territories=["FR"])
    ended = made.end(workspace, row.id, row.agent_id, LATER)
    assert (ended.ended_at, appointments.state_of(ended, LATER)) == (LATER, "ended")
    appointed, end = entries_of(workspace, row)
    terms = {
        "designs": [],
        "ends_on": made.ENDS.isoformat(),
        "scopes": list(made.SCOPES),
        "territories": ["FR"],
    }
    assert (appointed["t"], appointed["client"], appointed["agent"]) == (
        "agent.appoint",
        row.client_id,
        row.agent_id,
    )
    assert appointed["h"] == digest(terms, row.salt)
    assert set(appointed) == {"agent", "at", "client", "h", "id", "t", "v"}
    assert (end["t"], end["by"], end["client"]) == ("agent.end", row.agent_id, row.client_id)
    sign(workspace)
    assert findings(workspace) == []


@pytest.mark.parametrize("side", ["client", "agent", "operator"])
def test_either_side_ends_it_at_once(workspace: Workspace, side: str) -> None:
    """The next question finds no appointment. A second end keeps the time of the first and adds no entry."""
    row = made.appoint(workspace)
    by = {"client": row.client_id, "agent": row.agent_id, "operator": None}[side]
    assert current(workspace, row)
    made.end(workspace, row.id, by, NOW)
    assert not current(workspace, row)
    assert made.end(workspace, row.id, row.client_id, LATER).ended_at == NOW
    assert [entry.get("by") for entry in entries_of(workspace, row)] == [None, by]


def test_the_last_day_is_a_whole_day_in_utc(workspace: Workspace) -> None:
    """The appointment counts until the end of its last day, and no job has to end it."""
    row = made.appoint(workspace, ends_on=NOW.date())
    midnight = NOW.replace(hour=0) + timedelta(days=1)
    assert current(workspace, row, midnight - timedelta(microseconds=1))
    assert not current(workspace, row, midnight)
    assert appointments.state_of(row, midnight) == "over"
    with workspace.database.reading() as session:
        listed = [
            appointments.list_appointments(session, row.agent_id, current_at=moment)
            for moment in (NOW, midnight)
        ]
        assert [[one.id for one in page] for page in listed] == [[row.id], []]


def test_new_terms_replace_the_old_ones_in_one_act(workspace: Workspace) -> None:
    """The old appointment ends when the new one begins. The same terms again change nothing."""
    first = made.appoint(workspace, territories=["FR"])
    again = made.appoint(workspace, territories=["France"], now=LATER)
    assert again.id == first.id
    second = made.appoint(workspace, territories=["FR", "IT"], now=LATER)
    other = made.appoint(workspace, agent="helper", now=LATER)
    assert [current(workspace, row) for row in (first, second, other)] == [False, True, True]
    assert [entry["t"] for entry in entries_of(workspace, first)] == ["agent.appoint", "agent.end"]
    with workspace.database.reading() as session:
        rows = appointments.list_appointments(session, first.client_id)
        assert {row.id: row.ended_at for row in rows} == {first.id: LATER, second.id: None, other.id: None}
        page = appointments.list_appointments(session, first.client_id, after=rows[0].id, limit=1)
        assert [row.id for row in page] == [rows[1].id]
        (found,) = appointments.list_appointments(session, other.agent_id)
        assert (found.client.handle, found.agent.handle) == ("acme", "helper")


@pytest.mark.postgresql
@pytest.mark.slow
def test_two_appointments_at_once_leave_one(workspace: Workspace) -> None:
    """Two managers appoint the same agent on different terms at the same moment."""
    organisation(workspace, "acme", "brand")
    organisation(workspace, "shadow", "agent")
    barrier, failed = threading.Barrier(2), []

    def run(country: str) -> None:
        barrier.wait()
        try:
            made.appoint(workspace, territories=[country])
        except AuthcheckError as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(country,)) for country in ("FR", "IT")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with workspace.database.reading() as session:
        rows = session.scalars(sa.select(Appointment)).all()
    assert sorted(row.ended_at is None for row in rows) == [False, True]
    sign(workspace)
    assert findings(workspace) == []


@pytest.mark.postgresql
@pytest.mark.slow
def test_an_end_and_new_terms_at_once_are_one_end(workspace: Workspace) -> None:
    """The agent resigns while the brand changes the terms: the ledger has one end of the old appointment."""
    first = made.appoint(workspace)
    words = {"territories": ["FR"], "now": LATER}
    other = threading.Thread(target=made.appoint, args=(workspace,), kwargs=words)
    with workspace.database.writing() as session:
        appointments.end(session, first.id, organisation_id=first.agent_id, now=NOW)
        session.flush()
        other.start()
        other.join(timeout=0.5)  # the thread waits for this transaction
        assert other.is_alive()
    other.join()
    assert [entry["t"] for entry in entries_of(workspace, first)] == ["agent.appoint", "agent.end"]
    sign(workspace)
    assert findings(workspace) == []


def test_an_agent_finds_its_client_by_handle_or_id(workspace: Workspace) -> None:
    """A client that is unknown, never appointed the agent or ended the appointment gets one answer."""
    row = made.appoint(workspace)
    ended = made.appoint(workspace, client="globex")
    made.end(workspace, ended.id, ended.client_id)
    organisation(workspace, "initech", "brand")
    with workspace.database.reading() as session:
        for client in ("acme", " Acme ", row.client_id, row.client_id.lower()):
            found = appointments.find_current(session, agent_id=row.agent_id, client=client, now=NOW)
            assert (found.id, found.client.handle, found.agent.handle) == (row.id, "acme", "shadow")
    answers = []
    for client in ("globex", "initech", "nobody", "no\0body"):
        with (
            work_of(workspace) as work,
            pytest.raises(NotFound) as refused,
            workspace.database.reading() as session,
        ):
            appointments.find_current(session, agent_id=row.agent_id, client=client, now=NOW)
        answers.append((refused.value.code, work if client.isprintable() else None))
    assert answers[0] == answers[1] == answers[2]
    assert answers[3][0] == "appointment.not_found"


@pytest.mark.postgresql
@pytest.mark.parametrize("act", ["end", "get", "current"])
def test_an_appointment_of_others_takes_the_work_of_none(workspace: Workspace, act: str) -> None:
    """A stranger ends, reads and uses an appointment of others like an id that nobody has."""
    row = made.appoint(workspace)
    stranger = organisation(workspace, "stranger", "agent").id
    acts: dict[str, Callable[..., Any]] = {
        "end": lambda session, name: appointments.end(session, name, organisation_id=stranger, now=NOW),
        "get": lambda session, name: appointments.get_appointment(session, name, organisation_id=stranger),
        "current": lambda session, name: appointments.get_current(session, name, agent_id=stranger, now=NOW),
    }
    unknown = row.id[:-1] + ("0" if row.id[-1] != "0" else "1")
    seen = []
    for name in (row.id, unknown):
        with (
            work_of(workspace) as work,
            pytest.raises(NotFound) as refused,
            workspace.database.writing() as session,
        ):
            acts[act](session, name)
        seen.append((refused.value.code, re.sub(name, "ID", str(refused.value)), work))
    assert seen[0] == seen[1]
    assert current(workspace, row)
    with workspace.database.reading() as session, pytest.raises(NotFound):
        appointments.get_appointment(session, "apt_\0")
