"""Every route, asked by an agent of acme whose appointment names one design and one country.

The agent is answered about everything else of acme in the words for a thing that is not there.
"""

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from types import CodeType, FunctionType
from typing import Any

import agents_made
import licences_made
import make
import people_made
import pytest
import shops_made
import things_of_acme
import units_made as units
from app_routes import routes_of
from database_work import work_of
from sqlalchemy import select
from starlette.testclient import TestClient
from walls import IMAGE, MASK, NOTICE, TABLE, TERMS, Rule, Walls, told

from api.app import create_app
from api.counts import Allowance
from api.deps import Authorised, optional_checker
from api.routes import designs, signing_keys
from authcheck.config import Settings
from authcheck.members import appointments, organisations, sessions
from authcheck.members.permissions import Right, grants_of_scopes
from authcheck.members.tables import Appointment, WebSession
from authcheck.registry.tables import Dispute
from authcheck.workspace import Workspace

Headers = dict[str, str]
GIVEN = grants_of_scopes(appointments.SCOPES)
WITHOUT_REACH = {
    "GET /v1/signing-keys": "The brand's did.json shows the keys to everybody.",
}
SELLER = "?design={design}&marketplace=m.example&shop=1&territory=FR"
BEYOND: dict[str, Rule] = {  # where the answer about acme's other things is not that of the table
    "GET /v1/sellers": dataclasses.replace(TABLE["GET /v1/sellers"], status=404, query=SELLER),
    "POST /v1/licences": dataclasses.replace(
        TABLE["POST /v1/licences"], body={"licensee": "maker", "terms": {**TERMS, "territories": ["FR"]}}
    ),
    **{  # of whole brands only, whatever they have
        route: dataclasses.replace(rule, status=409)
        for route, rule in TABLE.items()
        if route.partition(" ")[2].startswith(("/v1/products/", "/v1/contact"))
    },
}
FRANCE = {"designs": ["{design}"], "territories": ["FR"], "starts_on": "2026-01-01"}
WITHIN: tuple[tuple[str, Rule], ...] = tuple(  # in this order: the last one retires the design
    (row[0], Rule(None, Right.READ, *row[1:]))
    for row in (
        ("GET /v1/designs/{design}", 200),
        ("PATCH /v1/designs/{design}", 200, {"title": "Small kite"}),
        ("POST /v1/designs/{design}/views", 201, IMAGE),
        ("GET /v1/designs/{design}/views/{picture}/picture", 200),
        ("PUT /v1/designs/{design}/views/{picture}/mask", 200, MASK),
        ("GET /v1/designs/{design}/views/{picture}/mask", 200),
        ("DELETE /v1/designs/{design}/views/{picture}/mask", 200),
        ("GET /v1/disputes/{dispute}", 200),
        ("GET /v1/batches/{batch}", 200),
        ("GET /v1/checks/{check}", 200),
        ("GET /v1/listings/{listing}", 200),
        ("GET /v1/sellers", 200, None, SELLER),
        ("POST /v1/notices", 201, NOTICE),
        ("GET /v1/notices/{notice}", 200),
        ("POST /v1/licences", 201, {"licensee": "tailor", "terms": FRANCE}),
        ("GET /v1/licences/{licence}", 200),
        ("POST /v1/licences/{licence}/amend", 201, FRANCE),
        ("POST /v1/licences/{licence}/revoke", 200, {"reason": "other"}),
        ("DELETE /v1/designs/{design}/views/{picture}", 200),
        ("POST /v1/designs/{design}/retire", 200, {}),
    )
)


class Scene(Walls):
    """The installation of the walls, with acme's design MINE and an agent who has an appointment for it."""

    def __init__(self, client: TestClient, workspace: Workspace, settings: Settings) -> None:
        super().__init__(client, workspace, settings)
        rates: Any = client.app.state.rates  # type: ignore[attr-defined]
        rates.key_requests = Allowance("key-requests", 10_000)  # the agent asks every route within a minute
        self.mine = self._make_mine()
        self.appointment = self._appoint()

    def _make_mine(self) -> dict[str, str]:
        """Make things of acme within the agent's reach, and return their ids by kind."""
        design = make.register(self.workspace, "MINE", seed=41).design
        unit = units.issue(self.workspace, design.id, count=1, request_key="mine")[0]
        words = {"designs": (design.id,), "territories": ("FR",)}
        licence = licences_made.licence(self.workspace, **words)  # type: ignore[arg-type]
        licences_made.organisation(self.workspace, "tailor")
        make.register(self.workspace, "COPY-2", owner="initech", seed=41)
        with self.workspace.database.reading() as session:
            disputes = select(Dispute).where(Dispute.other_design_id == design.id)
            dispute = session.scalars(disputes).one()
        offer = {"reference": "M", "seller": "s", "channel": "m.example", "territory": "FR"}
        brand = {"Authorization": f"Bearer {make.key(self.workspace, 'listings:check')}"}
        image = {"image": ("a.png", make.picture_bytes(41))}
        listing = self.client.post("/v1/listings", headers=brand, data=offer, files=image).json()
        check = make.check(self.workspace, organisation_id=design.owner_id, design_id=design.id)
        return {
            **self.ids,
            "design": design.id, "batch": unit.batch_id, "licence": licence.id, "listing": listing["id"],
            "check": check.id, "dispute": dispute.id,
            "notice": things_of_acme.notice(self.workspace, design.owner_id, design.id),
            "picture": hashlib.sha256(make.picture_bytes(41)).hexdigest(),
        }  # fmt: skip

    def _appoint(self) -> Appointment:
        return agents_made.appoint(
            self.workspace, "keen", scopes=appointments.SCOPES, designs=["MINE"], territories=["FR"]
        )

    def headers_of_session(self) -> Headers:
        """Return the headers of an agent who is signed in and acts for acme."""
        database, now = self.workspace.database, datetime.now(UTC)
        someone = people_made.person(
            database, "ann@keen.example", owner="keen", kinds=("agent",), roles=("agent",)
        )
        entered = people_made.sign_in(database, self.settings, "ann@keen.example", now=now)
        with database.writing() as session:
            row = session.scalars(select(WebSession).where(WebSession.person_id == someone.id)).one()
            sessions.act_as_agent(session, row, self.appointment.id, now)
        return {"Cookie": f"authcheck_session={entered.token}", "Sec-Fetch-Site": "same-origin"}

    def headers_of_key(self) -> Headers:
        """Return the headers of the agent's key, which acts for acme."""
        token = make.key(self.workspace, *appointments.SCOPES, owner="keen")
        return {"Authorization": f"Bearer {token}", "Authcheck-Client": "acme"}


@pytest.fixture
def scene(client: TestClient, workspace: Workspace, settings: Settings) -> Scene:
    """Return the installation with the agent."""
    return Scene(client, workspace, settings)


def is_given(rule: Rule) -> bool:
    """Return whether an appointment can give the right of a rule."""
    return rule.resource is None or GIVEN.get(rule.resource, Right.NONE) >= rule.right


def names_in(code: CodeType) -> Iterator[str]:
    """Yield the names that a function's code uses, also in its inner functions."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def uses_reach(function: Any) -> bool:
    """Return whether an endpoint, or a function of api/ that it calls, uses the caller's reach."""
    waiting, seen = [function], set[Any]()
    while waiting:
        function = waiting.pop()
        function = getattr(function, "__wrapped__", function)
        if function in seen or not isinstance(function, FunctionType):
            continue
        seen.add(function)
        names = set(names_in(function.__code__))
        if "reach" in names:
            return True
        called = (function.__globals__.get(name) for name in names)
        waiting += [one for one in called if getattr(one, "__module__", "").startswith("api.routes")]
    return False


def test_every_route_of_an_agent_uses_the_reach(settings: Settings) -> None:
    """A route whose right an appointment can give uses the caller's reach, or the list says why it need not."""
    without = set()
    for route in routes_of(create_app(settings)):
        for call in (dependency.call for dependency in route.dependant.dependencies):
            if call is not optional_checker and not isinstance(call, Authorised):
                continue
            rights = getattr(call, "rights", ())
            given = not rights or any(GIVEN.get(what, Right.NONE) >= right for what, right in rights)
            if given and not uses_reach(route.endpoint):
                without.add(f"{min(route.methods or ())} {route.path}")
    assert without == set(WITHOUT_REACH)


def test_a_route_that_forgets_the_reach_is_found() -> None:
    """The search for `reach` follows calls within api/routes, and finds nothing in a route without one."""
    assert uses_reach(designs.show_design)
    assert not uses_reach(signing_keys.list_signing_keys)


@pytest.mark.slow
@pytest.mark.postgresql
def test_an_agent_reaches_one_design_in_one_country(scene: Scene) -> None:
    """What is beyond reach is answered like nothing, by status and words. The rest works. Then all ends."""
    session, key = scene.headers_of_session(), scene.headers_of_key()
    numbers = map(str, itertools.count())
    for headers in (session, key):
        assert_beyond(scene, headers, numbers)
    assert_same_work(scene, key, numbers)
    assert_listed(scene, session)
    for route, rule in WITHIN:
        answer = scene.ask(route, rule, key, scene.mine, next(numbers))
        assert answer.status_code == rule.status, (route, answer.text)
    agents_made.end(scene.workspace, scene.appointment.id, None, datetime.now(UTC))
    for headers, code in ((session, "auth.organisation"), (key, "appointment.not_found")):
        for (route, rule), ids in itertools.product(TABLE.items(), (scene.ids, scene.mine)):
            answer = scene.ask(route, rule, headers, ids, next(numbers))
            assert (answer.status_code, answer.json()["code"]) in {(403, code), (404, code)}, route


def assert_beyond(scene: Scene, headers: Headers, numbers: Iterator[str]) -> None:
    """Ask every route about acme's other things, about nothing, and about a design of globex."""
    nothing = {name: text[:-1] + ("9" if text[-1] != "9" else "8") for name, text in scene.ids.items()}
    globex = {**nothing, "design": scene.globex}
    secrets = {text for text in {*scene.ids.values()} - {*scene.mine.values()} if len(text) >= 8}
    for route, listed in TABLE.items():
        rule = BEYOND.get(route, listed)
        expected = rule.status if is_given(rule) else 403
        answer = scene.ask(route, rule, headers, scene.ids, next(numbers))
        assert answer.status_code == expected, (route, answer.text)
        if expected == 404:
            none = scene.ask(route, rule, headers, nothing, next(numbers))
            assert (none.status_code, told(none, nothing)) == (404, told(answer, scene.ids)), route
        if expected == 403:
            assert answer.json()["code"] == "appointment.scope", route
        if expected == 200 and route not in WITHOUT_REACH:
            assert [text for text in secrets if text in answer.text] == [], route
        theirs = scene.ask(route, rule, headers, globex, next(numbers))
        assert theirs.status_code == (200 if route == "GET /v1/sellers" else expected), route


def assert_same_work(scene: Scene, headers: Headers, numbers: Iterator[str]) -> None:
    """What is beyond reach takes the statements and the rows of nothing."""
    nothing = {name: text[:-1] + ("9" if text[-1] != "9" else "8") for name, text in scene.ids.items()}
    for route, listed in TABLE.items():
        rule = BEYOND.get(route, listed)
        if rule.status != 404 or not is_given(rule):
            continue
        done = []
        for ids in (scene.ids, nothing):
            with work_of(scene.workspace) as work:
                scene.ask(route, rule, headers, ids, next(numbers))
            done.append(work)
        assert done[0] == done[1], route


def assert_listed(scene: Scene, headers: Headers) -> None:
    """Each list has the things within reach, and only these."""
    for path, name in (
        ("designs", "design"),
        ("disputes", "dispute"),
        ("batches", "batch"),
        ("licences", "licence"),
        ("listings", "listing"),
        ("notices", "notice"),
        ("checks", "check"),
    ):
        items = scene.client.get(f"/v1/{path}", headers=headers).json()["items"]
        assert scene.mine[name] in [item["id"] for item in items], path
        assert scene.ids[name] not in [item["id"] for item in items], path


@pytest.mark.slow
def test_an_agent_of_some_designs_leaves_the_rest_to_the_brand(scene: Scene) -> None:
    """New designs, imports, backdrops, shops, collections and other countries are refused with a reason."""
    key, picture = scene.headers_of_key(), ("a.png", make.picture_bytes(90))
    design = f"/v1/designs/{scene.mine['design']}"
    shop = {"marketplace": "m.example", "shop": "9", "url": "https://m.example/9"}
    listing = {"reference": "R-9", "seller": "s", "channel": "m.example", "territory": "DE"}
    sellers = {"design": scene.mine["design"], "marketplace": "m", "shop": "1", "territory": "DE"}
    client = scene.client
    answers = [
        client.post("/v1/designs", headers=key, data={"reference": "NEW"}, files={"image": picture}),
        client.post("/v1/imports", headers=key, files={"image": picture}),
        client.post("/v1/negatives", headers=key, files={"image": picture}),
        client.post("/v1/storefronts", headers=key, json=shop),
        client.patch(design, headers={**key, "If-Match": "*"}, json={"collection": "Kites"}),
        client.post("/v1/listings", headers=key, data=listing, files={"image": picture}),
        client.get("/v1/sellers", headers=key, params=sellers),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (409, "appointment.outside"), answer.text
        assert "Leave this" in answer.json()["detail"]
    assert client.get("/v1/negatives", headers=key).json()["items"] == []
    assert client.get("/v1/storefronts", headers=key).json()["items"] == []


@pytest.mark.slow
def test_a_check_of_another_design_is_answered_as_to_the_public(scene: Scene) -> None:
    """An agent learns about a picture of the brand's other design what everybody learns, once."""
    files = {"image": ("a.png", make.picture_bytes(len("acme")))}
    key = scene.headers_of_key()
    public = scene.client.post("/v1/checks", files=files).json()
    answer = scene.client.post("/v1/checks", headers=key, files=files)
    assert (answer.status_code, answer.headers.get("location")) == (201, None)
    seen = answer.json()
    assert seen == {**public, "evidence": None, "id": seen["id"], "asked_at": seen["asked_at"]}
    for path in (f"/v1/checks/{seen['id']}", f"/v1/checks/{seen['id']}/evidence"):
        assert scene.client.get(path, headers=key).json()["code"] == "check.not_found"
    mine = {"image": ("a.png", make.picture_bytes(41))}
    own = scene.client.post("/v1/checks", headers=key, files=mine)
    assert own.json()["design"]["reference"] == "MINE"
    assert scene.client.get(own.headers["location"], headers=key).json() == own.json()


@pytest.mark.slow
def test_terms_beyond_reach_stay_with_the_brand(scene: Scene) -> None:
    """Of a licence for more countries, the agent reads which kind of term is broken, without id and numbers."""
    terms = {"designs": (scene.mine["design"],), "territories": ("FR", "IT"), "goods": (25,)}
    wide = licences_made.licence(scene.workspace, licensee="tailor", **terms)
    with scene.workspace.database.writing() as session:
        tailor = organisations.get_organisation(session, "tailor")
        shop = {"marketplace": "m.example", "shop_id": "t1", "url": "https://m.example/t1"}
        shops_made.add(session, tailor, **shop, now=make.NOW)
    brand = {"Authorization": f"Bearer {make.key(scene.workspace, 'listings:check')}"}
    agent, client = scene.headers_of_key(), scene.client
    asked = {
        "design": scene.mine["design"],
        "marketplace": "m.example",
        "shop": "t1",
        "territory": "FR",
        "goods": 28,
    }
    own, theirs = (client.get("/v1/sellers", headers=who, params=asked).json() for who in (brand, agent))
    assert [licence["id"] for licence in own["licences"]] == [wide.id]
    assert theirs == {**own, "licences": []}
    offer = {"reference": "T", "seller": "t1", "channel": "m.example", "territory": "FR", "goods": "28"}
    files = {"image": ("a.png", make.picture_bytes(41))}
    handed_in = client.post("/v1/listings", headers=brand, data=offer, files=files)
    own = client.get(handed_in.headers["location"], headers=brand).json()
    assert own["licence"] == wide.id
    for path in (handed_in.headers["location"], "/v1/listings"):
        seen = client.get(path, headers=agent)
        assert "licence.goods" in seen.text
        assert wide.id not in seen.text
        assert '"allowed"' not in seen.text
    again = client.post("/v1/listings", headers=agent, data={**offer, "reference": "U"}, files=files)
    assert "licence.goods" in again.text
    assert wide.id not in again.text
    assert '"allowed"' not in again.text


@pytest.mark.slow
def test_an_agent_of_some_countries_puts_nothing_into_a_collection(scene: Scene) -> None:
    """The licences of a collection hold in other countries, too. A new design without one is registered."""
    agents_made.appoint(scene.workspace, "keen", scopes=["designs:write"], territories=["FR"])
    key, client = scene.headers_of_key(), scene.client
    files = {"image": ("a.png", make.picture_bytes(91))}
    named = {"reference": "NEW", "collection": "Kites"}
    table = {**files, "table": ("t.csv", b"reference,picture,collection\nNEW,a.png,Kites\n")}
    for answer in (
        client.post("/v1/designs", headers=key, data=named, files=files),
        client.post("/v1/imports", headers=key, files=table),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "appointment.outside"), answer.text
    assert client.post("/v1/imports?dry_run=true", headers=key, files=files).status_code == 201
    assert client.post("/v1/designs", headers=key, data={"reference": "NEW"}, files=files).status_code == 201
