"""The code of a certificate as people and machines hand it in: bare, or in a label's address."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from authcheck.errors import Rejected
from authcheck.ids import check_code, fold
from authcheck.labels import gs1

LONGEST_TEXT = 500  # the text of our own labels has at most about 300 characters
SHOWN_CHARS = 80
SHORT = re.compile(r"/[cC]/([^/]+)/?")
DIGITAL_LINK = re.compile(r"/01/([0-9]{14})(?:/10/([^/]+))?/21/([^/]+?)/?")
SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")  # ISO/IEC 15424: what a hand scanner says before the text
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
OTHER_SCHEMES = ("tel:", "code:", "sms:")  # before a number that a phone took for a telephone number
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class LabelText:
    """The parts of a label's text: its code, or the GS1 numbers of a Digital Link, which may have no lot.

    `is_exact` says that the text is as we print it: our scheme, no fragment, no parameter of a chat program.
    """

    code: str | None
    gtin: str | None = None
    lot: str | None = None
    serial: str | None = None
    is_exact: bool = True


def read_code(text: str, public_urls: Callable[[], Sequence[str]]) -> str:
    """Return the code in a text: a bare code, or the address of a label below one of our public addresses.

    Every place that takes a code reads it here. `public_urls` is asked only for an address. Raises Rejected:
    `code.malformed` for a text that cannot be a code, `code.foreign` for an address of another service.
    """
    value = unwrap(text)
    if not is_address(value):
        return check_code(value)
    label = find_label(value, public_urls())
    if label is None:
        raise Rejected(
            f"{value[:SHOWN_CHARS]!r} is the address of another service, so its certificates are not ours.",
            code="code.foreign",
            value=value[:SHOWN_CHARS],
        )
    if label.code is None:
        raise Rejected(
            "This address of a label has no code. Type the code that is printed beside the QR code.",
            code="code.malformed",
        )
    return label.code


def unwrap(text: str) -> str:
    """Return a typed or scanned text without what scanners, chat programs and phones put around it."""
    value = SYMBOLOGY.sub("", fold(text.replace("\x1d", "")), count=1)
    for scheme in OTHER_SCHEMES:
        if value.lower().startswith(scheme):
            value = fold(value[len(scheme) :])
    return value


def is_address(value: str) -> bool:
    """Return whether a text means an address: a code has no slash."""
    return "/" in value


def find_label(text: str, public_urls: Sequence[str]) -> LabelText | None:
    """Return the parts of a label's address below one of our public addresses, None for another address."""
    address = text if SCHEME.match(text) else f"https://{text}"
    for public_url in public_urls:
        try:
            label = parse_address(address, public_url)
        except (Rejected, ValueError):  # urlsplit raises ValueError for a malformed address
            continue
        if label is not None:
            return label
    return None


def parse_address(text: str, public_url: str) -> LabelText | None:
    """Return the parts of a label's address. None unless the address is below `public_url`, http or https.

    Raises Rejected or ValueError for another address below it.
    """
    if not text.isascii() or not text.isprintable() or len(text) > LONGEST_TEXT:
        return None
    address, public_address = urlsplit(text), urlsplit(public_url)
    if _place_of(text) != _place_of(public_url) or "@" in address.netloc:
        return None
    prefix = public_address.path.rstrip("/")
    if not address.path.lower().startswith(f"{prefix.lower()}/"):
        return None
    path = address.path[len(prefix) :]
    parameters = parse_qsl(address.query, keep_blank_values=True)
    is_ours = address.scheme == public_address.scheme and "#" not in text and not path.endswith("/")
    codes = [value for name, value in parameters if name == gs1.CODE_ATTRIBUTE]
    if short_link := SHORT.fullmatch(path):
        return LabelText(check_code(unquote(short_link[1])), is_exact=is_ours and "?" not in text)
    digital_link = DIGITAL_LINK.fullmatch(path)
    if digital_link is None or len(codes) > 1:
        raise Rejected
    gtin, lot, serial = (part and unquote(part) for part in digital_link.groups())
    return LabelText(
        check_code(codes[0]) if codes else _code_of_serial(serial),
        gtin=gs1.check_gtin(gtin),
        lot=lot and gs1.check_lot(lot),
        serial=gs1.check_serial(serial),
        is_exact=is_ours and len(parameters) == len(codes),
    )


def _place_of(url: str) -> tuple[str, int | None]:
    """Return host and port, None for the usual port. http and https are one place."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in DEFAULT_PORTS:
        raise Rejected
    port = None if parts.port == DEFAULT_PORTS[parts.scheme.lower()] else parts.port
    return (parts.hostname or "").rstrip("."), port


def _code_of_serial(serial: str) -> str | None:
    """Return the code that a serial number is. Returns None for a brand's own serial number."""
    try:
        return check_code(serial)
    except Rejected:
        return None
