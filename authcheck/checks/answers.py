"""The question "which registered design does this picture show?": asked, stored, asked again."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from authcheck.checks.candidates import candidates
from authcheck.checks.finder import Finder, Seen
from authcheck.checks.verdicts import Candidate, Policy, Verdict, decide, rank
from authcheck.storage.database import Database
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.fingerprints.gallery import Hit
from authcheck.vision.matching.score import load_model
from authcheck.vision.pictures.decode import DEFAULT_LIMITS, Limits

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
    given = decide_at(database, submission, hits, policy=policy, tick=tick)
    if policy.model is not None and not _settled(given.ranked, policy):
        looks = finder.look(
            database,
            submission.data,
            submission.limits,
            hits=hits,
            model=load_model(policy.model),
            enough=policy.match,
        )
        given = decide_at(database, submission, hits, policy=policy, tick=tick, looks=looks)
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


def decide_at(
    database: Database,
    submission: Submission,
    hits: Sequence[Hit],
    *,
    policy: Policy,
    tick: int,
    looks: Sequence[Seen] = (),
) -> Answer:
    """Return the answer to what hashes (`hits`) and local stages (`looks`) saw, against the registry as of `tick`."""
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
