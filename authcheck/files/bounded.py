"""Untrusted files, read in a process of its own with limits on memory, time and files.

The libraries that read workbooks, HEIC, SVG and PDF are large and written in C, C++ and Rust. A hostile file
may crash them, or make them use all memory. In a bounded process such a file costs its own process only.
See docs/adr/0022.
"""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authcheck.errors import StorageFailed
from authcheck.files.writing import write_error_code

ROOT = str(Path(__file__).parents[2])  # the folder of the package authcheck
START = "import sys; sys.path.insert(0, sys.argv[1]); __import__(sys.argv[2], fromlist=['main']).main()"
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one process: address space, processor time, time by the clock, bytes of the answer."""

    memory_bytes: int = 1024 * MIB
    cpu_s: int = 10
    wall_s: float = 40.0
    answer_bytes: int = 512 * MIB


class TooCostly(Exception):
    """The process died, ran into a limit, or answered too much."""


def run_bounded(
    module: str, data: bytes, options: Mapping[str, Any], bounds: Bounds
) -> tuple[dict[str, Any], bytes]:
    """Run `main` of a child module on a file. Return the header and the body of its answer.

    The process reads standard input and writes standard output. It can open no file and no socket, see
    `bounded_child.confine`. Raises TooCostly, StorageFailed.
    """
    limits = {"memory_bytes": bounds.memory_bytes, "cpu_s": bounds.cpu_s}
    try:
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps({**options, **limits}).encode() + b"\n")
            file.write(data)
            file.seek(0)
            answer = _run(module, file.fileno(), bounds)
    except OSError as error:
        raise StorageFailed(
            f"We cannot give the file to a process of its own: {error.strerror}.",
            code=write_error_code(error),
        ) from error
    header, _, body = answer.partition(b"\n")
    return json.loads(header), body


def _run(module: str, file: int, bounds: Bounds) -> bytes:
    process = subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-I", "-c", START, ROOT, module],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,  # Ctrl-C is for the parent, which ends the child
    )
    timer = threading.Timer(bounds.wall_s, process.kill)
    timer.daemon = True
    timer.start()
    try:
        with process, process.stdout as output:  # type: ignore[union-attr] # a pipe
            answer = output.read(bounds.answer_bytes + 1)
            if len(answer) > bounds.answer_bytes:
                process.kill()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
    if process.returncode:
        raise TooCostly(f"The process ended with {process.returncode}.")
    return answer
