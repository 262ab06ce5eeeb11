"""Rules for passwords, and their hashes (argon2id).

NIST 800-63B asks for length, a list of common passwords and nothing else: no composition rules and no
regular changes. Its fourth revision wants 15 characters where the password is the only factor and 8 beside a
second one. We ask for 12 from everybody, because we also refuse variations of common passwords and of the
person's own names, and limit wrong sign-ins.
"""

import functools
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from authcheck.errors import Rejected, Unavailable

Result = TypeVar("Result")
MIN_CHARS = 12
MAX_CHARS = 128  # code points after NFKC, so at most 512 bytes reach the hash
MAX_TYPED_CHARS = 4 * MAX_CHARS  # before NFKC, which joins up to 3 typed code points and splits one into 18
MIN_DISTINCT_CHARS = 5
MIN_OTHER_CHARS = 6  # beside the person's own names, without digits and signs around them
MIN_NAME_CHARS = 3
OWN_NAME = "authcheck"
ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz")

# The first choice of OWASP's cheat sheet: 46 MiB, one pass. 60 ms on a core of 2024.
HASHER = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=47_104, parallelism=1),))
HASH_OF_NOBODY = "!"  # `verify` hashes the password all the same
HASHES_AT_ONCE = 2  # for one process: 92 MiB, and never all threads of the server
CALLERS_AT_ONCE = 16  # who hash or wait. Others are refused at once: they would hold the server's threads
WAIT_S = 3.0


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a password was right. Store `new_hash`, if any: the parameters have become stronger."""

    is_right: bool
    new_hash: str | None = None


class Places:
    """Threads that hash, for callers in the order of arrival.

    Callers above the limits get Unavailable (`password.busy`).
    """

    def __init__(self, at_once: int, callers: int, wait_s: float) -> None:
        self._threads = ThreadPoolExecutor(at_once, "hash")
        self._callers = BoundedSemaphore(callers)
        self._wait_s = wait_s

    def run(self, work: Callable[[], Result]) -> Result:
        """Do the work in its turn, and return its result. Raises Unavailable (`password.busy`)."""
        if not self._callers.acquire(blocking=False):
            raise _busy_error()
        try:
            job = self._threads.submit(work)
            try:
                return job.result(self._wait_s)
            except TimeoutError as error:
                job.cancel()
                raise _busy_error() from error
        finally:
            self._callers.release()


PLACES = Places(HASHES_AT_ONCE, CALLERS_AT_ONCE, WAIT_S)


def hash_password(password: str, *, personal: Sequence[str] = ()) -> str:
    """Return the hash of a new password.

    Raises Rejected as `refuse_weak`, and Unavailable (`password.busy`).
    """
    refuse_weak(password, personal=personal)
    return PLACES.run(lambda: HASHER.hash(_normal(password)))


def verify(password: str, stored_hash: str) -> Verified:
    """Return whether a password belongs to a hash. Raises Unavailable (`password.busy`).

    A password that nobody can have set (too long, half a surrogate pair) is wrong, without hashing.
    """
    if not _can_be_hashed(password):
        return Verified(is_right=False)
    return PLACES.run(lambda: _verify(_normal(password), stored_hash))


def waste_time(password: str) -> None:
    """Do the work of `verify` for an account that does not exist, so that the time tells nothing.

    Raises Unavailable (`password.busy`).
    """
    verify(password, HASH_OF_NOBODY)


def refuse_weak(password: str, *, personal: Sequence[str]) -> None:
    """Raise Rejected (`password.short|long|characters|common|personal`) for a password that others try.

    `personal` are texts that others know about the person: e-mail address, name, the organisation's handle.
    """
    if len(password) > MAX_TYPED_CHARS or len(_normal(password)) > MAX_CHARS:
        raise Rejected(
            f"A password has at most {MAX_CHARS} characters.", code="password.long", limit=MAX_CHARS
        )
    if not _can_be_hashed(password):
        raise Rejected(
            "The password has a character that cannot be typed, such as a line break. Leave it out.",
            code="password.characters",
        )
    word = _normal(password).casefold()
    if len(_normal(password)) < MIN_CHARS:
        raise Rejected(
            f"A password has at least {MIN_CHARS} characters. Several words in a row are good.",
            code="password.short",
            limit=MIN_CHARS,
        )
    if _is_common(word):
        raise Rejected(
            "This password is one of the first that others would try: a common password, a row of keys or a "
            "repetition. Take several words that have nothing to do with each other.",
            code="password.common",
        )
    if _is_personal(word, personal):
        raise Rejected(
            "This password is little more than your name, your e-mail address, your organisation or "
            "authcheck. Add words that nobody would guess.",
            code="password.personal",
        )


def _verify(password: str, stored_hash: str) -> Verified:
    try:
        return Verified(*HASHER.verify_and_update(password, stored_hash))
    except UnknownHashError:
        HASHER.hash(password)  # costs the same
        return Verified(is_right=False)


def _normal(password: str) -> str:
    """Return the spelling that is hashed: keyboards and systems compose the same characters differently."""
    return unicodedata.normalize("NFKC", password)


def _can_be_hashed(password: str) -> bool:
    if len(password) > MAX_TYPED_CHARS or len(_normal(password)) > MAX_CHARS:
        return False
    return not any(unicodedata.category(character) in {"Cc", "Cs"} for character in password)


def _is_common(word: str) -> bool:
    """Return whether a password is on the list, also with digits and signs around it, repeated, or a row."""
    core = _without_ends(word)
    period = (word + word).find(word, 1)
    rows = [row + row for row in (*ROWS, *(row[::-1] for row in ROWS))]
    return (
        word in _common_passwords()
        or core in _common_passwords()
        or len(set(word)) < MIN_DISTINCT_CHARS
        or period < min(len(word), MIN_CHARS)
        or any(word in row or (len(core) > MIN_OTHER_CHARS and core in row) for row in rows)
    )


def _is_personal(word: str, personal: Sequence[str]) -> bool:
    """Return whether hardly anything remains of a password without the person's own names."""
    names = {OWN_NAME}
    for text in personal:
        name = _normal(text).casefold()
        parts = "".join(character if character.isalnum() else " " for character in name).split()
        names |= {name, "".join(parts), *parts}
    rest = word
    for name in sorted((name for name in names if len(name) >= MIN_NAME_CHARS), key=len, reverse=True):
        rest = rest.replace(name, "")
    return rest != word and len(_without_ends(rest)) < MIN_OTHER_CHARS


def _without_ends(word: str) -> str:
    """Return a word without the digits and signs before and after its letters."""
    letters = [number for number, character in enumerate(word) if character.isalpha()]
    return word[letters[0] : letters[-1] + 1] if letters else ""


@functools.cache
def _common_passwords() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - 50 ms to load

    return frozenset(password.casefold() for password in FREQUENCY_LISTS["passwords"])


def _busy_error() -> Unavailable:
    return Unavailable("Too many people are signing in at this moment. Try again.", code="password.busy")
