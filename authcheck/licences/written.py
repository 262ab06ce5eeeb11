"""Days and counts as people, spreadsheets and other systems write them."""

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import product

from babel import Locale

from authcheck.errors import Rejected
from authcheck.ids import fold

YEAR_FIRST = re.compile(r"(\d{4})([-/.]) ?(\d{1,2})\2 ?(\d{1,2})")
DAY_FIRST = re.compile(r"(\d{1,2})([-/.]) ?(\d{1,2})\2 ?(\d{4})")
YEAR_AND_NAME = re.compile(r"(\d{4})[ -]([^\W\d]+)\.?[ -](\d{1,2})", re.IGNORECASE)
# A spreadsheet adds the time of a day, and a mail program the day of the week.
TIME_OF_DAY = re.compile(
    r"(?<=\d{4}),? \d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?: ?[AP]M)?(?: ?(?:GMT|UTC))?$", re.IGNORECASE
)
WEEKDAY = re.compile(r"([^\W\d]+)\.?,? +(?=.*\d{4})")
EAST_ASIAN = re.compile(r"(\d{4})[年년] ?(\d{1,2})[月월] ?(\d{1,2})[日일]?")
NAMED_MONTH = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|er)?\.?[ -]+(?:de |of )?([^\W\d]+)\.?,?[ -]+(?:de )?(\d{4})", re.IGNORECASE
)
MONTH_FIRST = re.compile(r"([^\W\d]+)\.? +(\d{1,2})(?:st|nd|rd|th)?,? +(\d{4})", re.IGNORECASE)
MONTH_LOCALES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "tr")
SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")
SERIAL_ZERO = date(1899, 12, 30)  # of the spreadsheets' days
COUNT = re.compile(r"\d+|\d{1,3}(?:,\d{3})+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:[' ]\d{3})+")
COUNT_DIGITS = 18  # more do not fit into a database's integer
MONTHS = 12
SHOWN_CHARS = 40


def read_day(text: str, *, error_code: str) -> date:
    """Read a day: `2026-11-23`, `2026/11/23`, `23.11.2026`, or the day in UTC of a moment with its zone.

    Raises Rejected (`error_code`), with the value, for a day that two people read differently, such as
    `11/12/2026`, and for a spreadsheet's number of a day.
    """
    written = _without_time(fold(text))
    if match := YEAR_FIRST.fullmatch(written):
        return _make_day(int(match[1]), int(match[3]), int(match[4]), text, error_code)
    if (parts := _read_named_month(written)) is not None:
        return _make_day(*parts, text, error_code)
    if match := DAY_FIRST.fullmatch(written):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if match[2] == "." or first > MONTHS or first == second:
            return _make_day(year, second, first, text, error_code)
        if second > MONTHS:
            return _make_day(year, first, second, text, error_code)
        hint = f"can be {year}-{first:02}-{second:02} or {year}-{second:02}-{first:02}"
        raise _day_error(text, error_code, hint)
    if SERIAL.fullmatch(written):
        day = SERIAL_ZERO + timedelta(days=int(written[:5]))
        raise _day_error(text, error_code, f"is a spreadsheet's number, perhaps of {day}")
    return _read_moment(written, text, error_code)


def _read_named_month(written: str) -> tuple[int, int, int] | None:
    """Return year, month and day of a day whose month is a word, None for another text."""
    if match := EAST_ASIAN.fullmatch(written):
        return int(match[1]), int(match[2]), int(match[3])
    if match := NAMED_MONTH.fullmatch(written):
        return int(match[3]), _month_called(match[2]), int(match[1])
    if match := YEAR_AND_NAME.fullmatch(written):
        return int(match[1]), _month_called(match[2]), int(match[3])
    if match := MONTH_FIRST.fullmatch(written):
        return int(match[3]), _month_called(match[1]), int(match[2])
    return None


def _without_time(written: str) -> str:
    """Return a day without a day of the week before it, and without a time of the day after it.

    An ISO 8601 moment keeps its time, because its zone may change the day.
    """
    end = TIME_OF_DAY.search(written)
    day = written[: end.start()] if end else written
    match = WEEKDAY.match(day)
    is_named = match is not None and match[1].casefold() in _weekdays()
    # `Mar` is Tuesday in French and Spanish, too
    return day[match.end() :] if match and is_named and not MONTH_FIRST.fullmatch(day) else day


def _month_called(name: str) -> int:
    """Return the number of a month, 0 for a word that is no month or that means two."""
    return _months_by_name().get(name.casefold(), 0)


@cache
def _months_by_name() -> Mapping[str, int]:
    meanings: defaultdict[str, set[int]] = defaultdict(set)
    for locale in MONTH_LOCALES:
        months = Locale.parse(locale).months
        for form, width in product(("format", "stand-alone"), ("wide", "abbreviated")):
            for number, name in months[form][width].items():
                meanings[name.rstrip(".").casefold()].add(number)
    return {name: min(numbers) for name, numbers in meanings.items() if len(numbers) == 1}


@cache
def _weekdays() -> frozenset[str]:
    return frozenset(
        name.rstrip(".").casefold()
        for locale in MONTH_LOCALES
        for form, width in product(("format", "stand-alone"), ("wide", "abbreviated"))
        for name in Locale.parse(locale).days[form][width].values()
    )


def _read_moment(written: str, text: str, error_code: str) -> date:
    """Read an ISO 8601 moment: the day in UTC if it has a zone, otherwise the day as it is written."""
    try:
        moment = datetime.fromisoformat(written)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        raise _day_error(text, error_code, "is not a day") from None


def _make_day(year: int, month: int, day: int, text: str, error_code: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise _day_error(text, error_code, "is not a day of the calendar") from None


def _day_error(text: str, error_code: str, problem: str) -> Rejected:
    shown = text.strip()[:SHOWN_CHARS]
    return Rejected(f"{shown!r} {problem}. Write a day as 2026-11-23.", code=error_code, value=shown)


def read_count(text: str) -> int:
    """Read a whole number: `1000`, `1,000`, `1.000`, `1 000`, `1'000`.

    Raises Rejected (`number.malformed`).
    """
    written = fold(text)
    digits = re.sub(r"\D", "", written)
    if not COUNT.fullmatch(written) or len(digits) > COUNT_DIGITS:
        shown = text.strip()[:SHOWN_CHARS]
        raise Rejected(
            f"{shown!r} is not a whole number. Write it in digits, like 1000.",
            code="number.malformed",
            value=shown,
        )
    return int(digits)
