"""Two people act on one licence at the same moment: one of the acts wins, and the other learns of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import licences_made as made
import make
import pytest
from sqlalchemy import select

from authcheck.errors import Conflict
from authcheck.licences import agreements, amending
from authcheck.licences.tables import Licence
from authcheck.members.tables import Organisation
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]
Act = Callable[[Any, Organisation], Licence]


def at_once(workspace: Workspace, *acts: tuple[Organisation, Act]) -> list[str]:
    """Run acts in transactions that begin together. Return "done" or the code of the error, for each."""
    start = Barrier(len(acts))

    def run(person: tuple[Organisation, Act]) -> str:
        organisation, act = person
        start.wait(timeout=20)
        try:
            with workspace.database.writing() as session:
                act(session, session.get_one(Organisation, organisation.id))
        except Conflict as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.parametrize("accepted", [True, False])
def test_two_amendments_make_one_offer(workspace: Workspace, accepted: bool) -> None:
    """Of two amendments of one version, the second is refused, also when both replace an open offer."""
    koi = make.register(workspace, "KOI", seed=1).design.id
    first = made.licence(workspace, designs=(koi,), accepted=accepted)
    acme = made.organisation(workspace, "acme")

    def amend(cap: int) -> Act:
        terms = made.terms(designs=(koi,), cap=cap)
        return lambda session, owner: amending.amend_from(session, owner, first.id, terms, make.NOW)

    results = at_once(workspace, (acme, amend(5)), (acme, amend(6)))
    assert sorted(results) == ["done", "licence.changed"]
    with workspace.database.reading() as session:
        versions = session.scalars(select(Licence).order_by(Licence.version)).all()
    assert [amending.is_open(row) for row in versions] == [False, True]


def test_an_offer_is_accepted_or_withdrawn(workspace: Workspace) -> None:
    """An offer that is accepted and withdrawn at the same moment is one of both, never both."""
    koi = make.register(workspace, "KOI", seed=1).design.id
    first = made.licence(workspace, designs=(koi,), accepted=False)
    acme, maker = made.organisation(workspace, "acme"), made.organisation(workspace, "maker")
    results = at_once(
        workspace,
        (acme, lambda session, owner: amending.withdraw(session, owner, first.id, make.NOW)),
        (maker, lambda session, taker: agreements.accept(session, taker, first.id, make.NOW)),
    )
    assert sorted(results) == ["done", "licence.state"]
    with workspace.database.reading() as session:
        row = session.get_one(Licence, first.id)
    assert (row.accepted_at is None) != (row.declined_at is None)
