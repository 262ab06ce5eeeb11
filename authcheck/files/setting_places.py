"""Places that settings name: folders, files, the public address, and the mail server."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import idna

HOST_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"(?=.{{1,253}}\Z){HOST_PART}(?:\.{HOST_PART})*")
URL_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)*")


SENDER = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?P<host>[^@]+)")
HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
SMTP_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server. `security` is `tls` from the first byte, `starttls`, or `none` on this machine."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    user: str = ""
    password: str = field(default="", repr=False)


def checked_url(text: str) -> str:
    """Return an http or https address without its last slash. Raises ValueError for any other text.

    Labels, names of keys and the ledger's name begin with the address, and all their rules apply: a name of a
    key has no blank and no plus sign (C2SP signed-note), a QR code is ASCII, and everybody reads the address,
    so it holds no password.
    """
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "?" in text or "#" in text:
        raise ValueError("write an address such as https://authcheck.example")
    if "@" in parts.netloc:
        raise ValueError("leave the name and the password out of the address: everybody can read it")
    if not URL_PATH.fullmatch(parts.path.rstrip("/")):
        raise ValueError(
            "after the host, write only letters, digits and -._~/, without blanks and plus signs"
        )
    _check_host(parts.hostname)
    try:
        is_port = parts.port != 0
    except ValueError:
        is_port = False
    if not is_port or parts.netloc.endswith(":"):
        raise ValueError("the port is a number from 1 to 65535")
    return text.rstrip("/")


def checked_smtp(text: str) -> str:
    """Return the address of a mail server as it is. Raises ValueError as `read_smtp_url`."""
    read_smtp_url(text)
    return text


def read_smtp_url(text: str) -> SmtpServer:
    """Read `smtp://user:password@host:587` or `smtps://...`. Raises ValueError, which quotes no password.

    A server on another machine gets nothing before the connection is encrypted.
    """
    example = "write an address such as smtp://user:password@mail.example:587"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the port is a number from 1 to 65535: {example}") from error
    if parts.scheme not in SMTP_PORTS or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"{example}, and write / : @ # ? % in a password as %2F %3A %40 %23 %3F %25")
    if parts.query or parts.fragment or port == 0:
        raise ValueError(f"{example}, and write # and ? in a password as %23 and %3F")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("write both the user and the password, or neither")
    if not (user + password).isascii():
        raise ValueError("the user and the password of a mail server have ASCII characters only")
    _check_host(parts.hostname)
    is_here = parts.hostname == "localhost"
    with suppress(ValueError):
        is_here = is_here or ip_address(parts.hostname).is_loopback
    security: Literal["tls", "starttls", "none"] = "none" if is_here else "starttls"
    return SmtpServer(
        parts.hostname,
        port or SMTP_PORTS[parts.scheme],
        "tls" if parts.scheme == "smtps" else security,
        user,
        password,
    )


def checked_sender(text: str) -> str:
    """Return the address that mails come from. Raises ValueError unless it is one plain address."""
    address = SENDER.fullmatch(text)
    if address is None:
        raise ValueError("write one address without a name, such as authcheck@brand.example")
    _check_host(address["host"])
    return text


def checked_contact(text: str) -> str:
    """Return an https address, or an e-mail address as `mailto:...`. Raises ValueError for any other text."""
    if "://" not in text:
        return f"mailto:{checked_sender(text.removeprefix('mailto:'))}"
    if not text.startswith("https://"):
        raise ValueError("write an e-mail address, or an address that begins with https://")
    return checked_url(text)


def checked_header(text: str) -> str:
    """Return the name of a header of requests. Raises ValueError for a text that cannot be one."""
    if not HEADER.fullmatch(text):
        raise ValueError("write the name of one header, such as CF-IPCountry")
    return text


def _check_host(host: str) -> None:
    if not host.isascii():
        try:
            ascii_host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError as error:
            raise ValueError(f"{host} is not the name of a host") from error
        raise ValueError(f"write the host as labels and name servers do: {ascii_host} instead of {host}")
    with suppress(ValueError):
        ip_address(host)
        return
    if not HOST.fullmatch(host):
        raise ValueError(f"{host} is not the name of a host")


def checked_path(path: Path) -> Path:
    """Return a path with `~` replaced by the home folder. Raises ValueError for a path that nobody meant.

    A shell replaces `~` and `$HOME`, but an .env file and a systemd unit do not, and an empty registry would
    begin in a folder of that name.
    """
    text = str(path)
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("the name of the folder or file is not UTF-8. Rename it")
    if text.startswith(("$", "%", '"', "'")):
        raise ValueError(f"write the whole path instead of {text}, without quotes and variables")
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{text} names no home folder. Write the whole path") from error


def checked_key(uri: str) -> str:
    """Return the place of a key, `file:PATH` or `env:NAME`, with `~` replaced. Raises as `checked_path`."""
    scheme, _, place = uri.partition(":")
    return f"{scheme}:{checked_path(Path(place))}" if scheme == "file" and place else uri


def checked_database(url: str) -> str:
    """Return a SQLAlchemy URL, with `~` replaced in the path of an SQLite file. Raises as `checked_path`."""
    scheme, separator, place = url.partition(":///")
    if scheme.startswith("sqlite") and place.startswith("~"):
        return scheme + separator + str(checked_path(Path(place)))
    return url
