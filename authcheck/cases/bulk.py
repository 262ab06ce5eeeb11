"""One decision about many listings: those of all sellers who show one picture of one design.

Each seller's case gets a decision of its own, so each seller gets one statement. The decisions share a
`bulk_id`, are undone together, and can be reversed together.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, selectinload

from authcheck.cases.decisions import UNDO, apply, reverse
from authcheck.cases.leases import get_held, get_locked, is_held, refuse_decided, refuse_interest
from authcheck.cases.listing import get_case
from authcheck.cases.rulings import Ruling
from authcheck.cases.states import WORKABLE, State
from authcheck.cases.tables import Case, CaseDecision, CaseItem, ClusteredPicture
from authcheck.checks.tables import Check
from authcheck.errors import AuthcheckError, Conflict, NotFound, Rejected
from authcheck.ids import new_id
from authcheck.listings.tables import Listing, ListingPicture
from authcheck.storage.parameters import can_be_stored

MOST = 300  # listings in one bulk
MANY, MANY_UNDO = 20, timedelta(minutes=5)  # above 20 listings there is more time to undo


@dataclass(frozen=True, slots=True)
class Alike:
    """A listing of an undecided case with the same picture and design.

    `distance_bits` (0-256) is the distance to the cluster's first picture, None when the listing no longer
    shows the picture. `differs` is why the listing is out by default: "" for a listing that is in,
    `picture`, `verdict`, or `held` for a case that somebody else works on.
    """

    case: Case
    item: CaseItem
    listing: Listing
    distance_bits: int | None
    differs: str


@dataclass(frozen=True, slots=True)
class Left:
    """A listing that a bulk is not about, and the code of the reason."""

    listing_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """The decisions that were made together, and the listings that were asked for and left."""

    id: str
    leaves_at: datetime
    decisions: list[CaseDecision]
    left: list[Left]


def find_alike(session: Session, case: Case, *, holder: str, now: datetime) -> list[Alike]:
    """Return the listings of all undecided cases of the same marketplace, picture and design.

    They include the listings of this case. The worst fit comes first. Returns at most 300.
    """
    distance_bits = func.min(ClusteredPicture.distance_bits)
    in_cluster = and_(
        ClusteredPicture.design_id == Case.design_id,
        ClusteredPicture.cluster_id == Case.cluster_id,
        ClusteredPicture.picture_sha256 == Check.picture_sha256,
    )
    nearest = (
        select(CaseItem.case_id, CaseItem.listing_id, distance_bits.label("distance_bits"))
        .join(Case, Case.id == CaseItem.case_id)
        .outerjoin(ListingPicture, ListingPicture.listing_id == CaseItem.listing_id)
        .outerjoin(Check, Check.id == ListingPicture.check_id)
        .outerjoin(ClusteredPicture, in_cluster)
        .where(
            Case.organisation_id == case.organisation_id,
            Case.cluster_id == case.cluster_id,
            Case.state.in_(WORKABLE),
        )
        .group_by(CaseItem.case_id, CaseItem.listing_id)
        .order_by(distance_bits.is_not(None), distance_bits.desc(), CaseItem.listing_id)
        .limit(MOST)
        .subquery()
    )
    rows = session.execute(
        select(Case, CaseItem, Listing, nearest.c.distance_bits)
        .join(nearest, nearest.c.case_id == Case.id)
        .join(CaseItem, and_(CaseItem.case_id == Case.id, CaseItem.listing_id == nearest.c.listing_id))
        .join(Listing, Listing.id == CaseItem.listing_id)
        .options(selectinload(Listing.pictures))
        .order_by(nearest.c.distance_bits.is_not(None), nearest.c.distance_bits.desc(), Listing.id)
    )
    return [
        Alike(other, item, listing, bits, _difference(case, other, item, bits, holder=holder, now=now))
        for other, item, listing, bits in rows
    ]


def _difference(
    case: Case, other: Case, item: CaseItem, bits: int | None, *, holder: str, now: datetime
) -> str:
    if bits is None:
        return "picture"
    if item.verdict != case.verdict:
        return "verdict"
    return "held" if is_held(other, now) and other.lease_holder != holder else ""


def decide_alike(
    session: Session,
    case_id: str,
    ruling: Ruling,
    *,
    listings: Collection[str],
    organisation_id: str,
    holder: str,
    now: datetime,
) -> Bulk:
    """Decide about these listings of the case that the reader holds and of cases like it.

    Listings that cannot be decided now are left, each with a code: somebody else works on the case
    (`case.lease`) or has decided it (`case.decided`), the reader belongs to the seller (`case.interest`), the
    verdict is no suspicion any more (`case.items`), or no case like this one has the listing
    (`listing.not_found`). The time to undo is 5 minutes for more than 20 listings.

    Raises as `decisions.decide`, and Rejected (`bulk.too_many`).
    """
    if len(listings) > MOST:
        raise Rejected(f"Decide about at most {MOST} listings at once.", code="bulk.too_many", limit=MOST)
    ruling = ruling.checked()
    base = get_case(session, case_id, organisation_id=organisation_id)
    wanted = _cases_with(session, base, listings)
    leaves_at = now + (UNDO if len(listings) <= MANY else MANY_UNDO)
    bulk = Bulk(new_id("blk", now), leaves_at, [], [])
    unknown = set(listings).difference(*wanted.values())
    bulk.left.extend(Left(listing, "listing.not_found") for listing in sorted(unknown))
    for other_id in sorted({base.id, *wanted}):  # in this order, so that two bulks never wait for each other
        ids = wanted.get(other_id, set())
        get = get_held if other_id == base.id else _get_free
        try:
            other = get(session, other_id, organisation_id=organisation_id, holder=holder, now=now)
            _decide_one(session, bulk, other, ruling, ids, holder=holder, now=now)
        except AuthcheckError as error:
            if other_id == base.id:
                raise
            bulk.left.extend(Left(listing, error.code) for listing in sorted(ids))
    return bulk


def _decide_one(
    session: Session, bulk: Bulk, case: Case, ruling: Ruling, ids: set[str], *, holder: str, now: datetime
) -> None:
    """Decide about these listings of a locked case, and note those that were left. Raises as `decide`."""
    decision = apply(
        session,
        case,
        ruling,
        holder=holder,
        now=now,
        leaves_at=bulk.leaves_at,
        leave_out={item.listing_id for item in case.items} - ids,
        bulk_id=bulk.id,
    )
    bulk.decisions.append(decision)
    left = (item.listing_id for item in case.items if item.listing_id in ids and not item.included)
    bulk.left.extend(Left(listing, "case.items") for listing in left)


def _cases_with(session: Session, base: Case, listings: Collection[str]) -> dict[str, set[str]]:
    """Return which of these listings are in which cases of the same marketplace, picture and design."""
    query = (
        select(CaseItem.case_id, CaseItem.listing_id)
        .join(Case, Case.id == CaseItem.case_id)
        .where(
            CaseItem.listing_id.in_([listing for listing in listings if can_be_stored(listing)]),
            Case.organisation_id == base.organisation_id,
            Case.cluster_id == base.cluster_id,
            Case.open_key.is_not(None),
        )
    )
    by_case: dict[str, set[str]] = defaultdict(set)
    for case_id, listing_id in session.execute(query):
        by_case[case_id].add(listing_id)
    return by_case


def _get_free(session: Session, case_id: str, *, organisation_id: str, holder: str, now: datetime) -> Case:
    """Return a case that nobody else works on, locked. Raises as `leases.take`, without a lease."""
    case = get_locked(session, case_id, organisation_id)
    refuse_decided(session, case)
    if is_held(case, now) and case.lease_holder != holder:
        raise Conflict("Somebody else works on this case now.", code="case.lease", case=case.id)
    refuse_interest(session, case, holder)
    return case


def reverse_bulk(
    session: Session, bulk_id: str, *, note: str, organisation_id: str, holder: str, now: datetime
) -> list[Case]:
    """Reverse all decisions of a bulk that are in effect, and return their cases.

    Raises NotFound (`bulk.not_found`), also for a bulk of another marketplace, and as `decisions.reverse`.
    """
    query = (
        select(CaseDecision.case_id, Case.state)
        .join(Case)
        .where(CaseDecision.bulk_id == bulk_id, Case.organisation_id == organisation_id)
        .order_by(CaseDecision.case_id)
    )
    rows = session.execute(query).all() if can_be_stored(bulk_id) else []
    if not rows:
        raise NotFound(f"We have no bulk with the id {bulk_id!r}.", code="bulk.not_found", bulk=bulk_id)
    case_ids = [row.case_id for row in rows if row.state == State.EFFECTIVE]
    if not case_ids:
        raise Conflict("No decision of this bulk is in effect.", code="decision.not_effective", bulk=bulk_id)
    words = {"note": note, "organisation_id": organisation_id, "holder": holder}
    return [reverse(session, case_id, **words, now=now) for case_id in case_ids]
