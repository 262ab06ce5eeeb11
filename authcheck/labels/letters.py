"""The letters that labels can show, and the order in which a line of them is drawn.

Pure and light: an order of certificates asks here before anything is issued. `typesetting` draws.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

LATIN_FONT = "Helvetica-Bold"  # every PDF reader has it
# The letters of each embedded font, by its file in `fonts/`. A test compares them with the files.
EMBEDDED = {
    "NotoSans-Bold": (
        "20-7e,a0-24f,259,2b0-377,37a-37f,384-38a,38c,38e-3a1,3a3-3e1,3f0-52f,1e00-1f15,1f18-1f1d,1f20-1f45,"
        "1f48-1f4d,1f50-1f57,1f59,1f5b,1f5d,1f5f-1f7d,1f80-1fb4,1fb6-1fc4,1fc6-1fd3,1fd6-1fdb,1fdd-1fef,"
        "1ff2-1ff4,1ff6-1ffe,2000-2064,2066-2071,2074-208e,2090-209c,20a0-20c0,2100-214f"
    ),
    "NotoSansThai-Bold": "20,a0,e01-e3a,e3f-e5b,200c-200d,25cc",
    "NotoSansArabic-Bold": "20,a0,600-6ff,750-77f,200c-200f,25cc",
    "NotoSansHebrew-Bold": "20,a0,591-5c7,5d0-5ea,5ef-5f4,200c-200f,25cc",
    "NotoSansDevanagari-Bold": "20,a0,900-97f,200c-200d,25cc",
}
# PDF readers bring the East Asian fonts. An encoding lists the letters of each.
EAST_ASIAN = {"STSong-Light": "gbk", "HYSMyeongJo-Medium": "cp949"}
FONTS = (LATIN_FONT, *EMBEDDED, *EAST_ASIAN)
JOINERS = "\u200c\u200d"
RIGHT_TO_LEFT = {"R", "AL"}
LEFT_TO_RIGHT = {"L", "EN", "AN"}
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a line in one font and one direction. `text` is in the order in which it is read."""

    text: str
    font: str
    is_rtl: bool = False


def missing_letters(text: str) -> str:
    """Return the letters of a text that no font of ours has, each once, at most MOST_NAMED."""
    missing = [cluster for cluster in clusters(text) if _font_of(cluster, None) is None]
    return "".join(dict.fromkeys(missing[:MOST_NAMED]))


def clusters(text: str) -> list[str]:
    """Return the letters of a text, each with its marks and joiners."""
    parts: list[str] = []
    for char in text:
        is_mark = unicodedata.category(char).startswith("M") or char in JOINERS
        if parts and (is_mark or (parts[-1][-1] == "\u200d" and not char.isspace())):
            parts[-1] += char
        else:
            parts.append(char)
    return parts


def visual_runs(line: str) -> list[Run]:
    """Return the runs of a line in the order in which they are drawn, from left to right.

    A short form of the Unicode bidirectional algorithm for one line without embeddings: the first letter
    with a direction gives the line's direction, and numbers are read from left to right.
    """
    directions = _resolve_directions(line)
    is_rtl_line = next((is_rtl for is_rtl in map(_direction_of, line) if is_rtl is not None), False)
    spans: list[tuple[bool, str]] = []
    for is_rtl, char in zip(directions, line, strict=True):
        if spans and spans[-1][0] == is_rtl:
            spans[-1] = (is_rtl, spans[-1][1] + char)
        else:
            spans.append((is_rtl, char))
    runs: list[Run] = []
    for is_rtl, text in reversed(spans) if is_rtl_line else spans:
        of_span = [Run(part, font, is_rtl) for part, font in _split_by_font(text)]
        runs += reversed(of_span) if is_rtl else of_span
    return runs


def _direction_of(char: str) -> bool | None:
    """Return True for a letter read from right to left, False for one from left to right, None for others."""
    kind = unicodedata.bidirectional(char)
    return True if kind in RIGHT_TO_LEFT else False if kind in LEFT_TO_RIGHT else None


def _resolve_directions(line: str) -> list[bool]:
    """Return for each character whether it is read from right to left.

    A blank or sign has the direction of both its neighbours, or else that of the line. A mark has the
    direction of its letter.
    """
    strong = [_direction_of(char) for char in line]
    base = next((is_rtl for is_rtl in strong if is_rtl is not None), False)
    for place, char in enumerate(line):
        if place and unicodedata.bidirectional(char) in {"NSM", "BN"}:
            strong[place] = strong[place - 1]
    directions: list[bool] = []
    for place, is_rtl in enumerate(strong):
        if is_rtl is None:
            before = directions[-1] if directions else base
            after = next((later for later in strong[place:] if later is not None), base)
            directions.append(before if before == after else base)
        else:
            directions.append(is_rtl)
    return directions


def _split_by_font(text: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a text with their fonts. One font for the whole text comes first."""
    for font in FONTS:
        if all(_has(font, char) for char in text):
            yield text, font
            return
    part, font = "", LATIN_FONT
    for cluster in clusters(text):
        chosen = _font_of(cluster, font if part else None) or LATIN_FONT
        if part and chosen != font:
            yield part, font
            part = ""
        part, font = part + cluster, chosen
    if part:
        yield part, font


def _font_of(cluster: str, preferred: str | None) -> str | None:
    """Return a font with all characters of a letter: the preferred one, else the first. Or None."""
    candidates: Sequence[str] = (preferred, *FONTS) if preferred else FONTS
    return next((font for font in candidates if all(_has(font, char) for char in cluster)), None)


@cache
def _has(font: str, char: str) -> bool:
    if font in EMBEDDED:
        return any(ord(char) in span for span in _spans(font))
    try:
        char.encode(EAST_ASIAN.get(font, "cp1252"))
    except UnicodeEncodeError:
        return False
    return True


@cache
def _spans(font: str) -> tuple[range, ...]:
    bounds = [re.split("-", span) for span in EMBEDDED[font].split(",")]
    return tuple(range(int(bound[0], 16), int(bound[-1], 16) + 1) for bound in bounds)
