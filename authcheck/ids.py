"""Identifiers: prefixed, sortable by time, unguessable; codes that people read off a label and type."""

import secrets
import unicodedata
from datetime import UTC, datetime, timedelta

from authcheck.errors import Rejected

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME_CHARS = 11  # 55 bits of microseconds
RANDOM_CHARS = 15  # 75 bits

CODE_RANDOM_CHARS = 12  # 60 bits
CODE_CHARS = CODE_RANDOM_CHARS + 1
LONGEST_TYPED_CHARS = 64  # a typed code has a few blanks and hyphens
READ_AS = str.maketrans("ILO", "110", "-\u2010\u2013\u2014")  # all kinds of hyphens and dashes go
FIELD_OVERFLOW = 0b100000
FIELD_POLYNOMIAL = 0b100101  # x^5 + x^2 + 1, primitive: powers of x run through all 31 non-zero elements


def new_id(prefix: str, now: datetime) -> str:
    """`dsn_01JD...`: the prefix, the microsecond of `now`, 75 random bits, in Crockford base32.

    Ids of different microseconds sort by time; within one microsecond their order is arbitrary.
    """
    microseconds = (now - EPOCH) // timedelta(microseconds=1)
    random = secrets.randbits(5 * RANDOM_CHARS)
    return f"{prefix}_{_base32(microseconds, TIME_CHARS)}{_base32(random, RANDOM_CHARS)}"


def new_code() -> str:
    """A label's code: 60 random bits as 12 Crockford characters, and a check character."""
    drawn = _base32(secrets.randbits(5 * CODE_RANDOM_CHARS), CODE_RANDOM_CHARS)
    return drawn + CROCKFORD[_times_x(_remainder(drawn))]


def check_code(text: str) -> str:
    """The code that was typed, in its one spelling; Rejected `code.malformed` if it cannot be a code.

    Small letters, full-width characters, blanks and hyphens are as good as none; I and L are read as 1, O as 0.
    Every wrong character is noticed, and every two that changed places: the 13 characters are a code word over
    the field of 32 elements, weighted by different powers of x.
    """
    if len(text) > LONGEST_TYPED_CHARS:
        raise _malformed()
    code = "".join(unicodedata.normalize("NFKC", text).upper().translate(READ_AS).split())
    if len(code) != CODE_CHARS or not set(code) <= set(CROCKFORD) or _remainder(code):
        raise _malformed()
    return code


def show_code(code: str) -> str:
    """The code in groups, as it is printed for people: `XXXX-XXXX-XXXXX`."""
    return f"{code[:4]}-{code[4:8]}-{code[8:]}"


def _malformed() -> Rejected:
    return Rejected("That is not a code: 13 letters and digits are needed.", code="code.malformed")


def _remainder(characters: str) -> int:
    remainder = 0
    for character in characters:
        remainder = _times_x(remainder) ^ CROCKFORD.index(character)
    return remainder


def _times_x(element: int) -> int:
    doubled = element << 1
    return doubled ^ FIELD_POLYNOMIAL if doubled & FIELD_OVERFLOW else doubled


def _base32(number: int, width_chars: int) -> str:
    digits = [CROCKFORD[(number >> shift) & 31] for shift in range(5 * (width_chars - 1), -1, -5)]
    return "".join(digits)
