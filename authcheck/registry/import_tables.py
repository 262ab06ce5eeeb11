"""Tables of bulk registration: reports of imports, and the files that people drop in the browser."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.entity import Entity


class Import(Entity):
    """A bulk import and its report. `rows` has one entry per imported row."""

    __tablename__ = "imports"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    created_at: Mapped[datetime]
    dry_run: Mapped[bool]
    counts: Mapped[dict[str, Any]]
    rows: Mapped[list[Any]]


class Drop(Entity):
    """Files that a person sends to register designs from, with at most one table of designs.

    `state` is `open` (files are registered as they come), `columns` (the table's owner must say which column
    is which) or `held` (the table's rows wait until their pictures are there). `dropped_by` is the id of the
    person. `agent_id` and `appointment_id` name the agent who acts for the organisation. `kind`,
    `collection` and `public_preview` are those of files without a row in the table. `table_sha256` names the
    table in the spool, where it has `table_bytes` until it is forgotten. `columns` maps the names of its
    columns to ours. `last_number` is that of the newest file.
    """

    __tablename__ = "drops"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    dropped_by: Mapped[str] = mapped_column(String(64))
    agent_id: Mapped[str | None] = mapped_column(ForeignKey(Organisation.id))
    appointment_id: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(20))
    collection: Mapped[str | None] = mapped_column(String(200))
    public_preview: Mapped[bool]
    table_name: Mapped[str | None] = mapped_column(String(300))
    table_sha256: Mapped[str | None] = mapped_column(String(64))
    table_bytes: Mapped[int] = mapped_column(BigInteger)
    columns: Mapped[dict[str, Any]]
    last_number: Mapped[int]


class DropFile(Entity):
    """A file of a drop, or a row of its table. `number` counts from 1.

    `state` is `held` (a picture that its table has not asked for yet), `waiting`, `working`, `registered`,
    `already_yours`, `disputed`, `refused`, `part` (a further picture of an earlier file's design), `twice`
    (the same bytes under another name) or `left_out` (no picture, or not named in the table). `size_bytes` is
    0 after the file has left the spool. `row` is the row of the table that names the file first, as
    `drop_rows.row_json` writes it. A process that registers the file writes `claim` and `claimed_at`, and
    counts `attempts`. `report` is a `RowReport`. `seen` is the number of listings of before the registration
    that show the picture, None until somebody has looked. `report["listings"]` are their ids.
    """

    __tablename__ = "drop_files"
    __table_args__ = (
        Index(None, "drop_id", "sha256"),
        Index(None, "drop_id", "state", "number"),
        Index(None, "state", "drop_id"),
        Index(None, "seen", "state"),
    )

    drop_id: Mapped[str] = mapped_column(ForeignKey("drops.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(300))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(15))
    row: Mapped[dict[str, Any]]
    attempts: Mapped[int]
    claim: Mapped[str | None] = mapped_column(String(40))
    claimed_at: Mapped[datetime | None]
    design_id: Mapped[str | None] = mapped_column(ForeignKey(Design.id))
    report: Mapped[dict[str, Any]]
    seen: Mapped[int | None]
