"""Candidates of a check: one per design, with score, reasons, and place in the picture."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session, defer

from authcheck.checks.finder import Seen
from authcheck.checks.policies import Policy
from authcheck.checks.verdicts import Candidate, Reason, VerdictCode, code_for
from authcheck.members.tables import Organisation
from authcheck.registry.clock import in_force_at, live_at
from authcheck.registry.disputes import BOTH
from authcheck.registry.tables import DISPUTED, Design, Dispute, View
from authcheck.vision.fingerprints.gallery import Hit
from authcheck.vision.fingerprints.index import CODE_BITS
from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.score import load_model

LOCAL = "features"  # the method of candidates that the local stages found
WHOLE = 0.8  # at this coverage and above, the picture shows the whole design
TURNED_DEG = 8.0  # smaller rotations are not reported


def candidates(
    session: Session,
    picture_sha256: str,
    hits: Sequence[Hit],
    *,
    tick: int,
    policy: Policy,
    looks: Sequence[Seen] = (),
) -> list[Candidate]:
    """Return one candidate per design, for its best view. Designs and disputes are as of `tick`.

    A view of at least `lookalike` that is not disputed is better than any disputed view of the design.
    """
    by_design: dict[str, list[Candidate]] = {}
    for candidate in view_candidates(session, picture_sha256, hits, tick=tick, policy=policy, looks=looks):
        by_design.setdefault(candidate.design_id, []).append(candidate)
    best = [_pick_view(views, policy) for views in by_design.values()]
    return _add_disputes(session, best, tick, policy) if policy.first_wins else best


def view_candidates(
    session: Session,
    picture_sha256: str,
    hits: Sequence[Hit],
    *,
    tick: int,
    policy: Policy,
    looks: Sequence[Seen] = (),
    without: str | None = None,
) -> list[Candidate]:
    """Return one candidate per view, ordered by number. `without` is the id of an owner to leave out."""
    hit_by_view = {hit.view_id: hit for hit in hits}
    look_by_view = {look.view_number: look for look in looks}
    query = _select_views(tick, {*hit_by_view, *look_by_view}, picture_sha256, by_view=policy.first_wins)
    if without is not None:
        query = query.where(Design.owner_id != without)
    of_views = []
    for view, reference, owner, is_disputed in session.execute(query):
        hit, look = hit_by_view.get(view.number), look_by_view.get(view.number)
        is_exact = view.picture_sha256 == picture_sha256
        score = score_view(hit, look, policy, is_exact=is_exact)
        if hit and look and _hashes_stand(hit, look, policy):
            look = None
        if is_exact or look is None:
            method, reasons = _explain_hashes(hit, is_exact=is_exact)
        else:
            method, reasons = _explain_look(look, hit, policy)
        candidate = Candidate(view.design_id, reference, owner, view.number, score, method, reasons)
        placed = look.alignment if look and look.shows else None
        of_views.append(replace(candidate, disputed=is_disputed, priority=view.priority, alignment=placed))
    return of_views


def score_view(hit: Hit | None, look: Seen | None, policy: Policy, *, is_exact: bool) -> float:
    """Return the score in [0, 1] of a view by its hashes and its look.

    An exact copy of the registered file scores 1. A hash score from `hashes_stand` replaces a lower score of
    a look. Otherwise a look replaces the hash score.
    """
    if is_exact:
        return 1.0
    if look is None or (hit and _hashes_stand(hit, look, policy)):
        return hit.score if hit else 0.0
    return _score_look(look, policy)


def _score_look(look: Seen, policy: Policy) -> float:
    """Return the score of a look. Later rivals of other owners cannot lower it below a lookalike.

    A rival may be a copy that the comparison at its registration missed, or a design that fits better. A
    redrawing of the design is at most a lookalike.
    """
    if policy.model is None:
        return 0.0
    model = load_model(policy.model)
    score = model.score(look.numbers)
    if _is_redrawn(look, policy):
        return min(score, _below_match(policy))
    if look.among_earlier is None or not policy.first_wins:
        return score
    return max(score, min(model.score(look.among_earlier), _below_match(policy)))


def _is_redrawn(look: Seen, policy: Policy) -> bool:
    return look.redrawn >= policy.redrawn


def _hashes_stand(hit: Hit, look: Seen, policy: Policy) -> bool:
    """Return whether the score of the hashes replaces the score of the look.

    Hashes are blind to the parts that were redrawn.
    """
    return not _is_redrawn(look, policy) and hit.score >= max(policy.hashes_stand, _score_look(look, policy))


def _pick_view(views: Sequence[Candidate], policy: Policy) -> Candidate:
    """Return the candidate of a design's best view, with the priority of the first view that fits as well."""

    def is_usable(candidate: Candidate) -> bool:
        return policy.first_wins and not candidate.disputed and candidate.score >= policy.lookalike

    best = max(views, key=lambda candidate: (is_usable(candidate), candidate.score))
    fitting = [
        candidate.priority
        for candidate in views
        if candidate.disputed == best.disputed
        and code_for(candidate.score, policy) is code_for(best.score, policy)
    ]
    return replace(best, priority=min(fitting))


def _add_disputes(session: Session, best: Sequence[Candidate], tick: int, policy: Policy) -> list[Candidate]:
    """Return the candidates with the designs to which their views yield, and these designs themselves.

    A picture that shows a later view resembles the earlier design, even if no stage has found the earlier
    view in this picture.
    """
    near = {candidate.design_id: candidate for candidate in best if candidate.score >= policy.lookalike}
    if not near:
        return list(best)
    is_about = Dispute.design_id.in_(near) | Dispute.other_design_id.in_(near)
    query = select(Dispute).where(is_about, Dispute.noticed_tick <= tick).order_by(Dispute.id)
    disputes = session.scalars(query).all()
    pictures = _find_pictures(session, near.values()) if disputes else {}
    elders: dict[str, Candidate] = {}
    for dispute in disputes:
        later_id, earlier_id = dispute.design_id, dispute.other_design_id
        is_in_force = dispute.ended_tick is None or dispute.ended_tick > tick
        if dispute.ended_by == BOTH and not is_in_force:
            _set_beside(near, later_id, earlier_id)
            _set_beside(near, earlier_id, later_id)
        elif is_in_force and later_id in near and dispute.picture_sha256 == pictures[later_id]:
            later = near[later_id]
            near[later_id] = replace(later, yields_to=later.yields_to | {earlier_id})
            elder = _find_elder(session, dispute, later, tick, policy) if earlier_id not in near else None
            if elder is not None and (earlier_id not in elders or elder.score > elders[earlier_id].score):
                elders[earlier_id] = elder
    named = near.keys() | elders.keys()
    others = [candidate for candidate in best if candidate.design_id not in named]
    return [*near.values(), *elders.values(), *others]


def _set_beside(near: dict[str, Candidate], design_id: str, other_id: str) -> None:
    """Let a design stand beside another design, by the operator's ruling that both stand."""
    if (candidate := near.get(design_id)) is not None:
        near[design_id] = replace(candidate, beside=candidate.beside | {other_id})


def _find_pictures(session: Session, candidates: Collection[Candidate]) -> dict[str, str]:
    """Return the SHA-256 of the picture that each candidate's view has, by design id."""
    numbers = [candidate.view_number for candidate in candidates]
    query = select(View.design_id, View.picture_sha256).where(View.number.in_(numbers))
    return {design_id: sha256 for design_id, sha256 in session.execute(query)}  # noqa: C416 - mypy reads rows so


def _below_match(policy: Policy) -> float:
    """Return the highest score of a lookalike."""
    return math.nextafter(policy.match, 0)


def _find_elder(
    session: Session, dispute: Dispute, later: Candidate, tick: int, policy: Policy
) -> Candidate | None:
    """Return the earlier design of a dispute as a candidate of a picture that shows the later view.

    The candidate is a lookalike without a place: no stage has found the earlier view in this picture.
    """
    query = (
        select(View, Design.reference, Organisation.handle)
        .options(defer(View.fingerprint))
        .join(View.design)
        .join(Design.owner)
        .where(
            View.design_id == dispute.other_design_id,
            View.picture_sha256 == dispute.other_picture_sha256,
            live_at(tick),
        )
    )
    row = session.execute(query).first()
    if row is None or row[0].standing == DISPUTED:
        return None
    view, reference, owner = row
    return Candidate(
        design_id=view.design_id,
        reference=reference,
        owner=owner,
        view_number=view.number,
        score=min(later.score, dispute.score, _below_match(policy)),
        method=later.method,
        reasons=(Reason("design.later_copy", 0.7, {"design": later.reference}),),
        priority=view.priority,
    )


def _select_views(
    tick: int, numbers: Collection[int], picture_sha256: str, *, by_view: bool
) -> Select[*tuple[Any, ...]]:
    """Select the views, the facts about their designs, and whether they are disputed, ordered by number.

    Includes the views with these numbers and the views whose registered file has this SHA-256. With
    `by_view`, the standing of the view decides whether it is disputed. Otherwise any dispute of its design
    does, as in the policies of earlier releases.
    """
    of_design = exists().where(
        Dispute.design_id == Design.id, Dispute.verdict == VerdictCode.MATCH, in_force_at(tick)
    )
    disputed = View.standing == DISPUTED if by_view else of_design
    return (
        select(View, Design.reference, Organisation.handle, disputed)
        .options(defer(View.fingerprint))
        .join(View.design)
        .join(Design.owner)
        .where(
            live_at(tick),
            or_(View.number.in_(numbers), View.picture_sha256 == picture_sha256),
        )
        .order_by(View.number)
    )


def _explain_hashes(hit: Hit | None, *, is_exact: bool) -> tuple[str, tuple[Reason, ...]]:
    """Return method and reasons of a view that only its hashes found."""
    if is_exact:
        return "sha256", (Reason("image.exact_copy", 1.0),)
    return (hit.method, _explain_hit(hit)) if hit else ("", ())


def _explain_look(look: Seen, hit: Hit | None, policy: Policy) -> tuple[str, tuple[Reason, ...]]:
    """Return method and reasons of a view that the local stages examined. `hit` is its hash hit, if any."""
    if not look.shows:
        return (hit.method, _explain_hit(hit)) if hit else (LOCAL, ())
    found = [Reason("image.design_found", 0.9, {"points": look.pairs})]
    if _is_redrawn(look, policy):
        found.append(Reason("image.redrawn", 0.95))
    return LOCAL, (*found, *_explain_pose(look.alignment))


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
