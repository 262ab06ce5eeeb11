"""Flow: an agent acts for a brand through the API, the ledger says so, and an end in between stops all."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import agents_made
import licences_made
import make
import people_made
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from api import deps
from api.app import create_app
from api.callers import guarded
from authcheck.checks.tables import Check
from authcheck.config import Settings
from authcheck.ledger.tables import Entry
from authcheck.licences.tables import Licence
from authcheck.listings.tables import Listing
from authcheck.members import appointments, sessions
from authcheck.members.tables import Appointment, WebSession
from authcheck.registry.tables import Design, View
from authcheck.workspace import Workspace

Headers = dict[str, str]


class Work:
    """A brand with a design, and an agent with a key and a person who is signed in."""

    def __init__(self, client: TestClient, workspace: Workspace, settings: Settings) -> None:
        self.client, self.workspace = client, workspace
        self.design = make.register(workspace, "KITE-1", seed=1).design
        self.row: Appointment = agents_made.appoint(workspace, scopes=appointments.SCOPES)
        licences_made.organisation(workspace, "maker")
        token = make.key(workspace, *appointments.SCOPES, owner="shadow")
        self.key = {"Authorization": f"Bearer {token}", "Authcheck-Client": "acme"}
        self.session = self._sign_in(settings)

    def _sign_in(self, settings: Settings) -> Headers:
        database, now = self.workspace.database, datetime.now(UTC)
        home = {"owner": "shadow", "kinds": ("agent",), "roles": ("agent",)}
        people_made.person(database, "ann@shadow.example", **home)  # type: ignore[arg-type]
        entered = people_made.sign_in(database, settings, "ann@shadow.example", now=now)
        with database.writing() as session:
            row = session.scalars(sa.select(WebSession)).one()
            sessions.act_as_agent(session, row, self.row.id, now)
        return {"Cookie": f"authcheck_session={entered.token}", "Sec-Fetch-Site": "same-origin"}

    def offer(self, headers: Headers) -> Any:
        """Offer a licence."""
        terms = {"designs": [self.design.id], "starts_on": "2026-01-01"}
        return self.client.post("/v1/licences", headers=headers, json={"licensee": "maker", "terms": terms})

    def retitle(self, headers: Headers) -> Any:
        """Change the design's title."""
        path = f"/v1/designs/{self.design.id}"
        return self.client.patch(path, headers={**headers, "If-Match": "*"}, json={"title": "Kite, red"})

    def add_view(self, headers: Headers) -> Any:
        """Add a picture to the design."""
        files = {"image": ("b.png", make.picture_bytes(8))}
        return self.client.post(f"/v1/designs/{self.design.id}/views", headers=headers, files=files)

    def check(self, headers: Headers) -> Any:
        """Check a picture."""
        files = {"image": ("a.png", make.picture_bytes(1))}
        return self.client.post("/v1/checks", headers=headers, files=files)

    def hand_in(self, headers: Headers) -> Any:
        """Check a listing."""
        offer = {"reference": "R", "seller": "s", "channel": "m.example", "territory": "FR"}
        files = {"image": ("a.png", make.picture_bytes(1))}
        return self.client.post("/v1/listings", headers=headers, data=offer, files=files)

    def entries(self) -> list[str]:
        """Return the transaction ids of all entries."""
        with self.workspace.database.reading() as session:
            return list(session.scalars(sa.select(Entry.tx_id).order_by(Entry.number)))

    def counts(self) -> list[Any]:
        """Return what a request could have stored."""
        kinds = (Check, Listing, Licence, View)
        counted = [sa.select(sa.func.count()).select_from(kind) for kind in kinds]
        titles = sa.select(Design.title).order_by(Design.id)
        with self.workspace.database.reading() as session:
            return [*map(session.scalar, counted), *session.scalars(titles)]


@pytest.fixture
def work(settings: Settings) -> Iterator[Work]:
    """Return the brand and its agent, of a running app."""
    with TestClient(create_app(settings)) as client:
        yield Work(client, client.app.state.workspace, settings)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_ledger_names_who_acted_for_whom(work: Work, cli: Callable[..., Any]) -> None:
    """Entries of the agent's key and of its person have the field `agent`. The brand's own have none."""
    before = len(work.entries())
    assert work.offer(work.key).status_code == 201
    assert work.retitle(work.session).status_code == 200
    brand = {"Authorization": f"Bearer {make.key(work.workspace, 'designs:write')}"}
    assert work.add_view(brand).status_code == 201
    tx_ids = work.entries()[before:]
    told = [cli("ledger", "show", tx_id, "--json").objects[0] for tx_id in tx_ids]
    assert [(one["entry"]["t"], one["acted"]) for one in told] == [
        ("licence.grant", "shadow for acme"),
        ("design.update", "shadow for acme"),
        ("design.view_add", None),
    ]
    entries = [json.loads(work.client.get(f"/v1/tx/{tx_id}").json()["entry"]) for tx_id in tx_ids]
    assert [entry.get("agent") for entry in entries] == [work.row.agent_id, work.row.agent_id, None]


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.parametrize("caller", ["key", "session"])
@pytest.mark.parametrize("act", ["offer", "retitle", "add_view", "check", "hand_in"])
def test_an_end_while_a_request_is_under_way_stops_it(
    work: Work, monkeypatch: pytest.MonkeyPatch, caller: str, act: str
) -> None:
    """The appointment ends after the caller was identified. The request stores nothing and is refused."""
    before = work.counts()

    def end_first(*arguments: Any) -> AbstractContextManager[None]:
        agents_made.end(work.workspace, work.row.id, None, datetime.now(UTC))
        return guarded(*arguments)

    monkeypatch.setattr(deps, "guarded", end_first)
    answer = getattr(work, act)(getattr(work, caller))
    assert (answer.status_code, answer.json()["code"]) in {(404, "appointment.not_found"), (403, "auth.role")}
    assert work.counts() == before
