"""Commands of rights in designs: name them, list them, decide about them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from authcheck.files.documents import MOST_BYTES, read_document
from authcheck.files.picture_files import read_file
from authcheck.licences import design_rights as rights
from authcheck.licences.codes import read_classes
from authcheck.licences.design_rights import NewRight
from authcheck.licences.right_tables import DesignRight
from authcheck.licences.written import read_day
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.storage.documents import document_store
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

PAGE = 500
rights_app = typer.Typer(no_args_is_help=True, help="Rights in designs: copyright, trade mark, design.")
RightId = Annotated[str, typer.Argument(metavar="RIGHT", help="Id of the right.")]


@rights_app.command("add")
def add_right(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="Design id or the owner's reference.")],
    *,
    owner: Annotated[str | None, typer.Option("--org", help="Owner of the reference.")] = None,
    kind: Annotated[str, typer.Option(help=f"{', '.join(rights.KINDS)}.")],
    territories: Annotated[str, typer.Option(help="Countries with commas between, like FR,IT.")],
    number: Annotated[str, typer.Option(help="The number, as the office writes it.")] = "",
    office: Annotated[str, typer.Option(help="The office of the number, like EUIPO.")] = "",
    classes: Annotated[str, typer.Option("--goods", help="Nice classes, like 9,25.")] = "",
    expires: Annotated[str | None, typer.Option(metavar="DATE", help="The last day.")] = None,
    document: Annotated[Path | None, typer.Option(help="PDF, PNG or JPEG that proves it.")] = None,
) -> None:
    """Name a right in a design and print its id. It waits for the operator."""
    new = NewRight(
        kind=kind,
        territories=territories.split(","),
        number=number,
        office=office,
        classes=read_classes(classes, error_code="right.classes"),
        expires_on=read_day(expires, error_code="right.day") if expires else None,
    )
    paper = read_document(read_file(document, MOST_BYTES + 1)) if document else None
    with open_storage() as storage, storage.database.writing() as session:
        row = designs.find_design(session, owner, design) if owner else designs.get_design(session, design)
        right = rights.add(session, row, new, paper, utc_now())
        if paper is not None:
            document_store(storage.settings).put(paper.data)
    console.data_line(right.id)


@rights_app.command("list")
def list_rights(
    *,
    owner: Annotated[str | None, typer.Option("--org", help="Only this owner's.")] = None,
    state: Annotated[str | None, typer.Option(help=f"{', '.join(rights.STATES)}.")] = None,
    json: Json = False,
) -> None:
    """List rights, oldest first, with what ends soon."""
    after, today = "", utc_now().date()
    with open_storage() as storage, storage.database.reading() as session:
        owner_id = organisations.get_organisation(session, owner).id if owner else None
        while rows := rights.list_rights(session, owner_id, state=state, after=after, limit=PAGE):
            after = rows[-1].id
            for row in rows:
                facts = _facts(row)
                if json:
                    console.json_line(facts)
                    continue
                warned = rights.warning_of(row, today)
                soon = {None: "", 0: "  ENDED"}.get(warned, f"  ends within {warned} days")
                words = (row.owner.handle, row.design.reference, row.kind, row.office, row.number)
                line = f"{row.id}  {row.state}  {' '.join(filter(None, words))}{soon}"
                console.out().print(console.plain(line), soft_wrap=True)


def _facts(row: DesignRight) -> dict[str, Any]:
    return {
        "id": row.id,
        "owner": row.owner.handle,
        "design": row.design_id,
        "kind": row.kind,
        "number": row.number,
        "office": row.office,
        "territories": row.territories,
        "classes": row.classes,
        "expires_on": row.expires_on.isoformat() if row.expires_on else None,
        "document": row.document_sha256 or None,
        "state": row.state,
        "reason": row.reason,
    }


@rights_app.command("accept")
def accept_right(right: RightId) -> None:
    """Accept a right."""
    with open_storage() as storage, storage.database.writing() as session:
        rights.accept(session, rights.get_right(session, right), utc_now())
    console.say(f"{right} is accepted.")


@rights_app.command("refuse")
def refuse_right(
    right: RightId, *, reason: Annotated[str, typer.Option(help="Why. The owner reads it.")]
) -> None:
    """Refuse a right. It can be accepted later."""
    with open_storage() as storage, storage.database.writing() as session:
        rights.refuse(session, rights.get_right(session, right), reason, utc_now())
    console.say(f"{right} is refused.")
