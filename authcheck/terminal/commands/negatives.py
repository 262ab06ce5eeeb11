"""Commands of negative pictures: backdrops, packshot grounds, and frames of marketplaces."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from authcheck.files.picture_files import read_file
from authcheck.members import organisations
from authcheck.registry import negatives
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import console, designs
from authcheck.terminal.output.console import Json
from authcheck.workspace import open_workspace

negatives_app = typer.Typer(no_args_is_help=True, help="Ignored backgrounds.")
Owner = Annotated[
    str | None, typer.Option("--org", help="Handle: only for this owner's designs. Default: for all designs.")
]


@negatives_app.command("add")
def add_negatives(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Picture files.")],
    *,
    owner: Owner = None,
    label: Annotated[str | None, typer.Option(help="Label. Default: file name.")] = None,
) -> None:
    """Ignore these pictures' content in checks."""
    with open_workspace() as work:
        new_pictures = [
            negatives.read_negative(read_file(path, work.limits.bytes), work.limits) for path in pictures
        ]
        with work.database.writing() as session:
            owner_id = _find_owner_id(session, owner)
            rows = [
                negatives.add_negative(
                    session,
                    work.store,
                    picture,
                    owner_id=owner_id,
                    label=label or path.name[: negatives.LABEL_CHARS],
                    now=utc_now(),
                )
                for path, picture in zip(pictures, new_pictures, strict=True)
            ]
    affected = f"designs of {owner}" if owner else "all designs"
    for row in rows:
        console.say(f"{row.number}: checks for {affected} now ignore {row.label}.")


@negatives_app.command("list")
def list_negatives(*, owner: Owner = None, json: Json = False) -> None:
    """List the negative pictures of an owner or for all designs."""
    with open_workspace() as work, work.database.reading() as session:
        rows = negatives.list_negatives(session, owner_id=_find_owner_id(session, owner))
    designs.show_negatives(rows, json=json)


@negatives_app.command("remove")
def remove_negative(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Number in the list.", min=1)],
    *,
    owner: Owner = None,
) -> None:
    """Remove a negative picture."""
    with open_workspace() as work, work.database.writing() as session:
        negatives.remove_negative(session, number, owner_id=_find_owner_id(session, owner))
    console.say(f"Negative picture {number} is removed.")


def _find_owner_id(session: Session, owner: str | None) -> str | None:
    return None if owner is None else organisations.get_organisation(session, owner).id
