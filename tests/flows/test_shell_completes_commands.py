"""Flow: the shell completes the commands, also those whose module is not loaded yet."""

import os
import subprocess
import sys

import pytest

from authcheck.terminal.app import COMMANDS

ENTRY = "from authcheck.terminal.app import main; main()"


def completions(*words: str) -> list[str]:
    """Return what bash offers for the last of the words, as the installed script asks for it."""
    asked = {
        "_AUTHCHECK_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", ENTRY],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.slow
def test_completes() -> None:
    """The shell completes a command, a command of a group, and an option of a command."""
    assert completions("authcheck", "li") == [name for name in COMMANDS if name.startswith("li")]
    assert completions("authcheck", "licences", "of") == ["offer"]
    assert "--territories" in completions("authcheck", "licences", "offer", "--te")
