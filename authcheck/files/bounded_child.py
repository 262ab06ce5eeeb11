"""The child's side of a bounded process, see `bounded`. Only a child process imports this module."""

import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

Answer = tuple[Mapping[str, Any], bytes]
OUT_OF_MEMORY = 77  # exit status


def serve(work: Callable[[bytes, Mapping[str, Any]], Answer]) -> NoReturn:
    """Read the options and the file from standard input, confine this process, work, and write the answer.

    Import all libraries before: a confined process can open no file.
    """
    options = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read()
    confine(options["memory_bytes"], options["cpu_s"])
    try:
        header, body = work(data, options)
        sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + body)
        sys.stdout.buffer.flush()
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    os._exit(0)  # without the libraries' own cleaning up, which may crash


def confine(memory_bytes: int, cpu_s: int) -> None:
    """Limit memory and processor time, and forbid to open files and sockets and to write core dumps.

    macOS does not enforce the limit on memory. The time limits of the parent hold there as well.
    """
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_NOFILE, 0),
    ):
        try:
            resource.setrlimit(kind, (limit, limit))
        except (ValueError, OSError):
            if kind != resource.RLIMIT_AS or sys.platform == "linux":
                raise
