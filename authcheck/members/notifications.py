"""Mails about events: noted in the event's transaction, sent later by a server process.

So a command of the terminal causes the same mails as a page, and a mail server that is away loses none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from authcheck.ids import new_id
from authcheck.members.notification_tables import Notification
from authcheck.members.permissions import Role
from authcheck.members.tables import Membership, Organisation, Person
from authcheck.storage.json_lists import has_this_text

KINDS = (
    *("organisation_applied", "organisation_approved", "organisation_refused"),
    *("organisation_suspended", "organisation_resumed"),
    *("right_named", "right_accepted", "right_refused", "right_ends"),
    *("dispute_begun", "dispute_stated", "dispute_ruled", "dispute_appealed", "dispute_ended"),
    *("domain_lost", "shop_lost", "shop_denied", "shop_confirmed"),
)
AT_ONCE = 200  # rows of one round
PAUSE = timedelta(hours=1)  # between two mails of one kind to one person
TRIED_AGAIN_AFTER = timedelta(minutes=10)
GIVEN_UP_AFTER = timedelta(days=3)
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Letter:
    """All that waits of one kind for one person about one organisation: it becomes one mail."""

    person: Person
    organisation: Organisation
    kind: str
    rows: Sequence[Notification]


def tell_admins(
    session: Session, organisation_id: str, kind: str, page: str, now: datetime, **facts: str | int
) -> None:
    """Note a mail to each admin of an organisation."""
    members = _members(session, [organisation_id], Role.ADMIN)
    _note(session, members, kind=kind, page=page, now=now, facts=facts)


def tell_operators(session: Session, kind: str, page: str, now: datetime, **facts: str | int) -> None:
    """Note a mail to each operator of this installation."""
    operators = session.scalars(
        select(Organisation.id).where(has_this_text(Organisation.roles, "operator"))
    ).all()
    members = _members(session, operators, Role.OPERATOR)
    _note(session, members, kind=kind, page=page, now=now, facts=facts)


def _members(session: Session, organisation_ids: Sequence[str], role: Role) -> list[Membership]:
    query = (
        select(Membership)
        .join(Person)
        .where(Membership.organisation_id.in_(organisation_ids), Person.disabled_at.is_(None))
        .order_by(Membership.person_id)
    )
    return [member for member in session.scalars(query) if role in member.roles]


def _note(
    session: Session,
    members: Iterable[Membership],
    *,
    kind: str,
    page: str,
    now: datetime,
    facts: dict[str, str | int],
) -> None:
    session.add_all(
        Notification(
            id=new_id("ntf", now),
            person_id=member.person_id,
            organisation_id=member.organisation_id,
            kind=kind,
            page=page,
            facts=facts,
            made_at=now,
        )
        for member in members
    )


def take_due(session: Session, now: datetime) -> list[Letter]:
    """Return the mails that are due, and leave them alone for ten minutes, also by other processes.

    A person gets at most one mail of a kind an hour: what happens meanwhile waits for the next one. Nobody
    gets mails about an organisation that the person has left.
    """
    letters = []
    for (person, organisation, kind), rows in groupby(
        session.scalars(_select_due(now)), lambda row: (row.person, row.organisation, row.kind)
    ):
        letter = Letter(person, organisation, kind, list(rows))
        for row in letter.rows:
            row.tried_at = now
        letters.append(letter)
    return letters


def _select_due(now: datetime) -> Select[Notification]:
    """Return the query for the rows that are due, those of one mail together."""
    sent = aliased(Notification)
    sent_just_now = (
        select(sent.id)
        .where(
            sent.person_id == Notification.person_id,
            sent.kind == Notification.kind,
            sent.sent_at > now - PAUSE,
        )
        .exists()
    )
    is_member = (
        select(Membership.person_id)
        .where(
            Membership.person_id == Notification.person_id,
            Membership.organisation_id == Notification.organisation_id,
        )
        .exists()
    )
    return (
        select(Notification)
        .join(Notification.person)
        .where(
            Notification.sent_at.is_(None),
            or_(Notification.tried_at.is_(None), Notification.tried_at < now - TRIED_AGAIN_AFTER),
            Notification.made_at > now - GIVEN_UP_AFTER,
            Person.disabled_at.is_(None),
            is_member,
            ~sent_just_now,
        )
        .options(joinedload(Notification.person), joinedload(Notification.organisation))
        .order_by(Notification.person_id, Notification.organisation_id, Notification.kind, Notification.id)
        .limit(AT_ONCE)
        .with_for_update(of=Notification, skip_locked=True)
    )


def mark_sent(session: Session, letter: Letter, now: datetime) -> None:
    """Note that a mail was sent."""
    ids = [row.id for row in letter.rows]
    session.execute(update(Notification).where(Notification.id.in_(ids)).values(sent_at=now))


def forget_old(session: Session, now: datetime) -> None:
    """Delete what was told, or given up, more than 30 days ago."""
    session.execute(delete(Notification).where(Notification.made_at < now - KEPT))
