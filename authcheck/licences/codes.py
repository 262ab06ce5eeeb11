"""The codes in licences, listings and storefronts: countries, Nice classes, marketplaces, shops."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from babel import Locale
from babel.core import get_global

from authcheck.errors import Rejected
from authcheck.ids import fold, tidy
from authcheck.labels import gs1

EVERYWHERE = "*"
NICE_CLASSES = range(1, 46)
MARKETPLACE_CHARS = 64
SHOP_CHARS = 100  # of a shop's id on its marketplace
# fmt: off
# Codes that CLDR lists but ISO 3166-1 does not assign: groups of countries, reserved and private codes.
CLDR_ONLY = {"EU", "EZ", "UN", "QO", "XA", "XB", "XK", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"}
EUROPEAN_UNION = tuple(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
NAME_LOCALES = (
    "en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "tr", "ja", "zh", "zh_Hant", "ko",
    "bg", "cs", "da", "el", "et", "fi", "hr", "hu", "lt", "lv", "nb", "ro", "ru", "sk", "sl", "uk",
)
OTHER_NAMES = {
    "uk": "GB", "el": "GR", "great britain": "GB", "usa": "US", "u.s.a": "US", "u.s": "US", "u.k": "GB",
    "holland": "NL", "the netherlands": "NL", "czech republic": "CZ", "turkey": "TR", "brd": "DE",
    "oesterreich": "AT", "hong kong": "HK", "macau": "MO", "macao": "MO", "ivory coast": "CI",
    "viet nam": "VN", "uae": "AE", "u.a.e": "AE", "prc": "CN", "south korea": "KR", "republic of korea": "KR",
    "eire": "IE", "russian federation": "RU", "united states of america": "US", "the united states": "US",
}
# fmt: on
WORLD_NAMES = {"worldwide", "world", "weltweit", "monde entier", "mundial", "mondo", "wereldwijd", "全世界"}
FLAG_A = 0x1F1E6  # the first of the letters that make flags
FLAG_LETTER = re.compile("[\U0001f1e6-\U0001f1ff]")
SEVERAL_MEANINGS = {"congo", "kongo", "korea", "corea", "coree"}
COUNTRIES: frozenset[str] = frozenset(
    {code for code in map(str, Locale("en").territories) if re.fullmatch("[A-Z]{2}", code)} - CLDR_ONLY
)
CLASS = re.compile(r"(?:第|제)?0{0,2}([0-9]{1,2})(?:[.,]0+)?(?:类|類|류)?")
CLASS_WORDS = re.compile(
    r"(?<![A-Za-z])(?:int|nice|ncl|ic|class|classes|classe|clase|klassen?|cl|kl|and|und|et)(?![A-Za-z])"
    r"[.\-: ]*",
    re.IGNORECASE,
)
BETWEEN_CLASSES = re.compile(r"[,;|/&+\s]+")
BEFORE_HOST = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
BEFORE_NUMBER = re.compile(r"^(?:(?:shop|store|seller|vendor|id|no|nr)\b[.:-]? *){0,3}#? *(?=[0-9])")
SHOWN_CHARS = 40


def normal_country(text: str) -> str | None:
    """Return the ISO 3166-1 code that a text names, `FR` for ` fr`, `FRA` or `Frankreich`, or None.

    A flag names its country, and a name may be without its accents.
    """
    written = FLAG_LETTER.sub(lambda match: chr(ord(match[0]) - FLAG_A + ord("A")), fold(text))
    country = written.upper()
    if "\u017f" not in text and country in COUNTRIES:  # a long s is an S in capitals
        return country
    names = _countries_by_name()
    return names.get(written.casefold()) or names.get(_without_accents(written))


@cache
def _countries_by_name() -> Mapping[str, str]:
    """Return the countries by their names in lower case, and by other codes. Only those with one meaning."""
    meanings: defaultdict[str, set[str]] = defaultdict(set)
    for name in NAME_LOCALES:
        for code, country_name in Locale.parse(name).territories.items():
            if code in COUNTRIES:
                meanings[fold(country_name).casefold()].add(code)
                meanings[_without_accents(fold(country_name))].add(code)
    for alias, codes in get_global("territory_aliases").items():
        if re.fullmatch("[A-Z]{3}", alias) and len(codes) == 1 and codes[0] in COUNTRIES:
            meanings[alias.lower()].add(codes[0])
    names = {name: min(codes) for name, codes in meanings.items() if len(codes) == 1}
    return {name: code for name, code in {**names, **OTHER_NAMES}.items() if name not in SEVERAL_MEANINGS}


@cache
def _union_names() -> frozenset[str]:
    names = [Locale.parse(name).territories["EU"].casefold() for name in NAME_LOCALES]
    return frozenset({"eu", "e.u", *names})


def _without_accents(name: str) -> str:
    """Return a name in lower case as a keyboard without accents writes it."""
    letters = unicodedata.normalize("NFD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def checked_country(text: str, *, error_code: str) -> str:
    """Return the ISO 3166-1 code that a text names. Raises Rejected (`error_code`)."""
    country = normal_country(text)
    if country is None:
        shown = text.strip()[:SHOWN_CHARS]
        what = (
            "is a group of countries" if fold(text).upper() in CLDR_ONLY else "is not a country that we know"
        )
        raise Rejected(
            f"{shown!r} {what}. A territory is a country's code of two letters, like FR.",
            code=error_code,
            territory=shown,
        )
    return country


def normal_territories(text: str) -> tuple[str, ...] | None:
    """Return the codes that a term of a licence names: of a country, of the `EU`, or `*`. Or None."""
    written = fold(text)
    if written == EVERYWHERE or written.casefold() in WORLD_NAMES:
        return (EVERYWHERE,)
    if written.casefold() in _union_names():
        return EUROPEAN_UNION
    country = normal_country(text)
    return (country,) if country else None


def short_territories(codes: Sequence[str]) -> list[str]:
    """Return territories as people write them: `EU` for all its members, then the other codes."""
    if not set(EUROPEAN_UNION) <= set(codes):
        return list(codes)
    return ["EU", *[code for code in codes if code not in EUROPEAN_UNION]]


def checked_goods(goods: Sequence[int], *, error_code: str) -> tuple[int, ...]:
    """Return Nice classes sorted, without repetitions. Raises Rejected (`error_code`)."""
    unknown = [number for number in goods if type(number) is not int or number not in NICE_CLASSES]
    if unknown:
        raise Rejected(
            f"{unknown[0]!r} is not a Nice class. Goods must be Nice classes from 1 to 45.",
            code=error_code,
            goods=", ".join(map(str, unknown[:5])),
        )
    return tuple(sorted(set(goods)))


def read_classes(text: str, *, error_code: str) -> tuple[int, ...]:
    """Read Nice classes with commas, semicolons, bars, slashes or blanks between: `9, 25`, `class 9; 25`.

    Raises Rejected (`error_code`), with the word that is no class.
    """
    numbers = []
    for word in BETWEEN_CLASSES.split(CLASS_WORDS.sub(" ", fold(text))):
        match = CLASS.fullmatch(word)
        if word and match is None:
            raise Rejected(
                f"{word[:SHOWN_CHARS]!r} is not a Nice class. Goods must be Nice classes from 1 to 45.",
                code=error_code,
                goods=word[:SHOWN_CHARS],
            )
        numbers += [int(match[1])] if match else []
    return tuple(numbers)


def normal_marketplace(text: str) -> str:
    """Return a marketplace's name in its one spelling: `market.example` for `https://WWW.Market.example/ `.

    The letters of an international name are those that people read: `prüfen.example` for `xn--prfen-kva...`.
    """
    written = fold(text)
    name = BEFORE_HOST.sub("", written, count=1).casefold()
    host, slash, rest = name.partition("/")
    if name != written.casefold():  # an address of the marketplace: its path is a language or a page
        slash = rest = ""
    if "." in host:
        host = host.rstrip(".").removeprefix("www.")
    if "xn--" in host:
        host = _read_idna(host)
    return f"{host}{slash}{rest}".rstrip("/")


def _read_idna(host: str) -> str:
    try:
        return tidy(host.encode("ascii").decode("idna"))
    except UnicodeError:
        return host


def spellings_of(marketplace: str) -> list[str]:
    """Return how earlier releases may have stored a marketplace, whose present spelling is the first."""
    hosts = [marketplace, f"www.{marketplace}"]
    try:
        hosts.append(marketplace.encode("idna").decode("ascii"))
    except UnicodeError:
        hosts = hosts[:2]
    stored = [
        f"{scheme}{host}{slash}" for host in hosts for scheme in ("", "https://") for slash in ("", "/")
    ]
    return list(dict.fromkeys(stored))


def normal_shop(text: str) -> str:
    """Return a shop's id in its one spelling: without unseen characters and without the `@` before it."""
    shop = tidy(text)
    return shop.removeprefix("@").strip() if len(shop) > 1 else shop


def refuse_rounded(text: str, *, error_code: str) -> None:
    """Raise Rejected (`error_code`) for a number that a spreadsheet has rounded, such as `4.00638E+12`."""
    if gs1.ROUNDED.fullmatch(text):
        raise Rejected(
            f"{text} is a number that a spreadsheet has rounded. Format the column as text, and write it "
            "again.",
            code=error_code,
            limit=SHOP_CHARS,
        )


def is_shop_address(text: str) -> bool:
    """Return whether somebody gave a shop's address where its id is asked."""
    return BEFORE_HOST.match(text) is not None or text.lower().startswith("www.")


def loose_shop(shop_id: str) -> str:
    """Return a shop's id without the parts that spreadsheets and keyboards change, to compare two ids.

    A spreadsheet drops the zeros before a number, adds decimals and separates thousands. A keyboard changes
    capitals. A person writes what a number is: `Shop #4711`, `ID: 4711`.
    """
    bare = BEFORE_NUMBER.sub("", shop_id.casefold())
    bare = re.sub(r"(?<=[0-9])[.,]0+$", "", bare)
    bare = re.sub(r"(?<=[0-9])[.,' ](?=[0-9]{3}(?![0-9]))", "", bare).lstrip("0")
    return bare or "0" * bool(shop_id)


def sells(channel: str, marketplace: str, shop_id: str) -> bool:
    """Return whether a channel of the terms covers a shop. A shop without an id may be any shop."""
    channel_marketplace, channel_shop = split_channel(channel)  # as an earlier release may have stored it
    return channel_marketplace == marketplace and (not channel_shop or not shop_id or channel_shop == shop_id)


def split_channel(channel: str) -> tuple[str, str]:
    """Return marketplace and shop of a channel, each in its one spelling. The shop is "" for all shops."""
    marketplace, _, shop_id = BEFORE_HOST.sub("", fold(channel), count=1).partition("/")
    return normal_marketplace(marketplace), normal_shop(shop_id)
