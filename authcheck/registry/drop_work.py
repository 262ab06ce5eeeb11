"""Registration of dropped files in the background.

Processes may work at the same time: a file belongs to the process that has claimed it. A claim that is too
old is that of a process that ended, and the file is taken again. Registering a picture twice changes nothing.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, Forbidden, NotFound, Rejected, Unavailable
from authcheck.ids import new_id
from authcheck.ledger.acting import acting_for
from authcheck.members import agents, appointments, people
from authcheck.members.organisations import APPROVED
from authcheck.members.permissions import Resource, Right, cap, grants_of_roles
from authcheck.members.principals import Principal
from authcheck.members.reach import WHOLE
from authcheck.members.tables import Organisation
from authcheck.registry.bulk import Importer
from authcheck.registry.design_files import Row, RowProblem
from authcheck.registry.drop_rows import problem_report, row_of
from authcheck.registry.drop_spool import DropSpool
from authcheck.registry.drops import ALREADY_YOURS, PART, REFUSED, REGISTERED, WAITING, WORKING
from authcheck.registry.import_tables import Drop, DropFile
from authcheck.registry.reports import RowReport
from authcheck.registry.tables import Design
from authcheck.storage.database import GUARD, Database

# Files in one claim and one transaction, which reads the fingerprints of the owner's pictures once.
BATCH = 16
LEASE = timedelta(minutes=15)  # more than 16 documents of 64 pages take
MOST_ATTEMPTS = 3  # a file that ends a process three times is refused
log = logging.getLogger("authcheck.registry.drop_work")


@dataclass(slots=True)
class Work:
    """Registers dropped files of all organisations in turn. `importer` takes the organisation's id."""

    database: Database
    spool: DropSpool
    importer: Callable[[str], Importer]
    now: Callable[[], datetime]
    _last_owner: str = field(default="", init=False)

    def step(self) -> bool:
        """Register at most 16 files of one drop. Return whether there was anything to do.

        Raises Unavailable when the database or the disk takes nothing: the files wait.
        """
        token = new_id("clm", self.now())
        with self.database.reading() as session:  # every second, so it takes no lock
            drop = self._next_drop(session)
        if drop is None:
            return False
        with self.database.writing() as session:
            files = _claim(session, drop, token, self.now())
        if not files:  # another process was faster
            return True
        try:
            reports = self._register(drop, files)
        except Unavailable:
            self._release(drop, token, attempts=-1)
            raise
        except Forbidden as error:
            self._refuse_rest(drop, token, error)
            return True
        except Exception:
            if len(files) > 1:
                self._release(drop, token)  # each of them alone, next time
                log.exception("files of %s cannot be registered together", drop.id)
                return True
            log.exception("a file of %s cannot be registered", drop.id)
            reports = [_failed_report(file) for file in files]
        self._note(drop, files, reports, token)
        return True

    def _next_drop(self, session: Session) -> Drop | None:
        """Return a drop with files to do, of the organisation whose turn it is."""
        now = self.now()
        query = (
            select(Drop)
            .join(DropFile, DropFile.drop_id == Drop.id)
            .where(_is_free(now))
            .order_by(Drop.organisation_id <= self._last_owner, Drop.organisation_id, Drop.id)
            .limit(1)
        )
        drop = session.scalar(query)
        self._last_owner = drop.organisation_id if drop else ""
        return drop

    def _register(self, drop: Drop, files: Sequence[DropFile]) -> list[RowReport]:
        ready = [file for file in files if file.attempts <= MOST_ATTEMPTS]
        if len(ready) < len(files):
            return [_failed_report(file) for file in files]
        with self.database.reading() as session:
            principal = principal_of(session, drop, self.now())
            owner = session.get_one(Organisation, drop.organisation_id).handle
        names: dict[str, str] = {}  # SHA-256 by place: an importer's errors do not repeat plain numbers

        def place_of(sha256: str) -> str:
            return names.setdefault(sha256, str(len(names)))

        rows: list[Row | RowProblem] = []
        for file in files:
            row = row_of(drop, file)
            if row.new.collection and principal.reach != WHOLE:  # the licences of the collection follow
                rows.append(RowProblem(row.line, row.new.reference, "collection", _outside_error()))
                continue
            pictures = tuple(place_of(sha256) for sha256 in row.pictures)
            masks = tuple(mask if mask in {"auto", "none"} else place_of(mask) for mask in row.masks)
            rows.append(replace(row, pictures=pictures, masks=masks))
        hashes = {place: sha256 for sha256, place in names.items()}

        def load(place: str) -> bytes:
            return self.spool.get(drop.id, hashes[place])

        with _as_dropped(drop, self.now):
            importer = self.importer(principal.home_id)
            reports = list(importer.run(rows, load, owner=owner, only_owner=True))
        return [_private(report) for report in reports] if principal.agency else reports

    def _release(self, drop: Drop, token: str, *, attempts: int = 0) -> None:
        with self.database.writing() as session:
            change = update(DropFile).where(DropFile.drop_id == drop.id, DropFile.claim == token)
            counted = DropFile.attempts + attempts
            session.execute(change.values(state=WAITING, claim=None, claimed_at=None, attempts=counted))

    def _refuse_rest(self, drop: Drop, token: str, error: Rejected) -> None:
        """Refuse all files of a drop that wait: the person may no longer register."""
        with self.database.writing() as session:
            of_drop = (DropFile.drop_id == drop.id,)
            waiting = or_(DropFile.claim == token, DropFile.state == WAITING)
            files = session.scalars(select(DropFile).where(*of_drop, waiting)).all()
            for file in files:
                file.report = problem_report(file.number, "", error)
                file.state, file.claim, file.size_bytes = REFUSED, None, 0
        for file in files:
            self.spool.remove(drop.id, file.sha256)

    def _note(self, drop: Drop, files: Sequence[DropFile], reports: Sequence[RowReport], token: str) -> None:
        """Write what became of files, unless another process has taken them over."""
        done: set[str] = set()
        with self.database.writing() as session:
            for file, report in zip(files, reports, strict=True):
                change = update(DropFile).where(
                    DropFile.drop_id == drop.id, DropFile.number == file.number, DropFile.claim == token
                )
                status = _status_of(session, drop, file, report)
                values: dict[str, Any] = {
                    "state": status,
                    "seen": None if status == REGISTERED else 0,  # a disputed picture is no reason to look
                    "report": {**report.to_dict(), "warnings": [*report.warnings]},
                    "design_id": report.design_id or None,
                    "claim": None,
                    "size_bytes": 0,
                }
                if session.execute(change.values(**values)).rowcount:  # type: ignore[attr-defined]
                    done |= _hashes_of(file)
            done -= _needed(session, drop)
            parts = update(DropFile).where(DropFile.drop_id == drop.id, DropFile.state == PART)
            session.execute(parts.where(DropFile.sha256.in_(done)).values(size_bytes=0))
        for sha256 in done:
            self.spool.remove(drop.id, sha256)


def _hashes_of(file: DropFile) -> set[str]:
    """Return the SHA-256 of all files that the registration of a file needs."""
    return {file.sha256, *file.row.get("pictures", ()), *file.row.get("masks", ())} - {"auto", "none"}


def _needed(session: Session, drop: Drop) -> set[str]:
    """Return the SHA-256 of the files that the rows of a table still need."""
    if drop.table_sha256 is None:
        return set()
    pending = DropFile.state.in_((WAITING, WORKING))
    rows = session.scalars(select(DropFile).where(DropFile.drop_id == drop.id, pending))
    return {sha256 for file in rows for sha256 in _hashes_of(file)}


def _is_free(now: datetime) -> Any:
    is_old = and_(DropFile.state == WORKING, DropFile.claimed_at < now - LEASE)
    return or_(DropFile.state == WAITING, is_old)


def _claim(session: Session, drop: Drop, token: str, now: datetime) -> Sequence[DropFile]:
    """Claim the next files of a drop: one alone that has ended a process before, else a few."""
    query = select(DropFile.number, DropFile.attempts).where(DropFile.drop_id == drop.id, _is_free(now))
    found = session.execute(query.order_by(DropFile.attempts.desc(), DropFile.number).limit(BATCH)).all()
    numbers = [number for number, _ in (found[:1] if found and found[0].attempts else found)]
    change = update(DropFile).where(
        DropFile.drop_id == drop.id, DropFile.number.in_(numbers), _is_free(now)
    )  # again: another process may have claimed them after we looked
    session.execute(change.values(state=WORKING, claim=token, claimed_at=now, attempts=DropFile.attempts + 1))
    mine = select(DropFile).where(DropFile.drop_id == drop.id, DropFile.claim == token)
    return session.scalars(mine.order_by(DropFile.number).execution_options(populate_existing=True)).all()


def _status_of(session: Session, drop: Drop, file: DropFile, report: RowReport) -> str:
    """Return the state for a report.

    A design that this file registered before its process ended is not `already_yours`.
    """
    if report.status == "rejected":
        return REFUSED
    if report.status != ALREADY_YOURS or file.attempts == 1:
        return report.status
    design = session.get(Design, report.design_id)
    is_new = design is not None and design.registered_at >= drop.created_at
    other = select(DropFile.number).where(
        DropFile.drop_id == drop.id, DropFile.design_id == report.design_id, DropFile.number != file.number
    )
    if not is_new or design is None or session.scalar(other.limit(1)) is not None:
        return report.status
    return "disputed" if design.state == "disputed" else REGISTERED


def _private(report: RowReport) -> RowReport:
    """Return a report for an agent, who is not told which licence of the brand is in the way."""
    if report.code != "licence.exclusive":
        return report
    return replace(report, detail="The design would come under two licences, one of them exclusive.")


def _outside_error() -> Conflict:
    message = "You act for the brand in some countries only. Leave collections to the brand."
    return Conflict(message, code="appointment.outside")


def _failed_report(file: DropFile) -> RowReport:
    return RowReport(
        file.number,
        "",
        "rejected",
        code="drop.failed",
        detail="We could not work on this file. Save it again as PNG or JPEG, and send it again.",
    )


def principal_of(session: Session, drop: Drop, now: datetime) -> Principal:
    """Return the person of a drop with the rights of this moment.

    Raises Forbidden (`drop.not_allowed`) when the person may no longer register designs for the organisation.
    """
    home_id = drop.agent_id or drop.organisation_id
    try:
        member = people.get_member(session, home_id, drop.dropped_by)
        home = session.get_one(Organisation, home_id)
        grants = cap(grants_of_roles(member.roles), is_approved=home.state == APPROVED)
        principal = Principal(
            home.id, home.handle, member.person_id, frozenset(member.roles), grants, state=home.state
        )
        if drop.appointment_id is not None:
            appointment = appointments.get_current(session, drop.appointment_id, agent_id=home_id, now=now)
            principal = agents.for_client(principal, appointment)
    except NotFound as error:
        raise _not_allowed_error() from error
    is_agent = drop.appointment_id is None or "agent" in member.roles
    may = principal.may(Resource.DESIGNS, Right.WRITE) and principal.reach.designs is None
    if member.person.disabled_at is not None or not may or not is_agent:
        raise _not_allowed_error()
    return principal


def _not_allowed_error() -> Forbidden:
    return Forbidden("The person who sent this file may no longer register designs.", code="drop.not_allowed")


@contextmanager
def _as_dropped(drop: Drop, now: Callable[[], datetime]) -> Iterator[None]:
    """Ask for the person's rights in each transaction of the block, and name the agent in the ledger."""
    token = GUARD.set(lambda session: _require(session, drop, now()))
    try:
        with acting_for(drop.agent_id, drop.appointment_id):
            yield
    finally:
        GUARD.reset(token)


def _require(session: Session, drop: Drop, now: datetime) -> None:
    principal_of(session, drop, now)


def restart(database: Database) -> None:
    """Free the files that this installation's only process was working on when it ended."""
    with database.writing() as session:
        change = update(DropFile).where(DropFile.state == WORKING)
        session.execute(change.values(state=WAITING, claim=None, claimed_at=None))
