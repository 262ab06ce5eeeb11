"""Flow: an operator invites, lists, resets and disables people at the command line."""

import json
import re
from collections.abc import Callable
from typing import Any

import people_made
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.config import Settings
from authcheck.members import people, second_factor
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

Cli = Callable[..., Any]


@pytest.fixture
def acme(workspace: Workspace) -> Workspace:
    """Return a workspace with the admin of acme."""
    people_made.person(workspace.database, now=utc_now())
    return workspace


def test_an_invited_person_signs_in(cli: Cli, acme: Workspace, settings: Settings) -> None:
    """The link is alone on standard output, and its page makes the account."""
    done = cli("people", "add", "Ada@Acme.example", "--org", "acme", "--role", "issuer", "--name", "Ada")
    assert done.code == 0, done.err
    assert "7 days" in done.err
    path = done.out.strip().removeprefix("http://127.0.0.1:8000")
    assert re.fullmatch(r"/join/[A-Za-z0-9_-]{43}", path)
    with TestClient(create_app(settings)) as client:
        fields = {"name": "Ada", "password": people_made.PASSWORD}
        joined = client.post(path, data=fields, headers={"Sec-Fetch-Site": "same-origin"})
        assert (joined.status_code, joined.url.path) == (200, "/account")
    again = cli("people", "add", "ada@acme.example", "--org", "acme", "--role", "analyst")
    assert "now has the roles analyst" in again.err
    assert again.out == ""
    lines = [json.loads(line) for line in cli("people", "list", "--json").out.splitlines()]
    assert [(line["email"], line["roles"]) for line in lines] == [
        ("mei@acme.example", ["admin"]),
        ("ada@acme.example", ["analyst"]),
    ]


def test_the_list_fits_a_terminal(cli: Cli, acme: Workspace) -> None:
    """A table of 80 columns names each person with roles and last use."""
    people_made.person(acme.database, "a.person.with.a.long.name@acme.example", roles=("issuer", "analyst"))
    shown = cli("people", "list", "--org", "acme").out
    assert max(map(len, shown.splitlines())) <= 80
    assert "mei@acme.example" in shown
    assert "never" in shown


def test_a_password_is_reset(cli: Cli, acme: Workspace) -> None:
    """The link is for one hour. With a lost phone, the second factor goes off, too."""
    vault = second_factor.open_vault(acme.settings)
    with acme.database.writing() as session:
        mei = people.get_person(session, "mei@acme.example")
        second_factor.begin(mei, vault)
        mei.totp_since = utc_now()
    assert "/new-password/" in cli("people", "reset", "mei@acme.example").out
    with acme.database.reading() as session:
        assert people.get_person(session, "mei@acme.example").totp_since is not None
    assert "is off" in cli("people", "reset", "mei@acme.example", "--second-factor").err
    with acme.database.reading() as session:
        assert people.get_person(session, "mei@acme.example").totp_since is None


def test_an_account_is_closed_and_opened(cli: Cli, acme: Workspace) -> None:
    """The last admin stays. A closed account gets no link, and can be opened again."""
    refused = cli("people", "disable", "mei@acme.example")
    assert (refused.code, "person.last" in refused.err) == (2, True)
    people_made.person(acme.database, "ada@acme.example", now=utc_now())
    assert cli("people", "disable", "mei@acme.example").code == 0
    assert "disabled" in cli("people", "list").out
    assert "people enable" in cli("people", "reset", "mei@acme.example").err
    assert cli("people", "enable", "mei@acme.example").code == 0
    assert cli("people", "reset", "mei@acme.example").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["add", "nonsense", "--org", "acme", "--role", "admin"], "person.email"),
        (["add", "a@b.example", "--org", "nobody", "--role", "admin"], "organisation.not_found"),
        (["add", "a@b.example", "--org", "acme", "--role", "operator"], "person.roles"),
        (["reset", "zoe@acme.example"], "person.not_found"),
        (["disable", "zoe@acme.example"], "person.not_found"),
        (["list", "--org", "nobody"], "organisation.not_found"),
    ],
)
def test_what_cannot_be_done_is_said(cli: Cli, acme: Workspace, words: list[str], code: str) -> None:
    """One line with the code, and exit status 2."""
    done = cli("people", *words)
    assert (done.code, code in done.err) == (2, True)
    assert done.out == ""
