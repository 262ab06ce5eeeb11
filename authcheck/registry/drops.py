"""Drops: files that a person sends in parts, to be registered one by one in the background.

What was sent is kept. A file that is sent again into the same drop changes nothing, so a person can leave,
come back, and drop the whole folder again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from authcheck.errors import NotFound, Rejected, Unavailable
from authcheck.ids import new_id, normal_id
from authcheck.members.principals import Principal
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation
from authcheck.registry.designs import check_collection, check_words
from authcheck.registry.drop_rows import problem_report
from authcheck.registry.drop_spool import DropSpool
from authcheck.registry.import_tables import Drop, DropFile
from authcheck.storage.parameters import can_be_stored

MOST_FILES = 5_000
KEPT_FOR = timedelta(days=7)  # files and tables that nobody starts
AT_ONCE = 100
NAME_CHARS = 300
HELD, WAITING, WORKING, REFUSED = "held", "waiting", "working", "refused"
REGISTERED, ALREADY_YOURS, DISPUTED = "registered", "already_yours", "disputed"
PART, TWICE, LEFT_OUT = "part", "twice", "left_out"
STATES = (
    REGISTERED, ALREADY_YOURS, DISPUTED, REFUSED, WORKING, WAITING, HELD, PART, TWICE, LEFT_OUT,
)  # fmt: skip
SPOOLED = (HELD, WAITING, WORKING, PART)  # their bytes count for the quota
SENT_AGAIN = {"drop.lost", "drop.not_allowed", "drop.failed"}  # codes of refused files that may be sent again


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to put into a drop. `error` says why it cannot be registered: then its bytes are not kept."""

    name: str
    sha256: str
    data: bytes
    error: Rejected | None = None
    is_left_out: bool = False


def create_drop(
    session: Session,
    caller: Principal,
    *,
    kind: str,
    collection: str = "",
    public_preview: bool = False,
    now: datetime,
) -> Drop:
    """Begin a drop. The words are those of files that no table describes.

    Raises Rejected (`design.kind`, `design.collection`), Conflict (`appointment.outside`).
    """
    caller.reach.require_all_designs()
    check_words("", kind)
    if check_collection(collection):
        caller.reach.require_whole()  # the licences of the collection follow
    drop = Drop(
        id=new_id("drp", now),
        organisation_id=caller.organisation_id,
        dropped_by=caller.caller,
        agent_id=caller.agency.organisation_id if caller.agency else None,
        appointment_id=caller.agency.appointment_id if caller.agency else None,
        created_at=now,
        state="open",
        kind=kind,
        collection=check_collection(collection),
        public_preview=public_preview,
        table_bytes=0,
        columns={},
        last_number=0,
    )
    session.add(drop)
    session.flush()
    return drop


def get_drop(
    session: Session, drop_id: str, *, organisation_id: str, reach: Reach = WHOLE, lock: bool = False
) -> Drop:
    """Return a drop of the organisation. `lock` it before files are added.

    Raises NotFound (`drop.not_found`), also for a drop of another organisation.
    """
    drop_id = normal_id(drop_id)
    query = select(Drop).where(
        Drop.id == drop_id, Drop.organisation_id == organisation_id, reach.has_all_designs()
    )
    query = query.with_for_update().execution_options(populate_existing=True) if lock else query
    drop = session.scalar(query) if can_be_stored(drop_id) else None
    if drop is None:
        raise NotFound(f"We have no drop {drop_id!r}.", code="drop.not_found", drop=drop_id)
    return drop


def add_file(
    session: Session, spool: DropSpool, drop: Drop, new: NewFile, *, most_bytes: int
) -> DropFile | None:
    """Put a file into a locked drop and return its row, or None for a file that the drop has already.

    `most_bytes` may wait for one organisation. Raises Rejected (`drop.too_many_files`), Unavailable
    (`drop.full`), StorageFailed.
    """
    same = _find_same(session, drop, new)
    named = next((file for file in same if file.name == new.name[-NAME_CHARS:]), None)
    if named is not None and not _may_be_sent_again(named):
        return None
    if named is None and drop.last_number >= MOST_FILES:
        raise Rejected(
            f"A drop has at most {MOST_FILES} files. Begin another one.",
            code="drop.too_many_files",
            limit=MOST_FILES,
        )
    file = named or _append(session, drop, new)
    if new.error is not None:
        file.state, file.report = REFUSED, problem_report(file.number, "", new.error)
    elif new.is_left_out:
        file.state = LEFT_OUT
    elif named is None and same:
        file.state, file.report = TWICE, {"known_as": same[0].name, "first": same[0].number}
    else:
        check_room(session, drop.organisation_id, len(new.data), most_bytes)
        spool.put(drop.id, new.sha256, new.data)
        file.state, file.size_bytes, file.attempts = (
            (HELD if drop.table_sha256 else WAITING),
            len(new.data),
            0,
        )
        file.report = {}
    session.flush()
    return file


def _find_same(session: Session, drop: Drop, new: NewFile) -> Sequence[DropFile]:
    query = select(DropFile).where(DropFile.drop_id == drop.id, DropFile.sha256 == new.sha256)
    return session.scalars(query.order_by(DropFile.number)).all()


def _may_be_sent_again(file: DropFile) -> bool:
    return file.state == REFUSED and file.report.get("code") in SENT_AGAIN


def _append(session: Session, drop: Drop, new: NewFile) -> DropFile:
    drop.last_number += 1
    file = DropFile(
        drop_id=drop.id,
        number=drop.last_number,
        name=new.name[-NAME_CHARS:],
        sha256=new.sha256,
        size_bytes=0,
        state=WAITING,
        row={},
        attempts=0,
        report={},
    )
    session.add(file)
    return file


def check_room(session: Session, organisation_id: str, size_bytes: int, most_bytes: int) -> None:
    """Raise Unavailable (`drop.full`) when an organisation's files that wait leave no room for more bytes.

    The organisation's row is locked, so that two requests cannot take the same room.
    """
    owner = select(Organisation.id).where(Organisation.id == organisation_id)
    session.execute(owner.with_for_update(key_share=True))
    if spooled_bytes(session, organisation_id) + size_bytes > most_bytes:
        raise Unavailable(
            "We still work on the files that your organisation has sent. Send the others in a minute.",
            code="drop.full",
            limit_bytes=most_bytes,
            retry_after_s=20,
        )


def spooled_bytes(session: Session, organisation_id: str) -> int:
    """Return the bytes of an organisation's files and tables that wait for their registration."""
    files = (
        select(func.sum(DropFile.size_bytes))
        .join(Drop, Drop.id == DropFile.drop_id)
        .where(DropFile.state.in_(SPOOLED), Drop.organisation_id == organisation_id)
    )
    tables = select(func.sum(Drop.table_bytes)).where(Drop.organisation_id == organisation_id)
    return int(session.scalar(files) or 0) + int(session.scalar(tables) or 0)


def count_states(session: Session, drop_id: str) -> dict[str, int]:
    """Return the number of a drop's files in each state, in the order of STATES, without zeros."""
    query = select(DropFile.state, func.count()).where(DropFile.drop_id == drop_id).group_by(DropFile.state)
    counts = {state: count for state, count in session.execute(query)}  # noqa: C416 - rows are no pairs
    return {state: counts[state] for state in STATES if state in counts}


def list_files(
    session: Session, drop_id: str, *, states: Sequence[str] = (), after: int = 0, limit: int = 50
) -> Sequence[DropFile]:
    """Return at most `limit` files of a drop from after the number `after`, in these states or in all."""
    query = select(DropFile).where(DropFile.drop_id == drop_id, DropFile.number > after)
    if states:
        query = query.where(DropFile.state.in_(states))
    return session.scalars(query.order_by(DropFile.number).limit(limit)).all()


def get_file(session: Session, drop: Drop, number: int) -> DropFile:
    """Return a file of a drop by its number. Raises NotFound (`drop.not_found`)."""
    file = session.get(DropFile, (drop.id, number))
    if file is None:
        raise NotFound("The drop has no such file.", code="drop.not_found", drop=drop.id)
    return file


def list_drops(
    session: Session, organisation_id: str, *, before: str = "", limit: int = 20, reach: Reach = WHOLE
) -> Sequence[Drop]:
    """Return at most `limit` drops of an organisation, newest first, from before the id `before`."""
    query = select(Drop).where(Drop.organisation_id == organisation_id, reach.has_all_designs())
    query = query.where(Drop.id < before) if before else query
    query = query.order_by(Drop.id.desc()).limit(limit)
    return session.scalars(query).all() if can_be_stored(before) else []


def forget_old(session: Session, spool: DropSpool, now: datetime) -> int:
    """Leave out what nobody has started for 7 days: held files, and tables. Return the number of drops.

    Call it often: it does at most 100 drops at a time.
    """
    held = select(DropFile.drop_id).where(DropFile.state == HELD)
    busy = select(DropFile.drop_id).where(DropFile.state.in_((WAITING, WORKING)))
    query = select(Drop).where(
        Drop.created_at < now - KEPT_FOR,
        or_(Drop.table_bytes > 0, Drop.id.in_(held)),
        Drop.id.not_in(busy),
    )
    drops = session.scalars(query.order_by(Drop.id).limit(AT_ONCE)).all()
    for drop in drops:
        drop.table_bytes, drop.state = 0, "open"
        of_drop = update(DropFile).where(DropFile.drop_id == drop.id)
        session.execute(of_drop.where(DropFile.state == HELD).values(state=LEFT_OUT))
        session.execute(of_drop.values(size_bytes=0))
        spool.remove_all(drop.id)
    session.flush()
    return len(drops)


def design_ids(session: Session, drop_id: str, *, limit: int = MOST_FILES) -> list[str]:
    """Return at most `limit` ids of the designs of a drop's files."""
    query = select(DropFile.design_id).where(DropFile.drop_id == drop_id, DropFile.design_id.is_not(None))
    return sorted(filter(None, session.scalars(query.distinct().limit(limit))))


def list_of_designs(
    session: Session, drop_id: str, design_ids: Sequence[str], *, after: int = 0, limit: int = 50
) -> Sequence[DropFile]:
    """Return at most `limit` files of a drop whose designs are among these, from after the number `after`."""
    query = (
        select(DropFile)
        .where(DropFile.drop_id == drop_id, DropFile.design_id.in_(design_ids), DropFile.number > after)
        .order_by(DropFile.number)
        .limit(limit)
    )
    return session.scalars(query).all()


def known_hashes(session: Session, drop: Drop) -> list[str]:
    """Return the SHA-256 of a drop's files that need not be sent again, and of its table."""
    query = select(DropFile).where(DropFile.drop_id == drop.id, DropFile.sha256 != "")
    files = {file.sha256 for file in session.scalars(query) if not _may_be_sent_again(file)}
    return sorted(files | ({drop.table_sha256} if drop.table_sha256 else set()))


def count_seen(session: Session, drop_id: str) -> tuple[int, int, int]:
    """Return how many listings of before show a drop's designs, how many files those are, and how many wait.

    A file waits until somebody has looked for its design.
    """
    of_drop = DropFile.drop_id == drop_id
    seen = select(func.sum(DropFile.seen), func.count()).where(of_drop, DropFile.seen > 0)
    listings, files = session.execute(seen).one()
    waiting = select(func.count()).where(of_drop, DropFile.seen.is_(None), DropFile.state == REGISTERED)
    return int(listings or 0), int(files), session.scalar(waiting) or 0


def list_seen(session: Session, drop_id: str, *, after: int = 0, limit: int = 50) -> Sequence[DropFile]:
    """Return at most `limit` files of a drop that listings of before show, from after the number `after`."""
    query = select(DropFile).where(DropFile.drop_id == drop_id, DropFile.seen > 0, DropFile.number > after)
    return session.scalars(query.order_by(DropFile.number).limit(limit)).all()
