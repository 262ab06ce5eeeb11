"""Cases open by the verdicts on listings. A case is joined, never doubled."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Self

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from authcheck.cases import clusters, facts, hits, order, timeline
from authcheck.cases.states import SETTLED, SUSPECT, State, decided_within, worse
from authcheck.cases.tables import Case, CaseItem
from authcheck.checks.tables import Check
from authcheck.config import Settings
from authcheck.ids import new_id, new_salt
from authcheck.ledger.journal import record_at_commit
from authcheck.listings import holds
from authcheck.listings.policies import Severity, severity_of
from authcheck.listings.tables import Listing
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.database import SETTINGS
from authcheck.workspace import Workspace


class Place(NamedTuple):
    """What a case is about. There is one open case of a place."""

    organisation_id: str
    channel: str
    seller: str
    design_id: str
    cluster_id: str

    @classmethod
    def about(cls, listing: Listing, design_id: str, cluster_id: str) -> Self:
        """Return the place of a case about a listing, a design and a picture."""
        return cls(str(listing.organisation_id), listing.channel, listing.seller, design_id, cluster_id)

    @classmethod
    def of(cls, case: Case) -> Self:
        """Return the place of a case."""
        return cls(*(getattr(case, name) for name in cls._fields))


def open_for(
    work: Workspace, session: Session, listing: Listing, checks: Sequence[Check], now: datetime
) -> Case | None:
    """Open a case for a stored listing, or join its open case, in the transaction that stores the listing.

    The case holds the listing as it is now, with its checks and the copies of its pictures.

    Return the case, or None when the verdict is no suspicion, when no picture shows the verdict's design,
    when the design is in dispute and so evidence against nobody, or when the organisation that handed the
    listing in is no marketplace: a brand does not decide its own cases.

    Return None also when moderators have decided about this listing, with this picture and verdict, before.

    Open cases of a listing that is no longer suspect get a row in their timeline, and stay open.
    """
    hits.note(session, listing, checks, now)
    if listing.verdict not in SUSPECT:
        _note_cleared(session, listing, now)
        return None
    shown = next((check for check in checks if clusters.shows(check, listing.design_id)), None)
    if shown is None or not may_open(session, listing, listing.design_id):
        return None
    design_id = str(listing.design_id)
    cluster_id = clusters.join(session, shown, design_id, now).cluster_id
    place = Place.about(listing, design_id, cluster_id)
    if find_decided(session, listing, place, listing.verdict) is not None:
        return None
    case = open_or_join(work, session, listing, place, now)
    put_in_order(session, case)
    return case


def open_or_join(
    work: Workspace,
    session: Session,
    listing: Listing,
    place: Place,
    now: datetime,
    *,
    verdict: str = "",
    least: Severity = "none",
) -> Case:
    """Return the open case of this place with the listing in it, after opening it if there is none.

    The case is locked and holds the listing. The caller calls `put_in_order` when it has added all its
    listings. `verdict` and `least` are those of `find_or_open`.
    """
    case = find_or_open(session, listing, place, now, verdict=verdict, least=least)
    if add_item(session, case, listing, now, verdict=verdict):
        holds.hold(session, work.copies, listing, case_id=case.id, now=now)
    hits.set_case(session, listing.id, place.design_id, case.id)
    return case


def put_in_order(session: Session, case: Case) -> None:
    """Set the terms and the rank of a case by all its listings."""
    in_case = select(Listing).join(CaseItem, CaseItem.listing_id == Listing.id)
    session.flush()
    order.put_in_order(session, case, session.scalars(in_case.where(CaseItem.case_id == case.id)).all())
    session.flush()


def may_open(session: Session, listing: Listing, design_id: str | None) -> bool:
    """Return whether a marketplace handed the listing in, and the design is not in dispute."""
    if listing.organisation_id is None or design_id is None:
        return False
    design = session.get_one(Design, design_id)
    organisation = session.get_one(Organisation, listing.organisation_id)
    return "marketplace" in organisation.roles and design.state != "disputed"


def find_decided(session: Session, listing: Listing, place: Place, verdict: str) -> str | None:
    """Return the newest case whose decision took effect and was about this listing with this verdict.

    The decision may be reversed. Otherwise a listing that a marketplace hands in every night would open a
    case every night.
    """
    query = (
        select(CaseItem.case_id)
        .join(Case)
        .where(
            CaseItem.listing_id == listing.id,
            CaseItem.verdict == verdict,
            CaseItem.included.is_(True),
            Case.state.in_(SETTLED),
            *(getattr(Case, name) == value for name, value in place._asdict().items()),
        )
    )
    return session.scalar(query.order_by(CaseItem.case_id.desc()).limit(1))


def find_or_open(
    session: Session,
    listing: Listing,
    place: Place,
    now: datetime,
    *,
    verdict: str = "",
    least: Severity = "none",
) -> Case:
    """Return the open case of this seller, picture and design, locked, or open it.

    `verdict` is the verdict about the place's design, by default the listing's own, which may be about
    another design. A case that opens has at least the severity `least`.
    """
    key = hashlib.sha256("\n".join(place).encode()).hexdigest()
    same = select(Case).where(Case.open_key == key).with_for_update()
    case = session.scalar(same)
    if case is not None:
        return case
    verdict = verdict or listing.verdict
    severity = worse(least, severity_of(listing.policy, verdict))
    case = _new_case(session, place, key, verdict, severity, now)
    order.put_in_order(session, case, [listing])
    try:
        with session.begin_nested():
            session.add(case)
    except IntegrityError:  # on PostgreSQL another transaction may open the case after we looked
        return session.scalars(same).one()
    details = {"verdict": verdict, "severity": severity, "listing": listing.id}
    timeline.append(session, case, "opened", details, at=now)
    record_at_commit(session, [facts.opened(case, now)])
    return case


def _new_case(  # noqa: PLR0917 - what a case opens with
    session: Session, place: Place, key: str, verdict: str, severity: str, now: datetime
) -> Case:
    settings: Settings = session.info[SETTINGS]
    return Case(
        id=new_id("cas", now),
        **place._asdict(),
        verdict=verdict,
        severity=severity,
        state=State.OPEN,
        opened_at=now,
        due_at=now + decided_within(severity, settings),
        head="",
        salt=new_salt(),
        open_key=key,
    )


def add_item(session: Session, case: Case, listing: Listing, now: datetime, *, verdict: str = "") -> bool:
    """Add a listing to a case, or note its new verdict, and return whether it is new to the case.

    A worse verdict makes the case more urgent. `verdict` is that of `find_or_open`.
    """
    verdict = verdict or listing.verdict
    item = session.get(CaseItem, (case.id, listing.id))
    is_new = item is None
    if item is None:
        first = select(CaseItem.listing_id).where(CaseItem.case_id == case.id).limit(1)
        is_first = session.scalar(first) is None  # the row `opened` names the first listing
        item = CaseItem(case_id=case.id, listing_id=listing.id, verdict=verdict, added_at=now)
        session.add(item)
        if not is_first:
            details = {"verdict": verdict, "listing": listing.id}
            timeline.append(session, case, "joined", details, at=now)
    elif item.verdict != verdict:
        details = {"before": item.verdict, "verdict": verdict, "listing": listing.id}
        timeline.append(session, case, "judged_again", details, at=now)
        item.verdict = verdict
    severity = worse(case.severity, severity_of(listing.policy, verdict))
    if severity != case.severity:
        settings: Settings = session.info[SETTINGS]
        case.severity, case.verdict = severity, verdict
        case.due_at = min(case.due_at, now + decided_within(severity, settings))
    session.flush()
    return is_new


def _note_cleared(session: Session, listing: Listing, now: datetime) -> None:
    items = session.scalars(select(CaseItem).where(CaseItem.listing_id == listing.id)).all()
    for item in items:
        if item.verdict == listing.verdict:
            continue
        case = session.get_one(Case, item.case_id, with_for_update=True)
        if case.open_key is not None:
            details = {"before": item.verdict, "verdict": listing.verdict, "listing": listing.id}
            timeline.append(session, case, "judged_again", details, at=now)
            item.verdict = listing.verdict
    session.flush()
