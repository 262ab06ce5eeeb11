"""Documents are looked at, never opened: what could run, or is two kinds at once, is refused."""

import io
import zlib

import make
import pytest
from reportlab.pdfgen.canvas import Canvas

from authcheck.errors import Rejected
from authcheck.files import documents
from authcheck.files.documents import ending_of, read_document


def pdf(text: str = "Registered design 008123456-0001") -> bytes:
    """Return a plain PDF."""
    file = io.BytesIO()
    canvas = Canvas(file, invariant=True)
    canvas.drawString(72, 720, text)
    canvas.save()
    return file.getvalue()


def stream(data: bytes) -> bytes:
    """Return a compressed part of a PDF."""
    packed = zlib.compress(data)
    return (
        b"9 0 obj <</Type/ObjStm/Length %d/Filter/FlateDecode>> stream\n" % len(packed)
        + packed
        + b"\nendstream endobj\n"
    )


def with_part(part: bytes) -> bytes:
    """Return a PDF with one more part before its end."""
    whole = pdf()
    at = whole.rfind(b"xref")
    return whole[:at] + part + whole[at:]


PNG, JPEG = make.picture_bytes(1), make.picture_bytes(1, "JPEG")


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (pdf(), "application/pdf"),
        (pdf() + b"\r\n", "application/pdf"),
        (pdf("JavaScript and OpenAction are only words here"), "application/pdf"),
        (with_part(b"9 0 obj <</OpenAction[3 0 R/Fit]>> endobj\n"), "application/pdf"),  # the first page
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
    ],
)
def test_a_plain_document_is_taken(data: bytes, media_type: str) -> None:
    """A PDF of text, a PNG and a JPEG, as they come."""
    taken = read_document(data)
    assert (taken.data, taken.media_type) == (data, media_type)
    assert ending_of(taken.media_type) in {"pdf", "png", "jpg"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "document.kind"),
        (b"hello", "document.kind"),
        (b"<html><script>alert(1)</script>", "document.kind"),
        (b"PK\x03\x04", "document.kind"),
        (b"GIF89a", "document.kind"),
        (b"\n" + pdf(), "document.kind"),
        (b"%PDF-1.7\n<html>" + pdf(), "document.kind"),
        (with_part(b"9 0 obj <</S/JavaScript/JS(app.alert\\(1\\))>> endobj\n"), "document.active"),
        (with_part(b"9 0 obj <</S/J#61vaScript>> endobj\n"), "document.active"),
        (with_part(b"9 0 obj <</OpenAction<</S/JavaScript/JS 3 0 R>>>> endobj\n"), "document.active"),
        (with_part(b"9 0 obj <</S/Launch/F(calc.exe)>> endobj\n"), "document.active"),
        (with_part(b"9 0 obj <</Names<</EmbeddedFiles 3 0 R>>>> endobj\n"), "document.active"),
        (with_part(stream(b"1 0 <</S/JavaScript/JS(x)>>")), "document.active"),
        (with_part(stream(b"1 0 <</S/#4aavaScript>>")), "document.active"),
        (with_part(b"9 0 obj <</Encrypt 3 0 R>> endobj\n"), "document.locked"),
        (pdf() + b"PK\x03\x04 a whole archive", "document.tail"),
        (pdf()[:-20], "document.tail"),
        (PNG + b"PK\x03\x04", "document.tail"),
        (PNG[:-4], "document.tail"),
        (JPEG + b"<script>", "document.tail"),
    ],
)
def test_what_could_run_or_is_two_kinds_is_refused(data: bytes, code: str) -> None:
    """Scripts, actions, attachments, locked files, hidden names and polyglots, each by its code."""
    with pytest.raises(Rejected) as refused:
        read_document(data)
    assert refused.value.code == code


def test_a_huge_document_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred megabytes are refused by their size, and a bomb of a PDF before it is unpacked."""
    with pytest.raises(Rejected) as large:
        read_document(b"%PDF-" + bytes(200 * 1024**2))
    bomb = with_part(stream(bytes(3 * 1024**2)))
    monkeypatch.setattr(documents, "MOST_INFLATED", 1024**2)
    with pytest.raises(Rejected) as unpacked:
        read_document(bomb)
    assert (large.value.code, unpacked.value.code) == ("document.too_large", "document.too_large")
