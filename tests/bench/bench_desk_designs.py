"""Time of the pages of designs for a brand with many designs, hits and dropped files.

    python tests/bench/bench_desk_designs.py [postgresql] [--designs 1000 100000]

The database is SQLite in a fresh folder, or a new PostgreSQL. One owner has all designs, ten times as many hits,
1,000 licences, and a drop of 5,000 files. Medians and 95th percentiles of 41 requests of a signed-in person
through the whole application, without pictures. A rare word is in one design, a missing word in none: then
the database reads the words of all.

The last line says how long 500 small drawn files take, of which 20 are broken, from the first request to the
last row. Files are sent 8 at a time, and registered by the process that receives them.
"""

import argparse
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
from sqlalchemy import insert, select, text
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1]))
import cases_made
import drops_made
import licences_made
import make
import people_made
from desk_visitors import Visitor

from api.app import create_app
from authcheck.cases.notice_tables import Hit
from authcheck.config import Settings
from authcheck.ids import searchable
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.listings.tables import Listing
from authcheck.registry.import_tables import Drop, DropFile
from authcheck.registry.tables import Design, View, ViewFeatures
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

ROUNDS = 41
HITS_PER_DESIGN = 10
LICENCES = 1_000
FILES = 5_000
EMAIL = "mei@acme.example"
AT_ONCE = 5_000
WORDS = ("koi", "kite", "heron", "otter", "river", "night", "market", "paper", "lantern", "garden")


def main() -> None:
    """Print a Markdown table, a row a number of designs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", nargs="?", choices=["postgresql"])
    parser.add_argument("--designs", type=int, nargs="+", default=[1_000, 100_000])
    arguments = parser.parse_args()
    heads: list[str] = []
    rows = []
    for count in arguments.designs:
        found = dict(measure(count))
        heads = ["designs", *found]
        rows.append([f"{count:,}", *found.values()])
    table(heads, rows)


def measure(count: int) -> Iterator[tuple[str, str]]:
    """Yield the name and the time of each page."""
    with tempfile.TemporaryDirectory() as folder, database() as url:
        settings = Settings(
            data_dir=Path(folder) / "state",
            database_url=url,
            key_requests_per_minute=1_000_000,
            clock_tolerance_hours=1_000_000,
            fast=True,
        )
        work = Workspace.open(settings)
        make.confirm_address(work.database)
        fill(work, count)
        work.database.dispose()
        with TestClient(create_app(settings)) as client:
            opened: Workspace = client.app.state.workspace  # type: ignore[attr-defined]
            token = people_made.sign_in(opened.database, settings, EMAIL, now=utc_now()).token
            mei = Visitor(client, opened, str(token))
            with opened.database.reading() as session:
                ids = session.scalars(select(Design.id).order_by(Design.id)).all()
                drop = session.scalars(select(Drop.id)).one()
            pages = {
                "/designs": "/designs?",
                "a common word": "/designs?words=koi",
                "two words": "/designs?words=koi+river",
                "a rare word": "/designs?words=unique",
                "a missing word": "/designs?words=nothing",
                "a kind": "/designs?kind=logo",
                "a collection": "/designs?collection=Season+7",
                "in the middle": f"/designs?before={ids[len(ids) // 2]}",
                "CSV": "/designs.csv?",
                "one design": f"/designs/{ids[-5]}?",
                "a drop of 5,000": f"/register/{drop}?",
                "its refused files": f"/register/{drop}?state=refused",
            }
            for name, path in pages.items():
                yield name, spread(lambda path=path: opens(mei, path))  # type: ignore[misc]
            yield "500 files", register_500(client, opened, mei)


def opens(mei: Visitor, path: str) -> None:
    """Open a page."""
    answer = mei.get(path)
    assert answer.status_code == 200, answer.text[:300]


def spread(step: Callable[[], object]) -> str:
    """Return median and 95th percentile of a step, in milliseconds."""
    times_ms = []
    step()
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        step()
        times_ms.append(1000 * (time.perf_counter() - started_s))
    return f"{statistics.median(times_ms):.0f} (p95 {statistics.quantiles(times_ms, n=20)[-1]:.0f}) ms"


def register_500(client: TestClient, work: Workspace, mei: Visitor) -> str:
    """Return what became of 500 files, 20 of them broken, and how long it took."""
    named = {f"file {number}.png": drops_made.drawn(number + 10_000) for number in range(480)}
    named |= {f"broken {number}.png": b"no picture %d" % number for number in range(20)}
    started_s = time.perf_counter()
    parts = list(named.items())
    path = drops_made.send(mei, dict(parts[:8]))
    for start in range(8, len(parts), 8):
        mei.post(f"{path}/files", drops_made.files(dict(parts[start : start + 8])))
    sent_s = time.perf_counter() - started_s
    while "At work" in (html := mei.get(path).text) or "Still to do" in html:
        time.sleep(0.5)
    done_s = time.perf_counter() - started_s
    told = {address.rpartition("=")[2]: count for address, count in drops_made.counts(html).items()}
    assert client is not None
    assert work is not None
    return f"sent {sent_s:.0f} s, done {done_s:.0f} s: {told['registered']} registered, {told['refused']} refused"


def fill(work: Workspace, count: int) -> None:
    """Copy one design with a view and hits until there are `count`, all of one owner."""
    people_made.person(work.database, EMAIL, owner="acme", now=utc_now())
    made = make.register(work, "SS26", seed=1, title="Koi")
    listing = cases_made.hand_in(work, listed_on=utc_now().date())
    licences_made.organisation(work, "tees", "licensee")
    with work.database.reading() as session:
        design = columns_of(session.get_one(Design, made.design.id))
        view = session.scalars(select(View)).one()
        local = columns_of(session.get_one(ViewFeatures, view.number))
        view_row, hit = columns_of(view), columns_of(session.scalars(select(Hit)).one())
        listed = columns_of(session.get_one(Listing, listing.id))
    local |= {"record": b"", "thumbnail": b""}
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        with work.database.writing() as session:
            session.execute(insert(Design), [design_row(design, number) for number in numbers])
            session.execute(insert(View), [view_of(view_row, number) for number in numbers])
            session.execute(
                insert(ViewFeatures), [{**local, "view_number": number + 1_000} for number in numbers]
            )
            for place in range(HITS_PER_DESIGN):
                session.execute(insert(Listing), [listing_row(listed, number, place) for number in numbers])
                session.execute(insert(Hit), [hit_row(hit, number, place) for number in numbers])
    with work.database.writing() as session:
        fill_licences(session, design["owner_id"])
        fill_drop(session, design["owner_id"], count)
    with work.database.writing() as session:
        session.execute(text("ANALYZE"))


def id_of(prefix: str, number: int) -> str:
    """Return an id that sorts by its number."""
    return f"{prefix}_{number:026d}"


def design_row(design: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a copy of a design."""
    words = f"{WORDS[number % 10].title()} {WORDS[number // 10 % 10]} {number}"
    title = f"{words} unique" if number == 777 else words
    collection = f"Season {number % 50}"
    own = {"reference": f"R-{number}", "title": title, "collection": collection}
    kinds = ("illustration", "logo", "pattern", "photo")
    folded = searchable("\n".join((title, own["reference"], collection)))
    return {**design, **own, "id": id_of("dsn", number), "kind": kinds[number % 4], "words": folded}


def view_of(view: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a copy of a view that no check searches: it was removed before it began."""
    hashes = {"picture_sha256": f"{number:064x}", "number": number + 1_000}
    return {**view, **hashes, "design_id": id_of("dsn", number), "scheme": view["scheme"]}


def listing_row(listing: dict[str, Any], number: int, place: int) -> dict[str, Any]:
    """Return a copy of a listing."""
    key = number * HITS_PER_DESIGN + place
    return {**listing, "id": id_of("lst", key), "reference": f"X-{key}", "design_id": id_of("dsn", number)}


def hit_row(hit: dict[str, Any], number: int, place: int) -> dict[str, Any]:
    """Return a copy of a hit, every second of an earlier month."""
    key = number * HITS_PER_DESIGN + place
    day = utc_now().date() - timedelta(days=place % 2 * 60)
    about = {"listing_id": id_of("lst", key), "design_id": id_of("dsn", number), "listed_on": day}
    return {**hit, **about, "id": id_of("hit", key), "cluster_id": None, "case_id": None}


def fill_licences(session: Any, owner_id: str) -> None:
    """Store licences for designs and for collections."""
    licensee = licences_made_id(session)
    rows, subjects = [], []
    for number in range(LICENCES):
        key = id_of("lic", number)
        terms = {"designs": [id_of("dsn", number)], "territories": ["*"], "starts_on": "2026-01-01"}
        rows.append({
            "id": key, "series": key, "version": 1, "owner_id": owner_id, "licensee_id": licensee, "terms": terms,
            "offered_at": make.NOW, "accepted_at": make.NOW, "offered_entry": number,
        })  # fmt: skip
        kind = "design" if number % 2 else "collection"
        value = id_of("dsn", number) if number % 2 else f"Season {number % 50}"
        subjects.append({"licence_id": key, "kind": kind, "value": value})
    session.execute(insert(Licence), rows)
    session.execute(insert(LicenceSubject), subjects)


def licences_made_id(session: Any) -> str:
    """Return the id of the licensee."""
    return str(session.scalar(text("SELECT id FROM organisations WHERE handle = 'tees'")))


def fill_drop(session: Any, owner_id: str, count: int) -> None:
    """Store a drop whose files have registered designs, every 25th refused."""
    drop = {"id": id_of("drp", 1), "organisation_id": owner_id, "dropped_by": "per_1", "created_at": make.NOW,
            "state": "open", "kind": "other", "public_preview": False, "columns": {}, "table_bytes": 0,
            "last_number": FILES}  # fmt: skip
    session.execute(insert(Drop), [drop])
    files = [
        {
            "drop_id": drop["id"], "number": number + 1, "name": f"{number}.png", "sha256": f"{number:064x}",
            "size_bytes": 0, "state": "refused" if number % 25 == 0 else "registered", "row": {}, "attempts": 1,
            "design_id": None if number % 25 == 0 else id_of("dsn", number % count),
            "report": {"code": "image.unreadable"},
        }
        for number in range(FILES)
    ]  # fmt: skip
    session.execute(insert(DropFile), files)


if __name__ == "__main__":
    main()
