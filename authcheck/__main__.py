"""Where the command starts. `verify-bundle` loads neither database, nor web, nor pictures."""

import os
import sys
import traceback
from importlib import import_module
from typing import TextIO, cast

from authcheck.errors import StorageFailed
from authcheck.files.writing import Guarded

STANDARD_OUTPUT = 1
UNAVAILABLE = 3  # exit status; 1 is an answer, such as "a design was found"


def main() -> None:
    """Run the command line. Exit with status 3 when the answer cannot be written, and at a fault of ours."""
    output = Guarded(sys.stdout or _open_closed(), "The standard output")
    messages = Guarded(sys.stderr, "The standard error", expendable=True) if sys.stderr else None
    streams = [stream for stream in (output, messages) if stream is not None]
    sys.stdout, sys.stderr = cast("TextIO", output), cast("TextIO", messages)
    try:
        try:
            _run()
        finally:
            output.flush()
    except StorageFailed as error:  # of the output; the commands tell of all other errors
        print(f"authcheck: {error} [{error.code}]", file=sys.stderr)  # noqa: T201 - rich may not be loaded
        sys.exit(UNAVAILABLE)
    except Exception:  # noqa: BLE001 - a fault of ours is no answer either
        traceback.print_exc()
        sys.exit(UNAVAILABLE)
    finally:
        for stream in streams:
            if stream.has_failed:
                _drop_output(stream.fileno())


def _open_closed() -> TextIO:
    """Return a standard output that refuses every word, for a process that was started without one.

    No other file may get the number of the standard output: its readers would see our database.
    """
    os.dup2(os.open(os.devnull, os.O_RDONLY), STANDARD_OUTPUT)
    return os.fdopen(STANDARD_OUTPUT, "w", closefd=False)


def _run() -> None:
    if sys.argv[1:2] == ["verify-bundle"]:
        sys.exit(import_module("authcheck.proofs.bundle").main(sys.argv[2:]))
    import_module("authcheck.terminal.app").main()


def _drop_output(number: int) -> None:
    """Send what is still in the buffer nowhere. Python would fail to write it once more at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)


if __name__ == "__main__":
    main()
