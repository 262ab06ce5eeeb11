"""The commands that work at a server take the same options as on its computer."""

import inspect
from typing import Any

import pytest

from authcheck.errors import BadSetting
from authcheck.terminal.app import COMMANDS, MEMBERS, OPERATORS, load_command
from authcheck.terminal.remote import commands
from authcheck.terminal.remote.logins import Login

LOGIN = Login("https://check.example", "ack_key", "acme")
OPERATORS_ONLY = {  # of the groups of members: what the operator decides, or what needs the whole registry
    "scan",
    "replay",
    "designs mask",
    "rights accept",
    "rights refuse",
    "disputes rule",
    "disputes revoke-certificates",
    "certificates show",
    "storefronts badge",
    "listings resume",
}


def leaves(command: Any, name: str) -> dict[str, Any]:
    """Return the commands of a group by name, or the command itself."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return {name: command}
    return {full: leaf for word, one in inner.items() for full, leaf in leaves(one, f"{name} {word}").items()}


@pytest.fixture(scope="module")
def of_members() -> dict[str, Any]:
    """All commands of members by name, moved to a server."""
    names = [name for name, place in COMMANDS.items() if place.panel not in {OPERATORS, MEMBERS}]
    moved = {}
    for name in names:
        command = load_command(name)
        commands.move(command, name, LOGIN)
        moved |= leaves(command, name)
    return moved


@pytest.mark.parametrize("name", commands.AT_A_SERVER)
def test_the_options_are_the_same(of_members: dict[str, Any], name: str) -> None:
    """No option of a command is ignored at a server, and --org may be left out: the key stands for it."""
    function = commands._function(commands.AT_A_SERVER[name])
    taken = set(inspect.signature(function).parameters) - {"service"}
    asked = {option.name for option in of_members[name].params if not {"--org", "--as"} & {*option.opts}}
    if "offer" in taken:
        taken = (taken - {"offer"}) | asked
    assert taken == asked
    assert not any(
        option.required for option in of_members[name].params if {"--org", "--as"} & {*option.opts}
    )


def test_every_command_of_a_member_is_decided(of_members: dict[str, Any]) -> None:
    """Each works at a server, offline, or says that it does not."""
    assert set(commands.AT_A_SERVER) | commands.OFFLINE | OPERATORS_ONLY == set(of_members)
    assert not set(commands.AT_A_SERVER) & OPERATORS_ONLY


@pytest.mark.parametrize("name", sorted(OPERATORS_ONLY))
def test_what_does_not_work_says_so(of_members: dict[str, Any], name: str) -> None:
    """Nothing is done on this computer by mistake."""
    with pytest.raises(BadSetting, match="--local") as caught:
        of_members[name].callback()
    assert caught.value.code == "server.command"
