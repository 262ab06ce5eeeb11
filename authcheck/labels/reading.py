"""QR codes in an untrusted picture, and the decision which QR codes are labels of this service."""

from collections.abc import Sequence
from dataclasses import dataclass

from authcheck.errors import Rejected
from authcheck.ids import check_code
from authcheck.labels import symbols
from authcheck.labels.codes import SHOWN_CHARS, LabelText, find_label
from authcheck.vision.pictures.decode import Limits, open_picture

LONGEST_PX = 2400  # of a side: on a whole page of the smallest labels a module still has three pixels


@dataclass(frozen=True, slots=True)
class Read:
    """One QR code.

    The QR code is a label of this service when `code`, or `gtin` and `serial`, are set.

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

    A bare code, or the address of a label below one of `public_urls`, is a label of ours. Our labels have
    nothing else in their text: anything more is not ours.
    """
    try:
        label = LabelText(check_code(text)) if ":" not in text and text.isascii() else None
    except Rejected:
        label = None
    if label is None and "://" in text and text[-1] != "?":
        label = find_label(text, public_urls)
    if label is None or not label.is_exact:
        return Read(_make_harmless(text))
    return Read(text, label.code, gtin=label.gtin, lot=label.lot, serial=label.serial)


def _make_harmless(text: str) -> str:
    """Return the first 80 characters of a foreign text, without unprintable characters and without links."""
    beginning = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:SHOWN_CHARS]
    )
    return beginning.replace(":", "[:]").replace(".", "[.]") + "..." * (len(text) > SHOWN_CHARS)
