"""Replay of a stored check against the registry of its time."""

import math
from dataclasses import asdict, dataclass

from authcheck.checks.answers import DESIGNS, HITS_PER_DESIGN, Submission, decide_at
from authcheck.checks.finder import Finder, Seen
from authcheck.checks.policies import policy_named
from authcheck.checks.records import find_check, finding_json
from authcheck.checks.tables import Check
from authcheck.checks.verdicts import Verdict
from authcheck.errors import NotFound
from authcheck.registry.live_hashes import galleries_at
from authcheck.storage.database import Database
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.fingerprint import Fingerprint


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of a replay.

    `changes` names the parts of the answer that differ. It is empty when the replay gives the same answer.
    `registry_moved` says whether the registry has changed since the check. `today` is the answer of the
    registry now.
    """

    check: Check
    again: Verdict | None
    today: Verdict | None
    changes: tuple[str, ...]
    registry_moved: bool


def replay(database: Database, finder: Finder, check_id: str) -> Replay:
    """Answer a stored check again, with the registry and the policy of its time.

    The check stores the measurements of the local stages, not the picture. The replay scores these
    measurements again and decides again. Raises NotFound (`check.not_found`), BadSetting (`policy.unknown`).
    """
    with database.reading() as session:
        check = find_check(session, check_id)
        if check is None:
            raise NotFound(f"We have no check {check_id!r}.", code="check.not_found", check=check_id)
        if check.scheme != fingerprint.SCHEME:
            return Replay(check, None, None, ("scheme",), registry_moved=False)
        policy = policy_named(check.policy)
        try:
            submitted_fingerprint = Fingerprint.from_bytes(check.fingerprint)
            looks = [Seen.from_json(look) for look in check.looks]
        except (ValueError, IndexError, KeyError, TypeError):
            return Replay(check, None, None, ("fingerprint",), registry_moved=False)
        old_hits = galleries_at(session, check.tick).search(submitted_fingerprint, DESIGNS * HITS_PER_DESIGN)
    submission = Submission(check.picture_sha256, submitted_fingerprint, tuple(check.notes))
    again = decide_at(database, submission, old_hits, policy=policy, tick=check.tick, looks=looks)
    with database.reading() as session:
        tick, hits = finder.by_hashes(session, submitted_fingerprint, DESIGNS * HITS_PER_DESIGN)
    today = decide_at(database, submission, hits, policy=policy, tick=tick, looks=looks)
    return Replay(
        check, again.verdict, today.verdict, _find_changes(check, again.verdict), tick != check.tick
    )


def _find_changes(check: Check, again: Verdict) -> tuple[str, ...]:
    """Return the names of the parts that differ between the stored answer and the answer of the replay."""
    candidate = again.candidate
    findings = [finding_json(finding) for finding in again.findings]
    values = {
        "verdict": (check.verdict, again.code.value),
        "design": (check.design_id, candidate.design_id if candidate else None),
        "view": (check.view_number, candidate.view_number if candidate else None),
        "method": (check.method, candidate.method if candidate else None),
        "score": (True, math.isclose(check.score, again.score, rel_tol=1e-9)),
        "reasons": (check.reasons, [asdict(reason) for reason in again.reasons]),
        # checks of the first release stored no findings
        "findings": (check.findings or findings, findings),
    }
    return tuple(name for name, (before, after) in values.items() if before != after)
