"""QR codes in an untrusted picture, and the decision which QR codes are labels of this service."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from authcheck.errors import Rejected
from authcheck.ids import check_code
from authcheck.labels import gs1, symbols
from authcheck.vision.pictures.decode import Limits, open_picture

LONGEST_PX = 2400  # of a side: on a whole page of the smallest labels a module still has three pixels
LONGEST_TEXT = 500  # the text of our own labels has at most about 300 characters
SHOWN_CHARS = 80
SHORT = re.compile(r"/[cC]/([^/]+)")
DIGITAL_LINK = re.compile(r"/01/([0-9]{14})/10/([^/]+)/21/([^/]+)")
CODE_QUERY = re.compile(rf"{gs1.CODE_ATTRIBUTE}=([0-9A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Read:
    """One QR code.

    The QR code is a label of this service when `code`, or `gtin`, `lot` and `serial`, are set.

    A label says which certificate to look up. Nothing else in a label is trusted. `text` is for people. For a
    foreign QR code `text` holds only the beginning, with colons and dots in brackets, so that no program
    turns the text into a link.
    """

    text: str
    code: str | None = None
    gtin: str | None = None
    lot: str | None = None
    serial: str | None = None

    @property
    def ours(self) -> bool:
        """Return whether the QR code is a label of this service."""
        return self.code is not None or self.gtin is not None


def read_label(data: bytes, limits: Limits, public_urls: Sequence[str]) -> list[Read]:
    """Read every QR code in the picture, from top to bottom. Returns an empty list when there is no QR code.

    Raises ImageRejected, Rejected (`label.overfull`).
    """
    image = open_picture(data, limits, detail_px=LONGEST_PX, grey=True).image
    image.thumbnail((LONGEST_PX, LONGEST_PX))
    return [recognise(text, public_urls) for text in symbols.find(image)]


def recognise(text: str, public_urls: Sequence[str]) -> Read:
    """Read the text of a QR code.

    A bare code, or the address of a label below one of `public_urls`, is a label of ours.
    """
    for public_url in public_urls:
        try:
            return _parse_own_label(text, public_url)
        except (Rejected, ValueError):  # urlsplit raises ValueError for a malformed address
            continue
    return Read(_make_harmless(text))


def _parse_own_label(text: str, public_url: str) -> Read:
    """Parse the text of our own label. Raises Rejected or ValueError for any other text."""
    if not text.isascii() or not text.isprintable() or len(text) > LONGEST_TEXT:
        raise Rejected
    if ":" not in text:
        return Read(text, check_code(text))
    address, public_address = urlsplit(text), urlsplit(public_url)
    same_host = (address.scheme, address.netloc.lower()) == (
        public_address.scheme,
        public_address.netloc.lower(),
    )
    if not same_host or not address.path.startswith(public_address.path) or "#" in text:
        raise Rejected
    path = address.path.removeprefix(public_address.path)
    query = CODE_QUERY.fullmatch(address.query)
    if "?" in text and query is None:
        raise Rejected
    if query is None and (short_link := SHORT.fullmatch(path)):
        return Read(text, check_code(short_link[1]))
    digital_link = DIGITAL_LINK.fullmatch(path)
    if digital_link is None:
        raise Rejected
    gtin, lot, serial = (unquote(part) for part in digital_link.groups())
    return Read(
        text,
        check_code(query[1]) if query else _code_of_serial(serial),
        gtin=gs1.check_gtin(gtin),
        lot=gs1.check_lot(lot),
        serial=gs1.check_serial(serial),
    )


def _code_of_serial(serial: str) -> str | None:
    """Return the code that a serial number is. Returns None for a brand's own serial number."""
    try:
        return check_code(serial)
    except Rejected:
        return None


def _make_harmless(text: str) -> str:
    """Return the first 80 characters of a foreign text, without unprintable characters and without links."""
    beginning = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:SHOWN_CHARS]
    )
    return beginning.replace(":", "[:]").replace(".", "[.]") + "..." * (len(text) > SHOWN_CHARS)
