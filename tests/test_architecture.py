"""The shape of the project: who imports whom, how large things may be, what they may be called."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from authcheck.cli import app

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("authcheck/**/*.py"), *ROOT.glob("api/**/*.py")])
MIGRATIONS = ROOT / "authcheck" / "migrations" / "versions"
LONGEST_FILE_LINES = 300
LONGEST_FUNCTION_LINES = 40
OPTIONAL_EXTRAS = {"onnxruntime", "web3"}  # imported where they are needed, because they need not be there
VAGUE = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "base",
    "core",
    "manager",
    "types",
    "stuff",
    "lib",
}
CLI_DOCS = (ROOT / "docs" / "cli.md").read_text()


def named(path: Path) -> str:
    """The name of a test case."""
    return str(path.relative_to(ROOT))


def commands(group: Any = None, name: str = "authcheck") -> Iterator[tuple[str, Any]]:
    """Every command with its full name."""
    group = group or typer.main.get_command(app)
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def section(name: str) -> str:
    """What docs/cli.md says of a command."""
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", CLI_DOCS, re.DOTALL | re.MULTILINE)
    assert found is not None, f"docs/cli.md has no section on {name}"
    return found[1]


def examples() -> list[str]:
    """Every command line that docs/cli.md shows."""
    blocks = re.findall(r"```\n(.*?)```", CLI_DOCS, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if "authcheck " in line]


def test_imports_follow_the_contracts() -> None:
    """The import contracts of pyproject.toml hold; in a process of its own, because it silences every logger."""
    words = [
        sys.executable,
        "-c",
        "import importlinter.cli as cli; raise SystemExit(cli.lint_imports(no_cache=True))",
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_files_and_functions_are_short(path: Path) -> None:
    """A file ends at 300 lines, tables.py excepted, and a function at 40, migrations excepted."""
    text = path.read_text()
    if path.name != "tables.py":
        assert text.count("\n") <= LONGEST_FILE_LINES
    if path.parent == MIGRATIONS:
        return  # a migration is one list of statements
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= LONGEST_FUNCTION_LINES, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_names_say_what_is_inside(path: Path) -> None:
    """No module is called utils or the like, and packages are empty but for the version."""
    assert not VAGUE & {*path.stem.split("_"), *path.parent.name.split("_")}
    if path.name == "__init__.py":
        assert len(path.read_text().splitlines()) <= 3


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_imports_stand_at_the_head(path: Path) -> None:
    """No function imports anything but optional extras: start-up fails early, and the listing of imports is whole."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
            names = {alias.name for node in inner for alias in node.names}
            assert names <= OPTIONAL_EXTRAS, f"{function.name} imports"


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_is_documented(name: str, command: Any) -> None:
    """A command has help, a section in docs/cli.md with an example, and its own options are in that section."""
    assert command.help
    text = section(name)
    assert re.search(rf"^.*{name}\b", "\n".join(line for line in examples() if name in line))
    for option in command.params:
        for flag in option.opts:
            if flag.startswith("--") and flag != "--help":
                assert flag in text, f"{name} {flag} is not documented"


@pytest.mark.parametrize("line", examples())
def test_every_example_parses(line: str) -> None:
    """The command lines of docs/cli.md name commands and options that exist."""
    words = shlex.split(line.partition("authcheck ")[2].partition(">")[0])
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context(line, words)


def test_every_exit_status_is_documented() -> None:
    """The table of docs/cli.md holds each status that a command can end with."""
    assert re.findall(r"^\| (\d+) \|", CLI_DOCS, re.MULTILINE) == ["0", "1", "2", "3", "130"]
