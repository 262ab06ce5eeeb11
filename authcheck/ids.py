"""Identifiers that sort by time and cannot be guessed, and texts and codes as people write them."""

import re
import secrets
import unicodedata
from datetime import UTC, datetime, timedelta

from authcheck.errors import Rejected

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME_CHARS = 11  # 55 bits of microseconds
RANDOM_CHARS = 15  # 75 bits

SALT_BYTES = 16  # as many as nobody can try

ID = re.compile(rf"[A-Za-z]{{3}}_[0-9A-Za-z]{{{TIME_CHARS + RANDOM_CHARS}}}")

CODE_RANDOM_CHARS = 12  # 60 bits
CODE_CHARS = CODE_RANDOM_CHARS + 1
LONGEST_TYPED_CHARS = 64  # a typed code has a few blanks and hyphens
READ_AS = str.maketrans("ILO", "110", "-_.:")  # removes what people put between groups
FIELD_OVERFLOW = 0b100000
FIELD_POLYNOMIAL = 0b100101  # x^5 + x^2 + 1, primitive: powers of x run through all 31 non-zero elements


# Characters that nobody sees: soft hyphen, zero-width blanks, marks of direction, byte order mark.
UNSEEN = re.compile("[\u00ad\u180e\u200b\u200e\u200f\u2060-\u2064\ufeff]")
# Embeddings turn the direction of letters. In prose they hide a text. Around a copied number they do nothing.
EMBEDDINGS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Joiners have a meaning in Arabic, in Indic letters and in pictures of people, but not beside a Latin letter.
LOOSE_JOINERS = re.compile("(?<![^\x00-\u024f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\u024f])")
LIKE_HYPHEN = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"), "-")
LIKE_QUOTE = {**dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u00b4\u02bc"), "'"),
              **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"), '"')}  # fmt: skip
PAIRS = (("<", ">"), ("(", ")"), ("[", "]"), ('"', '"'), ("'", "'"), ("`", "`"))


def tidy(text: str) -> str:
    """Return a text for people in its one spelling: NFC, without unseen characters, with single blanks.

    Two texts that look the same are then the same. Letters stay: `fold` changes those of codes, too.
    """
    seen = LOOSE_JOINERS.sub("", UNSEEN.sub("", unicodedata.normalize("NFC", text)))
    return re.sub(r"[^\S\n]+", " ", seen).strip()


def fold(text: str) -> str:
    """Return a value that is not prose (a code, a day, a number) in plain characters.

    Full-width characters, all kinds of hyphens, quotes and blanks become those of ASCII. Quotes and brackets
    around the value, and a comma, a semicolon or a dot after it, are no part of it: a chat program or a
    phone's keyboard puts them there.
    """
    value = (
        unicodedata.normalize("NFKC", tidy(text).strip(EMBEDDINGS))
        .translate(LIKE_HYPHEN)
        .translate(LIKE_QUOTE)
        .strip()
    )
    while True:
        bare = value.rstrip(",;. \t\r\n")
        for opening, closing in PAIRS:
            if len(bare) > 1 and bare.startswith(opening) and bare.endswith(closing):
                bare = bare[1:-1].strip()
            elif bare.endswith(closing) and opening != closing and opening not in bare:
                bare = bare[:-1].strip()
        if bare == value:
            return value
        value = bare


def searchable(text: str) -> str:
    """Return a text as searches compare it: without differences of case, width and accents' spelling."""
    return unicodedata.normalize("NFKC", text).casefold()


def as_word(text: str) -> str:
    """Return a word of a list in its one spelling: `unlicensed_use` for `Unlicensed use `."""
    return re.sub("[ -]+", "_", fold(text).lower())


def new_id(prefix: str, now: datetime) -> str:
    """Return `dsn_01JD...`: the prefix, the microsecond of `now` and 75 random bits, in Crockford base32.

    Ids of different microseconds sort by time; within one microsecond their order is arbitrary.
    """
    microseconds = (now - EPOCH) // timedelta(microseconds=1)
    random = secrets.randbits(5 * RANDOM_CHARS)
    return f"{prefix}_{_base32(microseconds, TIME_CHARS)}{_base32(random, RANDOM_CHARS)}"


def first_id(prefix: str, moment: datetime) -> str:
    """Return a text that sorts before each id of this moment or later, and after all earlier ids."""
    microseconds = (moment - EPOCH) // timedelta(microseconds=1)
    return f"{prefix}_{_base32(microseconds, TIME_CHARS)}"


def normal_id(text: str) -> str:
    """Return an id in its one spelling, `dsn_01JD...` for `Dsn_01jd... `. Any other text stays as it is."""
    name = fold(text)
    if not ID.fullmatch(name):
        return text
    prefix, _, rest = name.partition("_")
    return f"{prefix.lower()}_{rest.upper()}"


def new_salt() -> str:
    """Return 128 random bits in hexadecimal, for the hash of a text that somebody could guess."""
    return secrets.token_hex(SALT_BYTES)


def new_code() -> str:
    """Return a new label code: 60 random bits as 12 Crockford characters, and a check character."""
    return add_check(_base32(secrets.randbits(5 * CODE_RANDOM_CHARS), CODE_RANDOM_CHARS))


def add_check(characters: str) -> str:
    """Return 12 characters of a code with their check character."""
    return characters + CROCKFORD[_times_x(_remainder(characters))]


def check_code(text: str) -> str:
    """Return a typed code in its one spelling.

    Raises Rejected (`code.malformed`) for a text that cannot be a code.

    Accepts lower case, full-width characters, blanks and hyphens. Reads I and L as 1, and O as 0. The check
    notices every wrong character and every swap of two characters: the 13 characters are a code word over the
    field of 32 elements, weighted by different powers of x.
    """
    if len(text) > LONGEST_TYPED_CHARS:
        raise _malformed_error()
    code = "".join(fold(text).upper().translate(READ_AS).split())
    if len(code) != CODE_CHARS or not set(code) <= set(CROCKFORD) or _remainder(code):
        raise _malformed_error()
    return code


def show_code(code: str) -> str:
    """Return the code in groups, as it is printed for people: `XXXX-XXXX-XXXXX`."""
    return f"{code[:4]}-{code[4:8]}-{code[8:]}"


def _malformed_error() -> Rejected:
    return Rejected("This is not a code of ours. A code has 13 letters and digits.", code="code.malformed")


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
