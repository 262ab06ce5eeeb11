"""The text of tables and of their cells, as spreadsheets, browsers and chat programs write it."""

import re
import unicodedata

from authcheck.errors import Rejected

SHOWN_CHARS = 200
# Blanks that look like a blank: no-break, narrow, figure and ideographic blanks.
BLANKS = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
# Characters without width that copying leaves behind: soft hyphens, word joiners, marks of direction.
INVISIBLE = "\u00ad\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
JOINERS = "\u200c\u200d"  # inside words of Persian and Hindi they have a meaning
_PLAIN = {**dict.fromkeys(map(ord, BLANKS), " "), **dict.fromkeys(map(ord, INVISIBLE), None)}
_EDGES = " \t\r\n\v\f\x1a\x1c\x1d\x1e\x1f\x85\u2028\u2029" + JOINERS
UTF32_MARKS = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
AS_TEXT = re.compile(r'=\s*"(.*)"', re.DOTALL)
MARKED = re.compile(r"'(?:\d+$|[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NAME_GAPS = re.compile(r"[\s\-]+")
SAVE_AS_UTF8 = "Save the table as UTF-8 (in Excel: Save as, CSV UTF-8)."


def clean_text(text: str) -> str:
    """Return the text that a person sees: plain blanks, none at the ends, no invisible characters, NFC.

    A Mac writes `é` as two characters, other systems as one. In NFC it is one character.
    """
    return unicodedata.normalize("NFC", text.translate(_PLAIN).strip(_EDGES))


def unwrapped(text: str) -> str:
    """Return the text in `="00123"`, by which programs keep a spreadsheet from cutting zeros off."""
    formula = AS_TEXT.fullmatch(text)
    return clean_text(formula[1].replace('""', '"')) if formula else text


def without_apostrophe(text: str) -> str:
    """Return the text without the apostrophe that marks a number, or the start of a formula, as text.

    Spreadsheets write it, and so do our own tables, see `csv_cells.as_text`.
    """
    return text[1:] if MARKED.match(text) else text


def column_name(text: str) -> str:
    """Return a column's name as our tables write it: `"Public preview"` is `public_preview`."""
    return _NAME_GAPS.sub("_", clean_text(clean_text(text).strip("\"'")).casefold())


def decode_table(table_bytes: bytes) -> str:
    """Decode a table from UTF-8, from UTF-16, also without a byte order mark, or from UTF-32.

    Bytes that are not UTF-8 become surrogates, so that only the rows with such bytes are refused: nobody can
    know in which of the old encodings they are. Raises Rejected (`table.encoding`) when the bytes begin as
    UTF-16 but are not UTF-16.
    """
    encoding = "utf-32" if table_bytes.startswith(UTF32_MARKS) else _utf16_of(table_bytes)
    if encoding is None:
        return table_bytes.decode("utf-8-sig", errors="surrogateescape").removeprefix("\ufeff")
    try:
        return table_bytes.decode(encoding, errors="surrogatepass").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Rejected(
            f"The table begins as UTF-16 but is damaged. {SAVE_AS_UTF8}", code="table.encoding"
        ) from error


def _utf16_of(table_bytes: bytes) -> str | None:
    """Return the codec of a table in UTF-16, or None.

    Without a mark, every second byte of the header is zero.
    """
    if table_bytes.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = table_bytes[:64]
    half = len(head) // 2
    if half >= 4 and len(table_bytes) % 2 == 0:  # noqa: PLR2004 - no header has fewer characters
        if head[1::2].count(0) == half and 0 not in head[::2]:
            return "utf-16-le"
        if head[::2].count(0) == len(head[::2]) and 0 not in head[1::2]:
            return "utf-16-be"
    return None


def shown(text: str) -> str:
    """Make text from an untrusted file safe to show: at most 200 characters, `?` for each unprintable one."""
    return "".join(char if char.isprintable() else "?" for char in text[:SHOWN_CHARS].strip())
