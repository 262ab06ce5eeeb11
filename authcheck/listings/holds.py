"""Holds on evidence: a case keeps seeing what it was opened with.

A hold covers three things:

1. The listing, as JSON in the hold's row. A later hand-in under the same reference replaces the row of the
   listing, and changes nothing in the case.
2. The checks of its pictures. Their rows are never removed or changed, so the hold names them.
3. The working copies of these pictures. Sweeping by age and by room spares them, see `HeldCopies`.

A hold has no picture where there was none to hold: the check found no design, the copy was too old or lost,
or `AUTHCHECK_EVIDENCE_DAYS` is 0. `HeldPicture.has_copy` says so, and the case stays decidable.

A crash costs no evidence. A held file is on the disk before its row is committed, and goes only after the
commit of its release. Files that a crash leaves behind are removed by `sweep`.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, Select, event, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, class_mapper, selectinload
from sqlalchemy.types import TypeEngine

from authcheck.ids import new_id
from authcheck.listings.tables import Amount, EvidenceHold, HeldPicture, Listing, ListingPicture
from authcheck.storage.database import Database
from authcheck.storage.dialects import WRITES
from authcheck.storage.entity import UtcDateTime
from authcheck.storage.held_copies import remove
from authcheck.storage.parameters import in_chunks
from authcheck.storage.working_copies import Copies

UNCOMMITTED = timedelta(hours=1)  # longer than any transaction: a younger hold's row may not be visible yet
READERS: Mapping[type[TypeEngine[Any]], Callable[[str], object]] = {
    UtcDateTime: datetime.fromisoformat,
    Date: date.fromisoformat,
    Amount: Decimal,
}
log = logging.getLogger("authcheck.listings.holds")


def hold(
    session: Session,
    copies: Copies,
    listing: Listing,
    *,
    case_id: str,
    now: datetime,
    until: datetime | None = None,
) -> EvidenceHold:
    """Hold the evidence about a listing for a case, as it is now, and return the hold.

    A case holds a listing once: the open hold is returned again, holds copies that it could not hold before,
    and lasts until the later of the two days, forever for None. A rolled back transaction holds nothing.
    """
    # The lock waits for a hand-in that replaces the listing, and for another hold of the same case.
    pictures = selectinload(Listing.pictures).joinedload(ListingPicture.check)
    query = select(Listing).where(Listing.id == listing.id).options(pictures)
    listing = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()
    same = _open_and_locked(case_id).where(EvidenceHold.listing_id == listing.id)
    held = session.scalars(same).first()
    if held is None:
        held = _new_hold(listing, case_id, now, until)
        session.add(held)
    held.until = max(held.until, until) if held.until and until else None
    _settle_files_at_end(session, copies, [held])
    for picture in held.pictures:
        asked_at = picture.check.asked_at
        picture.has_copy = copies.hold(picture.picture_sha256, asked_at, now, hold_id=held.id)
    session.flush()
    return held


def _new_hold(listing: Listing, case_id: str, now: datetime, until: datetime | None) -> EvidenceHold:
    return EvidenceHold(
        id=new_id("hld", now),
        case_id=case_id,
        listing_id=listing.id,
        listing=snapshot(listing),
        held_at=now,
        until=until,
        released_at=None,
        pictures=[
            HeldPicture(
                place=picture.place,
                check=picture.check,
                picture_sha256=picture.check.picture_sha256,
                has_copy=False,
            )
            for picture in listing.pictures
        ],
    )


def release(session: Session, copies: Copies, case_id: str, now: datetime) -> int:
    """Release all that a case holds, and return the number of holds.

    A picture that another case holds stays held. The rows stay, with what the case has seen. The files go
    when the transaction is committed.
    """
    holds = open_holds(session, case_id, lock=True)
    for held in holds:
        held.released_at = now
    session.flush()
    _settle_files_at_end(session, copies, holds)
    return len(holds)


def end_at(session: Session, case_id: str, until: datetime) -> None:
    """Let all that a case holds end by itself at `until`."""
    for held in open_holds(session, case_id, lock=True):
        held.until = until
    session.flush()


def move(session: Session, listing_ids: Collection[str], *, of_case_id: str, to_case_id: str) -> None:
    """Let another case hold what a case holds about these listings."""
    for held in open_holds(session, of_case_id, lock=True):
        if held.listing_id in listing_ids:
            held.case_id = to_case_id
    session.flush()


def open_holds(session: Session, case_id: str, *, lock: bool = False) -> list[EvidenceHold]:
    """Return what a case holds at present, oldest first, with pictures and checks.

    With `lock`, no other transaction holds or releases these until this transaction ends.
    """
    if lock:
        return list(session.scalars(_open_and_locked(case_id)))
    return list(session.scalars(_holds_of(case_id).where(EvidenceHold.released_at.is_(None))))


def all_holds(session: Session, case_id: str) -> list[EvidenceHold]:
    """Return what a case holds or has held, oldest first: a closed case still shows its listings."""
    return list(session.scalars(_holds_of(case_id)))


def _open_and_locked(case_id: str) -> Select[EvidenceHold]:
    query = _holds_of(case_id).where(EvidenceHold.released_at.is_(None))
    return query.with_for_update().execution_options(populate_existing=True)


def _holds_of(case_id: str) -> Select[EvidenceHold]:
    pictures = selectinload(EvidenceHold.pictures).joinedload(HeldPicture.check)
    return (
        select(EvidenceHold)
        .where(EvidenceHold.case_id == case_id)
        .options(pictures)
        .order_by(EvidenceHold.id)
    )


def sweep(database: Database, copies: Copies, now: datetime) -> None:
    """Release the holds that have ended by themselves, and remove the files that no open hold has.

    A file of the last hour is spared, because its row may not be committed yet.
    """
    is_over = EvidenceHold.released_at.is_(None), EvidenceHold.until <= now
    with database.reading() as session:
        some_over = session.scalar(select(EvidenceHold.id).where(*is_over).limit(1))
    if some_over:
        with database.writing() as session:
            session.execute(update(EvidenceHold).where(*is_over).values(released_at=now))
    youngest_id = new_id("hld", now - UNCOMMITTED)
    files = [file for file in copies.held.files(now - UNCOMMITTED) if file.hold_id < youngest_id]
    with database.reading() as session:
        still_open = _find_open(session, {file.hold_id for file in files if file.hold_id})
    for file in files:
        if file.hold_id not in still_open:
            remove(file.path)


def snapshot(listing: Listing) -> dict[str, Any]:
    """Return the columns of a listing as JSON values: days, times and decimals as text."""
    columns = [attribute.key for attribute in class_mapper(Listing).column_attrs]
    return {name: _to_json(getattr(listing, name)) for name in columns}


def held_listing(held: EvidenceHold) -> Listing:
    """Return the listing as the case was opened with it, with its pictures and checks.

    The row belongs to no session and is never stored. Columns of later releases are None.
    """
    values = {}
    for attribute in class_mapper(Listing).column_attrs:
        value = held.listing.get(attribute.key)
        reader = READERS.get(type(attribute.columns[0].type))
        values[attribute.key] = reader(value) if reader and value is not None else value
    pictures = [
        ListingPicture(place=picture.place, check_id=picture.check_id, check=picture.check)
        for picture in held.pictures
    ]
    return Listing(**values, pictures=pictures)


def _to_json(value: Any) -> Any:
    if isinstance(value, date):  # a datetime, too
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _find_open(session: Session, hold_ids: Iterable[str]) -> set[str]:
    """Return which of these holds are committed and open."""
    is_open = EvidenceHold.released_at.is_(None)
    return {
        hold_id
        for chunk in in_chunks(sorted(hold_ids))
        for hold_id in session.scalars(select(EvidenceHold.id).where(EvidenceHold.id.in_(chunk), is_open))
    }


def _settle_files_at_end(session: Session, copies: Copies, holds: Iterable[EvidenceHold]) -> None:
    """Remove the files of these holds at the end of the transaction, unless they are then committed and open.

    What was committed is asked on a connection of its own: a savepoint may have been rolled back.
    """
    sha256s = {held.id: {picture.picture_sha256 for picture in held.pictures} for held in holds}

    def settle(session: Session) -> None:
        if session.in_nested_transaction() or not sha256s:
            return
        engine = session.get_bind().execution_options(**{WRITES: False})
        try:
            with Session(engine) as own:
                gone = set(sha256s) - _find_open(own, sha256s)
        except SQLAlchemyError as error:  # the transaction has ended already, so this is no failure of it
            log.warning("the files of released holds wait for the next sweep: %s", error)
            return
        copies.held.drop(gone, set().union(*(sha256s[hold_id] for hold_id in gone)))
        sha256s.clear()

    event.listen(session, "after_commit", settle)
    event.listen(session, "after_rollback", settle)
