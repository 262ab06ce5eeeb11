"""Commands of designs: import, list, show, change, retire."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from authcheck.errors import BadSetting, NotFound
from authcheck.files.picture_files import has_picture_name, read_file
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.registry.bulk import Loader, RowReport, count_statuses, load_from
from authcheck.registry.design_files import MASK_WORDS, Row, RowProblem, read_folder, read_table
from authcheck.registry.designs import check_collection, check_words
from authcheck.registry.masking import change_mask
from authcheck.registry.registration import NewDesign
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import console, imports
from authcheck.terminal.output import designs as output
from authcheck.terminal.output.console import Json
from authcheck.workspace import open_workspace

MAX_TABLE_BYTES = 1024**3

designs_app = typer.Typer(no_args_is_help=True, help="The registry of designs.")


@designs_app.command("import")
def import_designs(
    source: Annotated[
        Path, typer.Argument(metavar="PATH", help="A folder, a picture, or a .csv or .jsonl table.")
    ],
    *,
    owner: Annotated[
        str | None, typer.Option(help="Handle of the owner; made as a brand where missing.")
    ] = None,
    kind: Annotated[str, typer.Option(help="Kind of the designs in a folder.")] = "other",
    collection: Annotated[
        str, typer.Option(help="Collection of the designs in a folder, to license them together.")
    ] = "",
    mask: Annotated[
        str | None,
        typer.Option(help="auto, none, or a mask's file for one picture. Without it: auto for photos."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, store nothing.")] = False,
    json: Json = False,
) -> None:
    """Register designs from a folder or table. Prints every row that needs your attention. Exit 1: no row could be used."""
    reports: list[RowReport] = []
    with open_workspace() as work:
        rows, load = _rows_of(source, owner, kind, collection, work.limits.bytes)
        rows = _with_mask(rows, mask, one=has_picture_name(source.name) and not source.is_dir())
        try:
            with console.progress() as progress:
                run = work.importer().run(rows, load, owner=owner, dry_run=dry_run)
                for report in progress.track(run, total=len(rows), description="Registering"):
                    reports.append(report)
                    imports.show_row(report, json=json)
            work.describe_new()
        finally:  # also where the disk fills up half-way: these have landed
            imports.show_counts(count_statuses(reports), dry_run=dry_run)
            imports.show_poor(reports)
    useless = bool(reports) and all(report.status == "rejected" for report in reports)
    raise typer.Exit(1 if useless else 0)


def _rows_of(
    source: Path, owner: str | None, kind: str, collection: str, max_bytes: int
) -> tuple[list[Row | RowProblem], Loader]:
    """The rows at a path and what reads their pictures. Raises Rejected, BadSetting."""
    if source.is_dir() or has_picture_name(source.name):
        check_words("", kind)
        check_collection(collection)
        if owner is None:
            raise BadSetting("Whose designs are these? Name the owner with --owner.", code="setting.owner")
    if source.is_dir():
        return list(read_folder(source, kind, collection)), load_from(source, max_bytes)
    load = load_from(source.parent, max_bytes)
    if has_picture_name(source.name):
        new = NewDesign(source.stem, source.stem, kind, collection=collection)
        return [Row(1, new, (source.name,))], load
    return list(read_table(read_file(source, MAX_TABLE_BYTES), source.name)), load


def _with_mask(rows: list[Row | RowProblem], mask: str | None, *, one: bool) -> list[Row | RowProblem]:
    """The rows, with a mask for those that name none. Raises BadSetting (`setting.mask`)."""
    if mask is None:
        return rows
    if mask not in MASK_WORDS and not one:
        raise BadSetting("Of several pictures --mask is auto or none.", code="setting.mask")
    name = mask if mask in MASK_WORDS else str(Path(mask).absolute())
    return [
        replace(row, masks=(name,) * len(row.pictures)) if isinstance(row, Row) and not row.masks else row
        for row in rows
    ]


@designs_app.command("list")
def list_designs(
    *,
    owner: Annotated[str | None, typer.Option(help="Only this organisation's.")] = None,
    state: Annotated[str | None, typer.Option(help="registered, disputed or retired.")] = None,
    json: Json = False,
) -> None:
    """List designs, oldest first."""
    if state is not None and state not in designs.STATES:
        raise BadSetting(f"{state!r} is no state: use {', '.join(designs.STATES)}.", code="setting.state")
    with open_workspace() as work, work.database.reading() as session:
        owner_id = organisations.get_organisation(session, owner).id if owner else None
        output.show_designs(designs.all_designs(session, owner_id=owner_id, state=state), json=json)


@designs_app.command("show")
def show_design(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design id, or the owner's reference.")],
    *,
    owner: Annotated[str | None, typer.Option(help="Needed with a reference.")] = None,
    json: Json = False,
) -> None:
    """Show one design with its pictures and disputes."""
    with open_workspace() as work, work.database.reading() as session:
        output.show_design(_find(session, design, owner), json=json)


@designs_app.command("mask")
def mask_design(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design id, or the owner's reference.")],
    *,
    owner: Annotated[str | None, typer.Option(help="Needed with a reference.")] = None,
    view: Annotated[str, typer.Option(help="First digits of the picture's SHA-256, if it has several.")] = "",
    file: Annotated[Path | None, typer.Option(help="A picture, white where the design is.")] = None,
    auto: Annotated[bool, typer.Option("--auto", help="Find the product.")] = False,
    none: Annotated[bool, typer.Option("--none", help="The whole picture counts.")] = False,
) -> None:
    """Say which part of a picture is the design: replace its foreground mask."""
    if sum((file is not None, auto, none)) != 1:
        raise BadSetting("Give one of --file, --auto and --none.", code="setting.mask")
    with open_workspace() as work:
        with work.database.reading() as session:
            found = _find(session, design, owner)
        chosen = [one for one in designs.live_views(found) if one.picture_sha256.startswith(view)]
        if len(chosen) > 1:
            raise BadSetting(f"{len(chosen)} pictures fit: name one with --view.", code="setting.view")
        change_mask(
            work.database,
            work.store,
            work.limits,
            design_id=found.id,
            picture_sha256=chosen[0].picture_sha256 if chosen else view,
            masking=read_file(file, work.limits.bytes) if file else "auto" if auto else "none",
            now=utc_now(),
        )
        with work.database.reading() as session:
            output.show_design(designs.get_design(session, found.id), json=False)


@designs_app.command("collect")
def collect_design(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design id, or the owner's reference.")],
    collection: Annotated[str, typer.Argument(metavar="NAME", help="The collection; empty for none.")],
    *,
    owner: Annotated[str | None, typer.Option(help="Needed with a reference.")] = None,
) -> None:
    """Put a design into a collection: licences of the collection are about it from now on."""
    with open_workspace() as work, work.database.writing() as session:
        found = _find(session, design, owner)
        designs.update_design(session, found, collection=collection, now=utc_now())
    console.say(f"{found.reference} of {found.owner.handle} is in {found.collection or 'no collection'}.")


@designs_app.command("retire")
def retire_design(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design id, or the owner's reference.")],
    *,
    owner: Annotated[str | None, typer.Option(help="Needed with a reference.")] = None,
) -> None:
    """End a design: checks no longer find it; its history stays."""
    with open_workspace() as work, work.database.writing() as session:
        found = _find(session, design, owner)
        designs.retire(session, found, utc_now())
    console.say(f"{found.reference} of {found.owner.handle} is retired.")


def _find(session: Session, design: str, owner: str | None) -> Design:
    if owner:
        return designs.find_design(session, owner, design)
    try:
        return designs.get_design(session, design)
    except NotFound as error:
        raise NotFound(
            f"No design has the id {design!r}. If that is an owner's reference, name the owner with --owner.",
            code=error.code,
            design=design,
        ) from error
