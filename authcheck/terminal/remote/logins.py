"""Where the commands work: the servers that a person has logged in to, with their keys."""

import json
import os
import stat
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from authcheck.errors import BadSetting
from authcheck.files.writing import translated_write_errors, write_whole

ONLY_OWNER = 0o600
KEY_VARIABLE = "AUTHCHECK_KEY"


@dataclass(frozen=True, slots=True)
class Login:
    """A server by its address, and the API key for it. `organisation` is the key's, empty while unknown.

    Without a key, the server answers what it answers to everybody.
    """

    url: str
    key: str = ""
    organisation: str = ""


def checked_url(text: str) -> str:
    """Return the address of a server without the final slash.

    Plain http is for this computer only, because every request carries the key. Raises BadSetting
    (`server.address`, `server.insecure`).
    """
    url = text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError for a port that is no number
    except ValueError as error:
        raise _address_error(text) from error
    is_plain = not (parts.username or parts.path or parts.query or parts.fragment)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain:
        raise _address_error(text)
    if parts.scheme == "http" and not _is_this_computer(parts.hostname):
        raise BadSetting(
            "Plain http would show your key to others on the way. Use https://.",
            code="server.insecure",
            url=url,
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _address_error(text: str) -> BadSetting:
    return BadSetting(
        f"{text!r} is not the address of a server. Write it as https://check.example.",
        code="server.address",
        url=text,
    )


def _is_this_computer(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def chosen(server: str | None) -> Login | None:
    """Return the server for this call: `server`, else the one last logged in to. None: this computer.

    Raises BadSetting (`server.address`, `server.insecure`, `server.logins`).
    """
    stored = _read()
    url = checked_url(server) if server else stored.get("current")
    if url is None:
        return None
    known = stored.get("servers", {}).get(url, {})
    if key := os.environ.get(KEY_VARIABLE, ""):
        return Login(url, key)
    return Login(url, known.get("key", ""), known.get("organisation", ""))


def keep(login: Login) -> Path:
    """Store a login as the current one, in a file that only its owner may read. Return the file.

    Raises BadSetting (`server.logins`), StorageFailed.
    """
    stored = _read()
    servers = stored.get("servers", {}) | {login.url: {"key": login.key, "organisation": login.organisation}}
    return _write({"current": login.url, "servers": servers})


def forget() -> str | None:
    """Drop the current login with its key. Return its address, None without one.

    Raises BadSetting (`server.logins`), StorageFailed.
    """
    stored = _read()
    url: str | None = stored.get("current")
    if url is not None:
        servers = {known: login for known, login in stored.get("servers", {}).items() if known != url}
        _write({"current": None, "servers": servers})
    return url


def _path() -> Path:
    return Path(typer.get_app_dir("authcheck")) / "logins.json"


def _read() -> dict[str, Any]:
    """Return what is stored. Refuse a file that others may read: the keys in it are no longer secret."""
    path = _path()
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            message = f"Other people of this computer can read your keys in {path}. Run: chmod 600 {path}"
            raise BadSetting(message, code="server.logins", path=str(path))
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged_error(path) from error
    if not isinstance(stored, dict) or not isinstance(stored.get("servers"), dict):
        raise _damaged_error(path)
    return stored


def _damaged_error(path: Path) -> BadSetting:
    message = f"The file of your logins cannot be read: {path}. Delete it and log in again."
    return BadSetting(message, code="server.logins", path=str(path))


def _write(stored: dict[str, Any]) -> Path:
    path = _path()
    with translated_write_errors(path):
        write_whole(path, json.dumps(stored, indent=1).encode(), mode=ONLY_OWNER)
    return path
