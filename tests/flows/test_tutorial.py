"""Flow: a newcomer types what docs/tutorial.md shows, line by line, and sees what it says."""

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the blocks of the tutorial in a language: `sh` is typed, and "" is what is seen."""
    return [text for name, text in re.findall(r"```(\w*)\n(.*?)```", TUTORIAL, re.DOTALL) if name == language]


def lines() -> Iterator[str]:
    """Yield the command lines of the tutorial, each as one line without its comment."""
    for block in blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            yield line.partition("   #")[0]


@pytest.mark.slow
def test_the_tutorial_works_as_written(
    cli: Callable[..., Any], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every command succeeds, or finds what the tutorial says that it finds."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)
    environment["AUTHCHECK_DATA_DIR"] = str(tmp_path / "fresh")  # as a newcomer has it: nothing is there
    said, names = "", dict[str, str]()
    for line in lines():
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            environment[name] = value
            continue
        if not line.startswith("$A "):
            subprocess.run(line, shell=True, check=True, cwd=tmp_path)  # noqa: S602 - our own document
            continue
        words = [names.get(word, word) for word in shlex.split(line)[1:]]
        done = cli(*words)
        finds = words[0] in {"check", "check-listing"}
        assert done.code == int(finds), (line, done.out, done.err)
        said += done.out + done.err
        if words[:2] == ["certificates", "issue"]:
            names["BATCH"] = done.out.strip()
            names["CODE"] = cli("certificates", "list", "--org", "acme", "--json").objects[0]["code"]
    told = [row for block in blocks("") for row in block.splitlines() if not re.search(r"(chk|ref)_", row)]
    assert [row for row in told if row not in said.splitlines()] == []
    assert "entries replayed. No differences." in said
