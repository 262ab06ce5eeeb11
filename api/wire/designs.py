"""Designs, imports and negative pictures, in JSON, for their owner."""

from datetime import datetime
from typing import Any, Literal, cast

from pydantic import Field

from authcheck.registry.designs import open_disputes, shown_views
from authcheck.registry.import_tables import Import
from authcheck.registry.tables import Design, NegativePicture, View

from ..previews import preview_path
from .disputes import DisputeBriefOut, dispute_brief_out
from .forms import Text, Wire, sendable


class FindabilityOut(Wire):
    """How easily this picture's design is found in photos."""

    grade: Literal["good", "fair", "poor"]
    points: int = Field(description="Local features: places with a distinctive pattern.")
    contrast: float = Field(description="Spread of lightness and colour, in Lab units.")
    symmetry: float = Field(description="Similarity to its own mirror image, at most 1.")
    colour: float = Field(description="Colourfulness: 0 is grey, about 100 is very colourful.")
    warnings: list[str] = Field(description="Codes. The page /errors says what to do about each.")


class ViewOut(Wire):
    """One picture of a design; `picture` is where its owner can fetch the original.

    `mask` is where the foreground mask is, null while the whole picture counts; `mask_source` is automatic or
    uploaded. `standing` is clear, near (similar to an earlier picture of another owner) or disputed.
    `findability` is null for a picture that an earlier release registered, until the operator upgrades it.
    """

    sha256: str
    format: str
    width_px: int
    height_px: int
    added_at: datetime
    standing: Literal["clear", "near", "disputed"]
    picture: str
    mask: str | None
    mask_source: str | None
    findability: FindabilityOut | None


class DesignOut(Wire):
    """A registered design, for its owner. `preview` is null while the public may not see the design."""

    id: str
    owner: str
    reference: str
    title: str
    kind: str
    collection: str | None = Field(description="Your name for a group of designs that you license together.")
    state: str
    public_preview: bool
    preview: str | None
    registered_at: datetime
    retired_at: datetime | None
    version: int
    salt: str | None = Field(
        description="Salt of the hash of these words in the design's newest ledger entry that has a hash."
    )
    views: list[ViewOut]
    disputes: list[DisputeBriefOut] = Field(
        description="Open disputes and resemblances: your later pictures, and later pictures of others."
    )


class RegisteredOut(DesignOut):
    """A design, and the result of the request to register it."""

    status: str = Field(description="registered, already_yours or disputed.")
    twin: str = Field(
        "",
        description="Reference of your earlier design with the same art: a licence counts for both.",
    )


class DesignPatch(Wire):
    """The changes to a design. Fields that you leave out stay unchanged."""

    title: Text | None = Field(None, max_length=300)
    kind: Text | None = Field(None, max_length=20)
    public_preview: bool | None = None
    collection: Text | None = Field(
        None, max_length=200, description="An empty text removes the design from its collection."
    )


class ImportRow(Wire):
    """The result of one row: registered, already_yours, disputed or rejected, and why.

    `near_*` name the earlier design of another owner that a disputed design shows, or that a registered
    design resembles. `twin` is the reference of your earlier design with the same art: a licence for one of
    the two counts for both.
    """

    line: int
    reference: str
    status: str
    design_id: str
    code: str
    column: str
    detail: str
    known_as: str
    near_owner: str
    near_reference: str
    near_score: float | None
    findability: str = Field("", description="good, fair or poor, for the design's best picture.")
    warnings: list[str] = Field(default_factory=list)
    twin: str = ""


class ImportOut(Wire):
    """A bulk import and its report."""

    id: str
    created_at: datetime
    dry_run: bool
    counts: dict[str, int]
    poorly_findable: int = Field(description="Registered designs that are hard to find in photos.")
    rows: list[ImportRow]


class NegativeOut(Wire):
    """Your picture whose content never counts as evidence for your designs."""

    number: int
    label: str
    sha256: str
    added_at: datetime


def design_out(design: Design) -> DesignOut:
    """Return a design for its owner. A retired design has the pictures that it had."""
    return DesignOut(
        id=design.id,
        owner=design.owner.handle,
        reference=design.reference,
        title=design.title,
        kind=design.kind,
        collection=design.collection,
        state=design.state,
        public_preview=design.public_preview,
        preview=preview_path(design),
        registered_at=design.registered_at,
        retired_at=design.retired_at,
        version=design.version,
        salt=design.salt,
        views=[_view_out(design, view) for view in shown_views(design)],
        disputes=[dispute_brief_out(dispute) for dispute in open_disputes(design)],
    )


def _view_out(design: Design, view: View) -> ViewOut:
    url, local = f"/v1/designs/{design.id}/views/{view.picture_sha256}", view.local
    masked = local is not None and local.mask_source is not None and design.state != "retired"
    return ViewOut(
        sha256=view.picture_sha256,
        format=view.picture_format,
        width_px=view.width_px,
        height_px=view.height_px,
        added_at=view.added_at,
        standing=cast("Literal['clear', 'near', 'disputed']", view.standing),
        picture=f"{url}/picture",
        mask=f"{url}/mask" if masked else None,
        mask_source=local.mask_source if local else None,
        findability=FindabilityOut(**local.findability) if local else None,
    )


def negative_out(negative: NegativePicture) -> NegativeOut:
    """Return a negative picture for its owner."""
    return NegativeOut(
        number=negative.number,
        label=negative.label,
        sha256=negative.picture_sha256,
        added_at=negative.added_at,
    )


def import_out(report: Import) -> ImportOut:
    """Return a bulk import with its rows."""
    return ImportOut(
        id=report.id,
        created_at=report.created_at,
        dry_run=report.dry_run,
        counts=report.counts,
        poorly_findable=sum(row.get("findability") == "poor" for row in report.rows),
        rows=[_import_row(row) for row in report.rows],
    )


def _import_row(row: dict[str, Any]) -> ImportRow:
    warnings = row.get("warnings", [])
    words = {name: sendable(value) for name, value in row.items() if name != "warnings"}
    return ImportRow(**words, warnings=warnings)
