"""The pictures of a case: what a listing shows, and the registered view of the design in the same frame."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from authcheck.cases.listing import get_case
from authcheck.cases.tables import Case
from authcheck.checks import evidence, side_by_side
from authcheck.checks.evidence import Found
from authcheck.checks.tables import Check
from authcheck.errors import NotFound
from authcheck.listings import holds
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..drawings import Drawings

# Browsers must ask again each time: the case may no longer be the reader's.
CACHE = "private, no-cache"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a case, and what the check found of the case's design in it, None for nothing."""

    case: Case
    check: Check
    finding: Found | None


def find(session: Session, case_id: str, check_id: str, organisation_id: str) -> Shown:
    """Return a picture that a case of this marketplace holds.

    Raises NotFound (`case.not_found`, `case.picture`). No other id of a check opens a picture, also not that
    of a check that the marketplace itself has made.
    """
    case = get_case(session, case_id, organisation_id=organisation_id)
    pictures = (picture for hold in holds.all_holds(session, case.id) for picture in hold.pictures)
    check = next((picture.check for picture in pictures if picture.check_id == check_id), None)
    if check is None:
        raise NotFound("The case has no such picture.", code="case.picture", case=case.id)
    return Shown(case, check, finding_of(evidence.found_in(session, [check])[check.id], case))


def finding_of(findings: list[Found], case: Case) -> Found | None:
    """Return the finding about the case's design."""
    return next((finding for finding in findings if finding.design.id == case.design_id), None)


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
        drawn = finding and side_by_side.draw(copy, finding, workspace.store, workspace.limits)
        if not drawn:
            message = "We can no longer read the registered picture."
            raise NotFound(message, code="case.picture", case=shown.case.id)
        return drawn

    return drawings.get(name) or drawings.draw(name, make)
