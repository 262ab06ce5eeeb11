"""What a page costs a person who is signed in, and what a sign-in costs, on a real server.

`python tests/bench/bench_sign_in.py [postgresql]`. The pages of one table are asked for in turns, so that a noisy
machine is unjust to none of them.
"""

import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))

import make
import people_made
from bench_strangers import database

from authcheck.config import Settings
from authcheck.members import sessions
from authcheck.storage.database import Database
from authcheck.workspace import Workspace

ROUNDS, CLIENTS, AT_ONCE, COLLEAGUES, KEYS = 300, 4, 50, 20, 10
EMAIL = "mei@acme.example"
PUBLIC = "/sign-in/forgot, public"


@dataclass(frozen=True)
class Served:
    """A running server, its data folder and database, a session's cookie, and a marketplace's key."""

    port: int
    pid: int
    settings: Settings
    cookie: str
    key: str


def main() -> None:
    """Print three tables."""
    with database() as url, serving(url) as served:
        pages: dict[str, tuple[str, dict[str, str]]] = {
            PUBLIC: ("/sign-in/forgot", {}),
            "the same, signed in": ("/sign-in/forgot", {"Cookie": f"authcheck_session={served.cookie}"}),
            "/account": ("/account", {"Cookie": f"authcheck_session={served.cookie}"}),
            f"/people, {COLLEAGUES} people": ("/people", {"Cookie": f"authcheck_session={served.cookie}"}),
        }
        for clients in (1, CLIENTS):
            print(f"\n{f'{clients} client(s), {ROUNDS} rounds':30} p50 ms   p95 ms  more p50  more p95")
            print_pages(served.port, pages, clients)
        print(f"\n{'processor time of the server':30}     ms      more")
        print_cpu(served, pages)
        check_ms = timed(lambda: find_session(served), 1000)
        print(f"\na session check alone, in process: p50 {p50(check_ms):.2f} ms, p95 {p95(check_ms):.2f} ms")
        sign_in_ms = timed(lambda: sign_in(served.port, EMAIL), 20)
        print(f"a sign-in, one after another: p50 {p50(sign_in_ms):.0f} ms, p95 {p95(sign_in_ms):.0f} ms")
        print_crowd(served)


def print_pages(port: int, pages: dict[str, tuple[str, dict[str, str]]], clients: int) -> None:
    """Ask for the pages in turns with each client, and print a line for each page."""
    taken_ms: dict[str, list[float]] = {name: [] for name in pages}

    def visit() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(ROUNDS):
            for name, (path, headers) in pages.items():
                began_s = time.perf_counter()
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                taken_ms[name].append(1000 * (time.perf_counter() - began_s))
                if answer.status != 200:
                    raise OSError(f"{name}: {answer.status}")

    run_all([visit] * clients)
    base = taken_ms[PUBLIC]
    for name, times_ms in taken_ms.items():
        print(
            f"{name:30} {p50(times_ms):7.2f} {p95(times_ms):8.2f}"
            f" {p50(times_ms) - p50(base):+9.2f} {p95(times_ms) - p95(base):+9.2f}"
        )


def print_cpu(served: Served, pages: dict[str, tuple[str, dict[str, str]]]) -> None:
    """Ask for each page again and again. Print the processor time of the server, which no neighbour changes."""
    base_ms = 0.0
    for name, (path, headers) in pages.items():
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
        before_ms = cpu_ms(served.pid)
        for _ in range(ROUNDS):
            connection.request("GET", path, headers=headers)
            connection.getresponse().read()
        taken_ms = (cpu_ms(served.pid) - before_ms) / ROUNDS
        base_ms = base_ms or taken_ms
        print(f"{name:30} {taken_ms:6.2f} {taken_ms - base_ms:+9.2f}")


def cpu_ms(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def print_crowd(served: Served) -> None:
    """Let 50 people sign in at once, while a member checks a picture again and again."""
    alone_ms = timed(lambda: check(served), 10)
    sign_ins_ms: list[float] = []
    answers: list[int] = []
    checks_ms: list[float] = []
    is_over = threading.Event()

    def come(number: int) -> None:
        began_s = time.perf_counter()
        answers.append(sign_in(served.port, f"p{number}@acme.example", f"203.0.113.{number}"))
        sign_ins_ms.append(1000 * (time.perf_counter() - began_s))

    def check_again() -> None:
        while not is_over.is_set():
            checks_ms.extend(timed(lambda: check(served), 1))

    member = threading.Thread(target=check_again)
    member.start()
    began_s = time.perf_counter()
    run_all([lambda number=number: come(number) for number in range(AT_ONCE)])  # type: ignore[misc]
    taken_s = time.perf_counter() - began_s
    is_over.set()
    member.join()
    counts = {status: answers.count(status) for status in sorted(set(answers))}
    print(
        f"{AT_ONCE} sign-ins at once: all answered after {taken_s:.1f} s, p50 {p50(sign_ins_ms):.0f} ms,"
        f" p95 {p95(sign_ins_ms):.0f} ms, statuses {counts}"
    )
    print(
        f"a member's check: alone p50 {p50(alone_ms):.0f} ms; in the meantime p50 {p50(checks_ms):.0f} ms,"
        f" most {max(checks_ms):.0f} ms ({len(checks_ms)} checks)"
    )


@contextmanager
def serving(database_url: str | None) -> Iterator[Served]:
    """Serve a new data folder with a brand's people and keys."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = {
            **os.environ,
            "AUTHCHECK_DATA_DIR": folder,
            "AUTHCHECK_KEY_REQUESTS_PER_MINUTE": "100000",
            "AUTHCHECK_TRUSTED_PROXIES": "127.0.0.1",  # so that each person has an address
        }
        if database_url:
            environment["AUTHCHECK_DATABASE_URL"] = database_url
        settings = Settings(data_dir=Path(folder), database_url=database_url)
        workspace, now = Workspace.open(settings), datetime.now(UTC)
        people_made.person(workspace.database, EMAIL, now=now)
        for number in range(AT_ONCE):
            owner = "acme" if number < COLLEAGUES - 1 else "tees"  # the latter are on no page of ours
            people_made.person(
                workspace.database, f"p{number}@acme.example", owner=owner, roles=("analyst",), now=now
            )
        moderator = {"owner": "market", "kinds": ("marketplace",), "roles": ("moderator",)}
        people_made.person(workspace.database, "guo@market.example", **moderator, now=now)
        for _ in range(KEYS):
            make.key(workspace, "designs:read", owner="acme")
        key = make.key(workspace, "listings:check", owner="market")
        cookie = people_made.sign_in(workspace.database, settings, EMAIL, now=now).token
        workspace.database.dispose()
        command = [sys.executable, "-m", "authcheck", "serve", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
        try:
            wait_for(port)
            yield Served(port, process.pid, settings, cookie, key)
        finally:
            process.terminate()
            process.wait()


def wait_for(port: int) -> None:
    """Wait until the server answers."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


def sign_in(port: int, email: str, client: str = "203.0.113.1") -> int:
    """Sign in on a new connection, from this client address. Return the status."""
    body = urlencode({"email": email, "password": people_made.PASSWORD})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    headers["X-Forwarded-For"] = client
    return send(port, "POST", "/sign-in", body.encode(), headers)


def check(served: Served) -> None:
    """Check a small picture with the marketplace's key."""
    headers = {"Authorization": f"Bearer {served.key}", "Content-Type": "image/png"}
    status = send(served.port, "POST", "/v1/checks", PICTURE, headers)
    if status != 201:
        raise OSError(status)


def send(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a request on a new connection. Return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def find_session(served: Served) -> None:
    """Find the session of the cookie as each request does, in this process."""
    with opened(served.settings).glancing() as session:
        if sessions.find(session, served.cookie, served.settings, datetime.now(UTC)) is None:
            raise OSError("no session")


def opened(settings: Settings) -> Database:
    """Return this process's database."""
    if not databases:
        databases.append(Workspace.open(settings).database)
    return databases[0]


def timed(act: Callable[[], object], times: int) -> list[float]:
    """Return the milliseconds that each repetition takes."""
    taken_ms = []
    for _ in range(times):
        began_s = time.perf_counter()
        act()
        taken_ms.append(1000 * (time.perf_counter() - began_s))
    return taken_ms


def p50(times_ms: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(times_ms)


def p95(times_ms: Sequence[float]) -> float:
    """Return what 95 of 100 stay under."""
    return statistics.quantiles(times_ms, n=20)[18]


def run_all(jobs: Sequence[Callable[[], None]]) -> None:
    """Run jobs at the same time, to their end."""
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


databases: list[Database] = []
PICTURE = make.picture_bytes(1)

if __name__ == "__main__":
    main()
