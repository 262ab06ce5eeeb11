"""Kinds of SQL statement that the suite sends on PostgreSQL, by file.

The report names the files that send a kind which the marked files do not send.

A pytest plugin: `PYTHONPATH=tests/bench AUTHCHECK_TEST_DATABASE=postgresql .venv/bin/pytest -p sent_statements tests`
"""

import re
from collections import defaultdict
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

PARAMETER = re.compile(r"%\(\w+\)s(::[\w ]+)?")
LIST = re.compile(r"\(\?(, \?)*\)(, \(\?(, \?)*\))*")
LITERAL = re.compile(r"\b\d+\b|(?<=test_)\d+|_\d+\b")

kinds_by_file: dict[str, set[str]] = defaultdict(set)
marked: set[str] = set()
present = ""


@event.listens_for(sa.Engine, "before_cursor_execute")
def _note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    """Store the statement without its values, its numbers and the length of its lists."""
    kind = LIST.sub("(?)", PARAMETER.sub("?", " ".join(statement.split())))
    kinds_by_file[present].add(LITERAL.sub("N", kind))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    """Remember the file of the running test."""
    global present  # noqa: PLW0603 - pytest runs one test at a time
    present = item.nodeid.partition("::")[0]
    if item.get_closest_marker("postgresql"):
        marked.add(present)
    return (yield)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print one line for each file that sends kinds of its own."""
    covered = set().union(*(kinds_by_file[name] for name in marked))
    every = set().union(*kinds_by_file.values())
    terminalreporter.write_line(
        f"{len(every)} kinds of statement, {len(every & covered)} of them in marked files"
    )
    for name in sorted(kinds_by_file.keys() - marked):
        for kind in sorted(kinds_by_file[name] - covered):
            terminalreporter.write_line(f"{name}: {kind[:160]}")
