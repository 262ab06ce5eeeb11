"""Rows of listings: written with their pictures and checks, replaced by their reference, and found."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from authcheck.checks.tables import Check
from authcheck.errors import NotFound
from authcheck.ids import new_id, normal_id
from authcheck.licences.codes import normal_shop
from authcheck.listings.details import DETAILS, url_key
from authcheck.listings.evidence import Evidence
from authcheck.listings.gathering import CodeRead
from authcheck.listings.offers import NewListing
from authcheck.listings.policies import CURRENT_LISTING_POLICY
from authcheck.listings.prices import split_price
from authcheck.listings.rules import Decision
from authcheck.listings.tables import Listing, ListingPicture
from authcheck.listings.within import is_within, refuse_replacing
from authcheck.members.reach import WHOLE, Reach
from authcheck.storage.parameters import can_be_stored
from authcheck.workspace import Workspace

CODE_CHARS = 20
Then = Callable[[Workspace, Session, Listing, Sequence[Check], datetime], object]

REPLACED = (
    "seller", "channel", "territory", "goods", "price", "listed_on", "certificate_code", "decided_at",
    "policy", "verdict", "reasons", "evidence", "design_id", "licence_id", "price_amount", "currency",
    "remarks", "url_key", *DETAILS,
)  # fmt: skip


def new_row(
    new: NewListing,
    organisation_id: str | None,
    evidence_seen: Evidence,
    decision: Decision,
    now: datetime,
    *,
    certificate: CodeRead | None,
) -> Listing:
    """Return the row of an offer and of the decision about it."""
    price_amount, currency = split_price(new.price)
    return Listing(
        id=new_id("lst", now),
        organisation_id=organisation_id,
        reference=new.reference,
        seller=new.seller,
        channel=new.channel,
        territory=new.territory,
        goods=list(new.goods),
        price=new.price,
        listed_on=new.listed_on,
        certificate_code=_kept_code(new.certificate_code, certificate),
        handed_in_at=now,
        decided_at=now,
        policy=CURRENT_LISTING_POLICY.name,
        verdict=decision.code.value,
        reasons=[asdict(reason) for reason in decision.reasons],
        evidence=evidence_seen.to_json(),
        design_id=decision.design_id,
        licence_id=decision.licence_id,
        price_amount=price_amount,
        currency=currency,
        remarks=[remark.to_json() for remark in new.remarks],
        url_key=url_key(new.url) if new.url else None,
        **{field: getattr(new, field) for field in DETAILS},
    )


def _kept_code(text: str | None, read: CodeRead | None) -> str | None:
    """Return a code in its one spelling, so that it can be found.

    Of a text that is no code, return `?` and its beginning.
    """
    if text is None or read is None:
        return None
    return read.code or f"?{text}"[:CODE_CHARS]


def store(
    work: Workspace, new: Listing, checks: dict[int, Check], reach: Reach, then: Then | None
) -> tuple[Listing, bool]:
    """Write the listing, its pictures and their checks. `then` gets the listing, the checks and the time.

    Return the listing and whether its reference was there before.
    """
    with work.database.writing() as session:
        listing = _claim(session, new)
        again = listing is not new
        if again:
            refuse_replacing(listing, reach)
            for field in REPLACED:
                setattr(listing, field, getattr(new, field))
            session.execute(delete(ListingPicture).where(ListingPicture.listing_id == listing.id))
        session.add_all(checks.values())
        session.flush()
        session.add_all(
            ListingPicture(listing_id=listing.id, place=place, check_id=check.id)
            for place, check in checks.items()
        )
        session.flush()
        if then is not None:
            in_order = [checks[place] for place in sorted(checks)]
            then(work, session, listing, in_order, listing.decided_at)
        return get_listing(session, listing.id), again


def _claim(session: Session, new: Listing) -> Listing:
    """Return the row to write: the organisation's listing with this reference, or the new row.

    The row is locked until this transaction ends.
    """
    same = (
        select(Listing)
        .where(Listing.organisation_id.is_not_distinct_from(new.organisation_id))
        .where(Listing.reference == new.reference)
        .order_by(Listing.id)
        .limit(1)
        .with_for_update()
    )
    listing = session.scalar(same)
    if listing is not None:
        return listing
    try:
        with session.begin_nested():
            session.add(new)
    except IntegrityError:  # on PostgreSQL another transaction may insert the reference after we looked
        return session.scalars(same).one()
    return new


def get_listing(
    session: Session, listing_id: str, *, organisation_id: str | None = None, reach: Reach = WHOLE
) -> Listing:
    """Return a listing within reach with its pictures, of the organisation `organisation_id` or of any.

    Raises NotFound (`listing.not_found`), also for a listing of another organisation. The database compares
    the owner: both cases read no row, so they take the same time.
    """
    listing_id = normal_id(listing_id)
    query = select(Listing).where(Listing.id == listing_id, is_within(reach))
    if organisation_id is not None:
        query = query.where(Listing.organisation_id == organisation_id)
    query = query.options(selectinload(Listing.pictures).joinedload(ListingPicture.check))
    found = (
        session.scalar(query.execution_options(populate_existing=True)) if can_be_stored(listing_id) else None
    )
    if found is None:
        raise NotFound(
            f"We have no listing with the id {listing_id!r}.", code="listing.not_found", listing=listing_id
        )
    return found


def list_listings(
    session: Session,
    *,
    organisation_id: str | None = None,
    verdict: str | None = None,
    seller: str | None = None,
    after: str = "",
    limit: int = 50,
    reach: Reach = WHOLE,
) -> list[Listing]:
    """Return at most `limit` listings within reach, by id from after `after`, of one organisation or all."""
    if not can_be_stored(seller or "", after):
        return []
    query = select(Listing).where(Listing.id > after, is_within(reach)).order_by(Listing.id).limit(limit)
    for column, wanted in (
        (Listing.organisation_id, organisation_id),
        (Listing.verdict, verdict),
        (Listing.seller, None if seller is None else normal_shop(seller)),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    options = selectinload(Listing.pictures).joinedload(ListingPicture.check)
    return list(session.scalars(query.options(options)))
