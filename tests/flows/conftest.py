"""The command line for the flow tests, run in this process or in a process of its own."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import certificates_made as made
import licensees_made as licensees
import make
import pytest
from licensees_made import Licensee

from authcheck.config import Settings
from authcheck.licences.tables import Licence
from authcheck.terminal.app import main
from authcheck.workspace import Workspace

ENTRY = "from authcheck.terminal.app import main; main()"
TIMEOUT_S = 120


@dataclass(frozen=True)
class Done:
    """The result of a command: exit status, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects that `--json` printed, one per line."""
        return [json.loads(line) for line in self.out.splitlines()]


Cli = Callable[..., Done]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The environment variables that point a process at this test's workspace."""
    names = {"AUTHCHECK_DATA_DIR": str(settings.data_dir), "COLUMNS": "100"}
    return names | ({"AUTHCHECK_DATABASE_URL": settings.database_url} if settings.database_url else {})


@pytest.fixture
def cli(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Cli:
    """Run `authcheck ...` in this process."""

    def run(*words: str | Path, stdin: bytes = b"") -> Done:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["authcheck", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfdbinary.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = capfdbinary.readouterr()
        return Done(code, out.decode(), err.decode())

    return run


@pytest.fixture
def as_process(environment: dict[str, str]) -> Callable[..., subprocess.Popen[bytes]]:
    """Start `authcheck ...` as a process of its own. The caller waits for the process."""

    def start(*words: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-c", ENTRY, *map(str, words)], env=os.environ | environment, **piped
        )

    return start


@pytest.fixture
def acme(workspace: Workspace) -> made.Brand:
    """A brand with a design and a key."""
    return made.brand(workspace)


@pytest.fixture
def printers(workspace: Workspace, acme: made.Brand) -> Licensee:
    """A licensee with a key and no licence."""
    return licensees.licensee(workspace, acme.design)


@pytest.fixture
def license_it(acme: made.Brand, printers: Licensee) -> Callable[..., Licence]:
    """License acme's design to the licensee: `license_it(cap=5)`."""

    def grant(**words: Any) -> Licence:
        words.setdefault("designs", (acme.design.id,))
        return licensees.licence(acme.work, "acme", "printers", **words)

    return grant


@pytest.fixture(autouse=True)
def _designs_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Extract the local features of each registered picture only once for all tests."""
    monkeypatch.setattr("authcheck.vision.features.extract.of_design", make.design_features)
