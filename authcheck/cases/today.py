"""What needs somebody of an organisation now: a few lines, the most urgent first, each with its number."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from authcheck.cases import hit_search, proposals
from authcheck.cases.hit_search import SUSPECT_VERDICTS
from authcheck.cases.stages import Stage
from authcheck.cases.tables import Case
from authcheck.certificates.meters import units_issued
from authcheck.certificates.signing_keys import has_active_key
from authcheck.certificates.tables import Batch, Certificate
from authcheck.licences import design_rights, listing
from authcheck.licences.ending_rights import ENDING, designs_with
from authcheck.licences.right_tables import DesignRight
from authcheck.members import domains
from authcheck.members.organisations import APPLIED
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.reach import Reach
from authcheck.members.standing_tables import Domain
from authcheck.members.tables import Organisation
from authcheck.registry import disputes
from authcheck.registry.tables import Design
from authcheck.scans.handling import AlertFilter, count_alerts
from authcheck.storefronts import shops
from authcheck.storefronts.tables import Storefront

MOST_LINES = 7
MOST = 100  # that a line counts: then it says "100 or more"
HIT_DAYS = 7
BRAND, LICENSEE, MARKETPLACE, OPERATOR = "brand", "licensee", "marketplace", "operator"


@dataclass(frozen=True, slots=True)
class Line:
    """A thing that waits: its name, how many there are (at most MOST), and the page with these rows."""

    name: str
    count: int
    page: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks, and when."""

    caller: Principal
    kinds: frozenset[str]
    reach: Reach
    now: datetime


Counter = Callable[[Session, Reader], int]


def find_lines(session: Session, caller: Principal, now: datetime, *, reach: Reach) -> list[Line]:
    """Return at most seven lines about what the caller may see within reach, the most urgent first."""
    organisation = session.get_one(Organisation, caller.organisation_id)
    reader = Reader(caller, frozenset(organisation.roles), reach, now)
    lines: list[Line] = []
    for name, page, kinds, resource, right, count in LINES:
        if reader.kinds & kinds and caller.may(resource, right) and len(lines) < MOST_LINES:
            number = count(session, reader)
            if number:
                lines.append(Line(name, min(number, MOST), page))
    return lines


def _count(session: Session, query: Select[str]) -> int:
    """Count the rows of a query, at most MOST."""
    return session.scalar(select(func.count()).select_from(query.limit(MOST).subquery())) or 0


def _count_copies(session: Session, reader: Reader) -> int:
    wanted = AlertFilter(states=("new",), grave_units=True)
    caller = reader.caller
    return count_alerts(session, caller.organisation_id, wanted, reach=reader.reach, most=MOST)


def _count_licences(state: str, side: str) -> Counter:
    def count(session: Session, reader: Reader) -> int:
        caller = reader.caller
        rows = listing.find(
            session,
            caller.organisation_id,
            listing.Filter(state=state, side=side),
            today=reader.now.astimezone(UTC).date(),
            units=units_issued,
            limit=MOST,
            reach=reader.reach,
        )
        return len(rows)

    return count


def _count_disputes(session: Session, reader: Reader) -> int:
    owner_id = reader.caller.organisation_id
    return disputes.count_kind(session, disputes.OPEN, owner_id=owner_id, reach=reader.reach, most=MOST)


def _count_disputes_to_rule(session: Session, _reader: Reader) -> int:
    return disputes.count_kind(session, disputes.WAITING, most=MOST)


def _count_hits(session: Session, reader: Reader) -> int:
    wanted = hit_search.Filter(
        verdicts=SUSPECT_VERDICTS,
        stage=Stage.NOT_REPORTED,
        since=(reader.now - timedelta(days=HIT_DAYS)).date(),
    )
    caller = reader.caller
    return hit_search.count_hits(session, wanted, owner_id=caller.organisation_id, reach=reader.reach)


def _count_unsigned(session: Session, reader: Reader) -> int:
    caller = reader.caller
    unsigned = exists().where(Certificate.batch_id == Batch.id, Certificate.state == "unsigned")
    query = select(Batch.id).where(
        Batch.organisation_id == caller.organisation_id, unsigned, reader.reach.has_design(Batch.design_id)
    )
    return _count(session, query)


def _count_missing_key(session: Session, reader: Reader) -> int:
    return 0 if has_active_key(session, reader.caller.organisation_id) else 1


def _count_proposals(session: Session, reader: Reader) -> int:
    caller = reader.caller
    return len(proposals.list_proposals(session, caller.organisation_id, limit=MOST, reach=reader.reach))


def _count_rights(need: str) -> Counter:
    def count(session: Session, reader: Reader) -> int:
        caller = reader.caller
        with_it = designs_with(caller.organisation_id, need, reader.now.astimezone(UTC).date())
        query = select(Design.id).where(
            Design.id.in_(with_it), Design.state != "retired", reader.reach.has_design(Design.id)
        )
        return _count(session, query)

    return count


def _count_lost_shops(session: Session, reader: Reader) -> int:
    query = select(Storefront.id).where(
        Storefront.organisation_id == reader.caller.organisation_id,
        Storefront.closed_at.is_(None),
        Storefront.proof == shops.LOST,
        reader.reach.is_whole(),
    )
    return _count(session, query)


def _count_lost_domains(session: Session, reader: Reader) -> int:
    query = select(Domain.id).where(
        Domain.organisation_id == reader.caller.organisation_id, Domain.state == domains.LOST
    )
    return _count(session, query)


def _count_applied(session: Session, _reader: Reader) -> int:
    return _count(session, select(Organisation.id).where(Organisation.state == APPLIED))


def _count_rights_to_judge(session: Session, _reader: Reader) -> int:
    return _count(session, select(DesignRight.id).where(DesignRight.state == design_rights.IN_REVIEW))


def _count_cases(session: Session, reader: Reader) -> int:
    query = select(Case.id).where(Case.organisation_id == reader.caller.organisation_id, Case.state == "open")
    return _count(session, query)


BRANDS, MAKERS, MARKETPLACES = frozenset({BRAND}), frozenset({BRAND, LICENSEE}), frozenset({MARKETPLACE})
MEMBERS, OPERATORS = frozenset({BRAND, LICENSEE, MARKETPLACE, "agent"}), frozenset({OPERATOR})
LINES: tuple[tuple[str, str, frozenset[str], Resource, Right, Counter], ...] = (
    ("copies", "/alerts?state=new&grave=yes", MAKERS, Resource.SCANS, Right.READ, _count_copies),
    ("offers", "/licences?state=offered&role=licensee", MAKERS, Resource.LICENCES, Right.READ,
     _count_licences("offered", "licensee")),
    ("disputes", "/disputes", BRANDS, Resource.DISPUTES, Right.READ, _count_disputes),
    ("shops_lost", "/organisation#shops", MAKERS, Resource.PEOPLE, Right.READ, _count_lost_shops),
    ("domains_lost", "/organisation#domains", MEMBERS, Resource.PEOPLE, Right.READ, _count_lost_domains),
    ("rights_refused", "/designs?rights=refused", BRANDS, Resource.DESIGNS, Right.READ,
     _count_rights(design_rights.REFUSED)),
    ("hits", f"/hits?stage=not_reported&days={HIT_DAYS}", BRANDS, Resource.LISTINGS, Right.READ, _count_hits),
    ("unsigned", "/certificates?state=unsigned", MAKERS, Resource.CERTIFICATES, Right.READ, _count_unsigned),
    ("ending", "/licences?state=ending", MAKERS, Resource.LICENCES, Right.READ,
     _count_licences("ending", "")),
    ("rights_ending", "/designs?rights=ending", BRANDS, Resource.DESIGNS, Right.READ,
     _count_rights(ENDING)),
    ("proposals", "/feedback", BRANDS, Resource.DESIGNS, Right.READ, _count_proposals),
    ("key", "/certificates/new", MAKERS, Resource.CERTIFICATES, Right.WRITE, _count_missing_key),
    ("cases", "/cases", MARKETPLACES, Resource.CASES, Right.READ, _count_cases),
    ("applied", "/organisations", OPERATORS, Resource.ORGANISATIONS, Right.READ, _count_applied),
    ("disputes_to_rule", "/disputes", OPERATORS, Resource.DISPUTES, Right.DECIDE, _count_disputes_to_rule),
    ("rights_to_judge", "/rights", OPERATORS, Resource.ORGANISATIONS, Right.READ, _count_rights_to_judge),
)  # fmt: skip
"""Name, page, kinds of organisation that have it, the right that it needs, and what counts it."""
