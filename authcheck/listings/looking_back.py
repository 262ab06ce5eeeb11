"""Listings that were handed in before a design was registered, and show its picture.

A new design is compared with the pictures of all listings that the installation still knows, by their stored
fingerprints. So only pictures that show the whole design are found. What is found accuses nobody: the listing
was there first. It gets a verdict about the design when it is handed in again.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from authcheck.checks.tables import Check
from authcheck.errors import AuthcheckError
from authcheck.ids import new_id
from authcheck.listings.tables import Listing, ListingPicture
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation
from authcheck.registry.drops import REGISTERED
from authcheck.registry.import_tables import DropFile
from authcheck.registry.tables import View
from authcheck.storage.database import stream_rows
from authcheck.storage.json_lists import has_this_text
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.fingerprint import SCHEME, Fingerprint
from authcheck.vision.fingerprints.gallery import Gallery
from authcheck.workspace import Workspace

MOST_PICTURES = 200_000  # the newest pictures of listings; about 50 MB
MOST_FOUND = 50  # listings that are noted for a design
AT_ONCE = 8  # designs in one step
ID_TIME_CHARS = 15  # of an id: its prefix and its time
LATE = timedelta(minutes=10)  # a check may be committed so much later than its id says
log = logging.getLogger("authcheck.listings.looking_back")


class SeenPictures:
    """The fingerprints of the pictures of listings, in memory. One thread uses it."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._gallery = Gallery()
        self._checks: list[str] = []
        self._known: set[str] = set()
        self._since = ""

    def refresh(self, session: Session, now: datetime) -> None:
        """Add the pictures of listings that were handed in since the last refresh."""
        if len(self._checks) > 2 * MOST_PICTURES:
            self._begin()  # again, with the newest
        query = (
            select(Check.id, Check.fingerprint)
            .join(ListingPicture, ListingPicture.check_id == Check.id)
            .where(Check.scheme == SCHEME, Check.id > self._since)
            .order_by(Check.id.desc())
            .limit(MOST_PICTURES)
        )
        for rows in stream_rows(session, query):
            fresh = {check_id: data for check_id, data in rows if check_id not in self._known}
            records = [Fingerprint.from_bytes(data).reference().to_bytes() for data in fresh.values()]
            self._gallery.add(range(len(self._checks), len(self._checks) + len(fresh)), records)
            self._checks += fresh
            self._known |= fresh.keys()
        self._since = new_id("chk", now - LATE)[:ID_TIME_CHARS]
        self._known = {check_id for check_id in self._known if check_id > self._since}

    def find(self, query: Fingerprint, least: float) -> list[str]:
        """Return the ids of the checks whose pictures show a picture, with a score of at least `least`."""
        if not len(self._gallery):
            return []
        hits = self._gallery.search(query, 4 * MOST_FOUND)
        return [self._checks[hit.view_id] for hit in hits if hit.score >= least]


def look_back(work: Workspace, seen: SeenPictures, now: datetime) -> int:
    """Look for a few newly registered designs of drops in the listings. Return how many were looked for."""
    with work.database.reading() as session:
        query = select(DropFile).where(DropFile.seen.is_(None), DropFile.state == REGISTERED)
        files = session.scalars(query.limit(AT_ONCE)).all()
        if files:
            seen.refresh(session, now)
    for file in files:
        found = _find(work, seen, file)
        with work.database.writing() as session:
            change = update(DropFile).where(DropFile.drop_id == file.drop_id, DropFile.number == file.number)
            report = {**file.report, "listings": found}
            session.execute(change.values(seen=len(found), report=report))
    return len(files)


def _find(work: Workspace, seen: SeenPictures, file: DropFile) -> list[str]:
    """Return the ids of the listings of marketplaces that show a picture of a file's design."""
    live = select(View.picture_sha256).where(View.design_id == file.design_id, View.removed_tick.is_(None))
    try:
        with work.database.reading() as session:
            pictures = session.scalars(live).all()
        found: dict[str, None] = {}
        for sha256 in pictures:
            _, hashes = fingerprint.read(work.store.get(sha256), work.limits)
            found |= dict.fromkeys(seen.find(hashes, work.policy.match))
        with work.database.reading() as session:
            return _listings_of(session, list(found))
    except AuthcheckError as error:  # a lost picture must not keep the other designs waiting
        log.warning("we cannot look for design %s in listings: %s", file.design_id, error)
        return []


def _listings_of(session: Session, check_ids: Sequence[str]) -> list[str]:
    """Return the listings of marketplaces with these checks, newest first."""
    query = (
        select(Listing.id)
        .join(ListingPicture, ListingPicture.listing_id == Listing.id)
        .join(Organisation, Organisation.id == Listing.organisation_id)
        .where(ListingPicture.check_id.in_(check_ids), has_this_text(Organisation.roles, "marketplace"))
        .distinct()
        .order_by(Listing.id.desc())
        .limit(MOST_FOUND)
    )
    return list(session.scalars(query))


def seen_listings(session: Session, file: DropFile, *, reach: Reach = WHOLE) -> Sequence[tuple[Listing, str]]:
    """Return the listings that were found for a file's design, each with its marketplace, newest first."""
    ids = [str(listing_id) for listing_id in file.report.get("listings", ())]
    query = (
        select(Listing, Organisation.handle)
        .join(Organisation, Organisation.id == Listing.organisation_id)
        .where(Listing.id.in_(ids), has_this_text(Organisation.roles, "marketplace"))
        .where(reach.has_territory(Listing.territory))
        .order_by(Listing.id.desc())
    )
    return [(listing, handle) for listing, handle in session.execute(query)]
