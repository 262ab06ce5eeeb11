"""`/livez` beside strangers' attacks on a real server, and the memory that each attack costs.

`python tests/bench/bench_strangers.py`. Each row is one attack: the answers of `/livez` in the meantime, and
the growth of the server's peak memory.
"""

import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ATTACK_S = 8.0
BODY_BYTES = 25 * 1024 * 1024
Attack = Callable[[int, threading.Event], None]


def main() -> None:
    """Run each attack against a fresh server, and print a line for each."""
    print(f"{'attack':34} {'livez p50':>10} {'p99':>8} {'most':>8} {'memory':>9}")
    for name, attack in ATTACKS.items():
        with serving() as (port, pid):
            before = peak_memory_mb(pid)
            times_ms = ask_during(port, attack)
            p99 = statistics.quantiles(times_ms, n=100)[98]
            print(
                f"{name:34} {statistics.median(times_ms):7.1f} ms {p99:5.0f} ms {max(times_ms):5.0f} ms"
                f" {peak_memory_mb(pid) - before:+6.0f} MB"
            )


@contextmanager
def serving() -> Iterator[tuple[int, int]]:
    """Serve an empty data folder. Yield the port and the process id."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        settings = {
            "AUTHCHECK_DATA_DIR": folder,
            "AUTHCHECK_FAST": "1",
            "AUTHCHECK_PUBLIC_CHECKS_PER_MINUTE": "100000",
        }
        command = [sys.executable, "-m", "authcheck", "serve", "--port", str(port)]
        environment = {**os.environ, **settings}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
        try:
            for _ in range(300):
                try:
                    ask(port)
                    break
                except OSError:
                    time.sleep(0.1)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait()


def ask(port: int) -> float:
    """Ask `/livez` on a new connection. Return the milliseconds."""
    began_s = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/livez")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        raise OSError(answer.status)
    return 1000 * (time.perf_counter() - began_s)


def ask_during(port: int, attack: Attack) -> list[float]:
    """Ask `/livez` fifty times a second during an attack. Return the milliseconds of each answer."""
    end = threading.Event()
    thread = threading.Thread(target=attack, args=(port, end))
    thread.start()
    times_ms, deadline = [], time.monotonic() + ATTACK_S
    while time.monotonic() < deadline:
        times_ms.append(ask(port))
        time.sleep(0.02)
    end.set()
    thread.join()
    return times_ms


def peak_memory_mb(pid: int) -> float:
    """Return the peak of the memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def nothing(_port: int, end: threading.Event) -> None:
    """No attack: the line to compare with."""
    end.wait()


def endless_headers(port: int, end: threading.Event) -> None:
    """Four connections send a header value without end, and begin again when they are refused."""

    def send() -> None:
        while not end.is_set():
            with socket.create_connection(("127.0.0.1", port)) as connection:
                try:
                    connection.sendall(b"GET / HTTP/1.1\r\nX: ")
                    while not end.is_set():
                        connection.sendall(b"a" * 65536)
                except OSError:
                    continue

    run_all([send] * 4)


def idle_connections(port: int, end: threading.Event) -> None:
    """1,500 connections that send nothing, opened again as they end."""
    kept: list[socket.socket] = []
    while not end.is_set():
        kept.append(socket.create_connection(("127.0.0.1", port)))
        if len(kept) > 1500:
            kept.pop(0).close()
        time.sleep(0.001)


def posted(path: str, content_type: str, body: bytes, *, times: int = 1) -> Attack:
    """Return an attack that posts a body again and again, on `times` connections."""

    def attack(port: int, end: threading.Event) -> None:
        def send() -> None:
            while not end.is_set():
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                try:
                    connection.request("POST", path, body, {"Content-Type": content_type})
                    connection.getresponse().read()
                except (OSError, http.client.HTTPException):
                    continue
                finally:
                    connection.close()

        run_all([send] * times)

    return attack


def run_all(jobs: list[Callable[[], None]]) -> None:
    """Run jobs at the same time, to their end."""
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def filled(boundary: bytes, filling: bytes) -> bytes:
    """Return a form of one part: 25 MiB of a filling."""
    head = b"--" + boundary + b'\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    return head + filling * ((BODY_BYTES - 500) // len(filling)) + b"\r\n--" + boundary + b"--\r\n"


FORM = "multipart/form-data; boundary="
LONG = b"aaaaaaaaaaaa"
ATTACKS: dict[str, Attack] = {
    "none": nothing,
    "4 headers without end": endless_headers,
    "1,500 idle connections": idle_connections,
    "boundary of one character": posted("/v1/checks", FORM + "-", filled(b"-", b"\r\n---X"), times=2),
    "25 MiB of boundaries": posted(
        "/v1/checks", FORM + LONG.decode(), filled(LONG, b"\r\n--" + LONG + b"X"), times=2
    ),
    "25 MiB of almost boundaries": posted(
        "/v1/checks", FORM + LONG.decode(), filled(LONG, b"\r\n--" + LONG[:-1] + b"X"), times=2
    ),
}

if __name__ == "__main__":
    main()
