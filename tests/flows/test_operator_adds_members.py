"""Flow: an operator adds organisations on the command line."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.postgresql

Cli = Callable[..., Any]


def test_a_licensee_takes_part(cli: Cli) -> None:
    """A licensee is added and listed. A second one of the same handle and an unknown role are refused."""
    words = ("organisations", "add", "tees", "--name", "Tees & Sons", "--role", "licensee", "--role", "brand")
    assert cli(*words).code == 0
    (one,) = cli("organisations", "list", "--json").objects
    assert (one["handle"], one["name"], one["roles"]) == ("tees", "Tees & Sons", ["brand", "licensee"])
    assert "Tees & Sons" in cli("organisations", "list").out
    again, king = cli(*words), cli("organisations", "add", "other", "--role", "king")
    assert (again.code, king.code) == (2, 2)
    assert "organisation.exists" in again.err
    assert "organisation.roles" in king.err


def test_a_licence_at_the_command_line(cli: Cli) -> None:
    """The commands offer, accept, amend, list with units, show with terms, and revoke a licence."""
    for handle, role in (("acme", "brand"), ("tees", "licensee")):
        assert cli("organisations", "add", handle, "--role", role).code == 0
    words = (
        "--collection",
        "Summer 26",
        "--territories",
        "fr,IT",
        "--goods",
        "25",
        "--cap",
        "9000",
        "--json",
    )
    offered = cli("licences", "offer", "--org", "acme", "--to", "tees", *words)
    (told,) = offered.objects
    assert (told["state"], told["terms"]["territories"]) == ("offered", ["FR", "IT"])
    assert cli("licences", "accept", told["id"], "--org", "tees").code == 0
    (next_version,) = cli(
        "licences", "amend", told["id"], "--org", "acme", "--cap", "12000", "--json"
    ).objects
    assert (next_version["version"], next_version["terms"]["cap"]) == (2, 12_000)
    assert next_version["terms"]["territories"] == ["FR", "IT"]
    assert cli("licences", "decline", next_version["id"], "--org", "tees").code == 0
    listed = cli("licences", "list", "--org", "tees").out
    assert "0 of 9,000" in listed
    assert "active" in listed
    shown = {
        line.split("  ")[0]: line.split("  ", 1)[-1].strip()
        for line in cli("licences", "show", told["id"]).out.splitlines()
    }
    assert (shown["territories"], shown["cap"], shown["channels"]) == ("FR, IT", "9,000 units", "any")
    assert shown["collections"] == "Summer 26"
    assert not shown.keys() & {"designs", "except territories", "parent"}  # the licence has none
    assert cli("licences", "revoke", told["id"], "--org", "acme", "--reason", "agreed", "--yes").code == 0
    assert [one["state"] for one in cli("licences", "list", "--org", "acme", "--json").objects] == [
        "revoked"
    ] * 2
    wrong = cli(
        "licences", "offer", "--org", "acme", "--to", "tees", "--collection", "S", "--goods", "shirts"
    )
    assert (wrong.code, "licence.goods" in wrong.err) == (2, True)
