"""Look-ups with full verification over HTTP, as a ratio to bare JSON endpoints of the same server.

`python tests/bench/bench_lookup.py [CERTIFICATES]`. Issuing 1,000,000 certificates takes some minutes.
"""

import http.client
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import make
import sqlalchemy as sa
import units_made as units

from authcheck.certificates.orders import MOST_UNITS
from authcheck.certificates.tables import Certificate
from authcheck.config import Settings
from authcheck.ledger import publishing
from authcheck.workspace import Workspace

ROUNDS = 5
REQUESTS = 1000
WARMING = 4000
BUYERS = 100
BARE = (
    "/livez",  # no limit, no database
    "/.well-known/did.json",  # JSON after one small query, behind the limits of look-ups
)


def filled(settings: Settings, count: int) -> list[str]:
    """Fill a workspace with this number of certificates. Return some of their codes."""
    workspace = Workspace.open(settings)
    make.confirm_address(workspace.database)
    design = units.brand_with_key(workspace)
    for number, start in enumerate(range(0, count, MOST_UNITS)):
        now = make.NOW + timedelta(seconds=number)
        words = {"count": min(MOST_UNITS, count - start), "request_key": str(number), "now": now}
        units.issue(workspace, design, returned=False, **words)
    publishing.publish(workspace.database, settings)
    with workspace.database.reading() as session:
        codes = list(session.scalars(sa.select(Certificate.code)))
    workspace.database.dispose()
    return random.Random(0).choices(codes, k=ROUNDS * REQUESTS + WARMING)


def seconds(port: int, paths: Sequence[str]) -> float:
    """Return the seconds that one client on one connection needs for these requests, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    started = time.perf_counter()
    for number, path in enumerate(paths):
        # A hundred buyers: the requests of one buyer in the last minute are counted singly, and limited.
        buyer = f"10.0.0.{number % BUYERS}"
        connection.request("GET", path, headers={"X-Forwarded-For": buyer})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
    return time.perf_counter() - started


def main(count: int) -> None:
    """Print requests per second of each endpoint, and ratios, in alternating rounds."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        settings = Settings(data_dir=Path(folder) / "state")
        codes = filled(settings, count)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        env = {
            **os.environ,
            "AUTHCHECK_DATA_DIR": str(settings.data_dir),
            "AUTHCHECK_TRUSTED_PROXIES": "127.0.0.1",
        }
        words = ["-m", "uvicorn", "--factory", "api.app:create_app", f"--port={port}", "--log-level=warning"]
        server = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, *words], env=env, cwd=Path(__file__).parents[2]
        )
        try:
            time.sleep(10)
            seconds(
                port, [f"/v1/certificates/{code}" for code in codes[-WARMING:]]
            )  # a server that has run for a while
            ratios: dict[str, list[float]] = {path: [] for path in BARE}
            for number in range(ROUNDS):
                chosen = codes[number * REQUESTS : (number + 1) * REQUESTS]
                look_s = seconds(port, [f"/v1/certificates/{code}" for code in chosen])
                for path in BARE:
                    bare_s = seconds(port, [path] * REQUESTS)
                    ratios[path].append(bare_s / look_s)
                    print(f"{path} {REQUESTS / bare_s:,.0f}/s  look-up {REQUESTS / look_s:,.0f}/s")
            for path, found in ratios.items():
                print(f"{count:,} certificates: median ratio to {path} {statistics.median(found):.2f}")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
