"""Kinds of files, known by their first bytes: pictures that we read, and others of which we know the name."""

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 8192  # enough to know every kind, but for drawings with long comments at their start
SVG_HEAD_BYTES = 65536
READABLE = frozenset(
    {"JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIC", "SVG", "SVGZ", "PDF"}
)  # what `decode.open_picture` reads
EXPORT = "Export the picture as PNG or JPEG."
VECTOR = "Export the drawing as SVG, PDF or PNG."
VIDEO = "Save a frame of it as PNG or JPEG."
# Pictures, drawings and videos that we cannot read, by name, with what their owner can do.
FOREIGN = {
    "PSD": ("Photoshop", EXPORT),
    "AI": ("Illustrator", "Save it with PDF content, or export it as SVG, PDF or PNG."),
    "EPS": ("EPS or PostScript", VECTOR),
    "INDD": ("InDesign", "Export the page as PDF or PNG."),
    "CDR": ("CorelDRAW", VECTOR),
    "AFFINITY": ("Affinity", VECTOR),
    "SKETCH": ("Sketch", VECTOR),
    "FIG": ("Figma", VECTOR),
    "XCF": ("GIMP", EXPORT),
    "KRA": ("Krita", EXPORT),
    "PROCREATE": ("Procreate", EXPORT),
    "CLIP": ("Clip Studio", EXPORT),
    "WMF": ("Windows metafile", VECTOR),
    "DXF": ("DXF", VECTOR),
    "RAW": ("raw camera", EXPORT),
    "JXL": ("JPEG XL", EXPORT),
    "JP2": ("JPEG 2000", EXPORT),
    "EXR": ("OpenEXR", EXPORT),
    "ICO": ("icon", EXPORT),
    "TGA": ("Targa", EXPORT),
    "PNM": ("Netpbm", EXPORT),
    "DDS": ("DirectDraw", EXPORT),
    "PCX": ("PCX", EXPORT),
    "DJVU": ("DjVu", EXPORT),
    "VIDEO": ("video", VIDEO),
}
APPLE_DOUBLE = "AppleDouble"  # a Mac's notes about a file of the same name
STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\0\x05\x16\x07", APPLE_DOUBLE), (b"\0\x05\x16\0", APPLE_DOUBLE),
    (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"),
    (b"8BPS", "PSD"), (b"%!PS", "EPS"), (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"\x06\x06\xed\xf5\xd8\x1d\x46\xe5", "INDD"), (b"gimp xcf", "XCF"), (b"fig-kiwi", "FIG"),
    (b"CSFCHUNK", "CLIP"), (b"\xd7\xcd\xc6\x9a", "WMF"), (b"\0\xffKA", "AFFINITY"),
    (b"FUJIFILMCCD-RAW", "RAW"), (b"IIRO", "RAW"), (b"IIRS", "RAW"), (b"MMOR", "RAW"), (b"IIU\0", "RAW"),
    (b"\0MRM", "RAW"), (b"FOVb", "RAW"),
    (b"\xff\x0a", "JXL"), (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JP2"), (b"\xff\x4f\xff\x51", "JP2"),
    (b"v/1\x01", "EXR"), (b"\0\0\x01\0", "ICO"), (b"icns", "ICO"), (b"DDS ", "DDS"), (b"AT&TFORM", "DJVU"),
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"),
    (b"\x1aE\xdf\xa3", "VIDEO"), (b"FLV\x01", "VIDEO"), (b"\0\0\x01\xba", "VIDEO"), (b"OggS", "VIDEO"),
    (b"0&\xb2u\x8ef\xcf\x11", "VIDEO"),
)  # fmt: skip
RIFF = {b"WEBP": "WEBP", b"AVI ": "VIDEO"}
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}
BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}  # bytes
SVG_START = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?svg[\s>/]")
# The mark of text in UTF-8, blanks, and what may precede the first element of XML.
XML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!DOCTYPE\s+(?:[\w.-]+:)?svg|(?:[A-Za-z_][\w.-]*:)?svg[\s>/])"
)
ZIPPED = ((b"application/x-vnd.corel", "CDR"), (b"application/x-krita", "KRA"))
SUFFIXES = {
    **dict.fromkeys([".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo"], "JPEG"),
    **dict.fromkeys([".png", ".apng"], "PNG"),
    **dict.fromkeys([".tif", ".tiff"], "TIFF"),
    **dict.fromkeys([".bmp", ".dib"], "BMP"),
    **dict.fromkeys([".avif", ".avifs"], "AVIF"),
    **dict.fromkeys([".heic", ".heif", ".heics", ".heifs", ".hif"], "HEIC"),
    ".webp": "WEBP", ".gif": "GIF", ".svg": "SVG", ".svgz": "SVGZ", ".pdf": "PDF",
    **dict.fromkeys([".psd", ".psb"], "PSD"),
    **dict.fromkeys([".ai", ".ait"], "AI"),
    **dict.fromkeys([".eps", ".epsf", ".ps"], "EPS"),
    **dict.fromkeys([".indd", ".indt", ".idml"], "INDD"),
    **dict.fromkeys([".cdr", ".cdt", ".cmx"], "CDR"),
    **dict.fromkeys([".afdesign", ".afphoto", ".afpub"], "AFFINITY"),
    ".sketch": "SKETCH", ".fig": "FIG", ".xcf": "XCF", ".kra": "KRA", ".procreate": "PROCREATE",
    ".clip": "CLIP", ".dxf": "DXF", ".dwg": "DXF",
    **dict.fromkeys([".wmf", ".emf"], "WMF"),
    **dict.fromkeys(
        [".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".dng", ".raf", ".orf", ".rw2",
         ".pef", ".srw", ".3fr", ".fff", ".iiq", ".erf", ".mrw", ".x3f", ".raw", ".rwl"], "RAW"),
    ".jxl": "JXL", **dict.fromkeys([".jp2", ".j2k", ".jpf", ".jpx", ".j2c"], "JP2"),
    **dict.fromkeys([".exr", ".hdr"], "EXR"), **dict.fromkeys([".ico", ".icns", ".cur"], "ICO"),
    ".tga": "TGA", ".dds": "DDS", ".pcx": "PCX", **dict.fromkeys([".djvu", ".djv"], "DJVU"),
    **dict.fromkeys([".pbm", ".pgm", ".ppm", ".pnm", ".pam"], "PNM"),
    **dict.fromkeys([".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg", ".3gp", ".flv",
                     ".ogv", ".mts", ".m2ts"], "VIDEO"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Foreign:
    """A kind of picture, drawing or video that we cannot read: its name, and what its owner can do."""

    name: str
    advice: str


def kind_by_suffix(name: str) -> str:
    """Return the kind that a file's name promises, or ""."""
    return SUFFIXES.get(Path(name).suffix.lower(), "")


def kind_of(data: bytes) -> str:
    """Return the kind of a file by its first bytes, or "".

    The kind is in READABLE, in FOREIGN, or APPLE_DOUBLE.
    """
    for start, kind in STARTS:
        if data.startswith(start):
            return "RAW" if kind == "TIFF" and _is_raw(data) else kind
    if data[4:8] == b"ftyp":
        return _kind_by_brands(data)
    if data[:4] == b"RIFF":
        return "CDR" if data[8:11] in {b"CDR", b"cdr"} else RIFF.get(data[8:12], "")
    if data[:4] == b"PK\x03\x04":
        return next((kind for mark, kind in ZIPPED if mark in data[:200]), "")
    return _kind_by_content(data)


def _kind_by_brands(data: bytes) -> str:
    """Return the kind of a file in boxes, by the brands in its first box (ISO/IEC 14496-12 4.3)."""
    size = min(int.from_bytes(data[:4], "big"), 256)
    major, *others = (data[start : start + 4] for start in (8, *range(16, max(size, 16), 4)))
    if major == b"crx ":
        return "RAW"
    if major in AVIF_BRANDS or (major in {b"mif1", b"msf1"} and AVIF_BRANDS & set(others)):
        return "AVIF"
    if major in HEIF_BRANDS or HEIF_BRANDS & set(others):
        return "HEIC"
    return "AVIF" if AVIF_BRANDS & set(others) else "VIDEO"


def _kind_by_content(data: bytes) -> str:
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in BMP_HEADERS:
        return "BMP"
    if b"%PDF-" in data[:1024]:
        return "PDF"
    return _kind_of_xml(data)


def _kind_of_xml(data: bytes) -> str:
    if data[:2] == b"\x1f\x8b":
        try:
            start = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data[:HEAD_BYTES], HEAD_BYTES)
        except zlib.error:
            return ""
        return "SVGZ" if _is_svg(start) else ""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        head = data[:SVG_HEAD_BYTES].decode("utf-16", "replace").encode()
        return "SVG" if _is_svg(head) else ""
    return "SVG" if _is_svg(data[:SVG_HEAD_BYTES]) else ""


def _is_svg(head: bytes) -> bool:
    return XML_START.match(head) is not None and SVG_START.search(head) is not None


def _is_raw(data: bytes) -> bool:
    """Return whether a TIFF is a camera's raw file. Its first picture is then only a small preview.

    CR2 says so. DNG has a tag of its own. NEF, ARW and PEF have a reduced picture first and others below it.
    """
    order = "little" if data[:2] == b"II" else "big"
    if data[8:10] == b"CR":
        return True

    def number(offset: int, size: int) -> int:
        return int.from_bytes(data[offset : offset + size], order)  # type: ignore[arg-type]

    directory = number(4, 4)
    entries = range(directory + 2, directory + 2 + 12 * min(number(directory, 2), 200), 12)
    tags = {number(entry, 2): number(entry + 8, 4 if number(entry + 2, 2) == 4 else 2) for entry in entries}  # noqa: PLR2004 - the type LONG
    return 50706 in tags or (tags.get(254) == 1 and 330 in tags)  # noqa: PLR2004 - DNGVersion, NewSubfileType, SubIFDs


def foreign_kind(kind: str) -> Foreign | None:
    """Return the name and the advice of a kind that we cannot read, or None."""
    return Foreign(*FOREIGN[kind]) if kind in FOREIGN else None
