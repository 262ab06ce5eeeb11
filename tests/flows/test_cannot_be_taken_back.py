"""Flow: the command line asks before what cannot be taken back, and makes nothing of a typing error."""

from collections.abc import Callable
from typing import Any

import certificates_made as made
import licences_made
import make
import pytest
from sqlalchemy import select

from authcheck.certificates.tables import Certificate
from authcheck.members.tables import Organisation
from authcheck.registry import designs
from authcheck.terminal.output import console
from authcheck.workspace import Workspace

Cli = Callable[..., Any]


@pytest.fixture
def brand(workspace: Workspace) -> made.Brand:
    """Return acme with four certificates."""
    brand = made.brand(workspace)
    brand.issue(count=4)
    return brand


def words_of(brand: made.Brand, what: str) -> tuple[str, ...]:
    """Return a command that cannot be taken back."""
    licence = licences_made.licence(brand.work, designs=(brand.design.id,))
    batch = brand.certificates()[0].batch_id
    return {
        "certificates": ("certificates", "revoke", "--org", "acme", "--batch", batch, "--reason", "lost"),
        "designs": ("designs", "retire", brand.design.id),
        "licences": ("licences", "revoke", licence.id, "--org", "acme", "--reason", "unpaid"),
        "signing-keys": ("signing-keys", "revoke", brand.signing_keys()[0].kid, "--org", "acme"),
        "keys": ("keys", "revoke", make.key(brand.work, "designs:read").partition("_")[0]),
    }[what]


@pytest.mark.parametrize("what", ["certificates", "designs", "licences", "signing-keys", "keys"])
def test_nobody_to_ask_means_no(brand: made.Brand, cli: Cli, what: str) -> None:
    """A script that does not say `--yes` changes nothing, and reads how to say it."""
    done = cli(*words_of(brand, what))
    assert (done.code, "command.unconfirmed" in done.err, "--yes" in done.err) == (2, True, True)
    with brand.work.database.reading() as session:
        assert {*session.scalars(select(Certificate.state))} == {"active"}
        assert designs.get_design(session, brand.design.id).state == "registered"


@pytest.mark.parametrize(("answer", "state"), [(True, "revoked"), (False, "active")])
def test_the_question_says_what_is_meant(
    brand: made.Brand, cli: Cli, monkeypatch: pytest.MonkeyPatch, *, answer: bool, state: str
) -> None:
    """At a terminal the number of certificates is asked about. No is no."""
    asked: list[str] = []

    def reply(question: str, **_: Any) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr(console, "can_ask", lambda: True)
    monkeypatch.setattr(console.typer, "confirm", reply)
    done = cli(*words_of(brand, "certificates"))
    assert asked == ["Revoke 4 certificates of acme? This cannot be taken back."]
    assert (done.code == 0, "Nothing was changed." in done.err) == (answer, not answer)
    with brand.work.database.reading() as session:
        assert {*session.scalars(select(Certificate.state))} == {state}
    again = cli(*words_of(brand, "certificates")) if answer else done
    assert len(asked) == 1, "what is revoked already is not asked about"
    assert "4 were already revoked" in again.err or not answer


def test_a_typing_error_makes_no_organisation(workspace: Workspace, cli: Cli, tmp_path: Any) -> None:
    """A handle that is written almost like a known one is refused with the known one. Another one is new."""
    picture = tmp_path / "kite.png"
    picture.write_bytes(make.picture_bytes(3))
    make.register(workspace, owner="acme")
    for words in (
        ("keys", "create", "--org", "acmee", "--scope", "designs:read"),
        ("designs", "import", picture, "--org", "amce"),
    ):
        done = cli(*words)
        assert (done.code, "Do you mean acme?" in done.err) == (2, True)
        assert "organisations add" in done.err
    assert "organisation.not_found" in cli("keys", "create", "--org", "herons", "--scope", "designs:read").err
    assert cli("designs", "import", picture, "--org", "herons").code == 0
    with workspace.database.reading() as session:
        assert {*session.scalars(select(Organisation.handle))} == {"acme", "herons"}
