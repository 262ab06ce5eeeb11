"""Commands that import, list, show, change and retire designs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from authcheck.errors import BadSetting, NotFound
from authcheck.files.picture_files import read_file
from authcheck.ids import as_word
from authcheck.members import organisations
from authcheck.members.mistyped import refuse_mistyped
from authcheck.registry import designs
from authcheck.registry.design_files import MASK_WORDS, Defaults, Row, RowProblem
from authcheck.registry.designs import check_collection, check_words
from authcheck.registry.masking import change_mask
from authcheck.registry.reports import RowReport, count_statuses
from authcheck.registry.sources import SourceKind, kind_of_source, open_source
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import console, imports
from authcheck.terminal.output import designs as output
from authcheck.terminal.output.console import Json, Sure
from authcheck.workspace import Workspace, open_workspace

designs_app = typer.Typer(no_args_is_help=True, help="Registered designs.")


@designs_app.command("import")
def import_designs(
    source: Annotated[Path, typer.Argument(metavar="PATH", help="A folder, a ZIP, a picture or a table.")],
    *,
    owner: Annotated[str | None, typer.Option("--org", help="Handle of the owner, also a new brand.")] = None,
    kind: Annotated[str, typer.Option(help="Kind of the designs in a folder.")] = "other",
    collection: Annotated[
        str, typer.Option(help="Collection of the designs in a folder, to license them together.")
    ] = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Show buyers a small picture of the designs in a folder.")
    ] = False,
    mask: Annotated[
        str | None, typer.Option(help="auto, none, or a mask file for one picture. Default: auto for photos.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the result, store nothing.")] = False,
    json: Json = False,
) -> None:
    """Register designs from a folder or table.

    Prints rows that need your attention. Exit 1: no row is usable.
    """
    reports: list[RowReport] = []
    with open_workspace() as work:
        what = kind_of_source(source)
        _check_options(work, what, owner, kind, collection)
        defaults = Defaults(kind, collection, preview)
        found = open_source(source, defaults, max_bytes=work.limits.bytes, tell=console.say)
        rows = _add_mask(found.rows, mask, is_picture=what == "picture")
        try:
            with console.progress() as progress:
                run = work.importer().run(rows, found.load, owner=owner, dry_run=dry_run)
                for report in progress.track(run, total=len(rows), description="Registering"):
                    reports.append(report)
                    imports.show_row(report, json=json)
            work.describe_new()
        finally:  # also when the import stops half-way (full disk): the reported rows are already stored
            imports.show_counts(count_statuses(reports), found.skipped, dry_run=dry_run, json=json)
            imports.show_poor(reports)
    all_rejected = bool(reports) and all(report.status == "rejected" for report in reports)
    raise typer.Exit(1 if all_rejected else 0)


def _check_options(work: Workspace, what: SourceKind, owner: str | None, kind: str, collection: str) -> None:
    """Check the options of an import. Only a table needs no owner.

    Raises Rejected, BadSetting (`setting.owner`), Conflict (`organisation.mistyped`).
    """
    if owner is not None:
        with work.database.reading() as session:
            refuse_mistyped(session, owner)
    if what == "table":
        return
    check_words("", as_word(kind))
    check_collection(collection)
    if owner is None:
        raise BadSetting("The owner is missing. Name the owner with --org.", code="setting.owner")


def _add_mask(
    rows: Sequence[Row | RowProblem], mask: str | None, *, is_picture: bool
) -> Sequence[Row | RowProblem]:
    """Return the rows, with this mask in every row that names no mask. Raises BadSetting (`setting.mask`)."""
    if mask is None:
        return rows
    if mask not in MASK_WORDS and not is_picture:
        raise BadSetting(
            "A mask file works with one picture only. For several pictures use --mask auto or --mask none.",
            code="setting.mask",
        )
    name = mask if mask in MASK_WORDS else str(Path(mask).absolute())
    return [
        replace(row, masks=(name,) * len(row.pictures)) if isinstance(row, Row) and not row.masks else row
        for row in rows
    ]


@designs_app.command("list")
def list_designs(
    *,
    owner: Annotated[str | None, typer.Option("--org", help="Only this owner.")] = None,
    state: Annotated[str | None, typer.Option(help="registered, disputed or retired.")] = None,
    json: Json = False,
) -> None:
    """List designs, oldest first."""
    state = None if state is None else as_word(state)
    if state is not None and state not in designs.STATES:
        raise BadSetting(
            f"{state!r} is not a state. Use one of {', '.join(designs.STATES)}.", code="setting.state"
        )
    with open_workspace() as work, work.database.reading() as session:
        owner_id = organisations.get_organisation(session, owner).id if owner else None
        output.show_designs(designs.all_designs(session, owner_id=owner_id, state=state), json=json)


@designs_app.command("show")
def show_design(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="Design id or the owner's reference.")],
    *,
    owner: Annotated[str | None, typer.Option("--org", help="Owner of the reference.")] = None,
    json: Json = False,
) -> None:
    """Show one design with its pictures and disputes."""
    with open_workspace() as work, work.database.reading() as session:
        output.show_design(_find_design(session, design, owner), json=json)


@designs_app.command("mask")
def mask_design(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="Design id or the owner's reference.")],
    *,
    owner: Annotated[str | None, typer.Option("--org", help="Owner of the reference.")] = None,
    view: Annotated[str, typer.Option(help="First digits of the picture's SHA-256, if several.")] = "",
    file: Annotated[Path | None, typer.Option(help="A picture, white on the design.")] = None,
    auto: Annotated[bool, typer.Option("--auto", help="Find the product.")] = False,
    none: Annotated[bool, typer.Option("--none", help="Use the whole picture.")] = False,
) -> None:
    """Replace the foreground mask of a design's picture."""
    if sum((file is not None, auto, none)) != 1:
        raise BadSetting("Use exactly one of --file, --auto and --none.", code="setting.mask")
    with open_workspace() as work:
        with work.database.reading() as session:
            row = _find_design(session, design, owner)
        views = [live for live in designs.live_views(row) if live.picture_sha256.startswith(view)]
        if len(views) > 1:
            raise BadSetting(f"{len(views)} pictures match. Name one with --view.", code="setting.view")
        change_mask(
            work.database,
            work.store,
            work.limits,
            design_id=row.id,
            picture_sha256=views[0].picture_sha256 if views else view,
            masking=read_file(file, work.limits.bytes) if file else "auto" if auto else "none",
            now=utc_now(),
        )
        with work.database.reading() as session:
            output.show_design(designs.get_design(session, row.id), json=False)


@designs_app.command("change")
def change_design(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="Design id or the owner's reference.")],
    *,
    owner: Annotated[str | None, typer.Option("--org", help="Owner of the reference.")] = None,
    title: Annotated[str | None, typer.Option(help="What buyers read. Empty: the reference.")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of the design.")] = None,
    collection: Annotated[
        str | None, typer.Option(help="Collection. Its licences then include the design. Empty: none.")
    ] = None,
    preview: Annotated[
        bool | None, typer.Option("--preview/--no-preview", help="Show buyers a small picture, or do not.")
    ] = None,
) -> None:
    """Change a design's title, kind, collection or preview."""
    with open_workspace() as work, work.database.writing() as session:
        row = _find_design(session, design, owner)
        designs.update_design(
            session,
            row,
            title=title,
            kind=kind,
            public_preview=preview,
            collection=collection,
            now=utc_now(),
        )
    output.show_description(output.design_dict(row))


@designs_app.command("retire")
def retire_design(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="Design id or the owner's reference.")],
    *,
    owner: Annotated[str | None, typer.Option("--org", help="Owner of the reference.")] = None,
    yes: Sure = False,
) -> None:
    """Retire a design permanently. Checks no longer find it."""
    with open_workspace() as work:
        with work.database.reading() as session:
            row = _find_design(session, design, owner)
        if row.state != "retired":
            console.confirm(f"Retire {row.reference} of {row.owner.handle}", yes=yes)
        with work.database.writing() as session:
            row = _find_design(session, design, owner)
            designs.retire(session, row, utc_now())
    console.say(f"{row.reference} of {row.owner.handle} is retired.")


def _find_design(session: Session, design: str, owner: str | None) -> Design:
    """Return the owner's design with this reference, or without an owner the design with this id.

    Raises NotFound.
    """
    if owner:
        return designs.find_design(session, owner, design)
    try:
        return designs.get_design(session, design)
    except NotFound as error:
        raise NotFound(
            f"No design has the id {design!r}. If this is a reference, name the owner with --org.",
            code=error.code,
            design=design,
        ) from error
