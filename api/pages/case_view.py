"""What the review page of a case shows: the bar, the listing with its pictures, the design, the listings."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.cases import buyer_reports, leases, order, timeline
from authcheck.cases.tables import Case, CaseEvent
from authcheck.checks import side_by_side
from authcheck.checks.evidence import Found
from authcheck.checks.verdicts import VerdictCode
from authcheck.errors import NotFound
from authcheck.listings import holds
from authcheck.listings.tables import EvidenceHold, HeldPicture, Listing
from authcheck.members.sessions import SignedIn
from authcheck.members.tables import ApiKey, Person
from authcheck.workspace import Workspace

from ..case_places import CasePlaces
from ..i18n import Language
from .case_pictures import findings_of, held_by, is_found
from .case_reasons import certificate_of, licence_of, reasons_of, reports_of, seller_of

MOST_LISTINGS = 300
MOST_SOUGHT = 2
REMARKS = ("listing.field_hidden", "listing.field_cut", "listing.field_unread", "listing.price_unread")


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages of cases are made with: an open session, and the reader with language and time."""

    session: Session
    workspace: Workspace
    places: CasePlaces
    signed_in: SignedIn
    language: Language
    now: datetime

    @property
    def reader(self) -> str:
        """Return the id of the person."""
        return self.signed_in.person.id


def whole_case(desk: Desk, case: Case, chosen: str) -> dict[str, Any]:
    """Return the context of the page. `chosen` is the id of the listing to show, "" for the first.

    Raises NotFound (`case.listing`) for a listing that the case does not have.
    """
    session = desk.session
    held = held_by(session, case)
    hold = next((hold for hold in held if hold.listing_id == (chosen or hold.listing_id)), None)
    if hold is None:
        raise NotFound("The case has no such listing.", code="case.listing", case=case.id)
    listing = holds.held_listing(hold)
    events = timeline.events_of(session, case.id)
    names = names_of(session, [case.lease_holder, *(event.person_id for event in events)])
    found = _place(findings_of(session, case, [picture.check for picture in hold.pictures]), hold, desk)
    return {
        "case": bar_of(desk, case, names),
        "design": design_of(case),
        "listing": listing_of(listing, hold),
        "pictures": pictures_of(case, hold, found, desk),
        "listings": listings_of(case, held, hold),
        "reasons": reasons_of(session, case, listing, found.values(), desk.language),
        "licence": licence_of(session, case, listing, desk.language),
        "certificate": certificate_of(listing),
        "seller": seller_of(session, case, listing),
        "reports": reports_of(session, case),
        "buyer_reports": buyer_reports.of_case(session, case.id),
        "timeline": [event_of(event, names) for event in events],
        "is_whole": timeline.first_broken(case, events) is None,
    }


def bar_of(desk: Desk, case: Case, names: dict[str, str]) -> dict[str, Any]:
    """Return what the top bar shows, and what a row of the queue shows of a case."""
    language, now = desk.language, desk.now
    is_held = leases.is_held(case, now)
    return {
        "id": case.id,
        "state": case.state,
        "verdict": case.verdict,
        "severity": case.severity,
        "channel": case.channel,
        "seller": case.seller,
        "age": language.from_now(case.opened_at, now),
        "opened_at": case.opened_at,
        "due": language.from_now(case.due_at, now),
        "due_at": case.due_at,
        "is_due": case.due_at <= now,
        "priority": language.number(order.priority_at(case, now)),
        "terms": {name: language.number(case.priority[name]) for name in ("severity", "sold", "price")},
        "day_weight": language.number(case.priority.get("day", order.DAY_BEFORE)),
        "days": language.number((now - case.opened_at).total_seconds() / order.DAY_S),
        "is_mine": is_held and case.lease_holder == desk.reader,
        "holder": names.get(str(case.lease_holder), "") if is_held else None,
        "held_until": case.lease_until,
    }


def names_of(session: Session, ids: Iterable[str | None]) -> dict[str, str]:
    """Return the names of people and the labels of keys, by id. A key without a label has "" as its name."""
    wanted = sorted({holder for holder in ids if holder})
    if not wanted:
        return {}
    people = select(Person.id, Person.name).where(Person.id.in_(wanted))
    keys = select(ApiKey.id, ApiKey.label).where(ApiKey.id.in_(wanted))
    return {**dict(session.execute(people).all()), **dict(session.execute(keys).all())}


def design_of(case: Case) -> dict[str, Any]:
    """Return what the page says about the design as it is registered now."""
    design = case.design
    return {
        "id": design.id,
        "title": design.title,
        "reference": design.reference,
        "owner": design.owner.name,
        "handle": design.owner.handle,
        "state": design.state,
        "registered_at": design.registered_at,
    }


def listing_of(listing: Listing, hold: EvidenceHold) -> dict[str, Any]:
    """Return the listing as the case was opened with it. All its texts come from strangers."""
    names = ("reference", "seller", "seller_name", "channel", "territory", "price", "title",
             "description", "language", "gtin", "listed_on", "certificate_code", "verdict")  # fmt: skip
    numbers = {name: getattr(listing, name) for name in ("sold_30d", "stock", "rank")}
    return {
        **{name: getattr(listing, name) for name in names},
        "id": hold.listing_id,
        "url": listing.url if (listing.url or "").startswith(("https://", "http://")) else None,
        "goods": listing.goods,
        "numbers": {name: value for name, value in numbers.items() if value is not None},
        "remarks": [remark for remark in listing.remarks or () if remark["code"] in REMARKS],
        "held_at": hold.held_at,
    }


def pictures_of(case: Case, hold: EvidenceHold, found: dict[str, Found], desk: Desk) -> list[dict[str, Any]]:
    """Return the listing's pictures, those in which the design was found first."""
    pictures = [_picture(case, picture, found[picture.check_id], desk) for picture in hold.pictures]
    return sorted(pictures, key=lambda picture: (not picture["is_found"], not picture["is_aligned"]))


def _place(found: dict[str, Found], hold: EvidenceHold, desk: Desk) -> dict[str, Found]:
    """Return the findings with their places. Few are looked for, because the page must open at once."""
    sought, placed = 0, dict(found)
    for picture in hold.pictures:
        check, finding = picture.check, found[picture.check_id]
        sought += not desk.places.knows(check, finding)
        if sought <= MOST_SOUGHT:
            placed[check.id] = desk.places.find(check, finding, desk.workspace)
    return placed


def first_pictures(desk: Desk, case: Case | None) -> list[str]:
    """Return the addresses of the pictures that the page of a case shows first."""
    hold = next(iter(holds.all_holds(desk.session, case.id)), None) if case else None
    if case is None or hold is None:
        return []
    found = findings_of(desk.session, case, [picture.check for picture in hold.pictures])
    first = pictures_of(case, hold, found, desk)[:1]
    return [picture[name] for picture in first for name in ("address", "view") if picture[name]]


def _picture(case: Case, picture: HeldPicture, finding: Found, desk: Desk) -> dict[str, Any]:
    copy = desk.workspace.copies.find(picture.picture_sha256, picture.check.asked_at, desk.now)
    full_px = (copy.width_px, copy.height_px) if copy else None
    is_aligned = bool(full_px and side_by_side.is_aligned(finding, full_px))
    has_view = finding.view is not None
    alignment = finding.alignment if is_aligned else None
    return {
        "number": picture.place + 1,
        "address": f"/cases/{case.id}/pictures/{picture.check_id}" if copy else None,
        "view": f"/cases/{case.id}/views/{picture.check_id}" if has_view else None,
        "is_found": is_found(finding),
        "is_aligned": is_aligned and has_view,
        "is_blank": picture.check.verdict == VerdictCode.NONE,
        "size": full_px or (4, 3),
        "outline": " ".join(f"{x:.1f},{y:.1f}" for x, y in alignment.outline) if alignment else "",
        "signs": _signs(finding),
        "coverage": alignment.coverage if alignment and finding.row.get("alignment") else None,
    }


def _signs(finding: Found) -> list[str]:
    """Return how the design is shown: some of mirrored, inverted."""
    alignment = finding.alignment
    signs = {"mirrored": alignment and alignment.mirrored, "inverted": alignment and alignment.inverted}
    return [sign for sign, applies in signs.items() if applies]


def listings_of(case: Case, held: Collection[EvidenceHold], shown: EvidenceHold) -> list[dict[str, Any]]:
    """Return all listings of the case, oldest first, with their present verdicts."""
    verdicts = {item.listing_id: item.verdict for item in case.items}
    return [
        {
            "id": hold.listing_id,
            "reference": hold.listing.get("reference", ""),
            "title": hold.listing.get("title"),
            "price": hold.listing.get("price"),
            "territory": hold.listing.get("territory"),
            "verdict": verdicts.get(hold.listing_id, hold.listing.get("verdict")),
            "is_shown": hold is shown,
        }
        for hold in list(held)[:MOST_LISTINGS]
    ]


def event_of(event: CaseEvent, names: dict[str, str]) -> dict[str, Any]:
    """Return a row of the timeline."""
    return {
        "number": event.number,
        "at": event.at,
        "kind": event.kind,
        "person": names.get(event.person_id, "") if event.person_id else None,
        "details": event.details,
        "hash": event.hash,
    }
