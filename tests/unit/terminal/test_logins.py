"""Where a person has logged in: which addresses are taken, and who may read the keys."""

import stat
from pathlib import Path

import pytest

from authcheck.errors import BadSetting
from authcheck.terminal.remote import logins
from authcheck.terminal.remote.logins import Login

KEY = "ack_key_secret"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this person's settings, at first without a login."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("AUTHCHECK_KEY", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://Check.Example/", "https://check.example"),
        (" https://check.example:8443 ", "https://check.example:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    """An address loses its final slash. Plain http is for this computer."""
    assert logins.checked_url(text) == url


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("http://check.example", "server.insecure"),
        ("http://127.0.0.1.evil.example", "server.insecure"),
        ("http://10.0.0.5:8000", "server.insecure"),
        ("check.example", "server.address"),
        ("https://", "server.address"),
        ("https://me:pass@check.example", "server.address"),
        ("https://check.example/v1", "server.address"),
        ("https://check.example?x=1", "server.address"),
        ("https://check.example:port", "server.address"),
        ("file:///etc/passwd", "server.address"),
    ],
)
def test_attack_addresses_that_would_tell_the_key(text: str, code: str) -> None:
    """No key goes over plain http to another computer, nor to an address that hides its host."""
    with pytest.raises(BadSetting) as caught:
        logins.checked_url(text)
    assert caught.value.code == code


def test_a_login_is_kept_chosen_and_forgotten() -> None:
    """The last login is chosen. `--server` chooses another one with its key, or a server without a key."""
    assert logins.chosen(None) is None
    first = Login("https://one.example", KEY, "acme")
    second = Login("https://two.example", "ack_other", "globex")
    logins.keep(first)
    logins.keep(second)
    assert logins.chosen(None) == second
    assert logins.chosen("https://one.example/") == first
    assert logins.chosen("https://three.example") == Login("https://three.example")
    assert logins.forget() == second.url
    assert logins.chosen(None) is None
    assert logins.chosen(second.url) == Login(second.url)
    assert logins.forget() is None


def test_a_key_of_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """`AUTHCHECK_KEY` is for machines that keep nothing on their disk."""
    logins.keep(Login("https://one.example", KEY, "acme"))
    monkeypatch.setenv("AUTHCHECK_KEY", "ack_env")
    assert logins.chosen(None) == Login("https://one.example", "ack_env")


def test_attack_a_file_of_keys_that_others_may_read(folder: Path) -> None:
    """The file is its owner's alone. With wider permissions, no command uses a key of it."""
    path = logins.keep(Login("https://one.example", KEY, "acme"))
    assert path.is_relative_to(folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(BadSetting) as caught:
        logins.chosen(None)
    assert caught.value.code == "server.logins"
    assert f"chmod 600 {path}" in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"servers": []}'])
def test_a_damaged_file_says_what_helps(text: str) -> None:
    """A file that cannot be read is named."""
    path = logins.keep(Login("https://one.example", KEY, "acme"))
    path.write_text(text)
    with pytest.raises(BadSetting) as caught:
        logins.chosen(None)
    assert caught.value.code == "server.logins"
    assert str(path) in str(caught.value)
