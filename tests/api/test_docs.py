"""The documentation agrees with the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.problems import FRAMEWORK_CODES, status_of
from authcheck import errors
from authcheck.config import Settings
from authcheck.errors import AuthcheckError
from authcheck.tlog.entries import TYPES

ROOT = Path(__file__).parent.parent.parent
ROW = re.compile(r"^\| `([a-z0-9_.]+)` \| (\S+) \|", re.MULTILINE)


def _documented() -> dict[str, str]:
    return dict(ROW.findall((ROOT / "api" / "errors.md").read_text()))


def _trees() -> Iterator[ast.Module]:
    for package in ("authcheck", "api"):
        for path in (ROOT / package).rglob("*.py"):
            yield ast.parse(path.read_text())


def _calls() -> Iterator[ast.Call]:
    for tree in _trees():
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _constants(node: ast.AST) -> list[str]:
    """The texts in an expression: a constant, or both constants of `a if b else c`."""
    return [
        found.value
        for found in ast.walk(node)
        if isinstance(found, ast.Constant) and isinstance(found.value, str)
    ]


def _raised() -> dict[str, set[int]]:
    """Every code that a call of an error class gives, with its statuses."""
    found: dict[str, set[int]] = {}
    for call in _calls():
        family = getattr(errors, call.func.id, None) if isinstance(call.func, ast.Name) else None
        if not (isinstance(family, type) and issubclass(family, AuthcheckError)):
            continue
        codes = [
            code for keyword in call.keywords if keyword.arg == "code" for code in _constants(keyword.value)
        ]
        if not any(keyword.arg == "code" for keyword in call.keywords):
            codes = [family.default_code]
        for code in codes:
            if re.fullmatch(r"[a-z]+(\.[a-z_]+)?", code):
                found.setdefault(code, set()).add(status_of(family(code=code)))
    return found


def test_every_error_code_is_documented_with_its_status() -> None:
    """api/errors.md lists each code that authcheck or api raises, with its HTTP status."""
    documented = _documented()
    raised = _raised()
    assert len(raised) > 60
    assert sorted(set(raised) - set(documented)) == []
    for code, statuses in raised.items():
        assert documented[code] == "-" or {int(documented[code])} == statuses, code


def test_every_family_and_framework_code_is_documented() -> None:
    """The document lists the default codes of errors, and the codes for FastAPI's own refusals."""
    families = {
        family.default_code
        for family in vars(errors).values()
        if isinstance(family, type) and issubclass(family, AuthcheckError)
    }
    made = {code for code, _ in FRAMEWORK_CODES.values()} | {
        "request.invalid",
        "request.refused",
        "server.error",
    }
    assert sorted((families | made) - set(_documented())) == []


def test_every_text_that_looks_like_a_code_is_documented() -> None:
    """The document also lists codes that reach an error through a table, and the reasons and notes of checks."""
    documented = set(re.findall(r"`([a-z]+\.[a-z_]+)`", (ROOT / "api" / "errors.md").read_text()))
    nouns = {code.partition(".")[0] for code in documented}
    found = {
        text
        for tree in _trees()
        for text in _constants(tree)
        if re.fullmatch(r"[a-z]+\.(?!html\b)[a-z_]+", text) and text.partition(".")[0] in nouns
    }
    others = {"row.picture", *TYPES}  # codes in comparisons; types of entries look like codes
    assert sorted(found - documented - others) == []


def test_no_documented_code_is_a_ghost() -> None:
    """Each code in the document is in the source."""
    source = "".join(
        path.read_text() for package in ("authcheck", "api") for path in (ROOT / package).rglob("*.py")
    )
    assert [code for code in _documented() if f'"{code}"' not in source] == []


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    """docs/settings.md has a row for each field of Settings, with the right default."""
    text = (ROOT / "docs" / "settings.md").read_text()
    row = re.search(rf"^\| `AUTHCHECK_{name.upper()}` \| (.*?) \|", text, re.MULTILINE)
    assert row is not None
    default = Settings.model_fields[name].default
    assert row[1] == "none" if default in {None, ""} else row[1].startswith(f"`{default}`")
