"""The public addresses of this installation: the current address, and the addresses before it.

Labels are printed once and certificates are signed once, so an address that they name must last. The first
key records the address. From then on, the setting must name the recorded address, and only `move` changes
it. The addresses before a move stay valid names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from authcheck.config import Settings, ledger_name
from authcheck.errors import Conflict, Rejected
from authcheck.files.setting_places import checked_url
from authcheck.ledger.journal import lock_ledger, record
from authcheck.ledger.tables import Address
from authcheck.tlog.entries import Draft

LONGEST_URL = 200  # characters: names of keys and lists begin with the address and have at most 300
OWN_MACHINE = "localhost"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The names of this installation: its current address, all addresses (newest first), its ledger."""

    current: str
    urls: tuple[str, ...]
    origin: str

    def at_host(self, host: str) -> str:
        """Return the newest address with this host and port, else the current address."""
        return next((url for url in self.urls if urlsplit(url).netloc.lower() == host.lower()), self.current)


def list_addresses(session: Session) -> Sequence[Address]:
    """Return the recorded addresses, oldest first. An address occurs again after a move back."""
    return session.scalars(select(Address).order_by(Address.number)).all()


def find_current(session: Session) -> Address | None:
    """Return the recorded address, None before the first key."""
    newest = select(Address).order_by(Address.number.desc()).limit(1)
    return session.scalar(newest.execution_options(populate_existing=True))


def addresses_of(session: Session, settings: Settings) -> Addresses:
    """Return the recorded addresses. Before the first key, return the address of the settings."""
    rows = list_addresses(session)
    if not rows:
        return Addresses(settings.public_url, (settings.public_url,), settings.ledger_origin)
    urls = tuple(dict.fromkeys(row.url for row in reversed(rows)))
    return Addresses(rows[-1].url, urls, rows[-1].origin)


def origin_of(session: Session, settings: Settings) -> str:
    """Return the ledger's name. A move does not change it."""
    current = find_current(session)
    return current.origin if current else settings.ledger_origin


def require(session: Session, settings: Settings, now: datetime) -> Addresses:
    """Return the addresses for an act that writes the current address into something permanent.

    Records the address at the first such act. Raises Conflict (`address.differs`, `address.unconfirmed`).
    """
    if find_current(session) is None:
        if is_loopback(settings.public_url):
            raise unconfirmed_error(settings.public_url)
        record_first(session, settings, now)
    refuse_other(session, settings)
    return addresses_of(session, settings)


def refuse_other(session: Session, settings: Settings) -> None:
    """Raise Conflict (`address.differs`) if the settings name another address than the recorded one."""
    current = find_current(session)
    if current is not None and not is_same(current.url, settings.public_url):
        is_set = "public_url" in settings.model_fields_set
        here = f"{'' if is_set else 'not set here, which means '}{settings.public_url}"
        raise Conflict(
            f"The public address of this installation is {current.url}, but AUTHCHECK_PUBLIC_URL is "
            f"{here}. Set AUTHCHECK_PUBLIC_URL={current.url}, or move the installation: "
            f"`authcheck address move {current.url} {settings.public_url}`.",
            code="address.differs",
            recorded=current.url,
            setting=settings.public_url,
        )


def unconfirmed_error(url: str) -> Conflict:
    """Return the error for an address that nobody has confirmed and that only this computer can reach."""
    return Conflict(
        f"The public address is {url}, and only this computer can reach it. Keys, certificates and labels "
        "keep their address. Set AUTHCHECK_PUBLIC_URL, for example to https://authcheck.example. For a trial "
        "on this computer, confirm the address with --yes, or with `authcheck address record --yes`.",
        code="address.unconfirmed",
        url=url,
    )


def record_first(session: Session, settings: Settings, now: datetime) -> None:
    """Record the address of the settings, unless an address is recorded. The ledger gets its name from it.

    Raises Rejected (`address.url`).
    """
    url = _checked(settings.public_url)
    if find_current(session) is not None:
        return
    row = Address(number=0, url=url, origin=settings.ledger_origin, since=now, entry_number=None)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # on PostgreSQL another process has recorded its address since the query
        session.expire_all()


def move(session: Session, old: str, new: str, now: datetime, *, new_ledger: bool = False) -> Address:
    """Make `new` the current address, by an entry of the ledger. `old` stays valid.

    The ledger keeps its name unless `new_ledger`. Raises Rejected (`address.url`), Conflict
    (`address.not_recorded`, `address.not_current`).
    """
    new = _checked(new)  # the old one may be an address that only an earlier release accepted
    lock_ledger(session)  # two moves at the same time run one after the other
    current = find_current(session)
    if current is None:
        raise Conflict(
            "No key exists yet, so there is nothing to move. Set AUTHCHECK_PUBLIC_URL.",
            code="address.not_recorded",
        )
    if not is_same(current.url, old) or is_same(old, new):
        raise Conflict(
            f"The current address is {current.url}. Move from this address to another address.",
            code="address.not_current",
            recorded=current.url,
        )
    origin = ledger_name(new) if new_ledger else current.origin
    (entry,) = record(session, [moved(current.url, new, origin, now)])
    row = Address(number=current.number + 1, url=new, origin=origin, since=now, entry_number=entry.number)
    session.add(row)
    session.flush()
    return row


def moved(old: str, new: str, origin: str, at: datetime) -> Draft:
    """Draft the entry that the current address is `new`. Keys and lists are named under both addresses."""
    return Draft("address.move", new, at, {"from": old, "ledger": origin})


def is_same(one: str, other: str) -> bool:
    """Return whether two addresses differ at most in the case of scheme and host."""
    return _normal(one) == _normal(other)


def is_loopback(url: str) -> bool:
    """Return whether only this computer can reach an address."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return host == OWN_MACHINE or host.endswith(f".{OWN_MACHINE}")


def _normal(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url.rstrip("/"))
    return parts.scheme, parts.netloc.lower(), parts.path


def _checked(url: str) -> str:
    try:
        address = checked_url(url)
    except ValueError as error:
        raise Rejected(
            f"{url!r} cannot be the public address: {error}.",
            code="address.url",
        ) from error
    if len(address) > LONGEST_URL:
        raise Rejected(f"An address has at most {LONGEST_URL} characters.", code="address.url")
    return address
