"""A stored check asked again, as the registry then stood."""

import math
from dataclasses import asdict, dataclass

from authcheck.checks.answers import DESIGNS, HITS_PER_DESIGN, Submission, decide_at
from authcheck.checks.finder import Finder, Seen
from authcheck.checks.records import find_check, finding_json
from authcheck.checks.tables import Check
from authcheck.checks.verdicts import Verdict, policy_named
from authcheck.errors import NotFound
from authcheck.registry.live_hashes import gallery_at
from authcheck.storage.database import Database
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.fingerprint import Fingerprint


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
        check = find_check(session, check_id)
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
    again = decide_at(database, submission, hits, policy=policy, tick=check.tick, looks=looks)
    with database.reading() as session:
        today, hits = finder.by_hashes(session, submitted, DESIGNS * HITS_PER_DESIGN)
    now = decide_at(database, submission, hits, policy=policy, tick=today, looks=looks)
    return Replay(check, again.verdict, now.verdict, _changes(check, again.verdict), today != check.tick)


def _changes(check: Check, again: Verdict) -> tuple[str, ...]:
    candidate = again.candidate
    findings = [finding_json(found) for found in again.findings]
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
