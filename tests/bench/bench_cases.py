"""Time of a moderator's steps in a queue of many open cases.

    python tests/bench/bench_cases.py [postgresql] [--cases 1000 100000]

The database is SQLite in a fresh folder, or a new PostgreSQL. One
case in twenty is due. Medians and 95th percentiles of 101 rounds: the next case (leased, committed), a
decision with its undo, the page of a case over HTTP without pictures, the listings that are alike (300
cases show one picture), and what the service asks every two seconds when nothing is to be done.

A second table says what a hand-in pays: medians of 60 listings each, in turns, with and without hits, cluster,
case and hold.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
from bench_index import table
from bench_strangers import database
from sqlalchemy import insert, select
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1]))
import cases_made
import make
import people_made

from api.app import create_app
from authcheck.cases import bulk, decisions, leases
from authcheck.cases.opening import open_for
from authcheck.cases.order import Weights
from authcheck.cases.rulings import Ruling
from authcheck.cases.settling import settle
from authcheck.cases.tables import Case, CaseEvent, CaseItem, PictureCluster
from authcheck.config import Settings
from authcheck.listings import holds, judging
from authcheck.listings.offers import NewListing
from authcheck.listings.tables import EvidenceHold, HeldPicture
from authcheck.storage.entity import Entity
from authcheck.workspace import Workspace

ROUNDS = 101
ALIKE = 300
DICE = np.random.default_rng(0)
RULING = Ruling(code="unlicensed_use", reason="listing.no_licence", restriction="remove")


def main() -> None:
    """Print a Markdown table, a row a number of cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", nargs="?", choices=["postgresql"])
    parser.add_argument("--cases", type=int, nargs="+", default=[1_000, 100_000])
    rows = [measure(count) for count in parser.parse_args().cases]
    hand_in()
    table(["open cases", "next ms", "decide and undo ms", "page ms", "alike ms", "nothing to do ms"], rows)


def hand_in() -> None:
    """Print what listings that show a design, and listings that show nothing, pay for their cases."""
    times_ms: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace.open(Settings(data_dir=Path(folder) / "state"))
        for number in range(20):
            make.register(work, f"R{number}", seed=number)
        member = cases_made.market(work)
        for number in range(60):
            for what, seed in (("a design", number % 20), ("nothing", 100 + number)):
                for then in (None, open_for):
                    picture = make.picture_bytes(seed, "JPEG", quality=60 + number % 30)
                    name = "with a case" if then else "without"
                    new = NewListing(
                        reference=f"{what} {name} {number}", seller=f"s{number}", channel="bigmarket",
                        territory="DE", listed_on=cases_made.DAY,
                    )  # fmt: skip
                    started_s = time.perf_counter()
                    judging.check_listing(
                        work, new, [("a.jpg", picture)], organisation_id=member, source="api", now=make.NOW,
                        then=then,
                    )  # fmt: skip
                    times_ms[what, name].append(1000 * (time.perf_counter() - started_s))
        work.database.dispose()
    rows = [[*key, f"{statistics.median(times):.1f}"] for key, times in times_ms.items()]
    table(["the picture shows", "case", "median ms"], rows)


def measure(count: int) -> list[str]:
    """Return the row for a queue of so many open cases."""
    with tempfile.TemporaryDirectory() as folder, database() as url:
        work = Workspace.open(Settings(data_dir=Path(folder) / "state", database_url=url))
        try:
            ids = fill(work, count)
            return [f"{count:,}", *(spread(step) for step in steps(work, ids))]
        finally:
            work.database.dispose()


def fill(work: Workspace, count: int) -> list[str]:
    """Copy one case until there are `count`, and return their ids."""
    make.register(work, seed=1)
    cases_made.hand_in(work, title="Kite", price="19 EUR", sold_30d="5")
    (first,) = cases_made.cases_of(work)
    columns = columns_of(first)
    weights = Weights.of(work.settings)
    with work.database.reading() as session:
        (hold,) = holds.all_holds(session, first.id)
        held = columns_of(hold), columns_of(hold.pictures[0])
    cases, items, events, clusters, all_holds, pictures = [], [], [], [], [], []
    for number in range(1, count):
        severity = str(DICE.choice(["high", "medium", "low"]))
        opened_at = make.NOW - timedelta(minutes=int(DICE.integers(0, 4000)))
        case_id, cluster_id = f"cas_{number:026d}", first.cluster_id
        if number >= ALIKE:
            cluster_id = f"clu_{number:026d}"
            clusters.append({
                "id": cluster_id, "design_id": first.design_id, "representative_sha256": "0" * 64,
                "spread_bits": 0, "created_at": make.NOW,
            })  # fmt: skip
        terms = weights.terms(severity, sold=int(DICE.integers(0, 10_000)), is_cheap=number % 3 == 0)
        cases.append({
            **columns, "id": case_id, "cluster_id": cluster_id, "seller": f"s{number % 5000}",
            "severity": severity, "opened_at": opened_at, "open_key": f"{number:064d}", "priority": terms,
            "due_at": opened_at + timedelta(hours=3 if number % 20 == 0 else 300),
            "rank": terms["urgency"] - float(DICE.random()),
        })  # fmt: skip
        items.append({
            "case_id": case_id, "listing_id": first.items[0].listing_id, "verdict": "unlicensed_use",
            "added_at": opened_at,
        })  # fmt: skip
        events.append({
            "case_id": case_id, "number": 0, "at": opened_at, "kind": "opened", "details": {}, "hash": "0" * 64,
        })  # fmt: skip
        all_holds.append({**held[0], "id": f"hld_{number:026d}", "case_id": case_id})
        pictures.append({**held[1], "hold_id": f"hld_{number:026d}"})
    with work.database.writing() as session:
        for entity, rows in (
            (PictureCluster, clusters), (Case, cases), (CaseItem, items), (CaseEvent, events),
            (EvidenceHold, all_holds), (HeldPicture, pictures),
        ):  # fmt: skip
            for start in range(0, len(rows), 5_000):
                session.execute(insert(entity), rows[start : start + 5_000])
    with work.database.writing() as session:
        session.connection().exec_driver_sql("ANALYZE")
        return list(session.scalars(select(Case.id).order_by(Case.id)))


def columns_of(row: Entity) -> dict[str, object]:
    """Return the values of a row's columns."""
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def steps(work: Workspace, ids: list[str]) -> Iterator[Callable[[int], object]]:
    """Yield what is measured: functions of the number of the round."""
    member = cases_made.market(work)
    now = make.NOW

    def take_next(number: int) -> object:
        with work.database.writing() as session:
            words = {"organisation_id": member, "holder": f"ack_{number}", "now": now}
            return leases.take_next(session, **words)

    def decide_and_undo(number: int) -> object:
        case_id = ids[-1 - number]
        words = {"organisation_id": member, "holder": "ack_x", "now": now + leases.LASTS}
        with work.database.writing() as session:
            leases.take(session, case_id, **words)
        with work.database.writing() as session:
            decisions.decide(session, case_id, RULING, **words)
        with work.database.writing() as session:
            return decisions.undo(session, case_id, **words)

    def find_alike(number: int) -> object:
        with work.database.reading() as session:
            return bulk.find_alike(session, session.get_one(Case, ids[1]), holder="ack_1", now=now)

    yield take_next
    yield decide_and_undo
    yield from page(work, ids)
    yield find_alike
    yield lambda _: settle(work.database, now)


def page(work: Workspace, ids: list[str]) -> Iterator[Callable[[int], object]]:
    """Yield the request for the page of a case, as a signed-in moderator."""
    email = "mo@bazaar.example"
    people_made.person(work.database, email, owner="bazaar", kinds=("marketplace",), roles=("moderator",))
    settings = work.settings.model_copy(update={"key_requests_per_minute": 100_000})
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        client.headers["Sec-Fetch-Site"] = "same-origin"
        form = {"form_token": "", "email": email, "password": people_made.PASSWORD}
        assert client.post("/sign-in", data=form, follow_redirects=False).status_code == 303

        def show(number: int) -> object:
            answer = client.get(f"/cases/{ids[200 + number]}")
            assert answer.status_code == 200, answer.text[:300]
            return answer

        yield show


def spread(step: Callable[[int], object]) -> str:
    """Return median and 95th percentile of a step, in milliseconds."""
    times_ms = []
    for number in range(ROUNDS):
        started_s = time.perf_counter()
        step(number)
        times_ms.append(1000 * (time.perf_counter() - started_s))
    return f"{statistics.median(times_ms):.1f} (p95 {statistics.quantiles(times_ms, n=20)[-1]:.1f})"


if __name__ == "__main__":
    main()
