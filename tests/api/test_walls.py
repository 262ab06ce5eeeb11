"""Every route, asked by every role of several organisations about things of another organisation.

The table names for each route the right that it needs, and what a caller with the right is answered about
things that belong to acme. A route that is not in the table fails the test.
"""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import make
import people_made
import pytest
import things_of_acme
import units_made as units
from app_routes import routes_of
from starlette.testclient import TestClient

from api.app import create_app
from api.deps import Authorised
from authcheck.config import Settings
from authcheck.members.permissions import MATRIX, SCOPES, Resource, Right, Role
from authcheck.workspace import Workspace

R, W, D = Right.READ, Right.WRITE, Right.DECIDE
ORDER = {"gtin": units.GTIN, "lot": "L", "product": "P", "count": 1}
TERMS = {"designs": ["{design}"], "starts_on": "2026-01-01"}
OFFER = {"licensee": "acme", "terms": TERMS}
IMAGE, MASK = "image", "mask"  # names of an uploaded picture


@dataclass(frozen=True)
class Rule:
    """The right that a route needs, and the status for a caller who has it. `body` has names of acme's things."""

    resource: Resource | None
    right: Right
    status: int
    body: Any = None
    query: str = ""


def rules(resource: Resource, *rows: tuple[Any, ...]) -> dict[str, Rule]:
    """Return the rules of one resource: method and path, right, status, body, query."""
    return {row[0]: Rule(resource, *row[1:]) for row in rows}


TABLE: dict[str, Rule] = {
    "GET /v1/me": Rule(None, R, 200),
    **rules(
        Resource.DESIGNS,
        ("POST /v1/designs", W, 415),
        ("GET /v1/designs", R, 200),
        ("GET /v1/designs/{design}", R, 404),
        ("PATCH /v1/designs/{design}", W, 404, {"title": "T"}),
        ("POST /v1/designs/{design}/retire", W, 404, {}),
        ("POST /v1/designs/{design}/views", W, 404, IMAGE),
        ("DELETE /v1/designs/{design}/views/{picture}", W, 404),
        ("GET /v1/designs/{design}/views/{picture}/picture", R, 404),
        ("PUT /v1/designs/{design}/views/{picture}/mask", W, 404, MASK),
        ("DELETE /v1/designs/{design}/views/{picture}/mask", W, 404),
        ("GET /v1/designs/{design}/views/{picture}/mask", R, 404),
        ("POST /v1/negatives", W, 415),
        ("GET /v1/negatives", R, 200),
        ("DELETE /v1/negatives/{negative}", W, 404),
        ("POST /v1/imports", W, 415),
        ("GET /v1/imports/{import}", R, 404),
        ("GET /v1/imports/{import}/report.csv", R, 404),
    ),
    **rules(
        Resource.DISPUTES,
        ("GET /v1/disputes", R, 200),
        ("GET /v1/disputes/{dispute}", R, 404),
        ("POST /v1/disputes/{dispute}/ruling", D, 200, {"ruling": "both", "reason": "r"}),
    ),
    **rules(
        Resource.REVOCATIONS,
        ("POST /v1/revocations", W, 404, {"batch": "{batch}", "reason": "lost"}),
        ("POST /v1/disputes/{dispute}/revoke-certificates", D, 409),
    ),
    **rules(
        Resource.CERTIFICATES,
        ("POST /v1/batches", W, 404, {**ORDER, "design": "{design}"}),
        ("GET /v1/batches", R, 200),
        ("GET /v1/batches/{batch}", R, 404),
        ("GET /v1/batches/{batch}/units.csv", W, 404),
        ("GET /v1/batches/{batch}/labels.pdf", W, 404),
        ("GET /v1/certificates", R, 200),
        ("GET /v1/signing-keys", R, 200),
        ("POST /v1/signing-keys", W, 422, {"public_key": "x"}),
        ("POST /v1/signing-keys/rotate", W, 422, {"public_key": "x"}),
        ("POST /v1/signing-keys/{signing_key}/revoke", W, 404),
        ("GET /v1/signatures/waiting", W, 409),
        ("POST /v1/signatures", W, 422, {}),
    ),
    **rules(
        Resource.LICENCES,
        ("POST /v1/licences", W, 404, OFFER),
        ("GET /v1/licences", R, 200),
        ("GET /v1/licences/{licence}", R, 404),
        ("POST /v1/licences/{licence}/accept", W, 404),
        ("POST /v1/licences/{licence}/decline", W, 404),
        ("POST /v1/licences/{licence}/amend", W, 404, TERMS),
        ("POST /v1/licences/{licence}/revoke", W, 404, {"reason": "other"}),
        ("POST /v1/storefronts", W, 422, {}),
        ("GET /v1/storefronts", R, 200),
        ("DELETE /v1/storefronts/{shop}", W, 404),
    ),
    **rules(
        Resource.LISTINGS,
        ("GET /v1/checks", R, 200),
        ("GET /v1/sellers", R, 200, None, "?design={design}&marketplace=m.example&shop=1&territory=DE"),
        ("POST /v1/listings", W, 415),
        ("GET /v1/listings", R, 200),
        ("GET /v1/listings/{listing}", R, 404),
    ),
    **rules(
        Resource.ORGANISATIONS,
        ("POST /v1/organisations", W, 422, {}),
        ("GET /v1/organisations", R, 200),
        ("GET /v1/organisations/acme", R, 200),
    ),
    **rules(
        Resource.PEOPLE,
        ("POST /v1/keys", W, 404, {"organisation": "acme", "scopes": ["designs:read"]}),
        ("GET /v1/keys", R, 404, None, "?organisation=acme"),
        ("DELETE /v1/keys/{key}", W, 404),
        ("GET /v1/people", R, 404, None, "?organisation=acme"),
        ("PUT /v1/people/{person}/roles", W, 404, {"roles": ["admin"]}),
        ("DELETE /v1/people/{person}", W, 404),
        ("POST /v1/invitations", W, 404, {"email": "a@b.example", "roles": ["admin"], "organisation": "acme"}),
        ("GET /v1/invitations", R, 404, None, "?organisation=acme"),
        ("DELETE /v1/invitations/{invitation}", W, 404),
    ),
}  # fmt: skip
OPERATORS: dict[str, int] = {  # what the operator may do with things of every organisation
    "POST /v1/keys": 201,
    "GET /v1/keys": 200,
    "DELETE /v1/keys/{key}": 200,
    "GET /v1/people": 200,
    "POST /v1/invitations": 201,
    "GET /v1/invitations": 200,
    "GET /v1/disputes/{dispute}": 200,
}
HOMES = {  # the organisation and its kind, where somebody has the role
    Role.LICENSEE: ("tees", "licensee"),
    Role.AGENT: ("guard", "agent"),
    Role.MODERATOR: ("market", "marketplace"),
    Role.OPERATOR: ("operators", "operator"),
}


class Walls:
    """An installation with acme's things, and people of other organisations."""

    def __init__(self, client: TestClient, workspace: Workspace, settings: Settings) -> None:
        self.client, self.workspace, self.settings = client, workspace, settings
        self.ids = things_of_acme.ids(workspace)
        units.brand_with_key(workspace, "globex")

    def cookie_of(self, role: Role | None) -> dict[str, str]:
        """Return the headers of a page's request by a person with the role in the role's organisation."""
        if role is None:
            return {}
        owner, kind = HOMES.get(role, ("globex", "brand"))
        email = f"{role}@{owner}.example"
        people_made.person(self.workspace.database, email, owner=owner, kinds=(kind,), roles=(role,))
        now = make.datetime.now(make.UTC)
        entered = people_made.sign_in(self.workspace.database, self.settings, email, now=now)
        return {"Cookie": f"authcheck_session={entered.token}", "Sec-Fetch-Site": "same-origin"}

    def ask(self, route: str, rule: Rule, headers: dict[str, str], ids: dict[str, str], number: int) -> Any:
        """Send one request about these things."""
        method, path = route.split(" ")
        sent: dict[str, Any] = {"headers": {**headers, "If-Match": "*", "Idempotency-Key": f"k{number}"}}
        if isinstance(rule.body, str):
            sent["files"] = {rule.body: ("a.png", make.picture_bytes(5))}
        elif rule.body is not None:
            sent["json"] = json.loads(re.sub(r"\{(\w+)\}", lambda name: ids[name[1]], json.dumps(rule.body)))
        return self.client.request(method, (path + rule.query).format(**ids), **sent)


@pytest.fixture
def walls(client: TestClient, workspace: Workspace, settings: Settings) -> Walls:
    """Return the installation."""
    return Walls(client, workspace, settings)


def grants_for(role: Role | None, rule: Rule) -> bool:
    """Return whether the matrix gives a role the right of a rule."""
    if role is None:
        return False
    if rule.resource is Resource.PEOPLE and MATRIX[role][Resource.ORGANISATIONS] >= rule.right:
        return True
    return rule.resource is None or MATRIX[role][rule.resource] >= rule.right


def expected(route: str, rule: Rule, role: Role | None) -> int:
    """Return the status by the matrix."""
    if role is None:
        return 401
    if not grants_for(role, rule):
        return 403
    if role is Role.LICENSEE and route == "POST /v1/batches":
        return 409  # a licensee has no licence for a design, whether the design exists or not
    return OPERATORS.get(route, rule.status) if role is Role.OPERATOR else rule.status


def test_the_table_has_every_route(settings: Settings) -> None:
    """Each route with a caller is in the table with the right of its signature. All others are public by name."""
    shapes = {re.sub(r"\{\w+\}|(?<=/organisations/)acme", "{}", name): rule for name, rule in TABLE.items()}
    seen = set()
    for route in routes_of(create_app(settings)):
        name = f"{min(route.methods or ())} {route.path}"
        needed = [one.call for one in route.dependant.dependencies if isinstance(one.call, Authorised)]
        if not needed:
            continue
        shape = re.sub(r"\{[^}]*\}", "{}", name)
        assert shape in shapes, f"{name} is not in the table of walls"
        rule = shapes[shape]
        assert needed[0].rights[:1] == (((rule.resource, rule.right),) if rule.resource else ()), name
        seen.add(shape)
    assert seen == set(shapes)


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.parametrize(
    "roles", [[None, *(role for role in Role if role is not Role.OPERATOR)], [Role.OPERATOR]]
)
def test_no_role_reaches_over_the_wall(walls: Walls, roles: list[Role | None]) -> None:
    """The status is that of the matrix. A thing of acme is answered in the words for a thing that is not there."""
    nothing = {name: text[:-1] + ("9" if text[-1] != "9" else "8") for name, text in walls.ids.items()}
    wrong, numbers = {}, itertools.count()
    for role in roles:
        headers = walls.cookie_of(role)
        for route, rule in TABLE.items():
            answer = walls.ask(route, rule, headers, walls.ids, next(numbers))
            if answer.status_code != expected(route, rule, role):
                wrong[role, route] = (answer.status_code, expected(route, rule, role), answer.text[:300])
            if answer.status_code == 404:
                none = walls.ask(route, rule, headers, nothing, next(numbers))
                assert none.status_code == 404, route
                assert told(none, nothing) == told(answer, walls.ids), route
    assert wrong == {}, "\n".join(f"{name} {got}" for name, got in wrong.items())


def told(answer: Any, ids: dict[str, str]) -> str:
    """Return the words of an answer without the ids that were sent."""
    text = answer.text.replace(answer.json()["request_id"], "")
    for name, one in ids.items():
        text = re.sub(rf"\b{one}\b", name, text)
    return text


@pytest.mark.slow
def test_keys_have_the_rights_of_their_scopes(walls: Walls, login: Callable[..., dict[str, str]]) -> None:
    """A key of globex with one scope gets 403 for every route whose right the scope does not give."""
    for number, (scope, (route, rule)) in enumerate(itertools.product(SCOPES, TABLE.items())):
        answer = walls.ask(route, rule, login(scope, owner="globex"), walls.ids, number)
        has = rule.resource is None or SCOPES[scope].get(rule.resource, Right.NONE) >= rule.right
        has |= rule.resource is Resource.PEOPLE and SCOPES[scope].get(Resource.ORGANISATIONS, 0) >= rule.right
        assert (answer.status_code == 403) != has, (scope, route, answer.text)
