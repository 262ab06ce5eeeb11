"""Documents that prove a right: PDF, PNG or JPEG, looked at as bytes, never opened and never run.

A document is stored as it came, and handed out as a file to save. So the checks refuse what could run in the
reader's program: scripts and actions of a PDF, and files that are two kinds at once.
"""

import hashlib
import re
import zlib
from dataclasses import dataclass

from authcheck.errors import Rejected

MOST_BYTES = 10 * 1024**2
MOST_INFLATED = 64 * 1024**2  # of all compressed parts of a PDF together
TAIL_BYTES = 1024  # where the end of a PDF must be (ISO 32000-1 annex H, note 18)
PNG, PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND\xaeB`\x82"
JPEG, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
# Names of actions and parts by which a PDF makes its reader run, send, open or carry something. What is done
# at the opening (`OpenAction`) is one of these actions, or only the page that is shown first.
ACTIVE = re.compile(
    rb"/(JavaScript|JS|Launch|EmbeddedFiles?|EF|RichMedia|XFA|SubmitForm|ImportData|GoToE|GoToR"
    rb"|Rendition|Movie|Sound|3D)(?![A-Za-z0-9])"
)
ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")  # ISO 32000-1 s7.3.5: a name may hide its letters
STREAM = re.compile(rb"stream\r?\n")
OTHER_KINDS = (b"PK\x03\x04", b"<html", b"<script", b"MZ\x90\x00", b"\x7fELF", b"%!PS")
HEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be stored: its bytes and its media type."""

    data: bytes
    media_type: str

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


def ending_of(media_type: str) -> str:
    """Return the ending of the name under which a document is handed out: `pdf`, `png` or `jpg`."""
    return media_type.rpartition("/")[2].replace("jpeg", "jpg")


def read_document(data: bytes) -> Document:
    """Check a document. Raises Rejected: `document.too_large`, `document.kind`, `document.active`,
    `document.locked`, `document.tail`.
    """  # noqa: D205 - the codes
    if len(data) > MOST_BYTES:
        raise Rejected(
            f"The document has more than {MOST_BYTES // 1024**2} MB.",
            code="document.too_large",
            limit_mb=MOST_BYTES // 1024**2,
        )
    if data.startswith(b"%PDF-"):
        _check_pdf(data)
        return Document(data, "application/pdf")
    if data.startswith(PNG):
        _check_end(data, PNG_END)
        return Document(data, "image/png")
    if data.startswith(JPEG):
        _check_end(data, JPEG_END)
        return Document(data, "image/jpeg")
    raise Rejected("A document is a PDF, a PNG or a JPEG.", code="document.kind")


def _check_end(data: bytes, end: bytes) -> None:
    """Refuse bytes behind a picture's end: they could be another file."""
    if not data.endswith(end):
        raise Rejected(
            "The picture has something behind its end, or no end. Save it again, and send it again.",
            code="document.tail",
        )


def _check_pdf(data: bytes) -> None:
    at = data.rfind(b"%%EOF")
    if at < len(data) - TAIL_BYTES or data[at + 5 :].strip(b"\r\n \t\0"):
        raise Rejected(
            "The PDF has something behind its end, or no end. Print it to a new PDF, and send that.",
            code="document.tail",
        )
    if any(kind in data[:HEAD_BYTES].lower() for kind in OTHER_KINDS):
        raise Rejected("The file is a PDF and something else at once.", code="document.kind")
    if re.search(rb"/Encrypt\b", data):
        raise Rejected("The PDF is locked. Send it without a password.", code="document.locked")
    for part in (data, *_inflate(data)):
        plain = ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), part)
        if found := ACTIVE.search(plain):
            name = found[1].decode()
            raise Rejected(
                f"The PDF can run or open something ({name}). Print it to a new PDF, and send that.",
                code="document.active",
                name=name,
            )


def _inflate(data: bytes) -> list[bytes]:
    """Return the compressed parts of a PDF that zlib can read: they hide names from a plain search."""
    parts, left = [], MOST_INFLATED
    for start in STREAM.finditer(data):
        inflater = zlib.decompressobj()
        try:
            part = inflater.decompress(data[start.end() :], left + 1)
        except zlib.error:  # pictures and fonts are packed otherwise
            continue
        left -= len(part)
        if left < 0:
            raise Rejected(
                "The PDF unpacks to more than we look through. Print it to a new PDF, and send that.",
                code="document.too_large",
                limit_mb=MOST_INFLATED // 1024**2,
            )
        parts.append(part)
    return parts
