"""Renewal of the fingerprints and features that an earlier release computed, from the stored pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.errors import AuthcheckError, Rejected, StorageFailed
from authcheck.registry.clock import lock_registry
from authcheck.registry.features import renew_features
from authcheck.registry.negatives import read_negative
from authcheck.registry.tables import Design, NegativePicture, View, ViewFeatures
from authcheck.storage.database import Database
from authcheck.storage.pictures import PictureStore
from authcheck.vision.features.features import SCHEME
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.pictures.decode import Limits


@dataclass(frozen=True, slots=True)
class Renewed:
    """A picture that was read again. `error` says why that failed. It is None after a success."""

    name: str
    error: AuthcheckError | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """The numbers of the pictures whose fingerprint or local features are missing or of another scheme."""

    views: Sequence[int]
    negatives: Sequence[int]

    def __len__(self) -> int:
        return len(self.views) + len(self.negatives)

    def run(self, database: Database, store: PictureStore, limits: Limits) -> Iterator[Renewed]:
        """Renew the pictures one by one, each in its own transaction. Yields one result per picture.

        Finished pictures stay renewed. A picture that is rejected, lost or altered gives a result with an
        error, and the others go on. Raises Unavailable when the database fails.
        """
        for number in self.views:
            yield _renew_view(database, store, limits, number)
        for number in self.negatives:
            yield _renew_negative(database, store, limits, number)


def find_stale(session: Session) -> Renewal:
    """Find the pictures to renew among those that take part in checks."""
    views = (
        select(View.number)
        .outerjoin(View.local)
        .where(
            View.removed_tick.is_(None),
            or_(
                View.scheme != fingerprint.SCHEME,
                ViewFeatures.view_number.is_(None),
                ViewFeatures.scheme != SCHEME,
            ),
        )
        .order_by(View.number)
    )
    negatives = (
        select(NegativePicture.number)
        .where(NegativePicture.removed_tick.is_(None), NegativePicture.scheme != SCHEME)
        .order_by(NegativePicture.number)
    )
    return Renewal(session.scalars(views).all(), session.scalars(negatives).all())


def _renew_view(database: Database, store: PictureStore, limits: Limits, number: int) -> Renewed:
    options = joinedload(View.design).joinedload(Design.owner), joinedload(View.local)
    with database.reading() as session:
        view = session.get_one(View, number, options=options)
    name = f"{view.design.reference} of {view.design.owner.handle}, picture {view.picture_sha256[:12]}"
    try:
        data = store.get(view.picture_sha256)
        _, hashes = fingerprint.read(data, limits)
        local = renew_features(data, limits, view.local, view.design.kind)
    except (Rejected, StorageFailed) as error:
        return Renewed(name, error)
    with database.writing() as session:
        lock_registry(session)
        row = session.get_one(View, number, options=options)
        row.scheme, row.fingerprint = hashes.scheme, hashes.reference().to_bytes()
        if row.local is None:
            row.local = local.entity()
        else:
            local.write_to(row.local)
    return Renewed(name)


def _renew_negative(database: Database, store: PictureStore, limits: Limits, number: int) -> Renewed:
    with database.reading() as session:
        negative = session.get_one(NegativePicture, number)
    name = f"negative picture {number}"
    try:
        read = read_negative(store.get(negative.picture_sha256), limits)
    except (Rejected, StorageFailed) as error:
        return Renewed(name, error)
    with database.writing() as session:
        lock_registry(session)
        row = session.get_one(NegativePicture, number)
        row.scheme, row.record = SCHEME, read.record
    return Renewed(name)
