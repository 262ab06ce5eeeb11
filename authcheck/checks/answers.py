"""The question "which registered design does this picture show?": asked, stored, asked again."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from authcheck.candidates import candidates
from authcheck.database import Database
from authcheck.errors import NotFound
from authcheck.finder import Finder, Seen
from authcheck.ids import new_id
from authcheck.images import fingerprint
from authcheck.images.decode import DEFAULT_LIMITS, Limits
from authcheck.images.fingerprint import Fingerprint
from authcheck.images.gallery import Hit
from authcheck.local.score import load_model
from authcheck.registry.live import gallery_at
from authcheck.tables import Check, Design
from authcheck.verdicts import Candidate, Finding, Policy, Verdict, decide, policy_named, rank

DESIGNS = 8  # ranked a check, so that a replay ranks as many
HITS_PER_DESIGN = 4  # designs have several views: look further than the number of designs wanted


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted picture, read: all that a check needs of it."""

    sha256: str
    fingerprint: Fingerprint
    notes: tuple[str, ...]
    data: bytes = field(default=b"", repr=False)  # of the file; empty where a stored check is asked again
    limits: Limits = DEFAULT_LIMITS


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict and what it was made from: the best designs, best first, and the registry tick searched.

    `looks` is what the local stages measured, empty where they were not asked.
    """

    submission: Submission
    verdict: Verdict
    ranked: tuple[Candidate, ...]
    policy: Policy
    tick: int
    looks: tuple[Seen, ...] = ()


def read_submission(data: bytes, limits: Limits) -> Submission:
    """Decode and fingerprint. Raises ImageRejected."""
    picture, read = fingerprint.read(data, limits)
    return Submission(picture.sha256, read, picture.notes, data, limits)


def answer(
    database: Database,
    finder: Finder,
    submission: Submission,
    policy: Policy,
    *,
    designs: int = DESIGNS,
) -> Answer:
    """Search the registry as it stands and decide; nothing is stored. `designs` is how many to rank.

    Hashes first; where the policy has a model and they leave the answer open, the local stages look at the picture. The
    verdict is made from the best DESIGNS alone, so that it does not depend on how many were asked for. Raises
    ImageRejected, Unavailable.
    """
    with database.reading() as session:
        tick, hits = finder.by_hashes(session, submission.fingerprint, DESIGNS * HITS_PER_DESIGN)
    given = _decided(database, submission, hits, policy=policy, tick=tick)
    if policy.model is not None and not _settled(given.ranked, policy):
        looks = finder.look(
            database,
            submission.data,
            submission.limits,
            hits=hits,
            model=load_model(policy.model),
            enough=policy.match,
        )
        given = _decided(database, submission, hits, policy=policy, tick=tick, looks=looks)
    if designs <= DESIGNS:
        return replace(given, ranked=given.ranked[:designs])
    return _with_more(database, finder, given, designs)


def _with_more(database: Database, finder: Finder, given: Answer, designs: int) -> Answer:
    """The answer with more designs ranked."""
    submission = given.submission
    with database.reading() as session:
        later, more = finder.by_hashes(session, submission.fingerprint, designs * HITS_PER_DESIGN)
    with database.reading() as session:
        ranked = _ranked(session, submission, more, policy=given.policy, tick=later, looks=given.looks)
    return replace(given, ranked=tuple(ranked[:designs]))


def _settled(ranked: Sequence[Candidate], policy: Policy) -> bool:
    """Whether the hashes alone answer: they are sure of one design and no other one is near."""
    sure = bool(ranked) and ranked[0].score >= policy.settled
    return sure and (len(ranked) == 1 or ranked[1].score < policy.lookalike)


def check_picture(
    database: Database,
    finder: Finder,
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
    given = answer(database, finder, read_submission(data, limits), policy)
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
        looks=[look.to_json() for look in given.looks],
        findings=[_finding(found) for found in verdict.findings],
    )


def _finding(found: Finding) -> dict[str, Any]:
    """A finding as it is stored (`Check.findings`)."""
    candidate = found.candidate
    return {
        "design_id": candidate.design_id,
        "view_number": candidate.view_number,
        "verdict": found.code.value,
        "score": candidate.score,
        "method": candidate.method,
        "reasons": [asdict(reason) for reason in candidate.reasons],
        "alignment": candidate.alignment.to_json() if candidate.alignment else None,
    }


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


def replay(database: Database, finder: Finder, check_id: str) -> Replay:
    """Ask a stored check again, against the registry and the policy of its time.

    Of the local stages what they measured was kept, not the picture: it is scored and decided upon again. Raises NotFound
    (`check.not_found`), BadSetting (`policy.unknown`).
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
            looks = [Seen.from_json(look) for look in check.looks]
        except (ValueError, IndexError, KeyError, TypeError):
            return Replay(check, None, None, ("fingerprint",), registry_moved=False)
        hits = gallery_at(session, check.tick).search(submitted, DESIGNS * HITS_PER_DESIGN)
    submission = Submission(check.picture_sha256, submitted, tuple(check.notes))
    again = _decided(database, submission, hits, policy=policy, tick=check.tick, looks=looks)
    with database.reading() as session:
        today, hits = finder.by_hashes(session, submitted, DESIGNS * HITS_PER_DESIGN)
    now = _decided(database, submission, hits, policy=policy, tick=today, looks=looks)
    return Replay(check, again.verdict, now.verdict, _changes(check, again.verdict), today != check.tick)


def _changes(check: Check, again: Verdict) -> tuple[str, ...]:
    candidate = again.candidate
    findings = [_finding(found) for found in again.findings]
    pairs = {
        "verdict": (check.verdict, again.code.value),
        "design": (check.design_id, candidate.design_id if candidate else None),
        "view": (check.view_number, candidate.view_number if candidate else None),
        "method": (check.method, candidate.method if candidate else None),
        "score": (True, math.isclose(check.score, again.score, rel_tol=1e-9)),
        "reasons": (check.reasons, [asdict(reason) for reason in again.reasons]),
        # checks of the first release kept none
        "findings": (check.findings or findings, findings),
    }
    return tuple(name for name, (before, after) in pairs.items() if before != after)


def _decided(
    database: Database,
    submission: Submission,
    hits: Sequence[Hit],
    *,
    policy: Policy,
    tick: int,
    looks: Sequence[Seen] = (),
) -> Answer:
    with (
        database.reading() as session
    ):  # a new one: the index may stand at a later tick than the session that asked it sees
        ranked = _ranked(session, submission, hits, policy=policy, tick=tick, looks=looks)[:DESIGNS]
    return Answer(
        submission, decide(ranked, policy, submission.notes), tuple(ranked), policy, tick, tuple(looks)
    )


def _ranked(
    session: Session,
    submission: Submission,
    hits: Sequence[Hit],
    *,
    policy: Policy,
    tick: int,
    looks: Sequence[Seen],
) -> list[Candidate]:
    """All candidates, best first, scored as the policy says."""
    model = load_model(policy.model) if policy.model else None
    found = candidates(
        session,
        submission.sha256,
        hits,
        tick=tick,
        looks=looks,
        scores={look.view_number: model.score(look.numbers) for look in looks} if model else {},
        hashes_stand=policy.hashes_stand,
    )
    return rank(found)
