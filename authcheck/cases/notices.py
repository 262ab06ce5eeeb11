"""Notices: a brand tells marketplaces which of their listings use one of its designs, and follows the answer.

Each row opens a case or joins the open one, also when the service found nothing: a brand may know better than
the machine. Wrong rows stop no other row. A notice accuses, and proves nothing: a case that opens by a notice
alone has a low severity.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, case, exists, func, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from authcheck.cases import filing, notice_rights
from authcheck.cases.filing import Named
from authcheck.cases.notice_tables import Notice, NoticeRow
from authcheck.cases.rulings import ACCUSING, Code
from authcheck.cases.stages import DECIDED_BEFORE_CODE, WITHDRAWN_CODE, Stage, stage_of
from authcheck.cases.tables import Case
from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import as_word, new_id, normal_id
from authcheck.listings.details import clean_detail
from authcheck.listings.tables import Listing
from authcheck.members.principals import Principal
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.designs import get_design
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored, in_chunks
from authcheck.workspace import Workspace

CLAIMS = tuple(code for code in Code if code in ACCUSING)
MOST_ROWS = 300
NOTE_CHARS = 2_000
STATEMENTS = "notice-1"
"""The wording that a reporter confirms: that the notice is in good faith, and that it is accurate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notice as its reporter writes it. `design` is an id, `claim` one of CLAIMS.

    `right` is the id of an accepted right in the design, or "".
    """

    design: str
    claim: str
    good_faith: bool
    accuracy: bool
    rows: Sequence[Named]
    note: str = ""
    right: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A notice about a case as a moderator reads it, with the ids of its listings in the case."""

    notice: Notice
    listing_ids: tuple[str, ...]


def file(
    work: Workspace,
    session: Session,
    message: Message,
    *,
    reporter: Principal,
    now: datetime,
    reach: Reach = WHOLE,
) -> Notice:
    """Store a notice, open or join a case for each row that can be used, and return it with all rows.

    Raises Rejected (`notice.claim`, `notice.statements`, `notice.note`, `notice.empty`, `notice.too_many`),
    NotFound (`design.not_found`), also for a design of another brand, and Conflict
    (`notice.design_disputed`, `notice.design_retired`). Raises as `notice_rights.find_named`.
    """
    claim, note = as_word(message.claim), _checked_note(message.note)
    _check_words(message, claim)
    design = get_design(session, message.design, owner_id=reporter.organisation_id, reach=reach)
    listings = filing.find_locked(session, reporter.organisation_id, message.rows, reach)
    _lock_for_accusing(session, design)
    right = notice_rights.find_named(session, message.right, design, claim, now.date())
    notice = Notice(
        id=new_id("ntc", now),
        organisation_id=reporter.organisation_id,
        design_id=design.id,
        claim=claim,
        note=note,
        statements=STATEMENTS,
        filed_at=now,
        filed_by=reporter.caller,
        agent_id=reporter.agency.organisation_id if reporter.agency else None,
        right=right,
    )
    session.add(notice)
    session.flush()
    filing.file_rows(work, session, notice, message.rows, listings, now=now)
    return get_notice(session, notice.id, organisation_id=reporter.organisation_id)


def _check_words(message: Message, claim: str) -> None:
    """Raise Rejected when a notice cannot be accepted whatever its rows are."""
    if claim not in CLAIMS:
        raise Rejected(
            f"Choose one of these claims: {', '.join(CLAIMS)}.", code="notice.claim", claims=", ".join(CLAIMS)
        )
    if not (message.good_faith and message.accuracy):
        raise Rejected(
            "Confirm both statements: that you file the notice in good faith, and that it is accurate.",
            code="notice.statements",
        )
    if not message.rows:
        raise Rejected("The notice names no listing. Name at least one.", code="notice.empty")
    if len(message.rows) > MOST_ROWS:
        raise Rejected(
            f"A notice has at most {MOST_ROWS} listings, and this one has {len(message.rows)}. Send several"
            " notices.",
            code="notice.too_many",
            limit=MOST_ROWS,
            rows=len(message.rows),
        )


def _checked_note(note: str) -> str | None:
    """Return the note without hidden characters, None for an empty one. Raises Rejected (`notice.note`)."""
    cleaned = clean_detail("description", note)[0]
    if len(note) > NOTE_CHARS:
        raise Rejected(
            f"A note has at most {NOTE_CHARS:,} characters, and this one has {len(note):,}. Shorten it.",
            code="notice.note",
            limit=NOTE_CHARS,
        )
    return str(cleaned) if cleaned else None


def _lock_for_accusing(session: Session, design: Design) -> None:
    """Lock a design against another notice about it. Raises Conflict for a design that is no evidence."""
    session.refresh(design, ["state", "version"], with_for_update={"key_share": True})
    if design.state == "disputed":
        raise Conflict(
            "This design is in dispute, so it is evidence against nobody. Wait for the ruling.",
            code="notice.design_disputed",
            design=design.id,
        )
    if design.state == "retired":
        raise Conflict(
            "This design is retired. File the notice with a registered design.",
            code="notice.design_retired",
            design=design.id,
        )


def get_notice(session: Session, notice_id: str, *, organisation_id: str, reach: Reach = WHOLE) -> Notice:
    """Return a notice of an organisation with its design and rows, and the cases of the rows.

    Raises NotFound (`notice.not_found`), also for a notice of another organisation or beyond reach.
    """
    notice_id = normal_id(notice_id)
    query = _select_notices(organisation_id, reach).where(Notice.id == notice_id)
    rows = selectinload(Notice.rows).joinedload(NoticeRow.case)
    query = query.options(rows).execution_options(populate_existing=True)
    notice = session.scalar(query) if can_be_stored(notice_id) else None
    if notice is None:
        raise NotFound(
            f"We have no notice with the id {notice_id!r}.", code="notice.not_found", notice=notice_id
        )
    return notice


def list_notices(
    session: Session,
    *,
    organisation_id: str,
    after: str = "",
    limit: int = 50,
    newest_first: bool = False,
    reach: Reach = WHOLE,
) -> Sequence[Notice]:
    """Return at most `limit` notices of an organisation with their designs, by id from after `after`."""
    if not can_be_stored(after):
        return []
    query = _select_notices(organisation_id, reach).limit(limit)
    if not newest_first:
        return session.scalars(query.where(Notice.id > after).order_by(Notice.id)).all()
    query = query.where(Notice.id < after) if after else query
    return session.scalars(query.order_by(Notice.id.desc())).all()


def count_stages(session: Session, notices: Sequence[Notice]) -> dict[str, Counter[Stage]]:
    """Return how many rows of each notice have which stage, by the notice's id."""
    counts: dict[str, Counter[Stage]] = {notice.id: Counter() for notice in notices}
    code = case((NoticeRow.code.in_([DECIDED_BEFORE_CODE, WITHDRAWN_CODE]), NoticeRow.code))
    query = (
        select(NoticeRow.notice_id, Case.state, code, func.count())
        .outerjoin(Case, Case.id == NoticeRow.case_id)
        .group_by(NoticeRow.notice_id, Case.state, code)
    )
    for chunk in in_chunks(sorted(counts)):
        for notice_id, state, row_code, rows in session.execute(query.where(NoticeRow.notice_id.in_(chunk))):
            counts[notice_id][stage_of(state, row_code)] += rows
    return counts


def of_case(session: Session, case_id: str) -> list[Received]:
    """Return the notices about a case, oldest first, each with its organisation and its listings."""
    rows = (
        select(NoticeRow)
        .where(NoticeRow.case_id == case_id)
        .order_by(NoticeRow.notice_id, NoticeRow.number)
        .options(
            joinedload(NoticeRow.notice).joinedload(Notice.organisation),
            joinedload(NoticeRow.notice).joinedload(Notice.right),
        )
    )
    received: dict[str, tuple[Notice, list[str]]] = {}
    for row in session.scalars(rows):
        received.setdefault(row.notice_id, (row.notice, []))[1].append(str(row.listing_id))
    return [Received(notice, tuple(listing_ids)) for notice, listing_ids in received.values()]


def _select_notices(organisation_id: str, reach: Reach) -> Select[Notice]:
    """Return the query for the notices of an organisation that are within reach, all rows included."""
    query = select(Notice).where(
        Notice.organisation_id == organisation_id, reach.has_design(Notice.design_id), _is_within(reach)
    )
    return query.options(joinedload(Notice.design), joinedload(Notice.organisation), joinedload(Notice.right))


def _is_within(reach: Reach) -> ColumnElement[bool]:
    """Return the condition that all listings of a notice are in territories within reach."""
    listing, row = aliased(Listing), aliased(NoticeRow)
    is_beyond = ~reach.has_territory(listing.territory)
    rows = select(row.number).join(listing, listing.id == row.listing_id)
    return ~exists(rows.where(row.notice_id == Notice.id, is_beyond))
