"""All parts that a process works with, opened once from the settings."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Self

from sqlalchemy.orm import Session

from authcheck.checks.comparing import PictureComparer
from authcheck.checks.finder import Finder
from authcheck.checks.policies import CURRENT_POLICY, FAST_POLICY, POLICIES, Policy
from authcheck.config import Settings, load
from authcheck.licences.exclusivity import refuse_joining
from authcheck.members.domains import Outside
from authcheck.proofs.outside.internet import Internet
from authcheck.registry.bulk import Importer
from authcheck.registry.embeddings import NeuralCandidates, fill_embeddings
from authcheck.registry.joining import ASK
from authcheck.registry.recomparison import Recomparison, find_uncompared
from authcheck.scans.limits import CloneLimits, parse_limits
from authcheck.storage.database import Database
from authcheck.storage.documents import document_store
from authcheck.storage.opening import utc_now
from authcheck.storage.pictures import PictureStore
from authcheck.storage.working_copies import Copies
from authcheck.vision.pictures.decode import Limits


@dataclass(frozen=True, slots=True)
class Workspace:
    """The database, the search indexes, the stored pictures and the policy of this process."""

    settings: Settings
    database: Database
    finder: Finder
    store: PictureStore
    documents: PictureStore
    copies: Copies
    limits: Limits
    policy: Policy
    clone_limits: CloneLimits
    outside: Outside

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open all parts. Raises StorageFailed, DatabaseBusy, Unavailable or BadSetting."""
        clone_limits = parse_limits(settings.clone_limits)
        neural = NeuralCandidates.open(settings)  # first: a wrong setting must leave no open database behind
        return cls(
            settings,
            Database.open(settings, {ASK: refuse_joining}),
            Finder(settings.index_dir, neural),
            PictureStore(settings.pictures_dir),
            document_store(settings),
            Copies(
                settings.submissions_dir, days=settings.evidence_days, max_bytes=settings.evidence_max_bytes
            ),
            Limits(settings.max_picture_bytes, settings.max_picture_pixels),
            FAST_POLICY if settings.fast else CURRENT_POLICY,
            clone_limits,
            Internet(),
        )

    def describe_new(self) -> None:
        """Describe the registered pictures that the optional neural model has not described yet.

        Raises Unavailable, BadSetting (`neural.model_output`).
        """
        if self.finder.neural is not None:
            fill_embeddings(self.database, self.store, self.limits, self.finder.neural.descriptor)

    def comparer(self) -> PictureComparer:
        """Return what compares new pictures with registered views, by the stages of a check."""
        return PictureComparer(self.database, self.finder, self.store, self.policy, self.limits)

    def find_uncompared(self, session: Session) -> Recomparison:
        """Find the registered pictures that were not compared with other owners' pictures by all stages."""
        by_hashes = [policy.name for policy in POLICIES.values() if policy.model is None]
        return find_uncompared(session, by_hashes if self.policy.model else ())

    def importer(self, place: Callable[[], AbstractContextManager[None]] = nullcontext) -> Importer:
        """Return a bulk importer into this workspace. It holds a `place` while it reads a picture."""
        return Importer(
            self.database,
            self.comparer(),
            self.store,
            limits=self.limits,
            now=utc_now,
            place=place,
        )


@contextmanager
def open_workspace(*, fast: bool = False) -> Iterator[Workspace]:
    """Open the workspace that the environment names, and close it at the end of the block.

    With `fast`, checks compare hashes only, whatever the environment says. Raises as `Workspace.open`.
    """
    settings = load()
    work = Workspace.open(settings.model_copy(update={"fast": True}) if fast else settings)
    try:
        yield work
    finally:
        work.database.dispose()
