"""Time of the pages of certificates, scans and alerts for a brand with very many of them.

    python tests/bench/bench_desk.py [postgresql] [--certificates 1000000] [--scans 1000000]

The database is SQLite in a fresh folder, or a new PostgreSQL. One owner has all: batches of 1,000 certificates, and
scans of a year in thirty countries. Medians and 95th percentiles of 21 requests of a signed-in person through the
whole application. `days summed` is how long the sums of all days took, once.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench_cases import columns_of
from bench_index import table
from bench_strangers import database
from sqlalchemy import delete, insert, select, text
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1]))
import make
import people_made
import scans_made
import units_made
from browsers_made import Browser

from api.app import create_app
from authcheck.certificates.tables import Batch, Certificate
from authcheck.config import Settings
from authcheck.ids import new_code, new_id
from authcheck.scans import closing, listing
from authcheck.scans.tables import ScanAlert, ScanSession
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

ROUNDS = 21
BATCH = 1_000
DAYS = 365
ALERTS = 2_000
AT_ONCE = 10_000
EMAIL = "mei@acme.example"
COUNTRIES = ("DE", "FR", "CN", "US", "GB", "IT", "ES", "PL", "NL", "BE", "AT", "CH", "JP", "KR", "BR", "MX", "CA",
             "SE", "NO", "DK", "FI", "PT", "CZ", "GR", "IE", "AU", "NZ", "ZA", "IN", "")  # fmt: skip


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", nargs="?", choices=["postgresql"])
    parser.add_argument("--certificates", type=int, default=1_000_000)
    parser.add_argument("--scans", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, database() as url:
        settings = Settings(
            data_dir=Path(folder) / "state",
            database_url=url,
            key_requests_per_minute=1_000_000,
            clock_tolerance_hours=1_000_000,
            fast=True,
        )
        rows = list(measure(settings, arguments.certificates, arguments.scans))
    table(["page", "median ms", "p95 ms"], rows)


def measure(settings: Settings, certificates: int, scans: int) -> Iterator[list[str]]:
    """Yield the name and the times of each page."""
    work = Workspace.open(settings)
    make.confirm_address(work.database)
    batch_id = fill(work, certificates, scans)
    started_s = time.perf_counter()
    while closing.close_days(work.database, utc_now()):
        pass
    yield ["days summed", f"{1000 * (time.perf_counter() - started_s):,.0f}", ""]
    work.database.dispose()
    with TestClient(create_app(settings)) as client:
        people_made.person(client.app.state.workspace.database, EMAIL, now=utc_now())  # type: ignore[attr-defined]
        browser = Browser(client)
        browser.sign_in(EMAIL)
        pages = {
            "Today": "/today",
            "certificates": "/certificates",
            "certificates by a word": "/certificates?words=999",
            "one batch": f"/certificates/{batch_id}",
            "one batch, never scanned": f"/certificates/{batch_id}?state=never_scanned",
            "scans, 30 days": "/scans",
            "scans, a year": "/scans?days=365",
            "scans of a batch": f"/scans?batch={batch_id}&days=365",
            "scans one by one": "/scans/list",
            "scans of a country": "/scans/list?country=NZ&advice=careful",
            "alerts": "/alerts",
        }
        for name, path in pages.items():
            yield [name, *spread(lambda path=path: opens(browser, path))]  # type: ignore[misc]


def opens(browser: Browser, path: str) -> None:
    """Open a page."""
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text[:300]


def spread(step: Callable[[], object]) -> list[str]:
    """Return median and 95th percentile of a step, in milliseconds."""
    times_ms = []
    step()
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        step()
        times_ms.append(1000 * (time.perf_counter() - started_s))
    return [f"{statistics.median(times_ms):.0f}", f"{statistics.quantiles(times_ms, n=20)[-1]:.0f}"]


def fill(work: Workspace, certificates: int, scans: int) -> str:
    """Copy one batch, one scan and one alert until there are so many. Return the id of a batch."""
    dice, now = random.Random(22), utc_now()
    units = units_made.issue(work, units_made.brand_with_key(work), count=1)
    scans_made.copied(work, units[0], at=make.NOW)
    with work.database.writing() as session:
        batch = columns_of(session.scalars(select(Batch)).one())
        unit = columns_of(session.scalars(select(Certificate)).one())
        scan = columns_of(session.scalars(select(ScanSession).limit(1)).one())
        alert = columns_of(session.scalars(select(ScanAlert).limit(1)).one())
        session.execute(delete(ScanAlert))
        session.execute(delete(ScanSession))
    batch_ids, unit_ids = [], []
    for start in range(0, certificates, BATCH):
        made_at = now - timedelta(days=DAYS) + timedelta(seconds=start)
        batch_ids.append(new_id("bat", made_at))
        own = {"id": batch_ids[-1], "request_key": str(start), "count": BATCH, "created_at": made_at,
               "product": f"Shirt {start // BATCH}"}  # fmt: skip
        rows = [unit_row(unit, batch_ids[-1], start + place) for place in range(BATCH)]
        unit_ids += [row["id"] for row in rows]
        with work.database.writing() as session:
            session.execute(insert(Batch), [{**batch, **own}])
            session.execute(insert(Certificate), rows)
    moments = sorted(dice.random() * DAYS for _ in range(scans))
    for start in range(0, scans, AT_ONCE):
        with work.database.writing() as session:
            session.execute(
                insert(ScanSession),
                [
                    scan_row(scan, now - timedelta(days=DAYS - day), start + place, unit_ids, batch_ids, dice)
                    for place, day in enumerate(moments[start : start + AT_ONCE])
                ],
            )
    with work.database.writing() as session:
        session.execute(
            insert(ScanAlert),
            [alert_row(alert, number, unit_ids, batch_ids) for number in range(min(ALERTS, certificates))],
        )
    with work.database.writing() as session:
        session.execute(text("ANALYZE"))
    return batch_ids[len(batch_ids) // 2]


def unit_row(unit: dict[str, Any], batch_id: str, number: int) -> dict[str, Any]:
    """Return a copy of a certificate."""
    code = new_code()
    own = {"id": f"{number:08x}-0000-7000-8000-000000000000", "code": code, "serial": code}
    place = {"batch_id": batch_id, "number_in_batch": number % BATCH + 1, "status_index": number + 10}
    return {**unit, **own, **place, "entry_number": None}


def scan_row(  # noqa: PLR0917 - the parts of a row
    scan: dict[str, Any], at: Any, number: int, unit_ids: list[str], batch_ids: list[str], dice: random.Random
) -> dict[str, Any]:
    """Return a copy of a scan of some unit."""
    unit = dice.randrange(len(unit_ids))
    country = COUNTRIES[min(int(dice.expovariate(0.3)), len(COUNTRIES) - 1)]
    advice = dice.choices(listing.ADVICE, (90, 6, 1, 3))[0]
    own = {"id": new_id("scn", at), "visit": str(number), "visitor": "", "network": "", "started_at": at}
    return {**scan, **own, "last_at": at, "certificate_id": unit_ids[unit], "batch_id": batch_ids[unit // BATCH],
            "country": country, "advice": advice, "off_market": bool(country and country not in COUNTRIES[:5])}  # fmt: skip


def alert_row(
    alert: dict[str, Any], number: int, unit_ids: list[str], batch_ids: list[str]
) -> dict[str, Any]:
    """Return a copy of an alert about a unit of its own."""
    unit = number * (len(unit_ids) // ALERTS or 1) % len(unit_ids)
    own = {"id": f"alr_{number:026d}", "subject": unit_ids[unit], "certificate_id": unit_ids[unit]}
    return {**alert, **own, "batch_id": batch_ids[unit // BATCH]}


if __name__ == "__main__":
    main()
