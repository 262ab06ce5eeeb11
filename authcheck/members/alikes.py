"""Organisations whose names a reader would take for a member's: look-alike letters, or a letter more or less.

Letters that look alike are those of Unicode Technical Standard 39, whose tables come with the package
`confusable-homoglyphs`. Traditional Chinese characters are read as simplified ones, by `opencc`. Two texts
look alike if their skeletons are equal, or differ by one slip of the finger: a letter more, less, other, or
two swapped (Damerau).
"""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from confusable_homoglyphs import confusables
from rapidfuzz.distance import OSA
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.members.organisations import APPROVED, SUSPENDED
from authcheck.members.tables import Organisation

SHORTEST_SLIP = 4  # letters of a skeleton: among shorter ones, one letter makes another word
LATIN_ALIKE = {"0": "o", "1": "l", "i": "l", "j": "l", "5": "s", "8": "b", "vv": "w", "rn": "m", "cl": "d"}
PAGE = 1000


def skeleton(text: str) -> str:
    """Return the letters that a hasty reader sees: `acmekltes` for Acme-Kites, also in Cyrillic letters.

    A name in traditional Chinese has the skeleton of the same name in simplified Chinese.

    For comparison only, never to be shown.
    """
    latin = _alike_in_latin()
    # Each letter as it is written first: a Greek capital looks like another letter than its small form.
    seen = "".join(latin.get(char, char) for char in unicodedata.normalize("NFC", text))
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", seen).casefold())
    seen = "".join(latin.get(char, char) for char in plain if char.isalnum())
    for written, read in LATIN_ALIKE.items():
        seen = seen.replace(written, read)
    return seen if seen.isascii() else str(_to_simplified().convert(seen))


def look_alike(first: str, second: str) -> bool:
    """Return whether a hasty reader may take one text for the other."""
    left, right = skeleton(first), skeleton(second)
    if left == right:
        return bool(left)
    if min(len(left), len(right)) < SHORTEST_SLIP:
        return False
    return OSA.distance(left, right, score_cutoff=1) <= 1


def find_alike(session: Session, organisation: Organisation) -> Sequence[Organisation]:
    """Return the members that an organisation looks like by its handle or its name, oldest first.

    A suspended member counts: its name still means something to buyers.
    """
    query = select(Organisation).where(
        Organisation.id != organisation.id,
        or_(Organisation.state == APPROVED, Organisation.state == SUSPENDED),
    )
    own = (organisation.handle, organisation.name)
    return [
        member
        for member in session.scalars(query.order_by(Organisation.id)).yield_per(PAGE)
        if any(look_alike(one, other) for one in own for other in (member.handle, member.name))
    ]


@cache
def _to_simplified() -> Any:
    """Return the converter from traditional to simplified Chinese."""
    from opencc import OpenCC  # noqa: PLC0415 - a library of 7 MB, which only names in other letters need

    return OpenCC("t2s")


@cache
def _alike_in_latin() -> Mapping[str, str]:
    """Return the Latin letter or digit that each other letter looks like."""
    table = {}
    for char, others in confusables.confusables_data.items():
        latin = {other["c"].casefold() for other in others if other["c"].isascii() and other["c"].isalnum()}
        if latin and len(char) == 1 and not char.isascii():
            table[char] = min(latin, key=lambda text: (len(text), text))
    return table
