"""Cost of a listing of three pictures besides the work on pictures: rights, certificate, rules and storing.

`python tests/bench/bench_listing.py [DESIGNS] [LICENCES]`, by default 100,000 and 10,000. The pictures are
checked once and their answers reused. Licences are stored without ledger entries, because only their number
matters.
"""

import random
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import licences_made as made
import make
import shops_made
import sqlalchemy as sa
import units_made as units

from authcheck.certificates.tables import Certificate
from authcheck.config import Settings
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Terms
from authcheck.listings import judging
from authcheck.listings.judging import NewListing
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

LISTINGS = 300
OTHERS = 500  # licensees that share the licences


def fill(workspace: Workspace, owner_id: str, designs: int, licences: int) -> None:
    """Store this number of designs without pictures, and accepted licences of ten designs each, twenty per licensee."""
    takers = [made.organisation(workspace, f"taker-{number}").id for number in range(OTHERS)]
    ids = [f"dsn_{number:026}" for number in range(designs)]
    dice = random.Random(0)
    rows, subjects = [], []
    for number in range(licences):
        licence_id, chosen = f"lic_{number:026}", dice.sample(ids, 10)
        terms = Terms(designs=tuple(chosen), starts_on=made.START).checked().to_json()
        rows.append(
            {
                "id": licence_id, "series": licence_id, "version": 1, "owner_id": owner_id, "terms": terms,
                "licensee_id": takers[number % OTHERS], "offered_at": make.NOW, "accepted_at": make.NOW, "offered_entry": 0,
            }
        )  # fmt: skip
        subjects += [{"licence_id": licence_id, "kind": "design", "value": value} for value in chosen]
    common = {
        "owner_id": owner_id, "title": "Design", "kind": "other", "state": "registered", "public_preview": False,
        "registered_at": make.NOW, "registered_tick": 1, "version": 1,
    }  # fmt: skip
    with workspace.database.writing() as session:
        session.execute(sa.insert(Design), [{"id": one, "reference": one, **common} for one in ids])
        session.execute(sa.insert(Licence), rows)
        session.execute(sa.insert(LicenceSubject), subjects)


def main(designs: int, licences: int) -> None:
    """Print the median and the 95th percentile of milliseconds per listing."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Settings(data_dir=Path(folder) / "state"))
        make.confirm_address(workspace.database)
        design = units.brand_with_key(workspace)
        unit = units.issue(workspace, design)[0]
        with workspace.database.reading() as session:
            owner_id = session.get_one(Design, design).owner_id
            assert session.scalar(sa.select(sa.func.count()).select_from(Certificate))
        fill(workspace, owner_id, designs, licences)
        for words in ({"territories": ("FR",)}, {"ends_on": date(2026, 6, 30)}, {"goods": (9,)}):
            made.licence(workspace, designs=(design,), **words)
        taker = made.organisation(workspace, "maker")
        with workspace.database.writing() as session:
            shops_made.add(
                session, taker, marketplace="big", shop_id="1", url="https://big.example/1", now=make.NOW
            )
        picture = make.picture_bytes(len("acme"), "JPEG", quality=70)
        answered = judging._answer(workspace, picture)
        assert answered.verdict.findings
        judging._answer = lambda _work, _data: answered
        judging.evidence.keep = lambda *_rest: None
        new = NewListing(
            reference="0", seller="1", channel="big", territory="DE", goods=(25,), listed_on=date(2026, 11, 23),
            certificate_code=unit.code,
        )  # fmt: skip
        times = []
        for number in range(LISTINGS):
            offer = replace(new, reference=str(number))
            start = time.perf_counter()
            judged = judging.check_listing(
                workspace,
                offer,
                [("a.jpg", picture)] * 3,
                organisation_id=owner_id,
                source="api",
                now=make.NOW,
            )
            times.append((time.perf_counter() - start) * 1e3)
        assert judged.listing.verdict == "licence_breach", judged.listing.verdict
        p95 = statistics.quantiles(times, n=20)[-1]
        print(
            f"{designs:,} designs, {licences:,} licences: {statistics.median(times):.1f} ms (p95 {p95:.1f})"
        )
        workspace.database.dispose()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given or [100_000, 10_000]))
