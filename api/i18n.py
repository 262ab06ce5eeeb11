"""The reader's language: which one it is, its sentences, its dates and numbers.

Sentences stand in `locales/*.po` under keys such as `reason.image.mirrored`, read once at start. Translators edit
these files alone; English is a translation like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.dates import format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_decimal
from fastapi import Request
from markupsafe import Markup, escape

LOCALES = Path(__file__).parent / "locales"
DEFAULT = "en"
KIBIBYTE = 1024
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Language:
    """One language; `tag` is what the `lang` attribute says, `name` what its readers call it."""

    tag: str
    name: str
    locale: Locale
    sentences: Mapping[str, str]

    def gettext(self, key: str, /, **words: object) -> Markup:
        """The sentence under `key`, with `words` escaped into it; the key itself where there is none."""
        return Markup(self.sentences.get(key, key)) % {name: escape(word) for name, word in words.items()}  # noqa: S704 - our own files, tested to hold no markup

    def sentence(
        self,
        family: str,
        code: str,
        params: Mapping[str, object] | None = None,
        *,
        otherwise: str = "unknown",
    ) -> Markup:
        """What `code` means: the sentence `family.code`; where there is none, the neutral `family.otherwise`."""
        key = f"{family}.{code}"
        words = {name: self._word(name, value) for name, value in (params or {}).items()}
        try:
            return self.gettext(key if key in self.sentences else f"{family}.{otherwise}", **words)
        except KeyError:  # the sentence needs a number that this error did not bring
            return self.gettext(f"{family}.{otherwise}")

    def when(self, moment: datetime) -> str:
        """Date and time in words, in UTC."""
        return f"{format_datetime(moment, 'medium', tzinfo=UTC, locale=self.locale)} UTC"

    def size(self, size_bytes: int) -> str:
        """A file size: `25 MB`."""
        unit, divisor = ("MB", MEBIBYTE) if size_bytes >= MEBIBYTE else ("KB", KIBIBYTE)
        return f"{format_decimal(size_bytes / divisor, '#,##0.#', locale=self.locale)} {unit}"

    def _word(self, name: str, value: object) -> str:
        """A parameter of an error or a reason as readers write it; its name says its unit."""
        if not isinstance(value, int):
            return str(value)
        if name.endswith("_bytes"):
            return self.size(value)
        if name.endswith("_pixels"):
            style: Literal["long", "short"] = (
                "long" if "long" in self.locale.compact_decimal_formats else "short"
            )
            return format_compact_decimal(value, format_type=style, locale=self.locale)
        return format_decimal(value, locale=self.locale)


def _read(tag: str, name: str) -> Language:
    locale = Locale.parse(tag, sep="-")
    with (LOCALES / f"{locale}.po").open("rb") as file:
        catalog = read_po(file, locale=locale)
    return Language(
        tag, name, locale, {str(message.id): str(message.string) for message in catalog if message.id}
    )


LANGUAGES: Mapping[str, Language] = {
    language.tag: language for language in (_read("en", "English"), _read("zh-Hans", "简体中文"))
}


def language_of(request: Request) -> Language:
    """The language a page is asked for in: `?lang=`, else the best of Accept-Language, else English."""
    asked = _known(request.query_params.get("lang", ""))
    if asked:
        return asked
    for tag in _by_preference(request.headers.get("accept-language", "")):
        if language := _known(tag):
            return language
    return LANGUAGES[DEFAULT]


def _known(tag: str) -> Language | None:
    """Matched on the first subtag: every Chinese is better served by zh-Hans than by English."""
    first = tag.strip().lower().replace("_", "-").partition("-")[0]
    return next(
        (language for language in LANGUAGES.values() if language.tag.partition("-")[0] == first), None
    )


def _by_preference(header: str) -> list[str]:
    """The tags of an Accept-Language header, best first, without those of weight 0 (RFC 9110 s12.5.4)."""
    weighted = []
    for item in header[:1000].split(","):
        tag, _, weight = item.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if quality > 0:
            weighted.append((-quality, tag))
    return [tag for _, tag in sorted(weighted, key=lambda pair: pair[0])]
