"""The table of rights, and the page of the documentation that shows it."""

import re
from pathlib import Path

import pytest

from authcheck.members.permissions import (
    MATRIX,
    ROLES_OF_KIND,
    SCOPES,
    Resource,
    Right,
    Role,
    grants_of_roles,
    grants_of_scopes,
    includes,
)

PAGE = (Path(__file__).parents[3] / "docs" / "roles.md").read_text()
WORDS = {Right.NONE: "-", Right.READ: "read", Right.WRITE: "write", Right.DECIDE: "decide"}


def rows(section: str) -> list[list[str]]:
    """Return the cells of the first table of a section of the page."""
    found = re.search(rf"## {section}\n.*?(\|.*?)\n\n", PAGE, re.DOTALL)
    assert found is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


def test_the_page_shows_the_table() -> None:
    """docs/roles.md has the roles, resources and rights of the table, and the scopes."""
    head, _, *shown = rows("Roles of people")
    assert head[1:] == list(Role)
    assert [row[1:] for row in shown] == [
        [WORDS[MATRIX[role][resource]] for role in Role] for resource in Resource
    ]
    scopes = {row[0].strip("`"): row[1] for row in rows("Scopes of API keys")[2:]}
    assert scopes == {
        scope: ", ".join(f"{resource}: {WORDS[right]}" for resource, right in grants.items())
        for scope, grants in SCOPES.items()
    }
    for kind, roles in ROLES_OF_KIND.items():
        assert f"| `{kind}` | {', '.join(roles)} |" in PAGE


def test_every_role_belongs_to_a_kind_of_organisation() -> None:
    """No role exists that nobody can have. Every organisation can have an admin."""
    assert {role for roles in ROLES_OF_KIND.values() for role in roles} == set(Role)
    assert all(roles[0] is Role.ADMIN for roles in ROLES_OF_KIND.values())


def test_rights_add_up() -> None:
    """Two roles have the greater right to each resource. Unknown words give nothing."""
    both = grants_of_roles(["rights", "issuer", "of a later release"])
    assert (both[Resource.DESIGNS], both[Resource.CERTIFICATES]) == (Right.WRITE, Right.WRITE)
    assert both[Resource.PEOPLE] == Right.NONE
    assert grants_of_scopes(["everything"]) == {}
    assert includes(grants_of_roles(["admin"]), grants_of_roles(["analyst"]))
    assert not includes(grants_of_roles(["admin"]), SCOPES["admin"])


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OPERATOR])
def test_only_operators_reach_over_walls(role: Role) -> None:
    """No other role has a right to organisations, or decides, but moderators decide cases."""
    assert MATRIX[role][Resource.ORGANISATIONS] == Right.NONE
    decided = {resource for resource, right in MATRIX[role].items() if right is Right.DECIDE}
    assert decided == ({Resource.CASES} if role is Role.MODERATOR else set())


def test_only_admins_manage_people() -> None:
    """An agent has no right at all in the own organisation."""
    assert [role for role in Role if MATRIX[role][Resource.PEOPLE] >= Right.WRITE] == [Role.ADMIN]
    assert set(MATRIX[Role.AGENT].values()) == {Right.NONE}
