"""Identifiers: prefixed, sortable by time, unguessable."""

import secrets
from datetime import UTC, datetime, timedelta

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME_CHARS = 11  # 55 bits of microseconds
RANDOM_CHARS = 15  # 75 bits


def new_id(prefix: str, now: datetime) -> str:
    """`dsn_01JD...`: the prefix, the microsecond of `now`, 75 random bits, in Crockford base32.

    Ids of different microseconds sort by time; within one microsecond their order is arbitrary.
    """
    microseconds = (now - EPOCH) // timedelta(microseconds=1)
    random = secrets.randbits(5 * RANDOM_CHARS)
    return f"{prefix}_{_base32(microseconds, TIME_CHARS)}{_base32(random, RANDOM_CHARS)}"


def _base32(number: int, width_chars: int) -> str:
    digits = [CROCKFORD[(number >> shift) & 31] for shift in range(5 * (width_chars - 1), -1, -5)]
    return "".join(digits)
