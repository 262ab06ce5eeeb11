"""Slips of a typed code: what a reader probably meant, worked out from the typed text alone.

A code carries a check character (`ids.check_code`), so a slip shows without any look-up. No function here
asks the database: a proposal fits the check character, and says nothing about whether its code exists.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from authcheck.errors import Rejected
from authcheck.ids import CODE_CHARS, CROCKFORD, READ_AS, check_code
from authcheck.labels.codes import LONGEST_TEXT, is_address, unwrap

MOST = 3  # proposals for one text
KEY_ROWS = ("1234567890", "QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM")
LOOK_ALIKE = (
    *("8B", "5S", "2Z", "6G", "0D", "0Q", "DQ", "17", "UV", "VY", "VW", "CG", "EF", "MN", "PR", "KX"),
    *("HN", "4A", "38", "9G", "9Q", "6B", "7T", "1T", "1J", "FP", "RK", "6E"),
)

Kind = Literal["unread", "alike", "swapped", "doubled", "dropped", "key"]
"""What may have happened: a character that no code has, one that looks alike, two in the wrong order, one
typed twice, one of a pair left out, a key beside the right one."""


@dataclass(frozen=True, slots=True)
class Slip:
    """A proposal: the code that may be meant, and how it differs from the typed text.

    `place` is the index in `code` of the first character that changes. `typed` are the characters that were
    typed there, `meant` those of the code.
    """

    code: str
    kind: Kind
    place: int
    typed: str
    meant: str


def as_typed(text: str) -> str:
    """Return the characters of a typed code: in capitals, without blanks and hyphens, I and L read as 1."""
    return "".join(unwrap(text[:LONGEST_TEXT]).upper().translate(READ_AS).split())


def has_slip(text: str) -> bool:
    """Return whether a text was meant as a code and cannot be one: a character is wrong, missing or extra."""
    value = unwrap(text[:LONGEST_TEXT])
    typed = as_typed(text)
    is_near = abs(len(typed) - CODE_CHARS) <= 1 and typed.isascii() and not is_address(value)
    return is_near and not _fits(typed)


def find_slips(text: str) -> list[Slip]:
    """Return at most MOST codes that the text may mean, the likeliest first.

    Every proposal fits its check character, and differs from the text by one slip. A text that fits already,
    or that is no code, has none.
    """
    if not has_slip(text):
        return []
    typed = as_typed(text)
    finders = {CODE_CHARS: _of_full_length, CODE_CHARS + 1: _without_one, CODE_CHARS - 1: _with_pair}
    slips: dict[str, Slip] = {}
    for slip in finders[len(typed)](typed):
        if _fits(slip.code):
            slips.setdefault(slip.code, slip)
    return list(slips.values())[:MOST]


def _of_full_length(typed: str) -> Iterator[Slip]:
    unread = [place for place, character in enumerate(typed) if character not in CROCKFORD]
    if len(unread) > 1:
        return
    if unread:  # exactly one character makes the rest fit
        yield from (_replaced(typed, unread[0], character, "unread") for character in CROCKFORD)
        return
    yield from _with_other(typed, _alike, "alike")
    for place in range(len(typed) - 1):
        pair = typed[place : place + 2]
        yield Slip(
            typed[:place] + pair[::-1] + typed[place + 2 :], "swapped", place, typed=pair, meant=pair[::-1]
        )
    yield from _with_other(typed, _neighbours, "key")


def _with_other(typed: str, others: "dict[str, str]", kind: Kind) -> Iterator[Slip]:
    for place, character in enumerate(typed):
        for other in others.get(character, ""):
            yield _replaced(typed, place, other, kind)


def _replaced(typed: str, place: int, character: str, kind: Kind) -> Slip:
    return Slip(typed[:place] + character + typed[place + 1 :], kind, place, typed[place], character)


def _without_one(typed: str) -> Iterator[Slip]:
    for place in range(1, len(typed)):
        if typed[place] == typed[place - 1]:
            code = typed[:place] + typed[place + 1 :]
            yield Slip(code, "doubled", place - 1, typed=typed[place] * 2, meant=typed[place])


def _with_pair(typed: str) -> Iterator[Slip]:
    for place, character in enumerate(typed):
        yield Slip(typed[:place] + character + typed[place:], "dropped", place, character, character * 2)


def _fits(typed: str) -> bool:
    try:
        return check_code(typed) == typed
    except Rejected:
        return False


def _pairs_by_character(pairs: Iterator[str]) -> dict[str, str]:
    others: dict[str, str] = {}
    for pair in pairs:
        for one, other in ((pair[0], pair[1]), (pair[1], pair[0])):
            if one in CROCKFORD and other in CROCKFORD:
                others[one] = others.get(one, "") + other
    return others


def _neighbouring_keys() -> Iterator[str]:
    """Yield pairs of keys that touch on a keyboard of a phone, within a row and between rows."""
    for upper, lower in zip(KEY_ROWS, (*KEY_ROWS[1:], ""), strict=True):
        yield from (upper[place : place + 2] for place in range(len(upper) - 1))
        for place, key in enumerate(lower):
            yield from (near + key for near in upper[place : place + 2])


_alike = _pairs_by_character(iter(LOOK_ALIKE))
_neighbours = _pairs_by_character(_neighbouring_keys())
