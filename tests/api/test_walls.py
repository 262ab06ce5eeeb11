"""Every route, asked by every role of several organisations about things of another organisation.

The table names for each route the right that it needs, and what a caller with the right is answered about
things that belong to acme. A route that is not in the table fails the test.
"""

import itertools
import re
from collections.abc import Callable

import pytest
from app_routes import routes_of
from starlette.testclient import TestClient
from walls import OPERATORS, OWN_ONLY, TABLE, Rule, Walls, told

from api.app import create_app
from api.deps import Authorised
from authcheck.config import Settings
from authcheck.members.permissions import MATRIX, SCOPES, Resource, Right, Role
from authcheck.workspace import Workspace


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


@pytest.mark.slow
def test_keys_have_the_rights_of_their_scopes(walls: Walls, login: Callable[..., dict[str, str]]) -> None:
    """A key of globex with one scope gets 403 for every route whose right the scope does not give."""
    keys = {scope: login(scope, owner="globex") for scope in SCOPES}
    for number, (scope, (route, rule)) in enumerate(itertools.product(SCOPES, TABLE.items())):
        answer = walls.ask(route, rule, keys[scope], walls.ids, number)
        assert answer.status_code not in {401, 429}, (scope, route)  # the key is good for all its requests
        has = rule.resource is None or SCOPES[scope].get(rule.resource, Right.NONE) >= rule.right
        if rule.resource is Resource.PEOPLE and route not in OWN_ONLY:
            has |= SCOPES[scope].get(Resource.ORGANISATIONS, Right.NONE) >= rule.right
        is_refused = answer.status_code == 403 and answer.json()["code"] == "auth.scope"
        assert is_refused != has, (scope, route, answer.text)
