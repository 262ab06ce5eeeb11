"""The shape of the project: which module imports which, how large parts may be, and their names."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from authcheck.terminal.app import COMMANDS, EXAMPLES, load_command

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("authcheck/**/*.py"), *ROOT.glob("api/**/*.py")])
MIGRATIONS = ROOT / "authcheck" / "storage" / "migrations" / "versions"
LONGEST_FILE_LINES = 300
LONGEST_FUNCTION_LINES = 40
MOST_NAMES = 25
OPTIONAL_EXTRAS = {"onnxruntime", "web3"}  # imported inside functions: they may be missing
LOADED_LATE = {
    "email_validator",  # .03 s, and few commands take an address
    "authcheck.storage.upgrading",  # Alembic: no other command should wait 0.2 s for its import
    "authcheck.vision.fingerprints",  # numpy and Pillow: most commands about cases compare no pictures
    "authcheck.vision.features.thumbnail",  # OpenCV: a question about licences rarely compares two pictures
    "authcheck.vision.matching.twins",
    "opencc",  # 80 ms: only names in other letters than Latin ones need it
    "segno",  # 60 ms: only the page that turns the second factor on shows its QR code
    "zxcvbn.frequency_lists",  # 50 ms and 3 MB: only a new password needs the list
}
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
    """Return a file's path below the project's folder."""
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function in a file, including methods and inner functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(tree: ast.AST) -> set[str]:
    """Return the names of all modules that a piece of code imports or imports from."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or ".")
    return names


LOADED = {name: load_command(name) for name in COMMANDS}


def commands(group: Mapping[str, Any] = LOADED, name: str = "authcheck") -> Iterator[tuple[str, Any]]:
    """Return every command with its full name."""
    for word, command in group.items():
        if hasattr(command, "commands"):
            yield from commands(command.commands, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def section(name: str) -> str:
    """Return the section of docs/cli.md on a command."""
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", CLI_DOCS, re.DOTALL | re.MULTILINE)
    assert found is not None, f"docs/cli.md has no section on {name}"
    return found[1]


def examples() -> list[str]:
    """Return every command line that docs/cli.md shows."""
    blocks = re.findall(r"```\n(.*?)```", CLI_DOCS, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if "authcheck " in line]


def test_imports_follow_the_contracts() -> None:
    """The import contracts of pyproject.toml hold.

    The check silences every logger, so it has its own process.
    """
    words = [
        sys.executable,
        "-c",
        "import importlinter.cli as cli; raise SystemExit(cli.lint_imports(no_cache=True))",
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_short() -> None:
    """A file has at most 300 lines. Migrations are history and may be longer."""
    lengths = {named(path): path.read_text().count("\n") for path in SOURCES if path.parent != MIGRATIONS}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE_LINES} == {}


def test_functions_are_short() -> None:
    """A function has at most 40 lines. A migration is one list of statements and may be longer."""
    lengths = {
        f"{named(path)}::{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in SOURCES
        if path.parent != MIGRATIONS
        for function in functions(path)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION_LINES} == {}


def test_names_say_what_is_inside() -> None:
    """No module and no folder has a name such as utils."""
    words = {named(path): {*path.stem.split("_"), *path.parent.name.split("_")} for path in SOURCES}
    assert [name for name, parts in words.items() if parts & VAGUE] == []


def test_packages_are_empty() -> None:
    """An `__init__.py` holds at most the version."""
    packages = [path for path in SOURCES if path.name == "__init__.py"]
    assert [named(path) for path in packages if len(path.read_text().splitlines()) > 3] == []


def test_a_newcomer_reads_25_names() -> None:
    """The listing of authcheck/ has at most 25 entries: its rooms, and a few modules that every room uses."""
    unread = {"__pycache__", "__init__.py", "py.typed"}
    entries = [path.name for path in (ROOT / "authcheck").iterdir() if path.name not in unread]
    assert len(entries) <= MOST_NAMES, sorted(entries)


def test_imports_stand_at_the_head() -> None:
    """No function imports anything but optional extras and Alembic.

    Start-up fails early and imports are easy to list.
    """
    inner = {
        f"{named(path)}::{function.name}": names
        for path in SOURCES
        for function in functions(path)
        if (names := imported(function) - OPTIONAL_EXTRAS - LOADED_LATE)
    }
    assert inner == {}


def test_migrations_import_no_live_code() -> None:
    """A migration imports nothing of authcheck or api: later changes of the library do not change history."""
    names = {path.name: imported(ast.parse(path.read_text())) for path in MIGRATIONS.glob("*.py")}
    assert len(names) >= 4
    live = {
        name: {one for one in found if one.split(".")[0] in {"authcheck", "api"}}
        for name, found in names.items()
    }
    assert {name: found for name, found in live.items() if found} == {}


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_is_documented(name: str, command: Any) -> None:
    """Every command has help and a section in docs/cli.md with an example and the command's own options."""
    assert command.help
    text = section(name)
    assert re.search(rf"^.*{name}\b", "\n".join(line for line in examples() if name in line))
    for option in command.params:
        for flag in option.opts:
            if flag.startswith("--") and flag != "--help":
                assert flag in text, f"{name} {flag} is not documented"


def test_the_help_of_every_command_ends_with_its_examples() -> None:
    """One or two lines that docs/cli.md shows, too. No line is of a command that does not exist."""
    told = EXAMPLES.read_text().splitlines()
    assert [line for line in told if line not in examples()] == []
    names = dict(commands())
    wrong = {name: command.epilog for name, command in names.items() if not _examples_in(command, name)}
    assert wrong == {}
    assert sum(len(_examples_in(command, name)) for name, command in names.items()) == len(told)


def _examples_in(command: Any, name: str) -> list[str]:
    """Return the examples at the end of a command's help."""
    lines = (command.epilog or "").split("\n\n")
    return [line for line in lines if line == name or line.startswith(f"{name} ")]


@pytest.mark.parametrize("line", examples())
def test_every_example_parses(line: str) -> None:
    """The command lines of docs/cli.md name commands and options that exist."""
    words = shlex.split(line.partition("authcheck ")[2].partition(">")[0])
    while words[0].startswith("--"):  # the options before a command: --server URL, --local
        words = words[2:] if words[0] == "--server" else words[1:]
    command: Any = LOADED[words.pop(0)]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context(line, words)


def test_documents_name_modules_and_functions_that_exist() -> None:
    """Documents name only existing paths (`registry/bulk.py`) and calls (`answers.answer(`)."""
    defined: dict[str, set[str]] = {}
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        defined.setdefault(path.stem, set()).update(
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)
        )
    homes = [ROOT, ROOT / "authcheck", ROOT / "tests" / "bench", ROOT / "api"]
    missing, looked_at = [], 0
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        text = document.read_text()
        for path_named in re.findall(r"`((?:[a-z_0-9]+/)*[a-z_0-9]+\.py)`", text):
            looked_at += 1
            in_each_room = path_named in {"tables.py", "facts.py", "rules.py"}
            if not in_each_room and not any((home / path_named).exists() for home in homes):
                missing.append(f"{named(document)}: {path_named}")
        for module, function in re.findall(r"(?<![\w./-])([a-z_]+)\.([a-z_]+)\(", text):
            looked_at += 1
            if function not in defined.get(module, set()):
                missing.append(f"{named(document)}: {module}.{function}(")
    assert looked_at > 50
    assert missing == []


def test_every_exit_status_is_documented() -> None:
    """The table of docs/cli.md holds each exit status of a command."""
    assert re.findall(r"^\| (\d+) \|", CLI_DOCS, re.MULTILINE) == ["0", "1", "2", "3", "130"]
