"""Listings: check an offer, store its verdict with the evidence, decide it again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from authcheck.checks import evidence
from authcheck.checks.answers import Answer, answer, read_submission
from authcheck.checks.records import new_check
from authcheck.errors import Rejected
from authcheck.listings.evidence import Evidence
from authcheck.listings.gathering import CodeRead, PictureRead, gather, look_up_code
from authcheck.listings.offers import NewListing
from authcheck.listings.policies import CURRENT_LISTING_POLICY, listing_policy_named
from authcheck.listings.rules import Decision, decide
from authcheck.listings.stored import Then, get_listing, list_listings, new_row, store
from authcheck.listings.tables import Listing
from authcheck.listings.within import refuse_outside
from authcheck.members.reach import WHOLE, Reach
from authcheck.workspace import Workspace

__all__ = [
    "Judged",
    "NewListing",
    "Unreadable",
    "check_listing",
    "check_read",
    "decide_again",
    "get_listing",
    "list_listings",
]

MOST_PICTURES = 12


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
    same reference is replaced. `then` is called in the transaction that stores the listing.

    Raises Rejected (`listing.*`), Conflict (`appointment.outside`, `listing.reference_taken`) for an agent,
    Unavailable.
    """
    new = new.checked()
    refuse_outside(new, reach)
    certificate = look_up_code(work, new.certificate_code, now)
    read, unreadable = _read(work, pictures)
    return check_read(
        work,
        new,
        read,
        certificate,
        organisation_id=organisation_id,
        source=source,
        now=now,
        unreadable=unreadable,
        reach=reach,
        then=then,
    )


def check_read(
    work: Workspace,
    new: NewListing,
    read: Sequence[PictureRead],
    certificate: CodeRead | None,
    *,
    organisation_id: str | None,
    source: str,
    now: datetime,
    unreadable: Sequence[Unreadable] = (),
    reach: Reach = WHOLE,
    then: Then | None = None,
) -> Judged:
    """Do the same as `check_listing` with pictures and a code that were read before. `new` is checked.

    Raises as `check_listing`.
    """
    with work.database.reading() as session:
        evidence_seen = gather(session, new, read, certificate, unreadable=len(unreadable))
    decision = decide(evidence_seen, CURRENT_LISTING_POLICY)
    checks = {
        picture.place: new_check(
            picture.answer, organisation_id=organisation_id, source=source, name=picture.name, now=now
        )
        for picture in read
    }
    for picture in read:  # before the listing is stored, so that `then` finds the copies
        data = picture.answer.submission.data
        evidence.keep(checks[picture.place], data, work.copies, work.limits, now)
    row = new_row(new, organisation_id, evidence_seen, decision, now, certificate=certificate)
    listing, again = store(work, row, checks, reach, then)
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


def decide_again(listing: Listing) -> Decision:
    """Decide from the stored evidence, by the policy of that time.

    Raises BadSetting (`policy.unknown`), NotTrue (`listing.evidence`).
    """
    return decide(Evidence.from_json(listing.evidence), listing_policy_named(listing.policy))
