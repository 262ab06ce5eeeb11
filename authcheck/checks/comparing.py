"""Comparison of new views with the views of other owners, by the same stages as a check."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.checks.answers import DESIGNS, HITS_PER_DESIGN
from authcheck.checks.candidates import WHOLE, score_view, view_candidates
from authcheck.checks.finder import Finder, Seen, hints_of, known_view, read_submitted, seen_in
from authcheck.checks.policies import Policy
from authcheck.checks.verdicts import VerdictCode, code_for
from authcheck.errors import ImageRejected, NotFound, StorageFailed
from authcheck.registry.clock import current_tick
from authcheck.registry.comparison import Compared, NewPicture, Similar, Similarity
from authcheck.registry.live_hashes import Hits
from authcheck.registry.tables import Design, View
from authcheck.storage.database import Database
from authcheck.storage.parameters import in_chunks
from authcheck.storage.pictures import PictureStore
from authcheck.vision.features.features import Features
from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.fingerprints.gallery import Gallery
from authcheck.vision.matching import matcher
from authcheck.vision.matching.backdrops import Backdrop
from authcheck.vision.matching.matcher import Examined, Hint
from authcheck.vision.matching.score import NUMBERS, Model, Vector, load_model
from authcheck.vision.matching.subjects import Known, Submitted
from authcheck.vision.pictures.decode import Limits

HITS = DESIGNS * HITS_PER_DESIGN  # per standing
BLOCKS, GREY = NUMBERS.index("blocks"), NUMBERS.index("grey")
PROMISING = 0.5  # share of agreeing blocks from which a second view is tried as the whole of a part
VERBATIM = 0.7  # correlation of the grey pixels of a part with the picture that it was cut from
MOST_HITS = 4096  # of one search, even if the owner's own views fill its whole result
log = logging.getLogger("authcheck.comparing")


class PictureComparer:
    """Implements `registry.comparison.Comparer` with the indexes and the policy of this process."""

    def __init__(
        self, database: Database, finder: Finder, store: PictureStore, policy: Policy, limits: Limits
    ) -> None:
        self._database, self._finder, self._store = database, finder, store
        self._policy, self._limits = policy, limits

    @property
    def policy(self) -> str:
        """Implement `Comparer`."""
        return self._policy.name

    def compare(self, picture: NewPicture, owner_id: str | None) -> Compared:
        """Implement `Comparer`.

        All stages run, even when the hashes are sure of one view: that view may be withdrawn one day.
        """
        policy = self._policy
        if (empty_tick := self._tick_without_others(owner_id)) is not None:
            return Compared(policy.name, empty_tick, ())
        tick, hits = self._search_hashes(picture.fingerprint, owner_id)
        looks: list[Seen] = []
        submitted = None
        if policy.model is not None:
            submitted = read_submitted(picture.data, self._limits)
            looks = self._finder.look(
                self._database,
                picture.data,
                self._limits,
                hits=hits,
                model=load_model(policy.model),
                enough=policy.match,
                without=owner_id,
                submitted=submitted,
            )
        with self._database.reading() as session:
            views = view_candidates(
                session,
                picture.sha256,
                list(chain.from_iterable(hits.values())),
                tick=tick,
                policy=policy,
                looks=looks,
                without=owner_id,
            )
        similar = {
            candidate.view_number: Similarity(
                candidate.view_number, code_for(candidate.score, policy).value, candidate.score
            )
            for candidate in views
            if candidate.score >= policy.lookalike
        }
        if all(similarity.verdict != VerdictCode.MATCH for similarity in similar.values()):
            similar |= {whole.number: whole for whole in self._find_wholes(picture, looks)}
        return Compared(policy.name, tick, tuple(similar.values()), submitted)

    def _tick_without_others(self, owner_id: str | None) -> int | None:
        """Return the registry's tick if no other owner has a live view, else None."""
        others = select(View.number).join(View.design).where(View.removed_tick.is_(None))
        if owner_id is not None:
            others = others.where(Design.owner_id != owner_id)
        with self._database.snapshot() as session:
            tick = current_tick(session)
            return tick if session.scalar(others.limit(1)) is None else None

    def _find_wholes(self, picture: NewPicture, looks: Sequence[Seen]) -> Iterator[Similarity]:
        """Yield the views of which the picture is a part: their stored pictures show it.

        A part shows too little of the view for a match. The view's picture shows the whole part. Two looks
        are tried, because each costs a fifth of a second: the surest, and one more if its pixels agree.
        """
        if self._policy.model is None:
            return
        model = load_model(self._policy.model)
        surest_first = sorted(looks, key=lambda look: -model.score(look.numbers))
        promising = [look for look in surest_first[1:] if look.numbers[BLOCKS] >= PROMISING]
        for look in (*surest_first[:1], *promising[:1]):
            score = self._score_part(picture, look.view_number, model)
            if score >= self._policy.match:
                yield Similarity(look.view_number, VerdictCode.MATCH.value, score)

    def _score_part(self, picture: NewPicture, number: int, model: Model) -> float:
        """Return the score of the picture as a part of a view's picture. A part agrees pixel by pixel."""
        with self._database.reading() as session:
            sha256 = session.scalars(select(View.picture_sha256).where(View.number == number)).one()
        try:
            whole = read_submitted(self._store.get(sha256), self._limits)
        except (ImageRejected, NotFound, StorageFailed) as error:
            log.warning("cannot compare with picture %s: %s", sha256, error)
            return 0.0
        part = Known(
            0,
            "",
            "",
            Features.from_bytes(picture.record),
            picture.thumbnail,
            picture.width_px,
            picture.height_px,
        )
        views = _FewViews()
        views.add(part)
        examination = views.examine(whole, (), lambda _: True)
        return max(
            (
                model.score(numbers)
                for numbers in examination.numbers
                if numbers[BLOCKS] >= WHOLE and numbers[GREY] >= VERBATIM
            ),
            default=0.0,
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

    def new_views(self) -> "MemoryViews":
        """Implement `Comparer`."""
        return MemoryViews(self._policy, self._limits)


def _find_own(session: Session, hits: Hits, owner_id: str | None) -> set[int]:
    """Return the numbers of the owner's views among the hits."""
    numbers = [hit.view_id for hit in chain.from_iterable(hits.values())] if owner_id else []
    own: set[int] = set()
    for chunk in in_chunks(numbers):
        query = select(View.number).join(View.design).where(View.number.in_(chunk))
        own.update(session.scalars(query.where(Design.owner_id == owner_id)))
    return own


class _FewViews:
    """A few views in memory, as an index of features and as `matcher.Shelf`."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self._index = FiledFeatureIndex()
        self._without: str | None = None

    def add(self, known: Known) -> None:
        """Add a view under its key."""
        self._known[known.key] = known
        self._index.add([known.key], [known.features])

    def examine(
        self,
        submitted: Submitted,
        hints: Sequence[Hint],
        enough: Callable[[Vector], bool],
        without: str | None = None,
    ) -> Examined:
        """Run the local stages on these views, without those of an owner."""
        self._without = without
        return matcher.examine(submitted, lambda ask: ask(self._index, {}), self, hints, enough)

    def views(self, keys: Sequence[int]) -> Mapping[int, Known]:
        """Implement `matcher.Shelf`."""
        views = {key: self._known[key] for key in keys if key in self._known}
        return {key: view for key, view in views.items() if view.owner != self._without}

    def backdrops(self, keys: Sequence[int]) -> Mapping[int, Backdrop]:  # noqa: ARG002 - the protocol's
        """Implement `matcher.Shelf`. Negative pictures do not count here."""
        return {}


class MemoryViews:
    """Implements `registry.comparison.NewViews` in memory. It is the Shelf of its own comparisons."""

    def __init__(self, policy: Policy, limits: Limits) -> None:
        self._policy, self._limits = policy, limits
        self._views: list[View] = []
        self._gallery, self._few = Gallery(), _FewViews()

    def add(self, view: View) -> None:
        """Implement `NewViews`."""
        self._views.append(view)

    def _fill_indexes(self) -> None:
        """Add the views that are not in the indexes yet. An import for one owner never needs them."""
        for key in range(len(self._gallery), len(self._views)):
            view = self._views[key]
            self._gallery.add([key], [view.fingerprint])
            if view.local is not None:
                self._few.add(known_view(key, view, view.local, view.design.owner_id))

    def compare(
        self, picture: NewPicture, without: str | None, submitted: Submitted | None = None
    ) -> list[Similar]:
        """Implement `NewViews`."""
        policy = self._policy
        others = {key for key, view in enumerate(self._views) if view.design.owner_id != without}
        if not others:
            return []
        self._fill_indexes()
        own_count = len(self._views) - len(others)
        hits = self._gallery.search(picture.fingerprint, HITS + own_count)
        hits = [hit for hit in hits if hit.view_id in others][:HITS]
        looks: Mapping[int, Seen] = {}
        if policy.model is not None:
            model = load_model(policy.model)
            examination = self._few.examine(
                submitted or read_submitted(picture.data, self._limits),
                hints_of(hits),
                lambda numbers: model.score(numbers) >= policy.match,
                without,
            )
            looks = {look.view_number: look for look in seen_in(examination)}
        by_view = {hit.view_id: hit for hit in hits}
        similar = []
        for key in sorted(others):
            view = self._views[key]
            is_exact = view.picture_sha256 == picture.sha256
            score = score_view(by_view.get(key), looks.get(key), policy, is_exact=is_exact)
            if score >= policy.lookalike:
                similar.append(Similar(view, code_for(score, policy).value, score))
        return similar
