"""Comparison of new views with the views of other owners, by the same stages as a check."""

from collections.abc import Mapping, Sequence
from itertools import chain

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.checks.answers import DESIGNS, HITS_PER_DESIGN
from authcheck.checks.candidates import candidates, score_view
from authcheck.checks.finder import Finder, Seen, hints_of, known_view, seen_in
from authcheck.checks.verdicts import Policy, VerdictCode, code_for
from authcheck.registry.comparison import Compared, Similar, Similarity
from authcheck.registry.live_hashes import Hits
from authcheck.registry.tables import Design, View
from authcheck.storage.database import Database
from authcheck.storage.parameters import in_chunks
from authcheck.vision.features import extract
from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.fingerprints.gallery import Gallery, Hit
from authcheck.vision.matching import matcher
from authcheck.vision.matching.backdrops import Backdrop
from authcheck.vision.matching.matcher import Question
from authcheck.vision.matching.score import load_model
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.matching.votes import Pose
from authcheck.vision.pictures.decode import Limits, open_picture

HITS = DESIGNS * HITS_PER_DESIGN  # per standing
MOST_HITS = 4096  # of one search, even if the owner's own views fill its whole result


class PictureComparer:
    """Implements `registry.comparison.Comparer` with the indexes and the policy of this process."""

    def __init__(self, database: Database, finder: Finder, policy: Policy, limits: Limits) -> None:
        self._database, self._finder, self._policy, self._limits = database, finder, policy, limits

    @property
    def policy(self) -> str:
        """Implement `Comparer`."""
        return self._policy.name

    def compare(self, data: bytes, fingerprint: Fingerprint, sha256: str, owner_id: str | None) -> Compared:
        """Implement `Comparer`.

        All stages run, even when the hashes are sure of one view: that view may be withdrawn one day.
        """
        policy = self._policy
        tick, hits = self._search_hashes(fingerprint, owner_id)
        looks: Sequence[Seen] = ()
        if policy.model is not None:
            looks = self._finder.look(
                self._database,
                data,
                self._limits,
                hits=hits,
                model=load_model(policy.model),
                enough=policy.match,
                without=owner_id,
            )
        with self._database.reading() as session:
            ranked = candidates(
                session,
                sha256,
                list(chain.from_iterable(hits.values())),
                tick=tick,
                policy=policy,
                looks=looks,
                without=owner_id,
            )
        return Compared(
            policy.name,
            tick,
            tuple(
                Similarity(candidate.view_number, code_for(candidate.score, policy).value, candidate.score)
                for candidate in ranked
                if candidate.score >= policy.lookalike
            ),
        )

    def _search_hashes(self, fingerprint: Fingerprint, owner_id: str | None) -> tuple[int, Hits]:
        """Return the hits without the owner's views.

        The search asks for more while the owner's views fill the result.
        """
        count = HITS
        while True:
            with self._database.reading() as session:
                tick, hits = self._finder.by_hashes(session, fingerprint, count)
                own = _find_own(session, hits, owner_id)
            others = {
                standing: [hit for hit in hits_there if hit.view_id not in own]
                for standing, hits_there in hits.items()
            }
            is_full = any(
                len(hits[standing]) == count and len(hits_there) < HITS
                for standing, hits_there in others.items()
            )
            if not is_full or count >= MOST_HITS:
                return tick, {standing: hits_there[:HITS] for standing, hits_there in others.items()}
            count *= 8

    def compare_with(
        self, data: bytes, fingerprint: Fingerprint, sha256: str, views: Sequence[View]
    ) -> list[Similar]:
        """Implement `Comparer`."""
        shelf = _Views(views)
        hits = shelf.search_hashes(fingerprint)
        looks: Mapping[int, Seen] = {}
        if self._policy.model is not None and views:
            model = load_model(self._policy.model)
            picture = open_picture(data, self._limits, detail_px=extract.PICTURE_DETAIL_PX)
            examination = matcher.examine(
                Submitted.of(picture),
                shelf.search_features,
                shelf,
                hints_of(hits),
                lambda numbers: model.score(numbers) >= self._policy.match,
            )
            looks = {look.view_number: look for look in seen_in(examination)}
        by_view = {hit.view_id: hit for hit in hits}
        best: dict[str, Similar] = {}
        for key, view in enumerate(views):
            is_exact = view.picture_sha256 == sha256
            score = score_view(by_view.get(key), looks.get(key), self._policy, is_exact=is_exact)
            code = code_for(score, self._policy)
            known = best.get(view.design_id)
            if code is not VerdictCode.NONE and (known is None or score > known.score):
                best[view.design_id] = Similar(view, code.value, score)
        return list(best.values())


def _find_own(session: Session, hits: Hits, owner_id: str | None) -> set[int]:
    """Return the numbers of the owner's views among the hits."""
    numbers = [hit.view_id for hit in chain.from_iterable(hits.values())] if owner_id else []
    own: set[int] = set()
    for chunk in in_chunks(numbers):
        query = select(View.number).join(View.design).where(View.number.in_(chunk))
        own.update(session.scalars(query.where(Design.owner_id == owner_id)))
    return own


class _Views:
    """A few views as indexes and as `matcher.Shelf`. Keys are places in the sequence."""

    def __init__(self, views: Sequence[View]) -> None:
        self._known = {
            key: known_view(key, view, view.local, view.design.owner_id)
            for key, view in enumerate(views)
            if view.local is not None
        }
        self._gallery, self._index = Gallery(), FiledFeatureIndex()
        self._gallery.add(range(len(views)), [view.fingerprint for view in views])
        self._index.add(list(self._known), [known.features for known in self._known.values()])

    def search_hashes(self, query: Fingerprint) -> list[Hit]:
        return self._gallery.search(query, HITS)

    def search_features(self, question: Question) -> list[Pose]:
        return question(self._index, {})

    def views(self, keys: Sequence[int]) -> Mapping[int, Known]:
        """Implement `matcher.Shelf`."""
        return {key: self._known[key] for key in keys if key in self._known}

    def backdrops(self, keys: Sequence[int]) -> Mapping[int, Backdrop]:  # noqa: ARG002 - the protocol's
        """Implement `matcher.Shelf`. Negative pictures do not count among new views."""
        return {}
