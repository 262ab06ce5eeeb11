"""What was found of views, as candidates: one a design, with score, reasons, and where it lies."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from authcheck.checks.finder import Seen
from authcheck.checks.verdicts import Candidate, Reason
from authcheck.members.tables import Organisation
from authcheck.registry.clock import live_at
from authcheck.registry.tables import Design, Dispute, View
from authcheck.vision.fingerprints.gallery import Hit
from authcheck.vision.fingerprints.index import CODE_BITS
from authcheck.vision.matching.alignment import Alignment

LOCAL = "features"  # the method of what the local stages found
WHOLE = 0.8  # coverage from which a design counts as wholly seen
TURNED_DEG = 8.0  # smaller turns are not worth a word


def candidates(
    session: Session,
    picture_sha256: str,
    hits: Sequence[Hit],
    *,
    tick: int,
    looks: Sequence[Seen] = (),
    scores: Mapping[int, float],
    hashes_stand: float = math.inf,
) -> list[Candidate]:
    """One candidate a design: its best view. All of it as it stood at `tick`, disputes too.

    `scores` are those of the `looks`, by number of the view. A score by the hashes of at least `hashes_stand` stands
    where a closer look is less sure.
    """
    by_view = {hit.view_id: hit for hit in hits}
    seen = {look.view_number: look for look in looks}
    query = _views_at(tick, {*by_view, *seen}, picture_sha256)
    best: dict[str, Candidate] = {}
    for number, sha256, design_id, reference, registered_tick, owner, is_disputed in session.execute(query):
        exact, look, hit = sha256 == picture_sha256, seen.get(number), by_view.get(number)
        if hit and max(hashes_stand, scores.get(number, 0.0)) <= hit.score:
            look = None
        told = _of_hashes(hit, exact=exact) if exact or look is None else _of_look(look, hit, scores[number])
        score, method, reasons = told
        if design_id not in best or score > best[design_id].score:
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
                alignment=look.alignment if look and look.shows else None,
            )
    return list(best.values())


def _views_at(tick: int, numbers: Collection[int], picture_sha256: str) -> Select[*tuple[Any, ...]]:
    """What is told of views, by number, as it stood at `tick`: those of these numbers, or of this very picture."""
    disputed = exists().where(Dispute.design_id == Design.id, Dispute.noticed_tick <= tick)
    return (
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
        .where(
            live_at(tick),
            or_(View.number.in_(numbers), View.picture_sha256 == picture_sha256),
        )
        .order_by(View.number)
    )


def _of_hashes(hit: Hit | None, *, exact: bool) -> tuple[float, str, tuple[Reason, ...]]:
    """Score, method and reasons of one view; the very bytes that were registered need no hash."""
    if exact:
        return 1.0, "sha256", (Reason("image.exact_copy", 1.0),)
    return (hit.score, hit.method, (*_nearness(hit), *_lie(hit))) if hit else (0.0, "", ())


def _of_look(look: Seen, hit: Hit | None, score: float) -> tuple[float, str, tuple[Reason, ...]]:
    """Score, method and reasons of a view that was looked at closely; `hit` is what the hashes say, if anything."""
    if not look.shows:
        return (score, hit.method, (*_nearness(hit), *_lie(hit))) if hit else (score, LOCAL, ())
    found = Reason("image.design_found", 0.9, {"points": look.pairs})
    return score, LOCAL, (found, *_pose(look.alignment))


def _nearness(hit: Hit) -> list[Reason]:
    """How near the hashes are."""
    near: dict[str, str | int | float] = {
        "family": hit.method,
        "distance_bits": hit.distances_bits[hit.method],
        "of_bits": CODE_BITS,
    }
    return [Reason("image.near_copy", 0.9, near)]


def _lie(hit: Hit) -> list[Reason]:
    """How the hashes say that the design lies."""
    reasons = []
    if hit.orientation.startswith("mirror"):
        reasons.append(Reason("image.mirrored", 0.4))
    angle = hit.orientation.rpartition("rot")[2]
    if angle.isdigit():
        reasons.append(Reason("image.rotated", 0.3, {"angle_deg": int(angle)}))
    if hit.window != "whole":
        reasons.append(Reason("image.part", 0.3, {"window": hit.window}))
    return reasons


def _pose(alignment: Alignment) -> list[Reason]:
    """How geometry says that the design lies, and how much of it is seen."""
    reasons = []
    if alignment.coverage < WHOLE:
        percent = max(1, round(100 * alignment.coverage))
        reasons.append(Reason("image.partial_copy", 0.6, {"percent": percent}))
    if alignment.inverted:
        reasons.append(Reason("image.inverted", 0.45))
    if alignment.mirrored:
        reasons.append(Reason("image.mirrored", 0.4))
    if TURNED_DEG <= alignment.angle_deg <= 360 - TURNED_DEG:
        reasons.append(Reason("image.rotated", 0.3, {"angle_deg": round(alignment.angle_deg)}))
    return reasons
