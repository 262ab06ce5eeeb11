"""The language of the reader: its choice, its sentences, its dates and numbers.

The sentences are in `locales/*.po` under keys such as `reason.image.mirrored`. The program reads these files
once at start. Translators edit only these files. English is a translation like every other language.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from fastapi import Request
from markupsafe import Markup, escape

LOCALES = Path(__file__).parent / "locales"
DEFAULT = "en"
COUNTED = {"phones": "phone", "places": "place", "days": "day", "hours": "hour", "km": "km", "units": "unit",
           "certificates": "certificate"}  # fmt: skip
"""The nouns of parameters that are numbers of things."""
KIBIBYTE = 1024
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Language:
    """One language. `tag` is the value of the `lang` attribute. `name` is the language's own name.

    `markup` are the sentences for HTML: a long page needs hundreds, and to make each one again takes time.
    """

    tag: str
    name: str
    locale: Locale
    sentences: Mapping[str, str]
    markup: Mapping[str, Markup]

    def gettext(self, key: str, /, **values: object) -> Markup:
        """Return the sentence under `key` with the escaped `values`. Without a sentence, return the key."""
        sentence = self.markup.get(key) or Markup(key)  # noqa: S704 - our own key
        if not values and "%" not in sentence:
            return sentence
        return sentence % {name: escape(value) for name, value in values.items()}

    def plain(self, key: str, /, **values: str) -> str:
        """Return the sentence under `key` with the values, as plain text and not as HTML."""
        return self.sentences.get(key, key) % values

    def sentence(
        self,
        family: str,
        code: str,
        params: Mapping[str, object] | None = None,
        *,
        otherwise: str = "unknown",
    ) -> Markup:
        """Return the sentence `family.code`. Without one, return the neutral sentence `family.otherwise`."""
        key = f"{family}.{code}"
        values = {name: self._format_value(name, value) for name, value in (params or {}).items()}
        try:
            return self.gettext(key if key in self.sentences else f"{family}.{otherwise}", **values)
        except KeyError:  # the sentence needs a value that this error does not have
            return self.gettext(f"{family}.{otherwise}")

    def counted(self, name: str, value: float) -> str:
        """Return a number with its noun: `5 phones` for the parameter `phones`."""
        noun = COUNTED[name]
        return self.plain(f"count.{noun}.{'one' if value == 1 else 'many'}", count=self.number(value))

    def when(self, moment: datetime) -> str:
        """Return day and time in words, in UTC."""
        return f"{self.day(moment)} {format_time(moment, 'short', tzinfo=UTC, locale=self.locale)} UTC"

    def day(self, day: date) -> str:
        """Return a day in words. A moment becomes its day in UTC."""
        return _format_day(day.astimezone(UTC).date() if isinstance(day, datetime) else day, self.locale)

    def from_now(self, moment: datetime, now: datetime) -> str:
        """Return how far a moment is from now in words, for example `in 21 hours` or `3 minutes ago`."""
        return format_timedelta(moment - now, threshold=1.5, add_direction=True, locale=self.locale)

    def number(self, value: float) -> str:
        """Return a number in words, with at most two digits after the point."""
        return _format_number(value, self.locale)

    def share(self, value: float) -> str:
        """Return a share between 0 and 1 in words, for example `93%`."""
        return format_percent(value, locale=self.locale)

    def percent(self, value: float) -> str:
        """Return a share between 0 and 1 in words, with one digit after the point: `0.4%`."""
        return format_percent(value, "#,##0.#%", locale=self.locale)

    def alert(self, kind: str, params: Mapping[str, Any]) -> str:
        """Return the sentence of an alert about scans, as plain text."""
        return self.plain(
            f"scan_alert.{kind}", **{name: self._in_words(name, params[name]) for name in params}
        )

    def _in_words(self, name: str, value: object) -> str:
        if name in COUNTED and isinstance(value, int | float):
            return self.counted(name, value)
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "-")

    def size(self, size_bytes: int) -> str:
        """Return a file size in words, for example `25 MB`."""
        unit, divisor = ("MB", MEBIBYTE) if size_bytes >= MEBIBYTE else ("KB", KIBIBYTE)
        return f"{format_decimal(size_bytes / divisor, '#,##0.#', locale=self.locale)} {unit}"

    def _format_value(self, name: str, value: object) -> str:
        """Return a parameter of an error or a reason in words. The end of its name gives its unit."""
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


@lru_cache(maxsize=4096)
def _format_day(day: date, locale: Locale) -> str:
    """Return a day in words. A page with a chart says hundreds of them, and Babel takes its time for each."""
    return format_date(day, "medium", locale)


@lru_cache(maxsize=4096)
def _format_number(value: float, locale: Locale) -> str:
    """Return a number in words. The same holds as for days."""
    return format_decimal(value, "#,##0.##", locale=locale)


def _read_language(tag: str, name: str, writes_as: str) -> Language:
    """Return a language that writes days and numbers as the locale `writes_as` does."""
    locale = Locale.parse(writes_as, sep="-")
    with (LOCALES / f"{tag.replace('-', '_')}.po").open("rb") as file:
        catalog = read_po(file, locale=locale)
    sentences = {str(message.id): str(message.string) for message in catalog if message.id}
    markup = {key: Markup(sentence) for key, sentence in sentences.items()}  # noqa: S704 - our own files; a test keeps out markup
    return Language(tag, name, locale, sentences, markup)


LANGUAGES: Mapping[str, Language] = {
    language.tag: language
    for language in (
        _read_language("en", "English", "en-GB"),  # the day before the month, and 24 hours
        _read_language("zh-Hans", "简体中文", "zh-Hans"),
    )
}


def language_of(request: Request) -> Language:
    """Return the language of a page: `?lang=`, else the best language of Accept-Language, else English."""
    asked_language = _find_language(request.query_params.get("lang", ""))
    if asked_language:
        return asked_language
    for tag in _sort_tags(request.headers.get("accept-language", "")):
        if language := _find_language(tag):
            return language
    return LANGUAGES[DEFAULT]


def _find_language(tag: str) -> Language | None:
    """Return the language with the same first subtag. For every kind of Chinese that is zh-Hans."""
    first = tag.strip().lower().replace("_", "-").partition("-")[0]
    return next(
        (language for language in LANGUAGES.values() if language.tag.partition("-")[0] == first), None
    )


def _sort_tags(header: str) -> list[str]:
    """Return the Accept-Language tags, best first, without tags of weight 0 (RFC 9110 s12.5.4)."""
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
