"""Commands that keep the negative pictures: backdrops, packshot grounds, marketplaces' frames."""

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
    str | None, typer.Option(help="Handle: for this owner's designs only. Without it for everybody's.")
]


@negatives_app.command("add")
def add_negatives(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Picture files.")],
    *,
    owner: Owner = None,
    label: Annotated[str | None, typer.Option(help="What it is; else the file's name.")] = None,
) -> None:
    """Ignore what these pictures show when matching."""
    with open_workspace() as work:
        read = [negatives.read_negative(read_file(path, work.limits.bytes), work.limits) for path in pictures]
        with work.database.writing() as session:
            owner_id = _owner_id(session, owner)
            made = [
                negatives.add_negative(
                    session,
                    work.store,
                    one,
                    owner_id=owner_id,
                    label=label or path.name[: negatives.LABEL_CHARS],
                    now=utc_now(),
                )
                for path, one in zip(pictures, read, strict=True)
            ]
    for negative in made:
        console.say(f"{negative.number}: {negative.label} counts no more for {owner or 'anybody'}'s designs.")


@negatives_app.command("list")
def list_negatives(*, owner: Owner = None, json: Json = False) -> None:
    """List an owner's negative pictures, or those for everybody's designs."""
    with open_workspace() as work, work.database.reading() as session:
        found = negatives.list_negatives(session, owner_id=_owner_id(session, owner))
    designs.show_negatives(found, json=json)


@negatives_app.command("remove")
def remove_negative(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As the list shows it.", min=1)],
    *,
    owner: Owner = None,
) -> None:
    """Let a picture's content count again."""
    with open_workspace() as work, work.database.writing() as session:
        negatives.remove_negative(session, number, owner_id=_owner_id(session, owner))
    console.say(f"Negative picture {number} is removed.")


def _owner_id(session: Session, owner: str | None) -> str | None:
    return None if owner is None else organisations.get_organisation(session, owner).id
