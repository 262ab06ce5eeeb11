"""Domain names as their owners write them, in one spelling."""

import unicodedata

import idna

from authcheck.errors import Rejected
from authcheck.ids import fold

DOMAIN_CHARS = 253
ALPHABETS = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}  # letters of one look like another's
# Names that no public domain has (RFC 6761, RFC 6762, RFC 8375, RFC 9476, and those of home routers).
SPECIAL = {
    "alt",
    "arpa",
    "example",
    "home",
    "internal",
    "invalid",
    "lan",
    "local",
    "localhost",
    "onion",
    "test",
}


def normal_domain(text: str) -> str:
    """Return a domain in ASCII and lower case, without a last dot: `Bücher.DE.` is `xn--bcher-kva.de`.

    Raises Rejected: `domain.name` for something else than a domain, such as an address with a path,
    `domain.mixed` for a name with letters of two alphabets that look alike, `domain.special` for a name that
    is not public.
    """
    written = fold(text).lower().rstrip(".")
    try:
        ascii_name = idna.encode(written, uts46=True).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise _bad_name_error(text) from error
    labels = ascii_name.split(".")
    if len(labels) < 2 or len(ascii_name) > DOMAIN_CHARS or labels[-1].isdigit():  # noqa: PLR2004 - a name and a top level
        raise _bad_name_error(text)
    if any(map(is_mixed, shown_domain(ascii_name).split("."))):
        raise Rejected(
            "This domain has letters of two alphabets that look alike. Write the domain as it is registered.",
            code="domain.mixed",
            domain=ascii_name,
        )
    if labels[-1] in SPECIAL:
        raise Rejected(
            f"Nobody can own a domain under .{labels[-1]}. Write a domain of the public internet.",
            code="domain.special",
            domain=ascii_name,
        )
    return ascii_name


def shown_domain(ascii_name: str) -> str:
    """Return a domain in the letters of its language: `xn--bcher-kva.de` is `bücher.de`."""
    try:
        return idna.decode(ascii_name)
    except (idna.IDNAError, UnicodeError):
        return ascii_name


def is_mixed(label: str) -> bool:
    """Return whether a part of a host name has letters of two alphabets that look alike."""
    names = {unicodedata.name(char, "").partition(" ")[0] for char in label if char.isalpha()}
    return len(names & ALPHABETS) > 1


def _bad_name_error(text: str) -> Rejected:
    return Rejected(
        f"{text[:80]!r} is no domain. Write it without https:// and without a path, for example brand.com.",
        code="domain.name",
    )
