"""The question "which registered design does this picture show?": asked, stored, asked again."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.database import Database
from authcheck.errors import NotFound
from authcheck.ids import new_id
from authcheck.images import fingerprint
from authcheck.images.decode import Limits
from authcheck.images.fingerprint import Fingerprint
from authcheck.images.gallery import Hit
from authcheck.images.index import CODE_BITS
from authcheck.registry.live import LiveGallery, gallery_at, live_at
from authcheck.tables import Check, Design, Dispute, Organisation, View
from authcheck.verdicts import Candidate, Policy, Reason, Verdict, decide, policy_named, rank

DESIGNS = 8  # ranked a check, so that a replay ranks as many
HITS_PER_DESIGN = 4  # designs have several views: look further than the number of designs wanted


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted picture, read: all that a check needs of it."""

    sha256: str
    fingerprint: Fingerprint
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict and what it was made from: the best designs, best first, and the registry tick searched."""

    submission: Submission
    verdict: Verdict
    ranked: tuple[Candidate, ...]
    policy: Policy
    tick: int


def read_submission(data: bytes, limits: Limits) -> Submission:
    """Decode and fingerprint. Raises ImageRejected."""
    picture, read = fingerprint.read(data, limits)
    return Submission(picture.sha256, read, picture.notes)


def answer(
    database: Database, live: LiveGallery, submission: Submission, policy: Policy, *, designs: int = DESIGNS
) -> Answer:
    """Search the registry as it stands and decide; nothing is stored. `designs` is how many to rank.

    The verdict is made from the best DESIGNS alone, so that it does not depend on how many were asked for.
    """
    with database.reading() as session:
        tick, hits = live.search(session, submission.fingerprint, DESIGNS * HITS_PER_DESIGN)
    with (
        database.reading() as session
    ):  # a new one: the index may stand at a later tick than the first one sees
        given = _decide(session, submission, hits, policy=policy, tick=tick)
    if designs <= DESIGNS:
        return replace(given, ranked=given.ranked[:designs])
    with database.reading() as session:
        later, hits = live.search(session, submission.fingerprint, designs * HITS_PER_DESIGN)
    with database.reading() as session:
        ranked = rank(_candidates(session, submission, hits, later))[:designs]
    return replace(given, ranked=tuple(ranked))


def check_picture(
    database: Database,
    live: LiveGallery,
    data: bytes,
    *,
    limits: Limits,
    policy: Policy,
    organisation_id: str | None,
    source: str,
    name: str,
    now: datetime,
) -> tuple[Check, Answer]:
    """Ask, decide and store. Raises ImageRejected, Unavailable."""
    given = answer(database, live, read_submission(data, limits), policy)
    check = new_check(given, organisation_id=organisation_id, source=source, name=name, now=now)
    with database.writing() as session:
        session.add(check)
    return check, given


def new_check(given: Answer, *, organisation_id: str | None, source: str, name: str, now: datetime) -> Check:
    """The row that keeps an answer; `source` is cli, scan, api, page or demo; `name` what the asker called the picture."""
    verdict, candidate = given.verdict, given.verdict.candidate
    return Check(
        id=new_id("chk", now),
        organisation_id=organisation_id,
        asked_at=now,
        source=source,
        picture_name=_storable(name)[-1000:],
        picture_sha256=given.submission.sha256,
        scheme=given.submission.fingerprint.scheme,
        fingerprint=given.submission.fingerprint.to_bytes(),
        notes=list(given.submission.notes),
        policy=given.policy.name,
        tick=given.tick,
        verdict=verdict.code.value,
        score=verdict.score,
        method=candidate.method if candidate else None,
        design_id=candidate.design_id if candidate else None,
        view_number=candidate.view_number if candidate else None,
        reasons=[asdict(reason) for reason in verdict.reasons],
    )


def _storable(name: str) -> str:
    """A file name as text that a database keeps: what is not UTF-8, and NUL, become visible escapes."""
    return name.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def get_check(session: Session, check_id: str, *, organisation_id: str | None = None) -> Check:
    """A stored check with its design; anonymous checks are open to whoever has the id, others to their organisation.

    Raises NotFound (`check.not_found`), also for a check of somebody else.
    """
    check = _find_check(session, check_id)
    if check is None or check.organisation_id not in {None, organisation_id}:
        raise NotFound(f"No check {check_id!r} is known.", code="check.not_found", check=check_id)
    return check


def _find_check(session: Session, check_id: str) -> Check | None:
    if not check_id.isprintable():  # PostgreSQL refuses to look for a NUL character
        return None
    return session.get(Check, check_id, options=[joinedload(Check.design).joinedload(Design.owner)])


def list_checks(session: Session, organisation_id: str, *, after: str = "", limit: int = 50) -> list[Check]:
    """At most `limit` checks of an organisation, by id, that come after the id `after`."""
    query = (
        select(Check)
        .where(Check.organisation_id == organisation_id, Check.id > after)
        .options(joinedload(Check.design).joinedload(Design.owner))
        .order_by(Check.id)
        .limit(limit)
    )
    return list(session.scalars(query))


@dataclass(frozen=True, slots=True)
class Replay:
    """A check asked again. `changes` is empty where the same answer came out; else codes of what differs.

    `registry_moved` says whether the registry has changed since; `today` is the answer it would give now.
    """

    check: Check
    again: Verdict | None
    today: Verdict | None
    changes: tuple[str, ...]
    registry_moved: bool


def replay(database: Database, live: LiveGallery, check_id: str) -> Replay:
    """Ask a stored check again, against the registry and the policy of its time.

    Raises NotFound (`check.not_found`), BadSetting (`policy.unknown`).
    """
    with database.reading() as session:
        check = _find_check(session, check_id)
        if check is None:
            raise NotFound(f"No check {check_id!r} is known.", code="check.not_found", check=check_id)
        if check.scheme != fingerprint.SCHEME:
            return Replay(check, None, None, ("scheme",), registry_moved=False)
        policy = policy_named(check.policy)
        try:
            submitted = Fingerprint.from_bytes(check.fingerprint)
        except (ValueError, IndexError):
            return Replay(check, None, None, ("fingerprint",), registry_moved=False)
        submission = Submission(check.picture_sha256, submitted, tuple(check.notes))
        hits = gallery_at(session, check.tick).search(submitted, DESIGNS * HITS_PER_DESIGN)
        again = _decide(session, submission, hits, policy=policy, tick=check.tick).verdict
    today = answer(database, live, submission, policy)
    return Replay(check, again, today.verdict, _changes(check, again), today.tick != check.tick)


def _changes(check: Check, again: Verdict) -> tuple[str, ...]:
    candidate = again.candidate
    pairs = {
        "verdict": (check.verdict, again.code.value),
        "design": (check.design_id, candidate.design_id if candidate else None),
        "view": (check.view_number, candidate.view_number if candidate else None),
        "method": (check.method, candidate.method if candidate else None),
        "score": (True, math.isclose(check.score, again.score, rel_tol=1e-9)),
        "reasons": (check.reasons, [asdict(reason) for reason in again.reasons]),
    }
    return tuple(name for name, (before, after) in pairs.items() if before != after)


def _decide(
    session: Session, submission: Submission, hits: Sequence[Hit], *, policy: Policy, tick: int
) -> Answer:
    ranked = rank(_candidates(session, submission, hits, tick))[:DESIGNS]
    return Answer(submission, decide(ranked, policy, submission.notes), tuple(ranked), policy, tick)


def _candidates(session: Session, submission: Submission, hits: Sequence[Hit], tick: int) -> list[Candidate]:
    """One candidate a design: its best view. All of it as it stood at `tick`, disputes too."""
    by_view = {hit.view_id: hit for hit in hits}
    disputed = exists().where(Dispute.design_id == Design.id, Dispute.noticed_tick <= tick)
    query = (
        select(
            View.number,
            View.picture_sha256,
            Design.id,
            Design.reference,
            Design.registered_tick,
            Organisation.handle,
            disputed,
        )
        .join(View.design)
        .join(Design.owner)
        .where(live_at(tick), or_(View.number.in_(by_view), View.picture_sha256 == submission.sha256))
        .order_by(View.number)
    )
    best: dict[str, Candidate] = {}
    for number, sha256, design_id, reference, registered_tick, owner, is_disputed in session.execute(query):
        score, method, reasons = _evidence(by_view.get(number), exact=sha256 == submission.sha256)
        known = best.get(design_id)
        if known is None or score > known.score:
            best[design_id] = Candidate(
                design_id=design_id,
                reference=reference,
                owner=owner,
                view_number=number,
                score=score,
                method=method,
                reasons=reasons,
                disputed=is_disputed,
                registered_order=registered_tick,
            )
    return list(best.values())


def _evidence(hit: Hit | None, *, exact: bool) -> tuple[float, str, tuple[Reason, ...]]:
    """Score, method and reasons of one view; the very bytes that were registered need no hash."""
    if exact:
        return 1.0, "sha256", (Reason("image.exact_copy", 1.0),)
    return (hit.score, hit.method, tuple(_reasons(hit))) if hit else (0.0, "", ())


def _reasons(hit: Hit) -> list[Reason]:
    """What the hashes saw, as codes with numbers."""
    distance_bits = hit.distances_bits[hit.method]
    near: dict[str, str | int | float] = {
        "family": hit.method,
        "distance_bits": distance_bits,
        "of_bits": CODE_BITS,
    }
    reasons = [Reason("image.near_copy", 0.9, near)]
    if hit.orientation.startswith("mirror"):
        reasons.append(Reason("image.mirrored", 0.4))
    angle = hit.orientation.rpartition("rot")[2]
    if angle.isdigit():
        reasons.append(Reason("image.rotated", 0.3, {"angle_deg": int(angle)}))
    if hit.window != "whole":
        reasons.append(Reason("image.part", 0.3, {"window": hit.window}))
    return reasons
