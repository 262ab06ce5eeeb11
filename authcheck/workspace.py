"""The parts a process works with, opened once from the settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from authcheck.config import Settings, load
from authcheck.database import Database
from authcheck.images.decode import Limits
from authcheck.pictures import PictureStore
from authcheck.registry.bulk import Importer
from authcheck.registry.live import LiveGallery
from authcheck.verdicts import CURRENT_POLICY, Policy


@dataclass(frozen=True, slots=True)
class Workspace:
    """Database, index, pictures and rules of this process."""

    settings: Settings
    database: Database
    live: LiveGallery
    store: PictureStore
    limits: Limits
    policy: Policy

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Raises StorageFailed, DatabaseBusy, Unavailable or BadSetting."""
        return cls(
            settings,
            Database.open(settings),
            LiveGallery(),
            PictureStore(settings.pictures_dir),
            Limits(settings.max_picture_bytes, settings.max_picture_pixels),
            CURRENT_POLICY,
        )

    def importer(self) -> Importer:
        """A bulk importer into this workspace."""
        return Importer(
            self.database, self.live, self.store, policy=self.policy, limits=self.limits, now=utc_now
        )


@contextmanager
def open_workspace() -> Iterator[Workspace]:
    """The workspace that this process's environment names, closed at the end. Raises as `Workspace.open`."""
    work = Workspace.open(load())
    try:
        yield work
    finally:
        work.database.dispose()


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)
