"""Flow: a design has many licences and long chains of sublicences. Few statements read all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import certificates_made as made
import licensees_made as licensees
import make
import pytest
from licensees_made import Licensee
from sqlalchemy import event, select

from authcheck.certificates.meters import meter_of, units_issued
from authcheck.licences import grants
from authcheck.licences.terms import Use
from authcheck.members import organisations
from authcheck.storage.database import Database
from authcheck.storefronts import sellers
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

CHAIN = 4


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Collect the statements that the block sends."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement != "BEGIN" and "registry_id" not in statement:  # once a transaction, for anything
            statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


@pytest.fixture
def chain(workspace: Workspace, acme: made.Brand) -> list[Licensee]:
    """Return licensees, each with a sublicence of the one before, in two versions, and with certificates."""
    owner, parent_id, takers = "acme", None, []
    terms = {"designs": (acme.design.id,), "sublicensing": True}
    for number in range(CHAIN):
        taker = licensees.licensee(workspace, acme.design, f"taker-{number}")
        licence = licensees.licence(workspace, owner, taker.handle, parent_id=parent_id, **terms)
        licence = licensees.amend(workspace, owner, taker.handle, licence.id, **terms)
        taker.issue(f"r{number}", count=number + 1, licence_id=licence.id)
        owner, parent_id = taker.handle, licence.id
        takers.append(taker)
    return takers


def grants_of_taker(workspace: Workspace, taker: Licensee) -> tuple[list[grants.Grant], list[str]]:
    """The licences of a licensee about the design, and the statements that read them."""
    with workspace.database.reading() as session:
        organisation = organisations.get_organisation(session, taker.handle)
        session.execute(select(1))  # so that the transaction has begun
        with counted(workspace.database) as statements:
            found = grants.grants_for(
                session, design=taker.design, licensee_id=organisation.id, units=units_issued
            )
    return found, statements


def test_a_chain_is_read_in_three_statements(workspace: Workspace, chain: list[Licensee]) -> None:
    """One for the licences, one for those above them, one for all units, however long the chain is."""
    found, statements = grants_of_taker(workspace, chain[-1])
    assert len(statements) == 3
    newest = next(grant for grant in found if grant.superseded_at is None)
    links = grants.chain_of(newest)
    assert [link.version for link in links] == [2] * CHAIN
    assert [link.units_issued for link in links] == [4, 4 + 3, 4 + 3 + 2, 4 + 3 + 2 + 1]


@pytest.mark.slow
def test_twenty_licences_are_read_in_as_many_statements_as_one(
    workspace: Workspace, acme: made.Brand, printers: Licensee
) -> None:
    """The number of statements does not grow with the number of licences."""
    licensees.licence(workspace, "acme", "printers", designs=(acme.design.id,))
    _, of_one = grants_of_taker(workspace, printers)
    for _ in range(20):
        licensees.licence(workspace, "acme", "printers", designs=(acme.design.id,))
    found, of_all = grants_of_taker(workspace, printers)
    assert (len(found), len(of_one), len(of_all)) == (21, 2, 2)


def test_a_seller_and_a_meter_are_asked_with_few_statements(
    workspace: Workspace, chain: list[Licensee]
) -> None:
    """Who may sell costs as much as the licences, and a meter counts in one statement."""
    with workspace.database.reading() as session:
        seller = organisations.get_organisation(session, chain[-1].handle)
        use = Use(design_id=chain[0].design.id, on=make.NOW.date())
        with counted(workspace.database) as statements:
            is_owner, standings = sellers.rights_of(session, seller, chain[0].design, use)
    assert (is_owner, len(standings), standings[0].breaches, len(statements)) == (False, 2, (), 3)
    with workspace.database.reading() as session:
        root = standings[0].grant
        with counted(workspace.database) as statements:
            assert meter_of(session, workspace.settings, grants.root_of(root).id).units == 10
    assert len(statements) == 2


def test_a_cap_above_counts_all_units_below(workspace: Workspace, chain: list[Licensee]) -> None:
    """The units of every licensee below count in the meter of the licence that the owner gave."""
    with workspace.database.reading() as session:
        every = [grants.root_of(grants_of_taker(workspace, taker)[0][0]) for taker in chain]
        counts = units_issued(session, {grant.series for grant in every})
    assert set(counts.values()) == {10}
    with workspace.database.reading() as session:
        assert units_issued(session, ["lic_unknown"]) == {}
