"""The pictures of a case: what a listing shows, and the registered view of the design in the same frame."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from authcheck.cases.listing import get_case
from authcheck.cases.tables import Case
from authcheck.checks import evidence, side_by_side
from authcheck.checks.evidence import Found
from authcheck.checks.tables import Check
from authcheck.errors import NotFound
from authcheck.listings import holds
from authcheck.listings.tables import EvidenceHold, HeldPicture, Listing
from authcheck.registry.designs import public_view
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..drawings import Drawings

# Browsers must ask again each time: the case may no longer be the reader's.
CACHE = "private, no-cache"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a case, and what the check found of the case's design in it."""

    case: Case
    check: Check
    finding: Found


def find(session: Session, case_id: str, check_id: str, organisation_id: str) -> Shown:
    """Return a picture that a case of this marketplace holds.

    Raises NotFound (`case.not_found`, `case.picture`). No other id of a check opens a picture, also not that
    of a check that the marketplace itself has made.
    """
    case = get_case(session, case_id, organisation_id=organisation_id)
    pictures = (picture for hold in held_by(session, case) for picture in hold.pictures)
    check = next((picture.check for picture in pictures if picture.check_id == check_id), None)
    if check is None:
        raise NotFound("The case has no such picture.", code="case.picture", case=case.id)
    return Shown(case, check, findings_of(session, case, [check])[check.id])


def held_by(session: Session, case: Case) -> list[EvidenceHold]:
    """Return what a case holds or has held, oldest first, with the listing of each of its items.

    A listing that the case does not hold is shown as it is now: the case stays decidable. Its hold belongs to
    no session and is never stored.
    """
    held = holds.all_holds(session, case.id)
    ids = {hold.listing_id for hold in held}
    return held + [_unheld(case, item.listing) for item in case.items if item.listing_id not in ids]


def holds_of(session: Session, case_ids: Collection[str]) -> Sequence[EvidenceHold]:
    """Return what several cases hold or have held, oldest first."""
    query = (
        select(EvidenceHold)
        .where(EvidenceHold.case_id.in_(sorted(case_ids)))
        .options(selectinload(EvidenceHold.pictures).joinedload(HeldPicture.check))
        .order_by(EvidenceHold.id)
    )
    return session.scalars(query).all()


def first_picture(hold: EvidenceHold | None, case: Case, workspace: Workspace, now: datetime) -> str | None:
    """Return the address of a held picture that shows the case's design, None when its copy is lost."""
    for picture in hold.pictures if hold else ():
        shows = any(finding["design_id"] == case.design_id for finding in picture.check.findings)
        if shows and workspace.copies.has(picture.picture_sha256, picture.check.asked_at, now):
            return f"/cases/{case.id}/pictures/{picture.check_id}"
    return None


def _unheld(case: Case, listing: Listing) -> EvidenceHold:
    return EvidenceHold(
        id="",
        case_id=case.id,
        listing_id=listing.id,
        listing=holds.snapshot(listing),
        held_at=listing.decided_at,
        pictures=[
            HeldPicture(
                place=picture.place,
                check_id=picture.check_id,
                check=picture.check,
                picture_sha256=picture.check.picture_sha256,
                has_copy=False,
            )
            for picture in listing.pictures
        ],
    )


def findings_of(session: Session, case: Case, checks: Sequence[Check]) -> dict[str, Found]:
    """Return what each check found of the case's design, by the id of the check.

    A brand may report a listing whose pictures do not show the design, for all that a check can see. Then the
    finding has no reasons and no place, and the view is the first one of the design: a person compares.
    """
    found = evidence.found_in(session, checks)
    about = {
        check_id: next((finding for finding in rows if finding.design.id == case.design_id), None)
        for check_id, rows in found.items()
    }
    if None not in about.values():
        return {check_id: finding for check_id, finding in about.items() if finding}
    design = session.scalars(
        select(Design).where(Design.id == case.design_id).options(selectinload(Design.views))
    ).one()
    unseen = Found({"reasons": []}, design, public_view(design), None)
    return {check_id: finding or unseen for check_id, finding in about.items()}


def is_found(finding: Found) -> bool:
    """Return whether the check itself has found the design."""
    return "design_id" in finding.row


def read_copy(shown: Shown, workspace: Workspace) -> bytes:
    """Return the copy of the listing's picture as WebP. Raises NotFound (`evidence.none`)."""
    check, now = shown.check, utc_now()
    copy = workspace.copies.find(check.picture_sha256, check.asked_at, now)
    try:
        content = copy.path.read_bytes() if copy else b""
    except OSError:  # removed after `find` saw it
        content = b""
    if not content:
        raise NotFound("We have no copy of the picture of this check.", code="evidence.none", check=check.id)
    return content


def name_of_view(shown: Shown, workspace: Workspace) -> str:
    """Return the name of the registered view. Raises NotFound (`case.picture`)."""
    if shown.finding is None or shown.finding.view is None:
        raise NotFound("The design was not found in this picture.", code="case.picture", case=shown.case.id)
    has_copy = workspace.copies.has(shown.check.picture_sha256, shown.check.asked_at, utc_now())
    return side_by_side.name_of(shown.check, shown.finding, has_copy=has_copy)


def draw_view(name: str, shown: Shown, workspace: Workspace, drawings: Drawings) -> bytes:
    """Return the registered view as WebP.

    Raises NotFound (`case.picture`) when its file is lost, Unavailable (`server.busy`).
    """

    def make() -> bytes:
        check, finding = shown.check, shown.finding
        copy = workspace.copies.get(check.picture_sha256, check.asked_at, utc_now())
        drawn = side_by_side.draw(copy, finding, workspace.store, workspace.limits)
        if not drawn:
            message = "We can no longer read the registered picture."
            raise NotFound(message, code="case.picture", case=shown.case.id)
        return drawn

    return drawings.get(name) or drawings.draw(name, make)
