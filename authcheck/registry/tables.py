"""Tables of the registry: designs, their views and features, negative pictures, disputes.

No row is deleted. A retired design and a removed view keep their rows, so that an earlier check can be
replayed against the registry of its time.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    event,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.ids import searchable
from authcheck.members.tables import Organisation
from authcheck.storage.entity import Entity, Number

MATCH = "match"  # the verdict of a dispute; the other verdict is lookalike
CLEAR, NEAR, DISPUTED = STANDINGS = ("clear", "near", "disputed")  # of a view


class Design(Entity):
    """A registered design. `state` is registered, disputed or retired.

    `reference` is the owner's own id of the design. `collection` is the owner's name for a group of designs
    that are licensed together. `salt` is that of the words' hash in the newest ledger entry with such a hash.
    It is None if that entry is of an earlier release. `words` are title, reference and collection as
    `searchable` writes them, for searches. Each change of the row writes them again.
    """

    __tablename__ = "designs"
    __table_args__ = (
        UniqueConstraint("owner_id", "reference"),
        Index(None, "owner_id", "collection"),
        Index(None, "owner_id", "id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    reference: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(20))
    collection: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20))
    public_preview: Mapped[bool]
    registered_at: Mapped[datetime]
    registered_tick: Mapped[int] = mapped_column(BigInteger)
    retired_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer)
    salt: Mapped[str | None] = mapped_column(String(32))
    # Never null: older rows were filled in, but SQLite adds no NOT NULL column to a table with rows.
    words: Mapped[str] = mapped_column(Text, nullable=True)

    owner: Mapped["Organisation"] = relationship(lazy="raise")
    views: Mapped[list["View"]] = relationship(lazy="raise", order_by="View.number", back_populates="design")
    disputes: Mapped[list["Dispute"]] = relationship(
        lazy="raise", order_by="Dispute.id", foreign_keys="Dispute.design_id", back_populates="design"
    )
    rivals: Mapped[list["Dispute"]] = relationship(
        lazy="raise", order_by="Dispute.id", foreign_keys="Dispute.other_design_id", viewonly=True
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict


@event.listens_for(Design, "before_insert")
@event.listens_for(Design, "before_update")
def _write_words(_mapper: object, _connection: object, design: Design) -> None:
    words = searchable("\n".join((design.title, design.reference, design.collection or "")))
    if words != design.words:
        design.words = words


class View(Entity):
    """One picture of a design and its fingerprint. Only `removed_tick` and `compared_by` ever change.

    The view takes part in checks from registry tick `added_tick` up to, but not including, `removed_tick`.
    `standing` is `clear`, `near` (an earlier view of another owner is similar) or `disputed` (an earlier view
    of another owner shows the same). A change of mask or standing replaces the view: `since` is then the
    number of the view with which the picture first entered the design, otherwise None. `compared_by` is the
    policy by which the view was compared with other owners' views, None before the comparison.
    """

    __tablename__ = "views"
    __table_args__ = (
        Index(None, "design_id", "picture_sha256"),
        Index(None, "added_tick"),
        Index(None, "removed_tick"),
    )

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    design_id: Mapped[str] = mapped_column(ForeignKey("designs.id"))
    picture_sha256: Mapped[str] = mapped_column(String(64), index=True)
    picture_format: Mapped[str] = mapped_column(String(10))
    width_px: Mapped[int]
    height_px: Mapped[int]
    scheme: Mapped[str] = mapped_column(String(20))
    fingerprint: Mapped[bytes]
    added_at: Mapped[datetime]
    added_tick: Mapped[int] = mapped_column(BigInteger)
    removed_tick: Mapped[int | None] = mapped_column(BigInteger)
    standing: Mapped[str] = mapped_column(String(10))
    since: Mapped[int | None] = mapped_column(BigInteger)
    compared_by: Mapped[str | None] = mapped_column(String(40))

    @property
    def priority(self) -> int:
        """Return the place of the picture in the order of the ledger. The lower priority is the earlier."""
        return self.number if self.since is None else self.since

    design: Mapped["Design"] = relationship(lazy="raise", back_populates="views")
    local: Mapped["ViewFeatures | None"] = relationship(lazy="raise", back_populates="view")


class ViewFeatures(Entity):
    """The data of a view for the local stages. It has its own table because it is large.

    `record` has the local features (`Features.to_bytes`) of the scheme `scheme`. `mask` is the present
    foreground mask as a PNG of one bit per pixel. It is None when the whole picture belongs to the design.
    `mask_source` is automatic, uploaded or None. `findability` says how well checks can find the design by
    its parts (`Findability.to_json`). `thumbnail` is a small copy for comparing pixels
    (`vision.features.thumbnail`). It is transparent outside the mask.
    """

    __tablename__ = "view_features"

    view_number: Mapped[int] = mapped_column(
        ForeignKey("views.number"), primary_key=True, autoincrement=False
    )
    scheme: Mapped[str] = mapped_column(String(20), index=True)
    record: Mapped[bytes]
    thumbnail: Mapped[bytes]
    mask: Mapped[bytes | None]
    mask_source: Mapped[str | None] = mapped_column(String(20))
    findability: Mapped[dict[str, Any]]

    view: Mapped["View"] = relationship(lazy="raise", back_populates="local")


class ViewEmbedding(Entity):
    """The vector of a view by the neural model `model`. Rows exist only if the operator has set a model.

    `vector` is float16, of norm 1. It takes part in checks from registry tick `added_tick` until its view is
    removed.
    """

    __tablename__ = "view_embeddings"
    __table_args__ = (Index(None, "model", "added_tick"),)

    view_number: Mapped[int] = mapped_column(
        ForeignKey("views.number"), primary_key=True, autoincrement=False
    )
    model: Mapped[str] = mapped_column(String(40), primary_key=True)
    vector: Mapped[bytes]
    added_tick: Mapped[int] = mapped_column(BigInteger)

    view: Mapped["View"] = relationship(lazy="raise")


class NegativePicture(Entity):
    """A picture whose content is never evidence for a design.

    Examples are a backdrop, a packshot's background and a marketplace's frame. The picture applies to the
    designs of the owner `owner_id`, or to all designs if `owner_id` is None. It takes part in checks from
    registry tick `added_tick` up to, but not including, `removed_tick`.
    """

    __tablename__ = "negative_pictures"
    __table_args__ = (Index(None, "added_tick"), Index(None, "removed_tick"))

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    owner_id: Mapped[str | None] = mapped_column(ForeignKey(Organisation.id))
    label: Mapped[str] = mapped_column(String(200))
    picture_sha256: Mapped[str] = mapped_column(String(64), index=True)
    scheme: Mapped[str] = mapped_column(String(20))
    record: Mapped[bytes]
    added_at: Mapped[datetime]
    added_tick: Mapped[int] = mapped_column(BigInteger)
    removed_tick: Mapped[int | None] = mapped_column(BigInteger)


class Dispute(Entity):
    """A view that shows, or resembles, an earlier view of another owner.

    `verdict` is `match` (the view is disputed) or `lookalike` (the view only resembles the earlier view, and
    both owners are told). `holds_design` says that the whole design is disputed, because the other design is
    the older one. The dispute takes part in checks from registry tick `noticed_tick` up to, but not
    including, `ended_tick`. `ended_by` says how it ended: `withdrawn` (one of the two views was removed or
    retired), `revised` (a later release compared again), or the operator's ruling: `earlier`, `later` or
    `both`, for the owners that keep their views. `reason` is the operator's. Disputes of an earlier release
    lack the pictures until `db upgrade` has compared the views again.
    """

    __tablename__ = "disputes"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    design_id: Mapped[str] = mapped_column(ForeignKey("designs.id"), index=True)
    other_design_id: Mapped[str] = mapped_column(ForeignKey("designs.id"), index=True)
    picture_sha256: Mapped[str | None] = mapped_column(String(64))
    other_picture_sha256: Mapped[str | None] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(20))
    holds_design: Mapped[bool]
    score: Mapped[float]
    reasons: Mapped[list[Any]]
    noticed_at: Mapped[datetime]
    noticed_tick: Mapped[int] = mapped_column(BigInteger)
    ended_at: Mapped[datetime | None]
    ended_tick: Mapped[int | None] = mapped_column(BigInteger)
    ended_by: Mapped[str | None] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(1000))

    design: Mapped["Design"] = relationship(lazy="raise", foreign_keys=[design_id], back_populates="disputes")
    other: Mapped["Design"] = relationship(lazy="raise", foreign_keys=[other_design_id])
    statements: Mapped[list["DisputeStatement"]] = relationship(
        lazy="raise", order_by="DisputeStatement.number"
    )
    rulings: Mapped[list["DisputeRuling"]] = relationship(lazy="raise", order_by="DisputeRuling.number")


class DisputeStatement(Entity):
    """What an owner says in a dispute, from number 1. `side` is earlier or later, for the owner's picture.

    `document_sha256` names a stored document, "" without one. `made_by` is the id of a person or a key.
    """

    __tablename__ = "dispute_statements"

    dispute_id: Mapped[str] = mapped_column(ForeignKey(Dispute.id), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    side: Mapped[str] = mapped_column(String(8))
    is_appeal: Mapped[bool]
    text: Mapped[str] = mapped_column(Text())
    document_sha256: Mapped[str] = mapped_column(String(64))
    document_type: Mapped[str] = mapped_column(String(20))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(64))


class DisputeRuling(Entity):
    """The operator's ruling in a dispute, number 1, and number 2 after an appeal.

    `ruling` is earlier, later or both. A final ruling can not be appealed against. `heard` is the number of
    statements that were there. `ruled_by` is the id of a person or a key, "" for the terminal.
    """

    __tablename__ = "dispute_rulings"

    dispute_id: Mapped[str] = mapped_column(ForeignKey(Dispute.id), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ruling: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(1000))
    is_final: Mapped[bool]
    heard: Mapped[int]
    ruled_at: Mapped[datetime]
    ruled_by: Mapped[str] = mapped_column(String(64))


class RegistryClock(Entity):
    """A table of one row that counts the registry's changes. The row's lock makes ticks visible in order.

    `registry_id` identifies the registry, so that no process fills its index from the files of another
    registry.
    """

    __tablename__ = "registry_clock"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tick: Mapped[int] = mapped_column(BigInteger)
    registry_id: Mapped[str] = mapped_column(String(40))
