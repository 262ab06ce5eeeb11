"""Answers to the question "which registered design does this picture show?"."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from sqlalchemy.orm import Session

from authcheck.checks.candidates import candidates
from authcheck.checks.finder import Finder, Seen
from authcheck.checks.policies import Policy
from authcheck.checks.verdicts import Candidate, Verdict, decide, rank
from authcheck.registry.live_hashes import Hits
from authcheck.storage.database import Database
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.matching.score import load_model
from authcheck.vision.pictures.decode import DEFAULT_LIMITS, Limits

DESIGNS = 8  # every check and every replay rank this number of designs
HITS_PER_DESIGN = 4  # a design has several views, so a search needs more hits than designs


@dataclass(frozen=True, slots=True)
class Submission:
    """A decoded and fingerprinted submitted picture, with everything that a check needs."""

    sha256: str
    fingerprint: Fingerprint
    notes: tuple[str, ...]
    data: bytes = field(default=b"", repr=False)  # the file's content; empty in a replay of a stored check
    limits: Limits = DEFAULT_LIMITS


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict with its evidence: the best designs, best first, and the registry tick that was searched.

    `looks` holds the measurements of the local stages. It is empty when the local stages did not run.
    """

    submission: Submission
    verdict: Verdict
    ranked: tuple[Candidate, ...]
    policy: Policy
    tick: int
    looks: tuple[Seen, ...] = ()


def read_submission(data: bytes, limits: Limits) -> Submission:
    """Decode and fingerprint a picture file. Raises ImageRejected."""
    picture, picture_fingerprint = fingerprint.read(data, limits)
    return Submission(picture.sha256, picture_fingerprint, picture.notes, data, limits)


def answer(
    database: Database,
    finder: Finder,
    submission: Submission,
    policy: Policy,
    *,
    designs: int = DESIGNS,
) -> Answer:
    """Search the current registry and decide. Stores nothing. `designs` is the number of designs to rank.

    The hashes are searched first. When the hashes leave the answer open and the policy has a model, the local
    stages examine the picture. The verdict uses the best DESIGNS designs only, so it does not depend on
    `designs`. Raises ImageRejected, Unavailable.
    """
    with database.reading() as session:
        tick, hits = finder.by_hashes(session, submission.fingerprint, DESIGNS * HITS_PER_DESIGN)
    result = decide_at(database, submission, hits, policy=policy, tick=tick)
    if policy.model is not None and not _is_settled(result.ranked, policy):
        looks = finder.look(
            database,
            submission.data,
            submission.limits,
            hits=hits,
            model=load_model(policy.model),
            enough=policy.match,
        )
        result = decide_at(database, submission, hits, policy=policy, tick=tick, looks=looks)
    if designs <= DESIGNS:
        return replace(result, ranked=result.ranked[:designs])
    return _rank_more(database, finder, result, designs)


def _rank_more(database: Database, finder: Finder, result: Answer, designs: int) -> Answer:
    """Return the answer with `designs` designs ranked instead of DESIGNS."""
    submission = result.submission
    with database.reading() as session:
        tick, hits = finder.by_hashes(session, submission.fingerprint, designs * HITS_PER_DESIGN)
    with database.reading() as session:
        ranked = _rank_views(session, submission, hits, policy=result.policy, tick=tick, looks=result.looks)
    return replace(result, ranked=tuple(ranked[:designs]))


def _is_settled(ranked: Sequence[Candidate], policy: Policy) -> bool:
    """Return whether the hashes alone decide: they are sure of one design and no other design is near.

    Disputed designs do not count. Otherwise a disputed copy could change the answer about the first design.
    A view that resembles an earlier view never settles the answer, because the earlier one may be in sight.
    """
    if not policy.first_wins:
        is_sure = bool(ranked) and ranked[0].score >= policy.settled
        return is_sure and (len(ranked) == 1 or ranked[1].score < policy.lookalike)
    undisputed = [candidate for candidate in ranked if not candidate.disputed]
    near = [candidate for candidate in undisputed if candidate.score >= policy.lookalike]
    return len(near) == 1 and near[0].score >= policy.settled and not near[0].yields_to


def decide_at(
    database: Database,
    submission: Submission,
    hits: Hits,
    *,
    policy: Policy,
    tick: int,
    looks: Sequence[Seen] = (),
) -> Answer:
    """Return the answer by hash hits (`hits`) and local stages (`looks`), with the registry as of `tick`."""
    # The index may be at a later tick than the session of the search sees, so this needs a new session.
    with database.reading() as session:
        ranked = _rank_views(session, submission, hits, policy=policy, tick=tick, looks=looks)[:DESIGNS]
    return Answer(
        submission, decide(ranked, policy, submission.notes), tuple(ranked), policy, tick, tuple(looks)
    )


def _rank_views(
    session: Session,
    submission: Submission,
    hits: Hits,
    *,
    policy: Policy,
    tick: int,
    looks: Sequence[Seen],
) -> list[Candidate]:
    """Return all candidates, best first, with scores by the policy."""
    unranked = candidates(
        session,
        submission.sha256,
        list(chain.from_iterable(hits.values())),
        tick=tick,
        policy=policy,
        looks=looks,
    )
    return rank(unranked, policy)
