"""Server time of the pages of licences for a brand that has very many of everything.

    python tests/bench/bench_desk_licences.py [postgresql] [--licences 10000] [--designs 100000] [--units 1000000]

One brand owns all designs and has given all licences, to 100 licensees. One tenth of the licences is a newer
version, one tenth has ended, one tenth is an open offer. Each of 5,000 batches has an equal share of the
certificates. The database is SQLite in a fresh folder, or a new PostgreSQL. Medians and 95th percentiles of 21
requests over HTTP, in milliseconds, with the app in this process.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from bench_index import table
from bench_strangers import database
from sqlalchemy import insert
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1]))
import licences_made as made
import make
import people_made
from browsers_made import Browser

from api.app import create_app
from authcheck.certificates.tables import Batch, Certificate
from authcheck.config import Settings
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Terms
from authcheck.registry.tables import Design
from authcheck.storage.entity import Entity
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

ROUNDS = 21
LICENSEES, BATCHES = 100, 5_000
DICE = Random(0)
COUNTRIES = ("DE", "FR", "IT", "ES", "JP", "CN", "US", "BR", "ZA", "AU")


def main() -> None:
    """Print a Markdown table, a row a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", nargs="?", choices=["postgresql"])
    parser.add_argument("--licences", type=int, default=10_000)
    parser.add_argument("--designs", type=int, default=100_000)
    parser.add_argument("--units", type=int, default=1_000_000)
    counts = parser.parse_args()
    with database() as url, tempfile.TemporaryDirectory() as folder:
        many = {"key_requests_per_minute": 1_000_000}
        settings = Settings(data_dir=Path(folder), **many, **({"database_url": url} if url else {}))
        with TestClient(create_app(settings)) as client:
            workspace = client.app.state.workspace  # type: ignore[attr-defined]
            newest = fill(workspace, counts)
            rows = [[name, *measure(get)] for name, get in pages(client, workspace, newest)]
    table(["page", "median", "p95", "bytes"], rows)


def measure(get: Any) -> list[str]:
    """Return the median, the 95th percentile and the size of the answers to a request."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        answer = get()
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, answer.text
    p95 = sorted(times)[int(0.95 * len(times))]
    return [f"{statistics.median(times):.0f}", f"{p95:.0f}", f"{len(answer.content):,}"]


def pages(client: TestClient, workspace: Workspace, ids: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield a name and a function that sends the request, for each page."""
    now = utc_now()
    people_made.person(workspace.database, "mei@acme.example", roles=("admin",), now=now)
    people_made.person(
        workspace.database, "lee@m0.example", owner="m0", kinds=("licensee",), roles=("licensee",), now=now
    )
    mei, lee = Browser(client), Browser(client)
    mei.sign_in("mei@acme.example")
    lee.sign_in("lee@m0.example")
    for path in (
        "/licences", "/licences?state=all", "/licences?state=lapsed", "/licences?state=revoked",
        "/licences?territory=Japan", "/licences?design=D-77777", "/licences?design=swallow",
        "/licences?design=nothing", "/licences?other=m77", f"/licences?state=all&before={ids[60]}",
        "/licences.csv?state=all", f"/licences/{ids[-1]}", "/licences/new", f"/licences/{ids[-1]}/amend",
        "/licences/who?design=D-5&territory=DE", "/licences/who?design=swallow 5&territory=DE",
    ):  # fmt: skip
        yield path.replace(ids[-1], "ID").replace(ids[60], "ID"), lambda path=path: mei.get(path)
    search = {"act": "search", "search": "swallow 99", "licensee": "m7"}
    yield "POST /licences/new, a search", lambda: mei.post("/licences/new", **search)
    yield "/licences of a licensee", lambda: lee.get("/licences")


def fill(workspace: Workspace, counts: argparse.Namespace) -> list[str]:
    """Store everything with bulk inserts. Return the ids of the licences, oldest first."""
    make.confirm_address(workspace.database)
    acme = made.organisation(workspace, "acme", "brand").id
    takers = [made.organisation(workspace, f"m{number}").id for number in range(LICENSEES)]
    store(workspace, Design, (design(acme, number) for number in range(counts.designs)))
    licences = [licence(acme, takers, number, counts.designs) for number in range(counts.licences)]
    store(workspace, Licence, iter(licences))
    store(workspace, LicenceSubject, (subject(row) for row in licences))
    share = counts.units // BATCHES
    batches = [batch(number, licences, share) for number in range(BATCHES)]
    store(workspace, Batch, iter(batches))
    store(workspace, Certificate, (unit(row, number) for row in batches for number in range(share)))
    return [row["id"] for row in licences]


def store(workspace: Workspace, kind: type[Entity], rows: Iterator[dict[str, Any]]) -> None:
    """Insert rows in transactions of 20,000."""
    while some := list(islice(rows, 20_000)):
        with workspace.database.writing() as session:
            session.execute(insert(kind), some)


def design(owner: str, number: int) -> dict[str, Any]:
    """Return a design without pictures. Every tenth is in a collection."""
    title = f"{DICE.choice(('koi', 'kite', 'heron', 'swallow'))} {number}"
    return {
        "id": f"dsn_{number:026}", "owner_id": owner, "reference": f"D-{number}", "title": title, "kind": "pattern",
        "collection": f"C-{number // 1000}" if number % 10 == 0 else "", "state": "registered",
        "public_preview": False, "registered_at": make.NOW, "registered_tick": 1, "version": 1,
    }  # fmt: skip


def licence(owner: str, takers: list[str], number: int, designs: int) -> dict[str, Any]:
    """Return a licence for one design in three countries. Its kind follows from its number."""
    kind = number % 10
    terms = Terms(
        designs=(f"dsn_{DICE.randrange(designs):026}",),
        territories=tuple(sorted(DICE.sample(COUNTRIES, 3))),
        goods=(25,),
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 6, 1) if kind == 1 else date(2030, 1, 1),
        cap=100_000,
    )
    id_ = f"lic_{number:026}"
    return {
        "id": id_, "series": f"lic_{number - 1:026}" if kind == 0 and number else id_,
        "version": 2 if kind == 0 and number else 1, "owner_id": owner, "licensee_id": takers[number // 10 % LICENSEES],
        "terms": terms.to_json(), "offered_at": make.NOW, "accepted_at": None if kind == 3 else make.NOW,
        "superseded_at": make.NOW if kind == 9 else None, "offered_entry": number,
    }  # fmt: skip


def subject(row: dict[str, Any]) -> dict[str, Any]:
    """Return the subject of a licence."""
    return {"licence_id": row["id"], "kind": "design", "value": row["terms"]["designs"][0]}


def batch(number: int, licences: list[dict[str, Any]], count: int) -> dict[str, Any]:
    """Return a batch under a licence."""
    row = licences[number * 2 % len(licences)]
    return {
        "id": f"bat_{number:026}", "organisation_id": row["licensee_id"], "design_id": row["terms"]["designs"][0],
        "request_key": str(number), "request_sha256": "0" * 64, "gtin": "04006381333931", "lot": f"L-{number}",
        "product": "Shirt", "count": count, "licence_id": row["id"], "address": "http://127.0.0.1:8000",
        "created_at": make.NOW - timedelta(hours=number % 1000),
    }  # fmt: skip


def unit(row: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a certificate of a batch."""
    place = int(row["id"][-10:]) * row["count"] + number
    return {
        "id": f"crt_{place:026}", "code": f"{place:020}", "batch_id": row["id"], "number_in_batch": number,
        "organisation_id": row["organisation_id"], "design_id": row["design_id"], "gtin": row["gtin"],
        "lot": row["lot"], "serial": f"{place:020}", "state": "active", "issued_at": row["created_at"],
        "status_index": place,
    }  # fmt: skip


if __name__ == "__main__":
    main()
