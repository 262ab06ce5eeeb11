"""Languages of the pages, and neutral sentences for unknown codes."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.i18n import LANGUAGES
from authcheck.checks.reasons import SENTENCES
from authcheck.config import Settings


@pytest.mark.parametrize(
    ("query", "header", "lang"),
    [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("", "de, en;q=0.4, zh-TW;q=0.7", "zh-Hans"),
        ("", "en;q=0.8, zh;q=0", "en"),
        ("", "fr;q=x, *;q=0.1, ;", "en"),
        ("?lang=en", "zh-CN", "en"),
        ("?lang=zh", "en", "zh-Hans"),
        ("?lang=%00", "zh", "zh-Hans"),
    ],
)
def test_the_language_is_the_readers(settings: Settings, query: str, header: str, lang: str) -> None:
    """An explicit `lang` comes first, then Accept-Language by weight, then English."""
    with TestClient(create_app(settings)) as client:
        page = client.get(f"/{query}", headers={"accept-language": header})
    assert f'<html lang="{lang}">' in page.text
    assert page.headers["content-language"] == lang
    assert page.headers["vary"] == "Accept-Language"


def test_unknown_codes_and_missing_numbers_get_a_neutral_sentence() -> None:
    """An unknown code, or an error without its number, gets a neutral sentence."""
    english = LANGUAGES["en"]
    assert english.sentence("reason", "image.newer") == english.gettext("reason.unknown")
    assert english.sentence("error", "image.too_small") == english.gettext("error.unknown")
    assert english.sentence("error", "disk.odd", otherwise="unavailable") == english.gettext(
        "error.unavailable"
    )


def test_terminal_and_pages_know_the_same_reasons() -> None:
    """A reason code has a sentence in the terminal's table and in both page languages, or in none of them."""
    for language in LANGUAGES.values():
        keys = {key.removeprefix("reason.") for key in language.sentences if key.startswith("reason.")}
        assert keys == {*SENTENCES, "unknown"}


def test_times_and_sizes_are_written_as_readers_write_them() -> None:
    """Each language writes times in UTC and numbers with their unit in its own way."""
    english, chinese = LANGUAGES["en"], LANGUAGES["zh-Hans"]
    moment = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    assert english.when(moment) == "23 Nov 2026 14:05 UTC"
    assert chinese.when(moment) == "2026年11月23日 14:05 UTC"
    late = datetime(2026, 11, 24, 7, 59, tzinfo=timezone(timedelta(hours=8)))
    assert english.day(late) == "23 Nov 2026"
    assert chinese.day(date(2026, 11, 23)) == "2026年11月23日"
    assert "64 million pixels" in english.sentence(
        "error", "image.too_many_pixels", {"limit_pixels": 64_000_000}
    )
    assert "6400万像素" in chinese.sentence("error", "image.too_many_pixels", {"limit_pixels": 64_000_000})
    assert english.size(1536) == "1.5 KB"
