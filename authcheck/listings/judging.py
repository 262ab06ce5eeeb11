"""Listings: check an offer, store its verdict with the evidence, decide it again."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from authcheck.checks import evidence
from authcheck.checks.answers import Answer, answer, read_submission
from authcheck.checks.records import new_check
from authcheck.checks.tables import Check
from authcheck.errors import NotFound, Rejected
from authcheck.ids import new_id, normal_id
from authcheck.licences.codes import normal_shop
from authcheck.listings.evidence import Evidence
from authcheck.listings.gathering import CodeRead, PictureRead, gather, look_up_code
from authcheck.listings.offers import NewListing
from authcheck.listings.policies import CURRENT_LISTING_POLICY, listing_policy_named
from authcheck.listings.rules import Decision, decide
from authcheck.listings.tables import Listing, ListingPicture
from authcheck.listings.within import is_within, refuse_outside, refuse_replacing
from authcheck.members.reach import WHOLE, Reach
from authcheck.storage.parameters import can_be_stored
from authcheck.workspace import Workspace

__all__ = [
    "Judged",
    "NewListing",
    "Unreadable",
    "check_listing",
    "decide_again",
    "get_listing",
    "list_listings",
]

MOST_PICTURES = 12
Then = Callable[[Session, Listing, Sequence[Check], datetime], object]
CODE_CHARS = 20


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A picture that could not be read: its place among the pictures handed in, from 0, and the reason."""

    place: int
    name: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A listing with its verdict as stored. `again` is set when its reference was handed in before."""

    listing: Listing
    decision: Decision
    unreadable: tuple[Unreadable, ...]
    again: bool


def check_listing(
    work: Workspace,
    new: NewListing,
    pictures: Iterable[tuple[str, bytes | Rejected]],
    *,
    organisation_id: str | None,
    source: str,
    now: datetime,
    reach: Reach = WHOLE,
    then: Then | None = None,
) -> Judged:
    """Check the pictures, the seller's right and the certificate of an offer, decide, and store all of it.

    `pictures` are names with bytes, or with the error that stopped the reading. A picture that cannot be read
    is reported, and the verdict rests on the others. An earlier listing of the same organisation with the
    same reference is replaced. `then` is called with the stored listing and its checks, in the transaction
    that stores them. Raises Rejected (`listing.*`), Conflict (`appointment.outside`,
    `listing.reference_taken`) for an agent, Unavailable.
    """
    new = new.checked()
    refuse_outside(new, reach)
    certificate = look_up_code(work, new.certificate_code, now)
    read, unreadable = _read(work, pictures)
    with work.database.reading() as session:
        evidence_seen = gather(session, new, read, certificate, unreadable=len(unreadable))
    decision = decide(evidence_seen, CURRENT_LISTING_POLICY)
    checks = {
        picture.place: new_check(
            picture.answer, organisation_id=organisation_id, source=source, name=picture.name, now=now
        )
        for picture in read
    }
    row = _new_row(new, organisation_id, evidence_seen, decision, now, certificate=certificate)
    listing, again = _store(work, row, checks, reach, then)
    data = {picture.place: picture.answer.submission.data for picture in read}
    for place, check in checks.items():
        evidence.keep(check, data[place], work.copies, work.limits, now)
    return Judged(listing, decision, tuple(unreadable), again)


def _read(
    work: Workspace, pictures: Iterable[tuple[str, bytes | Rejected]]
) -> tuple[list[PictureRead], list[Unreadable]]:
    """Check the pictures one by one.

    Raises Rejected (`listing.pictures`) for no picture, too many pictures, or no readable picture.
    """
    read, unreadable = [], []
    for place, (name, data) in enumerate(pictures):
        check_number(place + 1)
        try:
            picture_answer = _answer(work, data)
        except Rejected as error:
            unreadable.append(Unreadable(place, name, error.code, str(error)))
        else:
            read.append(PictureRead(place, name, picture_answer))
    check_number(len(read) + len(unreadable))
    if not read:
        first = unreadable[0]
        raise Rejected(
            f"None of the pictures can be read. The first one: {first.detail} [{first.code}]",
            code="listing.pictures",
            limit=MOST_PICTURES,
            first=first.code,
        )
    return read, unreadable


def check_number(pictures: int) -> None:
    """Raise Rejected (`listing.pictures`) unless a listing may have this many pictures."""
    if not 1 <= pictures <= MOST_PICTURES:
        raise Rejected(
            f"Hand in 1 to {MOST_PICTURES} pictures with a listing.",
            code="listing.pictures",
            limit=MOST_PICTURES,
        )


def _answer(work: Workspace, data: bytes | Rejected) -> Answer:
    if isinstance(data, Rejected):
        raise data
    return answer(work.database, work.finder, read_submission(data, work.limits), work.policy)


def _new_row(
    new: NewListing,
    organisation_id: str | None,
    evidence_seen: Evidence,
    decision: Decision,
    now: datetime,
    *,
    certificate: CodeRead | None,
) -> Listing:
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
    )


def _kept_code(text: str | None, read: CodeRead | None) -> str | None:
    """Return a code in its one spelling, so that it can be found.

    Of a text that is no code, return `?` and its beginning.
    """
    if text is None or read is None:
        return None
    return read.code or f"?{text}"[:CODE_CHARS]


REPLACED = (
    "seller", "channel", "territory", "goods", "price", "listed_on", "certificate_code", "decided_at",
    "policy", "verdict", "reasons", "evidence", "design_id", "licence_id",
)  # fmt: skip


def _store(
    work: Workspace, new: Listing, checks: dict[int, Check], reach: Reach, then: Then | None
) -> tuple[Listing, bool]:
    """Write the listing, its pictures and their checks.

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
            then(session, listing, [checks[place] for place in sorted(checks)], listing.decided_at)
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


def decide_again(listing: Listing) -> Decision:
    """Decide from the stored evidence, by the policy of that time.

    Raises BadSetting (`policy.unknown`), NotTrue (`listing.evidence`).
    """
    return decide(Evidence.from_json(listing.evidence), listing_policy_named(listing.policy))


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
