"""The rows of a notice: which listing each one names, and the case that answers it, or why there is none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.orm import Session, selectinload

from authcheck.cases import clusters, hits, timeline
from authcheck.cases.notice_rights import holds_in
from authcheck.cases.notice_tables import Notice, NoticeRow
from authcheck.cases.opening import Place, find_decided, may_open, open_or_join, put_in_order
from authcheck.cases.stages import DECIDED_BEFORE_CODE, WITHDRAWN_CODE
from authcheck.cases.states import SUSPECT
from authcheck.cases.tables import Case
from authcheck.errors import NotTrue
from authcheck.files.table_text import shown
from authcheck.ids import fold, normal_id, tidy
from authcheck.listings.policies import ListingVerdict
from authcheck.listings.tables import Listing, ListingPicture
from authcheck.members.reach import Reach
from authcheck.members.tables import Organisation
from authcheck.storage.json_lists import has_this_text
from authcheck.storage.parameters import can_be_stored, in_chunks
from authcheck.storefronts.tables import Storefront
from authcheck.workspace import Workspace

MOST_UNSUPPORTED = 300  # open reports of a brand that the check does not support: moderators are no mailbox
PICTURES = selectinload(Listing.pictures).joinedload(ListingPicture.check)
Listings = dict[tuple[str, ...], tuple[Listing, str]]
REPORTED_BEFORE, CONTRADICTED = "notice.reported_before", "notice.contradicted"
SENTENCES = {
    "notice.row": "Name the listing by its id, or by its reference and the handle of its marketplace.",
    "notice.listing_not_found": "We have no such listing. Compare the id, or the reference and marketplace.",
    "notice.repeated": "This listing is in an earlier row of the notice.",
    "notice.no_marketplace": "You handed this listing in yourself, so no marketplace here decides about it.",
    "notice.own_shop": "The seller is your own official shop. If the shop is not yours, remove it first.",
    "notice.licensed": "This seller has your licence for this. Report a breach of it, or revoke the licence.",
    "notice.right_territory": "The named right does not hold where the listing is. Name another, or none.",
    "notice.no_picture": "This listing has no picture that we could read. Ask the marketplace for another.",
    "notice.unsupported": "Too many of your open reports are not supported by our check. Wait for decisions.",
    REPORTED_BEFORE: "You reported this listing before. Its case is open, so we did not report it again.",
    WITHDRAWN_CODE: "You have withdrawn this report.",
    DECIDED_BEFORE_CODE: "The marketplace decided about this listing, and nothing has changed since then.",
    CONTRADICTED: "Our check says that this seller may use the design. The moderator sees both.",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A listing as a reporter names it: by its id, or by reference and marketplace.

    `code` and `detail` say why a table's row cannot be read, else they are "".
    """

    listing: str = ""
    reference: str = ""
    marketplace: str = ""
    code: str = ""
    detail: str = ""

    def key(self) -> tuple[str, ...] | None:
        """Return the id, or handle and reference, in their one spelling. None if the row names neither."""
        if self.code or not can_be_stored(self.listing, self.reference, self.marketplace):
            return None
        listing, reference = normal_id(self.listing).strip(), tidy(self.reference)
        handle = fold(self.marketplace).lower()
        if listing and not (reference or handle):
            return (listing,)
        return (handle, reference) if reference and handle and not listing else None


@dataclass(slots=True)
class _Filing:
    """What the rows of a notice share while they are filed."""

    work: Workspace
    session: Session
    notice: Notice
    now: datetime
    own_shops: set[tuple[str, str]]
    reported: dict[str, str]  # cases of open notices, by listing id
    unsupported: int  # open reports of the brand about listings that are no suspects
    seen: set[str] = field(default_factory=set)
    cases: dict[str, Case] = field(default_factory=dict)


def file_rows(
    work: Workspace,
    session: Session,
    notice: Notice,
    rows: Sequence[Named],
    listings: Listings,
    *,
    now: datetime,
) -> None:
    """Store the rows of a notice. Open a case for each row that can be used, or join the open one.

    `listings` are those that the rows name, see `find_locked`. The design is locked, too.
    """
    _lock_cases(session, notice.design_id, listings)
    filing = _Filing(
        work, session, notice, now,
        own_shops=_own_shops(session, notice.organisation_id),
        reported=_find_reported(session, notice, [listing.id for listing, _ in listings.values()]),
        unsupported=_count_unsupported(session, notice.organisation_id),
    )  # fmt: skip
    for number, named in enumerate(rows, 1):
        listing, handle = listings.get(named.key() or (), (None, ""))
        case_id, code = _answer_row(filing, named, listing)
        session.add(_new_row(filing, number, named, listing, handle, case_id, code))
    for case in filing.cases.values():
        put_in_order(session, case)


def _new_row(  # noqa: PLR0917 - the columns of a row
    filing: _Filing,
    number: int,
    named: Named,
    listing: Listing | None,
    handle: str,
    case_id: str | None,
    code: str,
) -> NoticeRow:
    if listing is not None:
        filing.seen.add(listing.id)
    detail = named.detail if code and code == named.code else SENTENCES.get(code, "")
    return NoticeRow(
        notice_id=filing.notice.id,
        number=number,
        named=shown(named.listing),
        reference=shown(named.reference) or (listing.reference if listing else ""),
        marketplace=shown(named.marketplace) or handle,
        listing_id=listing.id if listing else None,
        case_id=case_id,
        verdict=_verdict_about(listing, filing.notice.design_id) if listing and case_id else None,
        code=code or None,
        detail=detail[:500] or None,
    )


def _answer_row(filing: _Filing, named: Named, listing: Listing | None) -> tuple[str | None, str]:
    """Return the id of the case that answers a row, or None, and a code that says why, or ""."""
    if named.code:
        return None, named.code
    if listing is None:
        return None, "notice.listing_not_found" if named.key() else "notice.row"
    if listing.id in filing.seen:
        return None, "notice.repeated"
    if refusal := _find_refusal(filing, listing):
        return None, refusal
    if case_id := filing.reported.get(listing.id):
        return case_id, REPORTED_BEFORE
    return _open_case(filing, listing)


def _find_refusal(filing: _Filing, listing: Listing) -> str:
    """Return why no case can open about a listing, or ""."""
    notice = filing.notice
    if (listing.channel, listing.seller) in filing.own_shops:
        return "notice.own_shop"
    if not may_open(filing.session, listing, notice.design_id):
        return "notice.no_marketplace"
    if notice.right is not None and not holds_in(notice.right, listing.territory):
        return "notice.right_territory"
    if not listing.pictures:
        return "notice.no_picture"
    # The brand's own signed licence contradicts the claim that there is none. Any other claim may be true.
    is_licensed = _verdict_about(listing, notice.design_id) == ListingVerdict.LICENSED
    return "notice.licensed" if is_licensed and notice.claim == "unlicensed_use" else ""


def _open_case(filing: _Filing, listing: Listing) -> tuple[str | None, str]:
    session, notice, now = filing.session, filing.notice, filing.now
    verdict = _verdict_about(listing, notice.design_id)
    if verdict not in SUSPECT:
        if filing.unsupported >= MOST_UNSUPPORTED:
            return None, "notice.unsupported"
        filing.unsupported += 1
    checks = [picture.check for picture in listing.pictures]
    shown_in = next((check for check in checks if clusters.shows(check, notice.design_id)), checks[0])
    cluster_id = clusters.join_by_notice(session, shown_in, notice.design_id, now).cluster_id
    place = Place.about(listing, notice.design_id, cluster_id)
    if decided := find_decided(session, listing, place, verdict):
        return decided, DECIDED_BEFORE_CODE
    case = open_or_join(filing.work, session, listing, place, now, verdict=verdict, least="low")
    details = {
        "notice": notice.id,
        "organisation": notice.organisation_id,
        "listing": listing.id,
        "claim": notice.claim,
        "verdict": verdict,
        **({"right": notice.right_id} if notice.right_id else {}),
        **({"agent": notice.agent_id} if notice.agent_id else {}),
    }
    timeline.append(session, case, "reported", details, at=now)
    hits.set_notice(session, listing.id, notice.design_id, notice.id)
    filing.cases[case.id] = case
    return case.id, CONTRADICTED if verdict == ListingVerdict.LICENSED else ""


def _verdict_about(listing: Listing, design_id: str) -> str:
    """Return the verdict about the design. Evidence of another release leaves the listing's own verdict."""
    try:
        return hits.about(listing, design_id).code
    except NotTrue:
        return listing.verdict


def _find_reported(session: Session, notice: Notice, listing_ids: Iterable[str]) -> dict[str, str]:
    """Return the open cases of earlier notices of the same brand and design, by listing id."""
    query = (
        select(NoticeRow.listing_id, NoticeRow.case_id)
        .join(Notice, Notice.id == NoticeRow.notice_id)
        .join(Case, Case.id == NoticeRow.case_id)
        .where(Notice.organisation_id == notice.organisation_id, Notice.design_id == notice.design_id)
        .where(Case.open_key.is_not(None))
    )
    return {
        str(listing_id): str(case_id)
        for chunk in in_chunks(sorted(set(listing_ids)))
        for listing_id, case_id in session.execute(query.where(NoticeRow.listing_id.in_(chunk)))
    }


def _count_unsupported(session: Session, organisation_id: str) -> int:
    """Return how many open reports a brand has about listings that were no suspects when it reported them."""
    query = (
        select(func.count())
        .select_from(NoticeRow)
        .join(Notice, Notice.id == NoticeRow.notice_id)
        .join(Case, Case.id == NoticeRow.case_id)
        .where(Notice.organisation_id == organisation_id, Case.open_key.is_not(None))
        .where(NoticeRow.verdict.not_in(sorted(SUSPECT)))
    )
    return session.scalar(query) or 0


def _own_shops(session: Session, organisation_id: str) -> set[tuple[str, str]]:
    query = select(Storefront.marketplace, Storefront.shop_id).where(
        Storefront.organisation_id == organisation_id, Storefront.closed_at.is_(None)
    )
    return set(session.execute(query))


def _lock_cases(session: Session, design_id: str, listings: Listings) -> None:
    """Lock the open cases that the rows may join, in the order of their ids, as decisions about many do."""
    places = {(listing.organisation_id, listing.channel, listing.seller) for listing, _ in listings.values()}
    same = tuple_(Case.organisation_id, Case.channel, Case.seller).in_(sorted(places, key=str))
    query = select(Case.id).where(Case.design_id == design_id, Case.open_key.is_not(None), same)
    session.execute(query.order_by(Case.id).with_for_update()).all()


def find_locked(session: Session, organisation_id: str, rows: Iterable[Named], reach: Reach) -> Listings:
    """Return the listings that rows name, with pictures and checks, locked in the order of their ids.

    A hand-in of a listing locks the listing, then designs, then a case. A notice must take the same order:
    otherwise the two could wait for each other, or the notice could read a verdict that has just changed.
    """
    listings = _find_listings(session, organisation_id, rows, reach)
    ids = sorted({listing.id for listing, _ in listings.values()})
    query = select(Listing).where(Listing.id.in_(ids)).order_by(Listing.id).options(PICTURES)
    session.scalars(query.with_for_update().execution_options(populate_existing=True)).all()
    return listings


def _find_listings(session: Session, organisation_id: str, rows: Iterable[Named], reach: Reach) -> Listings:
    """Return the listings that rows name, and their marketplaces, by `Named.key`.

    A brand can name the listings of marketplaces, and its own. The database compares the organisation: a
    listing of somebody else reads no row, like none.
    """
    keys = {key for named in rows if (key := named.key())}
    ids = sorted(key[0] for key in keys if len(key) == 1)
    names = sorted(key for key in keys if len(key) > 1)
    may_name = or_(
        Listing.organisation_id == organisation_id, has_this_text(Organisation.roles, "marketplace")
    )
    query = (
        select(Listing, Organisation.handle)
        .join(Organisation, Organisation.id == Listing.organisation_id)
        .where(may_name, reach.has_territory(Listing.territory))
    )
    listings: Listings = {}
    for some_ids in in_chunks(ids):
        by_id = session.execute(query.where(Listing.id.in_(some_ids)))
        listings |= {(listing.id,): (listing, handle) for listing, handle in by_id}
    for some_names in in_chunks(names):
        by_name = query.where(tuple_(Organisation.handle, Listing.reference).in_(some_names))
        rows_by_name = session.execute(by_name)
        listings |= {(handle, listing.reference): (listing, handle) for listing, handle in rows_by_name}
    return listings
