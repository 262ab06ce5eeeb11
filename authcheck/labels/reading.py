"""QR codes in a picture that a stranger sends, and which of them are labels of this service."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from authcheck.errors import Rejected
from authcheck.ids import check_code
from authcheck.labels import gs1, symbols
from authcheck.vision.pictures.decode import Limits, open_picture

LONGEST_PX = 2400  # of a side: a whole page of the smallest labels still has three pixels a module
LONGEST_TEXT = 500  # of our own labels: at most about 300
SHOWN_CHARS = 80
SHORT = re.compile(r"/[cC]/([^/]+)")
DIGITAL_LINK = re.compile(r"/01/([0-9]{14})/10/([^/]+)/21/([^/]+)")


@dataclass(frozen=True, slots=True)
class Read:
    """One QR code. It is a label of ours where `code` or `gtin`, `lot` and `serial` are set.

    Nothing else of a label is believed: it says where to look, not what is true. `text` is for people: of a foreign
    code its beginning, with colons and dots in brackets so that nothing makes a link of it.
    """

    text: str
    code: str | None = None
    gtin: str | None = None
    lot: str | None = None
    serial: str | None = None

    @property
    def ours(self) -> bool:
        """Whether it points into this service."""
        return self.code is not None or self.gtin is not None


def read_label(data: bytes, limits: Limits, public_url: str) -> list[Read]:
    """Every QR code in the picture, from top to bottom; empty where there is none.

    Raises ImageRejected, Rejected (`label.overfull`).
    """
    image = open_picture(data, limits, detail_px=LONGEST_PX, grey=True).image
    image.thumbnail((LONGEST_PX, LONGEST_PX))
    return [recognise(text, public_url) for text in symbols.find(image)]


def recognise(text: str, public_url: str) -> Read:
    """What a QR code says: one of ours if it is a bare code or the address of a label below `public_url`."""
    try:
        return _ours(text, public_url)
    except (Rejected, ValueError):  # ValueError: urlsplit's, of an address that is none
        return Read(_harmless(text))


def _ours(text: str, public_url: str) -> Read:
    if not text.isascii() or not text.isprintable() or len(text) > LONGEST_TEXT:
        raise Rejected
    if ":" not in text:
        return Read(text, check_code(text))
    given, own = urlsplit(text), urlsplit(public_url)
    same_host = (given.scheme, given.netloc.lower()) == (own.scheme, own.netloc.lower())
    if not same_host or not given.path.startswith(own.path) or "?" in text or "#" in text:
        raise Rejected
    path = given.path.removeprefix(own.path)
    if short := SHORT.fullmatch(path):
        return Read(text, check_code(short[1]))
    link = DIGITAL_LINK.fullmatch(path)
    if link is None:
        raise Rejected
    gtin, lot, serial = (unquote(part) for part in link.groups())
    return Read(
        text,
        _code_in(serial),
        gtin=gs1.check_gtin(gtin),
        lot=gs1.check_lot(lot),
        serial=gs1.check_serial(serial),
    )


def _code_in(serial: str) -> str | None:
    """The serial number where it is a code; a brand may have numbers of its own."""
    try:
        return check_code(serial)
    except Rejected:
        return None


def _harmless(text: str) -> str:
    shown = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:SHOWN_CHARS]
    )
    return shown.replace(":", "[:]").replace(".", "[.]") + "..." * (len(text) > SHOWN_CHARS)
