"""Pictures that moderators propose to the owner of a design as negative pictures.

A moderator's word alone changes no check of a brand. A picture that a moderator calls no match, or no
infringement, is proposed, and the owner says yes or no.
"""

import io
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, contains_eager

from authcheck.cases.rulings import Code
from authcheck.cases.tables import Case, CaseDecision, ClusteredPicture
from authcheck.checks.tables import Check
from authcheck.errors import Conflict, NotFound
from authcheck.listings import holds
from authcheck.members.reach import Reach
from authcheck.registry.negatives import ReadNegative, add_negative, read_negative
from authcheck.registry.tables import Design, NegativePicture, View, ViewFeatures
from authcheck.storage.parameters import can_be_stored
from authcheck.storage.working_copies import Copies, WorkingCopy
from authcheck.vision.features.features import SCHEME, Features
from authcheck.vision.matching.backdrops import share_hidden
from authcheck.workspace import Workspace

PROPOSED = (Code.WRONG_MATCH, Code.NOT_INFRINGING)
MOST_HIDDEN = 0.1  # of a view's points: a picture that explains more shows the design


def list_proposals(
    session: Session, owner_id: str, *, after: str = "", limit: int = 50, reach: Reach
) -> Sequence[CaseDecision]:
    """Return decisions whose picture could be a negative picture of an owner, with case and design, by id.

    A negative picture concerns all designs of the owner, so all must be within reach.
    """
    if not can_be_stored(after):
        return []
    query = _select_proposals(owner_id, reach).where(CaseDecision.id > after)
    return session.scalars(query.order_by(CaseDecision.id).limit(limit)).all()


def get_proposal(
    session: Session, decision_id: str, owner_id: str, *, reach: Reach, lock: bool = False
) -> CaseDecision:
    """Return a proposal. Raises NotFound (`proposal.not_found`), also for an answered or another owner's.

    With `lock`, nobody else answers it and no moderator reverses it until this transaction ends.
    """
    query = _select_proposals(owner_id, reach).where(CaseDecision.id == decision_id)
    if lock:
        query = query.with_for_update(of=CaseDecision)
    decision = session.scalar(query) if can_be_stored(decision_id) else None
    if decision is None:
        raise NotFound(
            f"No proposal with the id {decision_id!r} waits for your answer.",
            code="proposal.not_found",
            proposal=decision_id,
        )
    return decision


def _select_proposals(owner_id: str, reach: Reach) -> Select[CaseDecision]:
    return (
        select(CaseDecision)
        .join(CaseDecision.case)
        .join(Case.design)
        .options(contains_eager(CaseDecision.case).contains_eager(Case.design))
        .where(
            Design.owner_id == owner_id,
            reach.has_all_designs(),
            CaseDecision.code.in_(PROPOSED),
            CaseDecision.effective_at.is_not(None),
            CaseDecision.reversed_at.is_(None),
            CaseDecision.owner_answer.is_(None),
        )
    )


def picture_of(
    session: Session, copies: Copies, decision: CaseDecision, now: datetime
) -> tuple[Check, WorkingCopy]:
    """Return the picture of a decision's case: a check of a picture in the case's cluster, and its copy.

    Raises NotFound (`evidence.none`) when no copy is left.
    """
    case = decision.case
    in_cluster = select(ClusteredPicture.picture_sha256).where(
        ClusteredPicture.design_id == case.design_id, ClusteredPicture.cluster_id == case.cluster_id
    )
    sha256s = set(session.scalars(in_cluster))
    for held in holds.all_holds(session, case.id):
        for picture in held.pictures:
            if picture.picture_sha256 in sha256s:
                copy = copies.get(picture.picture_sha256, picture.check.asked_at, now)
                if copy is not None:
                    return picture.check, copy
    raise NotFound("No copy of this picture is left.", code="evidence.none", case=case.id)


def read_proposed(
    work: Workspace, decision_id: str, owner_id: str, now: datetime, *, reach: Reach
) -> ReadNegative:
    """Read the picture of a proposal, before the transaction that adds it.

    Raises as `get_proposal` and `picture_of`, and Conflict (`negative.hides`) for a picture that shows one of
    the owner's designs: as a negative picture it would hide the design.
    """
    with work.database.reading() as session:
        decision = get_proposal(session, decision_id, owner_id, reach=reach)
        design_id = decision.case.design_id
        check, copy = picture_of(session, work.copies, decision, now)
    buffer = io.BytesIO()
    copy.image.save(buffer, "PNG")
    read = read_negative(buffer.getvalue(), work.limits)
    with work.database.reading() as session:
        _refuse_hiding(session, Features.from_bytes(read.record), check, owner_id, design_id)
    return read


def _refuse_hiding(session: Session, negative: Features, check: Check, owner_id: str, design_id: str) -> None:
    """Compare a picture with the views of its design, and with the owner's views that its check examined."""
    examined = [look["view_number"] for look in check.looks]
    query = (
        select(View, ViewFeatures.record)
        .join(View.design)
        .join(ViewFeatures, ViewFeatures.view_number == View.number)
        .where(
            Design.owner_id == owner_id,
            or_(View.number.in_(examined), Design.id == design_id),
            View.removed_tick.is_(None),
            ViewFeatures.scheme == SCHEME,
        )
        .options(contains_eager(View.design))
    )
    for view, record in session.execute(query):
        longer_px = max(view.width_px, view.height_px)
        extent = view.width_px / longer_px, view.height_px / longer_px
        if share_hidden(Features.from_bytes(record), negative, extent=extent) > MOST_HIDDEN:
            raise Conflict(
                f"The picture shows much of your design {view.design.reference}. As a negative picture it"
                " would hide the design from checks. Decline it, or add a picture of the background alone.",
                code="negative.hides",
                design=view.design.reference,
            )


def accept(
    session: Session,
    work: Workspace,
    decision_id: str,
    read: ReadNegative,
    *,
    owner_id: str,
    now: datetime,
    reach: Reach,
) -> NegativePicture:
    """Add the picture of a proposal to the owner's negative pictures. Raises as `add_negative`, NotFound."""
    decision = get_proposal(session, decision_id, owner_id, reach=reach, lock=True)
    label = f"{decision.code} {decision.case_id}"
    negative = add_negative(session, work.store, read, owner_id=owner_id, label=label, now=now)
    decision.owner_answer, decision.owner_answered_at = "added", now
    return negative


def decline(session: Session, decision_id: str, *, owner_id: str, now: datetime, reach: Reach) -> None:
    """Decline a proposal. Raises NotFound (`proposal.not_found`)."""
    decision = get_proposal(session, decision_id, owner_id, reach=reach, lock=True)
    decision.owner_answer, decision.owner_answered_at = "declined", now
