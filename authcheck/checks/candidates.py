"""Candidates of a check: one per design, with score, reasons, and place in the picture."""

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

LOCAL = "features"  # the method of candidates that the local stages found
WHOLE = 0.8  # at this coverage and above, the picture shows the whole design
TURNED_DEG = 8.0  # smaller rotations are not reported


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
    """Return one candidate per design, for its best view. Designs and disputes are as of `tick`.

    `scores` of looks are keyed by view number. A hash score from `hashes_stand` replaces a lower look score.
    """
    hit_by_view = {hit.view_id: hit for hit in hits}
    look_by_view = {look.view_number: look for look in looks}
    query = _select_views(tick, {*hit_by_view, *look_by_view}, picture_sha256)
    best_by_design: dict[str, Candidate] = {}
    for number, sha256, design_id, reference, registered_tick, owner, is_disputed in session.execute(query):
        is_exact, look, hit = sha256 == picture_sha256, look_by_view.get(number), hit_by_view.get(number)
        if hit and max(hashes_stand, scores.get(number, 0.0)) <= hit.score:
            look = None
        if is_exact or look is None:
            score, method, reasons = _score_by_hashes(hit, is_exact=is_exact)
        else:
            score, method, reasons = _score_by_look(look, hit, scores[number])
        if design_id not in best_by_design or score > best_by_design[design_id].score:
            best_by_design[design_id] = Candidate(
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
    return list(best_by_design.values())


def _select_views(tick: int, numbers: Collection[int], picture_sha256: str) -> Select[*tuple[Any, ...]]:
    """Select the facts about views as of `tick`, ordered by view number.

    Includes the views with these numbers and the views whose registered file has this SHA-256.
    """
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


def _score_by_hashes(hit: Hit | None, *, is_exact: bool) -> tuple[float, str, tuple[Reason, ...]]:
    """Return score, method and reasons of a view by its hashes.

    An exact copy of the registered file scores 1.
    """
    if is_exact:
        return 1.0, "sha256", (Reason("image.exact_copy", 1.0),)
    return (hit.score, hit.method, _explain_hit(hit)) if hit else (0.0, "", ())


def _score_by_look(look: Seen, hit: Hit | None, score: float) -> tuple[float, str, tuple[Reason, ...]]:
    """Return score, method and reasons of a view that the local stages examined.

    `hit` is its hash hit, if any.
    """
    if not look.shows:
        return (score, hit.method, _explain_hit(hit)) if hit else (score, LOCAL, ())
    points_reason = Reason("image.design_found", 0.9, {"points": look.pairs})
    return score, LOCAL, (points_reason, *_explain_pose(look.alignment))


def _explain_hit(hit: Hit) -> tuple[Reason, ...]:
    """Return the reasons from the hashes: how near they are, and how they place the design."""
    nearness: dict[str, str | int | float] = {
        "family": hit.method,
        "distance_bits": hit.distances_bits[hit.method],
        "of_bits": CODE_BITS,
    }
    reasons = [Reason("image.near_copy", 0.9, nearness)]
    if hit.orientation.startswith("mirror"):
        reasons.append(Reason("image.mirrored", 0.4))
    angle = hit.orientation.rpartition("rot")[2]
    if angle.isdigit():
        reasons.append(Reason("image.rotated", 0.3, {"angle_deg": int(angle)}))
    if hit.window != "whole":
        reasons.append(Reason("image.part", 0.3, {"window": hit.window}))
    return tuple(reasons)


def _explain_pose(alignment: Alignment) -> list[Reason]:
    """Return the reasons from geometry: how it places the design, and how much of the design is visible."""
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
