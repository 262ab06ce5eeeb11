"""Days and counts as people, spreadsheets and other systems write them."""

import re
from datetime import UTC, date, datetime, timedelta

from authcheck.errors import Rejected
from authcheck.ids import fold

YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
DAY_FIRST = re.compile(r"(\d{1,2})([-/.]) ?(\d{1,2})\2 ?(\d{4})")
SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")
SERIAL_ZERO = date(1899, 12, 30)  # of the spreadsheets' days
COUNT = re.compile(r"\d+|\d{1,3}(?:,\d{3})+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:[' ]\d{3})+")
MONTHS = 12
SHOWN_CHARS = 40


def read_day(text: str, *, error_code: str) -> date:
    """Read a day: `2026-11-23`, `2026/11/23`, `23.11.2026`, or the day in UTC of a moment with its zone.

    Raises Rejected (`error_code`), with the value, for a day that two people read differently, such as
    `11/12/2026`, and for a spreadsheet's number of a day.
    """
    written = fold(text)
    if match := YEAR_FIRST.fullmatch(written):
        return _make_day(int(match[1]), int(match[3]), int(match[4]), text, error_code)
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
    if not COUNT.fullmatch(written):
        shown = text.strip()[:SHOWN_CHARS]
        raise Rejected(
            f"{shown!r} is not a whole number. Write it in digits, like 1000.",
            code="number.malformed",
            value=shown,
        )
    return int(re.sub(r"\D", "", written))
