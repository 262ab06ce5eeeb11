"""Rights in designs: copyright, trade mark, registered design, patent. Named once by the owner, decided once.

A right says where a design is protected, for which goods and until when. The operator compares number, office
and document, and accepts the right or refuses it with a reason.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.files.documents import Document
from authcheck.ids import ID, fold, new_id, tidy
from authcheck.licences.codes import EVERYWHERE, checked_country, checked_goods, normal_territories
from authcheck.licences.right_tables import DesignRight
from authcheck.members import notifications
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.clock import lock_registry
from authcheck.registry.tables import Design

KINDS = ("copyright", "trade_mark", "registered_design", "design_patent")
IN_REVIEW, ACCEPTED, REFUSED, WITHDRAWN = "in_review", "accepted", "refused", "withdrawn"
STATES = (IN_REVIEW, ACCEPTED, REFUSED, WITHDRAWN)
LIVE = (IN_REVIEW, ACCEPTED)
NUMBER = re.compile(r"[A-Z0-9][A-Z0-9 ./-]{0,62}[A-Z0-9]|[A-Z0-9]")
OFFICE_CHARS, REASON_CHARS = 40, 500
MOST_RIGHTS = 50  # of one design
WARNED_DAYS = (90, 30, 7)  # before the end of a right


@dataclass(frozen=True, slots=True)
class NewRight:
    """What an owner writes about a right."""

    kind: str
    territories: Sequence[str]
    number: str = ""
    office: str = ""
    classes: Sequence[int] = ()
    expires_on: date | None = None


def add(
    session: Session, design: Design, new: NewRight, document: Document | None, now: datetime
) -> DesignRight:
    """Name a right in a design. It waits for the operator.

    The caller stores the document in the same transaction: a right that is refused here leaves no file.

    Raises Rejected (`right.kind`, `right.number`, `right.office`, `right.territory`, `right.classes`,
    `right.expired`), Conflict (`right.taken` for a number that is accepted as another owner's,
    `right.exists`, `right.too_many`, `design.retired`).
    """
    if design.state == "retired":
        raise Conflict("The design is retired.", code="design.retired")
    row = _describe(design, new, now)
    lock_registry(session)  # two owners who name one number take turns
    _refuse_named(session, row)
    if len(list_rights(session, design.owner_id, design_id=design.id, limit=MOST_RIGHTS)) >= MOST_RIGHTS:
        raise Conflict(
            f"A design has at most {MOST_RIGHTS} rights.", code="right.too_many", limit=MOST_RIGHTS
        )
    if document is not None:
        row.document_sha256, row.document_type = document.sha256, document.media_type
    session.add(row)
    session.flush()
    notifications.tell_operators(session, "right_named", "/rights", now, **_described(row))
    return row


def _describe(design: Design, new: NewRight, now: datetime) -> DesignRight:
    if new.kind not in KINDS:
        raise Rejected(f"A right is one of {', '.join(KINDS)}.", code="right.kind")
    number, office = _read_number(new)
    territories = _read_territories(new)
    if not territories:
        raise Rejected("Say in which countries the right holds.", code="right.territory")
    if new.expires_on is not None and new.expires_on < now.date():
        raise Rejected(
            f"The right ended on {new.expires_on}. Name the right that holds now.",
            code="right.expired",
            ended=new.expires_on.isoformat(),
        )
    return DesignRight(
        id=new_id("rgt", now),
        design_id=design.id,
        owner_id=design.owner_id,
        kind=new.kind,
        number=number,
        office=office,
        territories=territories,
        classes=list(checked_goods(new.classes, error_code="right.classes")),
        expires_on=new.expires_on,
        document_sha256="",
        document_type="",
        state=IN_REVIEW,
        reason="",
        added_at=now,
        design=design,
    )


def _read_territories(new: NewRight) -> list[str]:
    """Return the countries of a right, `EU` as its members. Only a copyright can hold everywhere."""
    codes: set[str] = set()
    for text in new.territories:
        named = normal_territories(text)
        if named == (EVERYWHERE,) and new.kind != "copyright":
            raise Rejected(
                "No office registers a right for the whole world. Name the countries, or EU.",
                code="right.territory",
            )
        codes.update(named or (checked_country(text, error_code="right.territory"),))
    return [EVERYWHERE] if EVERYWHERE in codes else sorted(codes)


def _read_number(new: NewRight) -> tuple[str, str]:
    """Return number and office in their one spelling. Raises Rejected (`right.number`, `right.office`)."""
    number, office = " ".join(fold(new.number).upper().split()), tidy(new.office)
    if (number or new.kind != "copyright") and not NUMBER.fullmatch(number):
        raise Rejected(
            "Write the number of the right as the office writes it: letters, digits, blanks, . / and -.",
            code="right.number",
        )
    if bool(office) != bool(number) or len(office) > OFFICE_CHARS or not office.isprintable():
        raise Rejected(
            f"Name the office of the number, for example EUIPO, in at most {OFFICE_CHARS} characters.",
            code="right.office",
            limit=OFFICE_CHARS,
        )
    return number, office


def _refuse_named(session: Session, row: DesignRight) -> None:
    """Refuse a number of an office that is another owner's, or that the design has already.

    A number that another owner has only named waits beside it: the operator compares the documents. So
    nobody keeps a number from its owner by naming it first.
    """
    for other in _list_same(session, row):
        if other.owner_id != row.owner_id and other.state == ACCEPTED:
            raise _taken_error()
        if other.design_id == row.design_id:
            raise Conflict("The design has this right already.", code="right.exists", right=other.id)


def _taken_error() -> Conflict:
    return Conflict(
        "This number is accepted as the right of another organisation. Ask the operator.", code="right.taken"
    )


def _list_same(session: Session, row: DesignRight) -> list[DesignRight]:
    """Return the other rights with the same number of the same office, that are accepted or in review."""
    if not row.number:
        return []
    same = (
        select(DesignRight)
        .options(joinedload(DesignRight.owner))
        .where(
            DesignRight.number == row.number,
            DesignRight.kind == row.kind,
            DesignRight.state.in_(LIVE),
            DesignRight.id != row.id,
        )
        .order_by(DesignRight.id)
    )
    office = fold(row.office).upper()
    return [other for other in session.scalars(same) if fold(other.office).upper() == office]


def list_rivals(session: Session, row: DesignRight) -> list[DesignRight]:
    """Return the rights of other owners with the same number, which the operator compares, oldest first."""
    return [other for other in _list_same(session, row) if other.owner_id != row.owner_id]


def get_right(
    session: Session, right_id: str, *, owner_id: str | None = None, reach: Reach = WHOLE
) -> DesignRight:
    """Return a right with its design and its owner. `owner_id` limits it to one owner's designs within reach.

    Raises NotFound (`right.not_found`), also for a right of others.
    """
    query = (
        select(DesignRight)
        .options(joinedload(DesignRight.design), joinedload(DesignRight.owner))
        .where(DesignRight.id == right_id, reach.has_design(DesignRight.design_id))
    )
    if owner_id is not None:
        query = query.where(DesignRight.owner_id == owner_id)
    row = session.scalar(query) if ID.fullmatch(right_id) else None
    if row is None:
        raise NotFound("We have no right with this id.", code="right.not_found")
    return row


def list_rights(
    session: Session,
    owner_id: str | None,
    *,
    design_id: str | None = None,
    state: str | None = None,
    after: str = "",
    limit: int = 50,
    reach: Reach = WHOLE,
) -> Sequence[DesignRight]:
    """Return rights whose ids come after `after`, oldest first. `owner_id` None: those of all owners."""
    query = select(DesignRight).options(joinedload(DesignRight.design), joinedload(DesignRight.owner))
    query = query.where(DesignRight.id > after, reach.has_design(DesignRight.design_id))
    if owner_id is not None:
        query = query.where(DesignRight.owner_id == owner_id)
    if design_id is not None:
        query = query.where(DesignRight.design_id == design_id)
    if state is not None:
        query = query.where(DesignRight.state == state)
    return session.scalars(query.order_by(DesignRight.id).limit(limit)).all()


def accept(session: Session, row: DesignRight, now: datetime) -> None:
    """Accept a right that is in review or was refused.

    Raises Conflict (`right.state`; `right.taken` while the number is accepted as that of another owner).
    """
    lock_registry(session)
    if any(other.state == ACCEPTED for other in list_rivals(session, row)):
        raise _taken_error()
    _decide(session, row, now, before={IN_REVIEW, REFUSED}, state=ACCEPTED)
    tell_owner(session, row, "right_accepted", now)


def refuse(session: Session, row: DesignRight, reason: str, now: datetime) -> None:
    """Refuse a right with a reason that its owner reads. An accepted right can be refused later.

    Raises Rejected (`right.reason`), Conflict (`right.state`).
    """
    reason = tidy(reason)
    if not reason or len(reason) > REASON_CHARS or not reason.isprintable():
        raise Rejected(
            f"Say why, in at most {REASON_CHARS} characters on one line.",
            code="right.reason",
            limit=REASON_CHARS,
        )
    _decide(session, row, now, before={IN_REVIEW, ACCEPTED}, state=REFUSED, reason=reason)
    tell_owner(session, row, "right_refused", now, reason=reason)


def withdraw(session: Session, row: DesignRight, now: datetime) -> None:
    """Take a right back. A repetition changes nothing."""
    if row.state != WITHDRAWN:
        _decide(session, row, now, before=set(STATES), state=WITHDRAWN)


def _decide(
    session: Session, row: DesignRight, now: datetime, *, before: set[str], state: str, reason: str = ""
) -> None:
    lock_registry(session)
    session.refresh(row, ["state"])
    if row.state not in before:
        raise Conflict(
            f"The right is {row.state.replace('_', ' ')}, so this is not possible.", code="right.state"
        )
    row.state, row.reason, row.decided_at = state, reason, now


def tell_owner(session: Session, row: DesignRight, kind: str, now: datetime, **facts: str | int) -> None:
    """Note a mail about a right to its owner's admins. The design of the right is loaded."""
    page = f"/designs/{row.design_id}/rights"
    notifications.tell_admins(session, row.owner_id, kind, page, now, **_described(row), **facts)


def _described(row: DesignRight) -> dict[str, str]:
    return {"right": row.kind, "number": row.number, "design": row.design.title}


def is_in_force(row: DesignRight, on: date) -> bool:
    """Return whether a right was accepted and has not ended on a day."""
    return row.state == ACCEPTED and (row.expires_on is None or on <= row.expires_on)


def warning_of(row: DesignRight, today: date) -> int | None:
    """Return the number of WARNED_DAYS within which a right ends, the least, or None. 0: it has ended."""
    if row.state not in LIVE or row.expires_on is None:
        return None
    left = row.expires_on - today
    if left < timedelta(0):
        return 0
    return min((days for days in WARNED_DAYS if left <= timedelta(days)), default=None)
