"""How a server's answers are printed: sentences, facts, and what strangers do not get."""

from typing import Any

import pytest

from authcheck.terminal.remote import answers


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ({"code": "licence.not_accepted", "params": {}}, "a licence was offered, but not yet accepted"),
        (
            {"code": "licence.territory", "params": {"territory": "FR", "allowed": "DE"}},
            "territory FR not in DE",
        ),
        ({"code": "licence.over_cap"}, "over cap"),  # a stranger gets the kind of term and no numbers
        ({"code": "design.later_copy"}, "later copy"),
        ({"code": "image.of_a_later_release", "params": {}}, "image.of_a_later_release"),
    ],
)
def test_reasons(reason: dict[str, Any], text: str) -> None:
    """A reason is a sentence. Without the values of its sentence, its code is said in words."""
    assert answers.reasons_text([reason]) == text


def test_facts_leave_out_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Empty facts and salts are left out, lists of objects have a line each, and yes and no are words."""
    facts = {
        "id": "d1",
        "salt": "s3cret",
        "retired_at": None,
        "views": [{"format": "PNG", "mask": None}, {"format": "JPEG", "mask": "auto"}],
        "public_preview": False,
        "territories": ["DE", "FR"],
    }
    answers.show_facts(facts, json=False)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "id d1",
        "views format PNG",
        "format JPEG, mask auto",
        "public preview no",
        "territories DE, FR",
    ]
