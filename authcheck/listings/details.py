"""The details of an offer that decide nothing: its address, texts, numbers, language and GTIN.

A case shows them to a person. No verdict depends on them, so no detail refuses a listing: a value that cannot
be used is left out, a text that is too long is cut, and a remark says so.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from babel import Locale
from babel.core import parse_locale

from authcheck.errors import Rejected
from authcheck.files.table_text import shown
from authcheck.ids import EMBEDDINGS, LOOSE_JOINERS, UNSEEN, fold, tidy
from authcheck.labels import gs1
from authcheck.licences.written import read_count
from authcheck.storefronts.addresses import to_ascii_host

URL_CHARS = 2000
LANGUAGE_CHARS = 35  # the length that BCP 47 (RFC 5646 s4.4.1) asks everybody to keep
TEXT_CHARS: Mapping[str, int] = {"title": 500, "description": 20_000, "seller_name": 200, "query": 500}
LEAST: Mapping[str, int] = {"sold_30d": 0, "stock": 0, "rank": 1}
MOST_COUNT = 10**12 - 1  # JavaScript reads it without loss
DETAILS = (
    "url", "title", "description", "language", "seller_name", "gtin", "sold_30d", "stock", "rank", "query",
)  # fmt: skip
TYPED_CHARS = 100  # of a number, a language or a GTIN
MOST_MARKS = 8  # on one letter; more marks cover the lines above and below, and cost time to sort
LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
UNSAFE_IN_URL = set(' \\"<>^`{|}')
SAFE_IN_URL = "%/:?#[]@!$&'()*+,;=-._~"
Value = str | int | None


@dataclass(frozen=True, slots=True)
class Remark:
    """A value of a listing that was left out or changed: the field, a code, and a sentence that says why."""

    field: str
    code: str
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Return `{"field": ..., "code": ..., "detail": ...}`."""
        return asdict(self)


def clean_detail(field: str, value: Value) -> tuple[Value, tuple[Remark, ...]]:
    """Return a field of `DETAILS` in its one spelling, None without a value, and the remarks about it.

    A cleaned value stays as it is when it is cleaned again. Never raises for any text.
    """
    text = "" if value is None else str(value)
    if field in TEXT_CHARS:
        return _clean_text(field, text)
    if not tidy(text[:URL_CHARS]):
        return None, ()
    if field != "url" and len(text) > TYPED_CHARS:
        return None, (_unread(field, f"{shown(text[:40])}... is too long."),)
    try:
        return READERS[field](field, text), ()
    except Rejected as error:
        return None, (_unread(field, str(error)),)


def _unread(field: str, problem: str) -> Remark:
    return Remark(field, "listing.field_unread", f"We left {field} out. {shown(problem)}")


def _clean_text(field: str, text: str) -> tuple[Value, tuple[Remark, ...]]:
    remarks = []
    lined = LINE_ENDS.sub("\n", text)
    seen = lined if lined.isascii() and lined.isprintable() else _without_hidden(lined)
    if hidden := len(lined) - len(seen):
        problem = f"We removed hidden characters from {field}: {hidden}. They can turn, hide or cover text."
        remarks.append(Remark(field, "listing.field_hidden", problem))
    one_line = " ".join(tidy(seen).split())
    cleaned = re.sub(r"\s*\n\s*\n\s*", "\n\n", tidy(seen)) if field == "description" else one_line
    most_chars = TEXT_CHARS[field]
    if len(cleaned) > most_chars:
        problem = f"{field} has {len(cleaned):,} characters. We keep the first {most_chars:,}."
        remarks.append(Remark(field, "listing.field_cut", problem))
        cleaned = tidy(cleaned[:most_chars])
    return cleaned or None, tuple(remarks)


def _without_hidden(text: str) -> str:
    """Return the text without controls, marks of direction, tags and lone surrogates.

    The result has line feeds, tabs, and what `tidy` removes everywhere. A letter keeps at most eight marks.
    """
    kept, marks = [], 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        is_known = char in "\n\t" or UNSEEN.match(char) or LOOSE_JOINERS.match(char)
        if marks <= MOST_MARKS and (is_known or unicodedata.category(char) not in {"Cc", "Cf", "Cs"}):
            kept.append(char)
    return "".join(kept)


def _read_url(field: str, text: str) -> str:
    """Return an http or https address in ASCII. Nothing ever fetches it.

    An address with a user's name before the host is refused: people read that name as the host.
    """
    written = to_ascii_host(tidy(text).strip(EMBEDDINGS + "<>"))
    try:
        parts = urlsplit(written)
        is_web = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_web = False
        parts = urlsplit("")
    is_plain = parts.netloc.isascii() and written.isprintable() and not set(written) & UNSAFE_IN_URL
    if not is_web or not is_plain or "@" in parts.netloc:
        raise Rejected(
            f"{shown(text[:80])} is not a web address. Write it with https:// or http:// before the host.",
            code="listing.field_unread",
            field=field,
        )
    address = quote(parts._replace(netloc=parts.netloc.lower()).geturl(), safe=SAFE_IN_URL)
    if len(address) > URL_CHARS:
        raise Rejected(
            f"An address has at most {URL_CHARS:,} characters.", code="listing.field_unread", field=field
        )
    return address


def _read_language(field: str, text: str) -> str:
    """Return a BCP 47 tag whose parts CLDR knows: `zh-Hant-TW` for `zh_hant_tw`."""
    written = fold(text).replace("_", "-")
    english = Locale("en")
    try:
        language, territory, script, variant = parse_locale(written, sep="-")[:4]
    except ValueError:
        language, territory, script, variant = "", None, None, None
    is_known = language in english.languages and len(written) <= LANGUAGE_CHARS
    if not (
        is_known
        and (territory is None or territory in english.territories)
        and (script is None or script in english.scripts)
        and (variant is None or variant.upper() in english.variants)
    ):
        raise Rejected(
            f"{shown(text)} is not a language. Write a code like de or zh-Hant.",
            code="listing.field_unread",
            field=field,
        )
    return "-".join(part for part in (language, script, territory, variant and variant.lower()) if part)


def _read_gtin(_field: str, text: str) -> str:
    return gs1.check_gtin(text)


def _read_number(field: str, text: str) -> int:
    number = read_count(text)
    if not LEAST[field] <= number <= MOST_COUNT:
        raise Rejected(
            f"{number} is not between {LEAST[field]} and {MOST_COUNT:,}.",
            code="listing.field_unread",
            field=field,
        )
    return number


READERS: Mapping[str, Callable[[str, str], str | int]] = {
    "url": _read_url,
    "language": _read_language,
    "gtin": _read_gtin,
    **dict.fromkeys(LEAST, _read_number),
}


def url_key(url: str) -> str:
    """Return a hash by which a listing's address is found, however a person copies it.

    The scheme, `www.`, a final slash, the fragment and the case of the host make no difference.
    """
    try:
        parts = urlsplit(url.strip() if "://" in url else f"https://{url.strip()}")
        host, query = (parts.hostname or "").removeprefix("www."), f"?{parts.query}" if parts.query else ""
        text = f"{host}{parts.path.rstrip('/')}{query}"
    except ValueError:  # no address: it is found by its own text only
        text = url.strip()
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
