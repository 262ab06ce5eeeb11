"""A marketplace's desk with cases, for moderators who work on it in a browser."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import cases_made
import evidence_scenes as scenes
import make
import people_made

from authcheck.cases.opening import open_for
from authcheck.config import Settings
from authcheck.listings import judging
from authcheck.listings.offers import NewListing
from authcheck.workspace import Workspace

TOLERANCE_HOURS = 1_000_000  # tests mix days of their choice with the machine's clock
DESIGN = make.picture(4, (240, 192))
MODERATORS = ("mo@bazaar.example", "ann@bazaar.example")
MARKUP = "<img src=x onerror=alert(1)>"


def open_desk(folder: Path) -> Workspace:
    """Make an installation with two designs of acme and two moderators of a marketplace."""
    work = Workspace.open(Settings(data_dir=folder, clock_tolerance_hours=TOLERANCE_HOURS))
    make.confirm_address(work.database)
    make.register(work, "KOI", pictures=[make.encode(DESIGN)], title="Koi pond")
    make.register(work, "KITE", seed=1, title="Red kite")
    for email in MODERATORS:
        people_made.person(
            work.database, email, owner="bazaar", kinds=("marketplace",), roles=("moderator",), now=now()
        )
    return work


def now() -> datetime:
    """Return the time of the machine, as the server has it."""
    return datetime.now(UTC)


def photo() -> bytes:
    """Return a small photo that shows the design aslant."""
    corners = [(x / 2, y / 2) for x, y in scenes.SLANTED]
    return make.encode(scenes.photo(DESIGN, corners, lit=False, size=(480, 360)), "JPEG")


def hand_in(work: Workspace, reference: str, pictures: Sequence[bytes] = (), **words: Any) -> str:
    """Hand a listing in and return the id of its newest case. Without pictures, a copy of the red kite."""
    given = pictures or [make.picture_bytes(1, "JPEG", quality=70)]
    fields = {"seller": "kites", "channel": "bigmarket", "territory": "DE", "listed_on": date(2026, 11, 23)}
    judging.check_listing(
        work,
        NewListing(**{"reference": reference, **fields, **words}),
        [(f"{place}.jpg", picture) for place, picture in enumerate(given)],
        organisation_id=cases_made.market(work),
        source="api",
        now=now(),
        then=open_for,
    )
    return cases_made.cases_of(work)[-1].id
