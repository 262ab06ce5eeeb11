"""Flow: an operator appoints agents on the command line, reads who acted, and ends appointments."""

from collections.abc import Callable
from typing import Any

import agents_made
import licences_made
import make
import pytest
import sqlalchemy as sa

from authcheck.ledger.acting import acting_for
from authcheck.ledger.tables import Entry
from authcheck.licences import agreements
from authcheck.registry import designs
from authcheck.workspace import Workspace

Cli = Callable[..., Any]
WORDS = (
    "agents",
    "appoint",
    "shadow",
    "--org",
    "acme",
    "--scope",
    "licences:read",
    "--scope",
    "Licences:write",
)


@pytest.fixture
def members(cli: Cli, workspace: Workspace) -> None:
    """Add a brand with a design, and an agent."""
    make.register(workspace, "KITE-1", owner="acme", seed=1)
    assert cli("organisations", "add", "shadow", "--role", "agent").code == 0


def test_an_agent_is_appointed_listed_and_ended(
    cli: Cli, members: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table fits into 80 columns. The end names the side, and the second time changes nothing."""
    ends = ("--design", "KITE-1", "--territories", "fr, Italy", "--ends", "31.12.2027")
    appointed = cli(*WORDS, *ends, "--json")
    assert appointed.code == 0, appointed.err
    (row,) = appointed.objects
    assert (row["agent"], row["client"], row["state"], row["ends_on"]) == (
        "shadow",
        "acme",
        "current",
        "2027-12-31",
    )
    assert (row["scopes"], row["territories"]) == (["licences:read", "licences:write"], ["FR", "IT"])
    assert len(row["designs"]) == 1
    monkeypatch.setattr("authcheck.terminal.output.console.PIPE_WIDTH", 80)
    table = cli("agents", "list", "--org", "shadow").out
    assert max(map(len, table.splitlines())) <= 80
    assert all(word in table for word in (row["id"], "shadow", "acme", "design, FR IT", "2027-12-31"))
    assert cli("agents", "end", row["id"], "--org", "shadow").code == 0
    again = cli("agents", "end", row["id"])
    assert (again.code, "shadow does not act for acme since" in again.err) == (0, True)
    (listed,) = cli("agents", "list", "--org", "acme", "--json").objects
    assert (listed["id"], listed["state"]) == (row["id"], "ended")
    assert cli("ledger", "audit").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--scope", "certificates:issue", "--ends", "2027-12-31"), "appointment.scopes"),
        (("--ends", "2020-01-01"), "appointment.ends"),
        (("--ends", "11/12/2027"), "appointment.ends"),
        (("--ends", "2027-12-31", "--territories", "Congo"), "appointment.territory"),
        (("--ends", "2027-12-31", "--design", "KITE-2"), "design.not_found"),
    ],
)
def test_terms_that_cannot_be_given_are_refused(
    cli: Cli, members: None, words: tuple[str, ...], code: str
) -> None:
    """The refusal says which term is wrong."""
    refused = cli(*WORDS, *words)
    assert (refused.code, f"[{code}]" in refused.err) == (2, True)


def test_who_may_be_an_agent_is_said(cli: Cli, members: None) -> None:
    """A brand is no agent, an agent is no brand, and a stranger ends nothing."""
    ends = ("--scope", "designs:read", "--ends", "2027-12-31")
    assert cli("organisations", "add", "globex", "--role", "brand").code == 0
    (row,) = cli(*WORDS, "--ends", "2027-12-31", "--json").objects
    for words, code in (
        (("agents", "appoint", "globex", "--org", "acme", *ends), "appointment.not_agent"),
        (("agents", "appoint", "shadow", "--org", "shadow", *ends), "appointment.self"),
        (("agents", "appoint", "nobody", "--org", "acme", *ends), "organisation.not_found"),
        (("agents", "end", row["id"], "--org", "globex"), "appointment.not_found"),
        (("agents", "end", "apt_nothing"), "appointment.not_found"),
    ):
        refused = cli(*words)
        assert (refused.code, f"[{code}]" in refused.err) == (2, True), refused.err


def test_an_entry_is_shown_with_the_agent_who_acted(cli: Cli, workspace: Workspace) -> None:
    """`ledger show` prints X for Y for an agent's entries, and no such line for the brand's own."""
    design = make.register(workspace, "KITE-1", owner="acme", seed=1).design
    row = agents_made.appoint(workspace)
    giver, taker = (
        licences_made.organisation(workspace, "acme"),
        licences_made.organisation(workspace, "maker"),
    )
    terms = licences_made.terms(designs=(design.id,))
    with acting_for(row.agent_id), workspace.database.writing() as session:
        agreements.offer(session, giver, taker, terms, make.NOW)
    with acting_for(row.agent_id), workspace.database.writing() as session:
        designs.update_design(session, designs.get_design(session, design.id), title="New", now=make.NOW)
    with workspace.database.reading() as session:
        ids = {entry.type: entry.tx_id for entry in session.scalars(sa.select(Entry).order_by(Entry.number))}
    for kind, acted in (
        ("licence.grant", "shadow for acme"), ("design.update", "shadow for acme"), ("design.register", None),
        ("agent.appoint", None),
    ):  # fmt: skip
        (told,) = cli("ledger", "show", ids[kind], "--json").objects
        assert (told["entry"]["t"], told["acted"]) == (kind, acted)
        text = cli("ledger", "show", ids[kind]).out
        assert ("acted" in text) is (acted is not None)
        assert acted is None or acted in text
    (offered,) = cli("licences", "list", "--org", "acme", "--json").objects
    (shown,) = cli("licences", "show", offered["id"], "--json").objects
    assert shown["offered_by"] == "shadow for acme"
    text = cli("licences", "show", offered["id"]).out
    assert "shadow for acme" in text
    assert "KITE-1" in text
    assert f"KITE-1 ({design.id})" in text  # licensees name the design by its id
    assert f"acme ({row.client_id})" in cli("ledger", "show", ids["agent.appoint"]).out
    assert "[ledger.not_found]" in cli("ledger", "show", "0" * 64).err
