"""Look-ups whose scan is recorded, as a ratio to look-ups without recording, by clients at the same time.

    python tests/bench/bench_scans.py [--certificates 1000000] [--clients 16] [--requests 4000] [--rounds 5]

The app's way: `POST /v1/scans`, which looks up and records, against `GET /v1/certificates/{code}`. The page's way:
`GET /c/{code}` and then its `POST /c/{code}/scans`, against the page alone. Rounds alternate, ratios are medians
of the ratios within a round. Every client is another person on another network. In the end each
acknowledged scan must be in the database, once. The database is SQLite in a fresh folder.
"""

import argparse
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from bench_lookup import filled
from rich.console import Console
from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).parents[1]))

import sqlalchemy as sa

from authcheck.certificates.tables import Certificate
from authcheck.config import Settings
from authcheck.scans.tables import ScanSession
from authcheck.storage.database import Database

VISIT = re.compile(rb'data-visit="([^"]+)"')
WAIT_S = 60
Person = tuple[http.client.HTTPConnection, dict[str, str]]
Act = Callable[[Person, str], int]
"""Do something about a code, and return how many scans were acknowledged."""


def send(person: Person, method: str, path: str, body: str | None = None, kind: str = "") -> bytes:
    """Send a request and return the body of its answer."""
    connection, headers = person
    connection.request(method, path, body, headers | ({"Content-Type": kind} if kind else {}))
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status in {200, 202}, (answer.status, content)
    return content


def look_up(person: Person, code: str) -> int:
    """Look up without recording."""
    send(person, "GET", f"/v1/certificates/{code}")
    return 0


def scan(person: Person, code: str) -> int:
    """Look up and record, as an app does."""
    send(person, "POST", "/v1/scans", json.dumps({"code": code}), "application/json")
    return 1


def open_page(person: Person, code: str) -> int:
    """Open the page without its script."""
    send(person, "GET", f"/c/{code}")
    return 0


def open_page_and_scan(person: Person, code: str) -> int:
    """Open the page, and let it send its scan."""
    visit = VISIT.search(send(person, "GET", f"/c/{code}"))
    assert visit is not None
    fields = urlencode({"visit": visit[1].decode(), "way": "camera", "zone": "Asia/Shanghai"})
    send(person, "POST", f"/c/{code}/scans", fields, "application/x-www-form-urlencoded")
    return 1


PAIRS: dict[str, tuple[Act, Act]] = {
    "app": (look_up, scan),
    "page": (open_page, open_page_and_scan),
}


class Crowd:
    """Clients at the same time, each with a connection of its own."""

    def __init__(self, port: int, clients: int, seed: int) -> None:
        self._dice = Random(seed)
        self._connections = [
            http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S) for _ in range(clients)
        ]
        self._pool = ThreadPoolExecutor(clients)
        self.acknowledged = 0

    def time_s(self, act: Act, codes: Sequence[str]) -> float:
        """Return the seconds until each code had its act."""
        people = [self._dice.getrandbits(32) for _ in codes]
        shares = range(len(self._connections))
        started_s = time.perf_counter()
        done = self._pool.map(lambda share: self._act(act, share, codes, people), shares)
        self.acknowledged += sum(done)
        return time.perf_counter() - started_s

    def _act(self, act: Act, share: int, codes: Sequence[str], people: Sequence[int]) -> int:
        count = 0
        for number in range(share, len(codes), len(self._connections)):
            address = ".".join(str(part) for part in people[number].to_bytes(4, "big"))
            headers = {
                "X-Forwarded-For": address,
                "User-Agent": f"Mozilla/5.0 (phone {people[number]})",
                "Accept": "text/html" if act is open_page else "*/*",
            }
            count += act((self._connections[share], headers), codes[number])
        return count


def serve(settings: Settings) -> tuple[subprocess.Popen[bytes], int]:
    """Start a server and wait for it. Return its process and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "AUTHCHECK_DATA_DIR": str(settings.data_dir),
        "AUTHCHECK_TRUSTED_PROXIES": "127.0.0.1",
    }
    words = ["-m", "uvicorn", "--factory", "api.app:create_app", f"--port={port}", "--log-level=warning"]
    words += ["--no-proxy-headers", "--no-access-log"]
    server = subprocess.Popen([sys.executable, *words], env=env, cwd=Path(__file__).parents[2])  # noqa: S603
    for _ in range(10 * WAIT_S):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            break
    return server, port


def main() -> None:
    """Print a line a pair, and whether all acknowledged scans are stored."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--certificates", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "state")
        filled(settings, options.certificates)
        codes = draw_codes(settings, 2 * len(options.pairs) * (options.rounds + 1) * options.requests)
        server, port = serve(settings)
        try:
            crowd = Crowd(port, options.clients, 1)
            ratios = measure(crowd, codes, options)
        finally:
            server.terminate()
            server.wait()
        stored = count_scans(settings)
    print(
        f"{options.certificates:,} certificates, {options.clients} clients, {options.requests:,} look-ups a round"
    )
    for name, found in ratios.items():
        print(f"{name}: with scans recorded {statistics.median(found):.2f} of the look-ups without")
    print(f"{crowd.acknowledged:,} scans acknowledged, {stored:,} stored")


def measure(crowd: Crowd, codes: Sequence[str], options: argparse.Namespace) -> dict[str, list[float]]:
    """Return the ratios of each pair, round by round. No unit is looked up twice while there are others."""
    unseen = cycle(codes)
    ratios: dict[str, list[float]] = {name: [] for name in options.pairs}
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("rounds", total=(options.rounds + 1) * len(ratios))
        for number in range(options.rounds + 1):  # the first one warms the server
            for name, found in ratios.items():
                plain, recorded = PAIRS[name]
                chosen = [[next(unseen) for _ in range(options.requests)] for _ in range(2)]
                plain_s, recorded_s = crowd.time_s(plain, chosen[0]), crowd.time_s(recorded, chosen[1])
                if number:
                    found.append(plain_s / recorded_s)
                    rates = [options.requests / spent_s for spent_s in (plain_s, recorded_s)]
                    print(f"{name}: {rates[0]:,.0f}/s without, {rates[1]:,.0f}/s with scans recorded")
                progress.advance(task)
    return ratios


def draw_codes(settings: Settings, count: int) -> list[str]:
    """Return codes of so many units, drawn from all."""
    database = Database.open(settings)
    with database.reading() as session:
        codes = list(session.scalars(sa.select(Certificate.code)))
    database.dispose()
    return Random(2).sample(codes, min(count, len(codes)))


def count_scans(settings: Settings) -> int:
    """Return the number of stored scans, repeated ones included."""
    database = Database.open(settings)
    with database.reading() as session:
        count = session.scalar(sa.select(sa.func.sum(ScanSession.requests)))
    database.dispose()
    return int(count or 0)


if __name__ == "__main__":
    main()
