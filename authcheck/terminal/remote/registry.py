"""Designs, rights, disputes and ignored backgrounds at a server."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

from authcheck.errors import BadSetting, Rejected
from authcheck.files.picture_files import read_file
from authcheck.licences.written import read_day
from authcheck.registry.design_files import MASK_WORDS, Defaults, Row, RowProblem
from authcheck.registry.sources import kind_of_source, open_source
from authcheck.terminal.output import console
from authcheck.terminal.output.designs import show_description
from authcheck.terminal.remote.answers import refuse_options, show_facts, show_rows
from authcheck.terminal.remote.checking import read_picture
from authcheck.terminal.remote.service import Service, is_about_the_caller, place

MOST_BYTES = 1024**3

DESIGN_COLUMNS = {
    "reference": "reference",
    "title": "title",
    "kind": "kind",
    "state": "state",
    "views": lambda row: len(row["views"]),
    "id": "id",
}


def import_designs(
    service: Service,
    *,
    source: Path,
    kind: str,
    collection: str,
    preview: bool,
    mask: str | None,
    dry_run: bool,
    json: bool,
) -> None:
    """Register designs from a folder, an archive, a picture or a table, one request for each design."""
    refuse_options(dry_run=dry_run)
    if mask is not None and mask not in MASK_WORDS and kind_of_source(source) != "picture":
        raise BadSetting(
            "A mask file works with one picture only. For several pictures use --mask auto or --mask none.",
            code="setting.mask",
        )
    found = open_source(source, Defaults(kind, collection, preview), max_bytes=MOST_BYTES, tell=console.say)
    counts: Counter[str] = Counter()
    try:
        with console.progress() as progress:
            for row in progress.track(found.rows, description="Registering"):
                result = _register(service, row, found.load, mask)
                counts[result["status"]] += 1
                _show_result(result, json=json)
    finally:  # also when the server goes away half-way: what it has answered is registered
        text = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
        console.say(f"{text or 'nothing registered'}.")
    raise typer.Exit(1 if counts and counts["rejected"] == counts.total() else 0)


def _register(
    service: Service, row: Row | RowProblem, load: Callable[[str], bytes], mask: str | None
) -> dict[str, Any]:
    """Register the design of a row. Return the server's answer, or why it is refused."""
    try:
        answer = service.upload("/v1/designs", _design_form(service, row, load, mask))
    except Rejected as error:
        if is_about_the_caller(error):
            raise
        reference = row.reference if isinstance(row, RowProblem) else row.new.reference
        refusal = {"status": "rejected", "code": error.code, "detail": str(error)}
        return {"line": row.line, "reference": reference, **refusal}
    return {"line": row.line, **answer}


def _design_form(
    service: Service, row: Row | RowProblem, load: Callable[[str], bytes], mask: str | None
) -> list[tuple[str, Any]]:
    """Return the form of a row's design. Raises Rejected for a row that cannot be used."""
    if isinstance(row, RowProblem):
        raise row.error
    acting = service.organisation
    if row.owner and row.owner != acting:
        raise Rejected(f"Your key registers designs of {acting}, not of {row.owner}.", code="row.owner")
    new = row.new
    words = {"reference": new.reference, "title": new.title, "kind": new.kind, "collection": new.collection}
    pictures = [("image", (Path(name).name, load(name))) for name in row.pictures]
    masks = row.masks or ((mask,) * len(row.pictures) if mask else ())
    shown = _texts(words | {"public_preview": "true" if new.public_preview else ""})
    return [*shown, *pictures, *_mask_parts(masks, load, mask)]


def _mask_parts(
    masks: Iterable[str], load: Callable[[str], bytes], given: str | None
) -> list[tuple[str, Any]]:
    """Return the masks as parts of a form. A mask of the command line lies where the user says."""
    return [
        ("mask", (None, mask))
        if mask in MASK_WORDS
        else ("mask", (Path(mask).name, read_file(mask, MOST_BYTES) if mask == given else load(mask)))
        for mask in masks
    ]


def _show_result(result: dict[str, Any], *, json: bool) -> None:
    """Print a row. Without `json`, print only rows that need attention."""
    if json:
        console.json_line(result)
        return
    text = f"line {result['line']}  {result['reference']}  {result['status'].replace('_', ' ')}"
    if result["status"] == "rejected":
        console.say(console.plain(f"{text}: {result['detail']} [{result['code']}]"))
        return
    for dispute in result["disputes"]:
        verb = {"match": "shows"}.get(dispute["verdict"], "is similar to")
        console.say(console.plain(f"{text}: {verb} the earlier {_side_text(dispute['earlier'])}"))
    if result.get("twin"):
        console.say(console.plain(f"{text}, near your design {result['twin']}"))


def list_designs(service: Service, *, state: str | None, json: bool) -> None:
    """List the member's designs, oldest first."""
    rows = service.items("/v1/designs", state=state)
    show_rows(rows, DESIGN_COLUMNS, json=json, whole=("reference", "state", "id"))


def show_design(service: Service, *, design: str, json: bool) -> None:
    """Show one design."""
    show_facts(service.get(place("designs", design)), json=json)


def change_design(
    service: Service,
    *,
    design: str,
    title: str | None,
    kind: str | None,
    collection: str | None,
    preview: bool | None,
) -> None:
    """Change a design's title, kind, collection or preview."""
    changes = {"title": title, "kind": kind, "collection": collection, "public_preview": preview}
    given = {name: value for name, value in changes.items() if value is not None}
    show_description(service.change(place("designs", design), given))


def retire_design(service: Service, *, design: str, yes: bool) -> None:
    """Retire a design permanently."""
    row = service.get(place("designs", design))
    if row["state"] != "retired":
        console.confirm(f"Retire {row['reference']} of {row['owner']}", yes=yes)
    service.send("POST", place("designs", design, "retire"))
    console.say(f"{row['reference']} of {row['owner']} is retired.")


def add_right(
    service: Service,
    *,
    design: str,
    kind: str,
    territories: str,
    number: str,
    office: str,
    classes: str,
    expires: str | None,
    document: Path | None,
) -> None:
    """Name a right in a design and print its id."""
    words = {"kind": kind, "territories": territories, "number": number, "office": office, "classes": classes}
    if expires:
        words["expires_on"] = read_day(expires, error_code="right.day").isoformat()
    right = service.upload(place("designs", design, "rights"), _texts(words) + _document(document))
    console.data_line(right["id"])


def list_rights(service: Service, *, state: str | None, json: bool) -> None:
    """List the member's rights, oldest first."""
    columns = {
        "right": "id",
        "state": "state",
        "design": "reference",
        "kind": "kind",
        "office": "office",
        "number": "number",
        "ends": "expires_on",
    }
    show_rows(service.items("/v1/rights", state=state), columns, json=json, whole=("right",))


def list_disputes(service: Service, *, ended: bool, json: bool) -> None:
    """List the member's disputes, oldest first."""
    columns = {
        "later": lambda row: _side_text(row["later"]),
        "earlier": lambda row: _side_text(row["earlier"]),
        "score": lambda row: console.score_text(row["score"]),
        "stage": "stage",
        "id": "id",
    }
    show_rows(service.items("/v1/disputes", ended=ended or None), columns, json=json, whole=("score", "id"))


def _side_text(side: dict[str, Any]) -> str:
    return f"{side['reference']} of {side['owner']}"


def show_dispute(service: Service, *, dispute: str, json: bool) -> None:
    """Show one dispute."""
    show_facts(service.get(place("disputes", dispute)), json=json)


def state(service: Service, *, dispute: str, text: str, document: Path | None) -> None:
    """Say what speaks for an owner."""
    service.upload(place("disputes", dispute, "statements"), _texts({"text": text}) + _document(document))
    console.say("The other owner and the operator read it.")


def appeal(service: Service, *, dispute: str, text: str, document: Path | None) -> None:
    """Appeal for an owner, once."""
    service.upload(place("disputes", dispute, "appeal"), _texts({"text": text}) + _document(document))
    console.say("The operator rules again.")


def accept_ruling(service: Service, *, dispute: str, yes: bool) -> None:
    """Accept a ruling for the owner who has lost."""
    console.confirm(f"Accept the ruling in {dispute}", yes=yes)
    service.send("POST", place("disputes", dispute, "acceptance"))
    console.say("The ruling is accepted. The picture is withdrawn.")


def _texts(words: dict[str, str]) -> list[tuple[str, Any]]:
    return [(name, (None, value)) for name, value in words.items() if value]


def _document(path: Path | None) -> list[tuple[str, Any]]:
    return [("document", (path.name, read_file(path, MOST_BYTES)))] if path else []


def add_negatives(service: Service, *, pictures: list[Path], label: str | None) -> None:
    """Ignore these pictures' content in checks for the member's designs."""
    for path in pictures:
        words = _texts({"label": label or path.name})
        row = service.upload("/v1/negatives", [*words, ("image", (path.name, read_picture(str(path))))])
        console.say(f"{row['number']}: checks for your designs now ignore {console.plain(row['label'])}.")


def list_negatives(service: Service, *, json: bool) -> None:
    """List the member's negative pictures."""
    columns = {"number": "number", "label": "label", "added": "added_at", "sha256": "sha256"}
    show_rows(service.items("/v1/negatives"), columns, json=json)


def remove_negative(service: Service, *, number: int) -> None:
    """Remove a negative picture."""
    service.send("DELETE", place("negatives", str(number)))
    console.say(f"Negative picture {number} is removed.")
