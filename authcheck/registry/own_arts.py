"""The arts that an owner has registered already, so that an import can name the near twin of a new design."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.registry.reading import ReadView
from authcheck.registry.tables import Design, View, ViewFeatures
from authcheck.vision.features.thumbnail import Thumbnail
from authcheck.vision.fingerprints.fingerprint import SCHEME
from authcheck.vision.matching.twins import near_records, show_one_art

MOST_COMPARED = 8  # nearest pictures of the owner per new picture


@dataclass(slots=True)
class _Picture:
    """A registered picture. `number` is None before the row is stored, and then `thumbnail` is here."""

    fingerprint: bytes
    reference: str
    number: int | None = None
    thumbnail: bytes = b""


class OwnArts:
    """The live pictures of each owner, read once per transaction, and those that the transaction adds."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pictures: dict[str, list[_Picture]] = {}
        self._added: defaultdict[str, list[_Picture]] = defaultdict(list)

    def add(self, view: View) -> None:
        """Add a view of this transaction, which has `local` and `design` loaded. It need not be stored."""
        if view.local is not None:
            picture = _Picture(view.fingerprint, view.design.reference, thumbnail=view.local.thumbnail)
            self._added[view.design.owner_id].append(picture)

    def find_twin(self, owner_id: str, views: Sequence[ReadView]) -> str:
        """Return the reference of an earlier design of this owner that shows one of these pictures, or ""."""
        if owner_id not in self._pictures:
            self._pictures[owner_id] = self._load(owner_id)
        pictures = [*self._pictures[owner_id], *self._added[owner_id]]
        records = [picture.fingerprint for picture in pictures]
        for view in views:
            thumbnail = Thumbnail.from_bytes(view.local.thumbnail)
            record = view.fingerprint.reference().to_bytes()
            for place, turned in near_records(record, thumbnail, records)[:MOST_COMPARED]:
                copy = self._read_copy(pictures[place])
                if copy and show_one_art(turned, Thumbnail.from_bytes(copy)):
                    return pictures[place].reference
        return ""

    def _load(self, owner_id: str) -> list[_Picture]:
        query = (
            select(View.fingerprint, Design.reference, View.number)
            .join(View.design)
            .where(Design.owner_id == owner_id, View.removed_tick.is_(None), View.scheme == SCHEME)
            .order_by(View.number)
        )
        return [_Picture(*row) for row in self._session.execute(query)]

    def _read_copy(self, picture: _Picture) -> bytes:
        if picture.number is None:
            return picture.thumbnail
        query = select(ViewFeatures.thumbnail).where(ViewFeatures.view_number == picture.number)
        return self._session.scalar(query) or b""
