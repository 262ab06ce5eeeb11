"""Flow: what an agent does for a brand says so in the ledger, "X for Y", and only that."""

import threading
from typing import Any

import agents_made
import ledger_acts
import licences_made
import make
import pytest
import sqlalchemy as sa
from ledger_attacks import findings, sign
from ledger_made import assert_log_sound
from log_made import DatabaseLog

from authcheck.errors import Conflict
from authcheck.ledger.acting import acting_for
from authcheck.ledger.journal import record, record_at_commit
from authcheck.ledger.tables import Entry
from authcheck.licences import agreements
from authcheck.lookups.transactions import transaction
from authcheck.members import appointments
from authcheck.registry import designs
from authcheck.tlog.entries import Draft, body, read_body
from authcheck.workspace import Workspace

AGENT = "org_agent"
ACTS = (
    "a design is registered", "a design is disputed", "a mask is changed", "a view is added",
    "a view is removed", "a design is described anew", "a licence is offered", "a licence is amended",
    "a licence is revoked", "certificates are issued", "certificates are revoked",
    "a key is rotated", "a status list is signed", "a dispute is ruled on", "a design is retired",
)  # fmt: skip


def draft(number: int, **fields: Any) -> Draft:
    """Return a draft with its own fact for every number."""
    return Draft("cert.flag", f"urn:uuid:{number}", make.NOW, fields)


def told(workspace: Workspace, first: int = 0) -> list[dict[str, Any]]:
    """Return the fields of the entries from a number on."""
    with workspace.database.reading() as session:
        rows = session.scalars(sa.select(Entry).where(Entry.number >= first).order_by(Entry.number))
        return [read_body(row.body) for row in rows]


def size_of(workspace: Workspace) -> int:
    """Return the number of entries."""
    return DatabaseLog(workspace.database).size()


def test_a_licence_that_an_agent_offers_says_so(workspace: Workspace) -> None:
    """The entry names the agent and the owner. The licence is the owner's, and a look-up proves the entry."""
    design = make.register(workspace, "KITE-1", owner="acme", seed=1).design
    row = agents_made.appoint(workspace, designs=["KITE-1"], territories=["FR"])
    giver, taker = (
        licences_made.organisation(workspace, "acme"),
        licences_made.organisation(workspace, "maker"),
    )
    terms = licences_made.terms(designs=(design.id,), territories=("FR",))
    with acting_for(row.agent_id), workspace.database.writing() as session:
        current = appointments.get_current(session, row.id, agent_id=row.agent_id, now=make.NOW)
        offered = agreements.offer(
            session, giver, taker, terms, make.NOW, reach=appointments.reach_of(current)
        )
    with workspace.database.writing() as session:
        agreements.accept(session, taker, offered.id, make.NOW)
    grant, accept = told(workspace, offered.offered_entry)
    assert (grant["t"], grant["agent"], grant["owner"]) == ("licence.grant", row.agent_id, row.client_id)
    assert (accept["t"], accept.get("agent")) == ("licence.accept", None)
    with workspace.database.reading() as session:
        tx_id = session.get_one(Entry, offered.offered_entry).tx_id
    proved = transaction(workspace.database, workspace.settings, tx_id)
    assert read_body(proved.entry.body)["agent"] == row.agent_id
    assert findings(workspace) == []
    assert_log_sound(DatabaseLog(workspace.database))


def test_without_an_agent_nothing_changes(workspace: Workspace) -> None:
    """An entry that no agent caused has the bytes that it always had."""
    with workspace.database.writing() as session:
        (plain,) = record(session, [draft(1, h="x")])
        with acting_for(AGENT):
            (agents,) = record(session, [draft(2, h="x")])
            with acting_for(None):
                (own,) = record(session, [draft(3, h="x")])
    assert plain.body == body(draft(1, h="x"))
    assert agents.body == body(draft(2, agent=AGENT, h="x"))
    assert own.body == body(draft(3, h="x"))


def test_the_agent_is_named_when_the_fact_is_told_not_at_the_commit(workspace: Workspace) -> None:
    """A fact that waits for the commit names the agent of its moment, and no earlier fact does."""
    with workspace.database.writing() as session:
        record_at_commit(session, [draft(1)])
        with acting_for(AGENT):
            record_at_commit(session, [draft(2)])
        record_at_commit(session, [draft(3)])
    with workspace.database.writing() as session:
        record_at_commit(session, [draft(4)])
        with acting_for(AGENT):
            record(session, [draft(5)])
    assert [entry.get("agent") for entry in told(workspace)] == [None, AGENT, None, None, AGENT]


def test_the_same_fact_of_the_same_agent_is_one_entry(workspace: Workspace) -> None:
    """A repeated request of an agent gets its first entry. Another agent's fact is another entry."""
    numbers = []
    for agent in (AGENT, AGENT, "org_other"):
        with acting_for(agent), workspace.database.writing() as session:
            numbers += [entry.number for entry in record(session, [draft(1)])]
    assert numbers == [0, 0, 1]


def test_an_agent_s_failure_and_other_threads_name_nobody(workspace: Workspace) -> None:
    """After an error, and in a thread that somebody else uses meanwhile, nobody acts for others."""

    def fail() -> None:
        with acting_for(AGENT), workspace.database.writing() as session:
            record(session, [draft(1)])
            raise RuntimeError("power cut")

    def tell() -> None:
        with workspace.database.writing() as session:
            record(session, [draft(2)])

    with pytest.raises(RuntimeError):
        fail()
    with acting_for(AGENT):
        other = threading.Thread(target=tell)
        other.start()
        other.join()
    tell()
    assert [entry.get("agent") for entry in told(workspace)] == [None]


def test_an_entry_about_an_appointment_keeps_its_agent(workspace: Workspace) -> None:
    """The field `agent` of an appointment is the agent that it is about, whoever acts."""
    row = agents_made.appoint(workspace)
    with acting_for(AGENT):
        agents_made.end(workspace, row.id, row.agent_id)
    assert [entry["agent"] for entry in told(workspace) if entry["t"].startswith("agent.")] == [
        row.agent_id
    ] * 2
    sign(workspace)
    assert findings(workspace) == []


@pytest.mark.postgresql
def test_nothing_of_an_agent_comes_after_the_end(workspace: Workspace) -> None:
    """A request that began before the end of the appointment, and finishes after it, changes nothing."""
    design = make.register(workspace, "KITE-1", owner="acme", seed=1).design
    row = agents_made.appoint(workspace)
    giver, taker = (
        licences_made.organisation(workspace, "acme"),
        licences_made.organisation(workspace, "maker"),
    )
    terms = licences_made.terms(designs=(design.id,))

    def offer() -> None:
        with workspace.database.writing() as session:
            agreements.offer(session, giver, taker, terms, make.NOW)

    def rename() -> None:
        with workspace.database.writing() as session:
            designs.update_design(session, designs.get_design(session, design.id), title="New", now=make.NOW)

    with acting_for(row.agent_id, row.id):
        offer()
        agents_made.end(workspace, row.id, row.client_id)
        size = size_of(workspace)
        for act in (offer, rename):
            with pytest.raises(Conflict) as refused:
                act()
            assert refused.value.code == "appointment.ended"
    assert size_of(workspace) == size
    with acting_for(row.agent_id, agents_made.appoint(workspace).id):
        rename()
    rename()
    sign(workspace)
    assert findings(workspace) == []


@pytest.mark.postgresql
def test_the_audit_names_agents_whom_nobody_appointed(workspace: Workspace) -> None:
    """An entry in the name of an agent needs an appointment before it, by the brand that it is about."""
    row = agents_made.appoint(workspace)
    other = licences_made.organisation(workspace, "globex", "brand")

    def forge(number: int, agent: str, **fields: Any) -> int:
        with acting_for(agent), workspace.database.writing() as session:
            return record(session, [draft(number, **fields)])[0].number

    forge(1, row.agent_id)
    forge(2, row.agent_id, owner=row.client_id)
    strange = forge(3, "org_nobody")
    foreign = forge(4, row.agent_id, owner=other.id)
    agents_made.end(workspace, row.id, None)
    late = forge(5, row.agent_id)
    sign(workspace)
    assert findings(workspace) == [
        f"entry {strange} names the agent org_nobody, who had no appointment then",
        f"entry {foreign} names the agent {row.agent_id}, who had no appointment by {other.id} then",
        f"entry {late} names the agent {row.agent_id}, who had no appointment then",
    ]


@pytest.mark.slow
def test_every_act_of_an_agent_agrees_with_its_rows(workspace: Workspace) -> None:
    """All kinds of entries may name an agent: the audit still finds every row by them, and no difference."""
    scene = ledger_acts.build(workspace)
    row = agents_made.appoint(workspace, agent="deputy")
    agents_made.appoint(workspace, agent="deputy", client="keeper")
    with acting_for(row.agent_id):
        for name in ACTS:
            first = size_of(workspace)
            ledger_acts.ACTS[name](scene)
            new = told(workspace, first)
            assert [entry["agent"] for entry in new] == [row.agent_id] * len(new), name
            assert new, name
    sign(workspace)
    assert findings(workspace) == []
