"""Reports of buyers: a word about a listing, from somebody without an account.

A report proves nothing and decides nothing. It joins the open case about the listing, or opens one of low
severity, and a moderator looks. We store no name, no address and no device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from authcheck.cases import clusters, timeline
from authcheck.cases.notice_tables import BuyerReport
from authcheck.cases.opening import Place, find_decided, may_open, open_or_join, put_in_order
from authcheck.cases.rulings import CONTROL
from authcheck.cases.stages import DECIDED_BEFORE_CODE, Stage, stage_of
from authcheck.cases.states import SUSPECT
from authcheck.cases.tables import Case
from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import fold, new_id, normal_id, tidy
from authcheck.listings.details import url_key
from authcheck.listings.tables import Listing, ListingPicture
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.json_lists import has_this_text
from authcheck.storage.parameters import can_be_stored
from authcheck.workspace import Workspace

CLAIMS = ("copy", "label", "other")
WORDS_CHARS = 1_000
ADDRESS_CHARS = 2_000
MOST_OF_CASE = 50  # reports that a case keeps: more say nothing new
MOST_UNSUPPORTED = 100  # undecided cases of a marketplace about listings that only buyers suspect


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """What a buyer sends: the listing's `address`, or its `reference` and the handle of its marketplace."""

    claim: str
    address: str = ""
    marketplace: str = ""
    reference: str = ""
    words: str = ""


def report(work: Workspace, session: Session, new: NewReport, now: datetime) -> BuyerReport:
    """Store a buyer's report, open or join a case, and return the report with its case.

    Raises Rejected (`report.claim`, `report.words`, `report.address`), NotFound (`report.not_found`) for a
    listing that no marketplace here has handed in or that shows no registered design, and Conflict
    (`report.enough`) when moderators have enough reports already.
    """
    words = _checked_words(new)
    listing = _find_listing(session, new)
    if listing is None or not _may_accuse(session, listing):
        raise NotFound(
            "No marketplace here has this listing with a registered design in its pictures. Tell the"
            " marketplace itself.",
            code="report.not_found",
        )
    case, was_decided = _find_case(work, session, listing, now)
    count = select(func.count()).select_from(BuyerReport).where(BuyerReport.case_id == case.id)
    if (session.scalar(count) or 0) >= MOST_OF_CASE:
        raise _enough_error()
    row = BuyerReport(
        id=new_id("rpt", now),
        listing_id=listing.id,
        case_id=case.id,
        verdict=listing.verdict,
        claim=new.claim,
        words=words,
        reported_at=now,
        was_decided=was_decided,
    )
    session.add(row)
    session.flush()
    if not was_decided:
        details = {"report": row.id, "listing": listing.id, "claim": new.claim, "verdict": listing.verdict}
        timeline.append(session, case, "buyer_report", details, at=now)
    return get_report(session, row.id)


def get_report(session: Session, report_id: str) -> BuyerReport:
    """Return a report with its case. Whoever has the id may ask. Raises NotFound (`report.unknown`)."""
    report_id = normal_id(report_id)
    query = select(BuyerReport).where(BuyerReport.id == report_id).options(joinedload(BuyerReport.case))
    row = session.scalar(query) if can_be_stored(report_id) else None
    if row is None:
        raise NotFound(
            f"We have no report with the id {report_id!r}.", code="report.unknown", report=report_id
        )
    return row


def of_case(session: Session, case_id: str) -> Sequence[BuyerReport]:
    """Return the reports about a case, oldest first."""
    query = select(BuyerReport).where(BuyerReport.case_id == case_id).order_by(BuyerReport.id)
    return session.scalars(query).all()


def stage_of_report(row: BuyerReport) -> Stage:
    """Return how far a report has come. The report is loaded with its case."""
    return stage_of(row.case.state, DECIDED_BEFORE_CODE if row.was_decided else None)


def forget_words(session: Session, case_id: str) -> None:
    """Remove what buyers wrote about a case, because the case is closed."""
    session.execute(update(BuyerReport).where(BuyerReport.case_id == case_id).values(words=""))


def _checked_words(new: NewReport) -> str:
    if new.claim not in CLAIMS:
        raise Rejected(f"Choose one of these claims: {', '.join(CLAIMS)}.", code="report.claim")
    words = new.words.strip()
    if len(words) > WORDS_CHARS or CONTROL.search(words):
        raise Rejected(
            f"Write at most {WORDS_CHARS} characters, without control characters.",
            code="report.words",
            limit=WORDS_CHARS,
        )
    has_address, has_reference = bool(new.address.strip()), bool(new.reference.strip())
    if has_address == has_reference or has_reference != bool(new.marketplace.strip()):
        raise Rejected(
            "Name the listing by its address, or by its number and its marketplace.", code="report.address"
        )
    if len(new.address) > ADDRESS_CHARS:
        raise Rejected(
            f"An address has at most {ADDRESS_CHARS} characters.", code="report.address", limit=ADDRESS_CHARS
        )
    return words


def _find_listing(session: Session, new: NewReport) -> Listing | None:
    """Return the newest listing of a marketplace with this address, or the one with this reference.

    The listing is locked before its case, as by a hand-in, so that neither waits for the other in a circle.
    """
    pictures = selectinload(Listing.pictures).joinedload(ListingPicture.check)
    query = (
        select(Listing)
        .join(Organisation, Organisation.id == Listing.organisation_id)
        .where(has_this_text(Organisation.roles, "marketplace"))
        .options(pictures)
        .order_by(Listing.id.desc())
        .limit(1)
        .with_for_update(of=Listing)
    )
    if new.address.strip():
        return session.scalar(query.where(Listing.url_key == url_key(new.address)))
    reference, handle = tidy(new.reference), fold(new.marketplace).lower()
    if not can_be_stored(reference, handle):
        return None
    return session.scalar(query.where(Organisation.handle == handle, Listing.reference == reference))


def _may_accuse(session: Session, listing: Listing) -> bool:
    if not listing.pictures or not may_open(session, listing, listing.design_id):
        return False
    return session.get_one(Design, listing.design_id).state != "retired"


def _find_case(work: Workspace, session: Session, listing: Listing, now: datetime) -> tuple[Case, bool]:
    """Return the case about a listing, locked, and whether it was decided before."""
    design_id = str(listing.design_id)
    checks = [picture.check for picture in listing.pictures]
    shown = next((check for check in checks if clusters.shows(check, design_id)), checks[0])
    cluster_id = clusters.join_by_notice(session, shown, design_id, now).cluster_id
    place = Place.about(listing, design_id, cluster_id)
    if decided := find_decided(session, listing, place, listing.verdict):
        return session.get_one(Case, decided), True
    if listing.verdict not in SUSPECT and _count_unsupported(session, place) >= MOST_UNSUPPORTED:
        raise _enough_error()
    case = open_or_join(work, session, listing, place, now, least="low")
    put_in_order(session, case)
    return case, False


def _count_unsupported(session: Session, place: Place) -> int:
    """Return how many other cases of the marketplace wait that only buyers suspect."""
    query: Select[int] = (
        select(func.count(Case.id.distinct()))
        .join(BuyerReport, BuyerReport.case_id == Case.id)
        .where(Case.organisation_id == place.organisation_id, Case.open_key.is_not(None))
        .where(Case.verdict.not_in(sorted(SUSPECT)))
        .where(or_(Case.cluster_id != place.cluster_id, Case.seller != place.seller))
    )
    return session.scalar(query) or 0


def _enough_error() -> Conflict:
    return Conflict(
        "Moderators have many reports like this one and look at them. Yours adds nothing now.",
        code="report.enough",
    )
