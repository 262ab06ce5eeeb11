"""Terminal output of designs and negative pictures."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from authcheck.registry.designs import live_views, open_disputes
from authcheck.registry.tables import Design, Dispute, NegativePicture, View
from authcheck.terminal.output import console
from authcheck.terminal.output.disputes import dispute_dict

WARNINGS = {
    "design.few_points": "few feature points: add a larger, more detailed picture",
    "design.flat": "hardly any contrast: add a picture with stronger colours",
    "design.ground_counts": "the product's background was not found: upload a mask",
    "design.mostly_ground": "mostly plain background: crop the picture to the design",
    "design.symmetric": "symmetric design: add a picture from another side, or with its surroundings",
}
STANDING_WORDS = {
    "near": "similar to an earlier picture of another owner",
    "disputed": "disputed: shows an earlier picture of another owner",
}


def view_dict(view: View) -> dict[str, Any]:
    """Return a view for JSON. `findability` is null until `db upgrade` has computed it."""
    local = view.local
    return {
        "sha256": view.picture_sha256,
        "width_px": view.width_px,
        "height_px": view.height_px,
        "standing": view.standing,
        "mask_source": local.mask_source if local else None,
        "findability": local.findability if local else None,
    }


def _view_text(view: Mapping[str, Any]) -> str:
    findability = view["findability"]
    parts = [f"{view['sha256']}  {view['width_px']} x {view['height_px']} px"]
    parts.append(f"mask {view['mask_source'] or 'none'}")
    parts += [STANDING_WORDS[view["standing"]]] if view["standing"] != "clear" else []
    if findability:
        parts.append(f"findability {findability['grade']}, {findability['points']} points")
        parts.extend(WARNINGS[code] for code in findability["warnings"])
    return "; ".join(parts)


def design_dict(design: Design) -> dict[str, Any]:
    """Return a design for JSON."""
    return {
        "id": design.id,
        "owner": design.owner.handle,
        "reference": design.reference,
        "title": design.title,
        "kind": design.kind,
        "collection": design.collection,
        "state": design.state,
        "public_preview": design.public_preview,
        "registered_at": design.registered_at.isoformat(),
        "retired_at": design.retired_at.isoformat() if design.retired_at else None,
        "salt": design.salt,
        "views": [view_dict(view) for view in live_views(design)],
        "disputes": [dispute_dict(dispute) for dispute in open_disputes(design)],
    }


def _dispute_text(design: Design, dispute: Dispute) -> str:
    is_later = dispute.design_id == design.id
    other = dispute.other if is_later else dispute.design
    verb = {True: "shows", False: "resembles"}[dispute.verdict == "match"]
    name = f"{console.plain(other.reference)} of {other.owner.handle}"
    pair = f"this design {verb} the earlier {name}" if is_later else f"the later {name} {verb} this design"
    score = console.score_text(dispute.score)
    return f"{pair}, score {score}, noticed {dispute.noticed_at.isoformat()} ({dispute.id})"


def show_designs(designs: Iterable[Design], *, json: bool) -> None:
    """Print one line per design."""
    if json:
        for design in designs:
            console.json_line(design_dict(design))
        return
    table = console.table(
        "owner", "reference", "title", "kind", "state", "views", "id", whole=("reference", "state", "id")
    )
    for design in designs:
        views = str(len(live_views(design)))
        cells = (design.owner.handle, design.reference, design.title, design.kind)
        table.add_row(*map(Text, cells), console.styled(design.state), views, design.id)
    console.out().print(table)


def show_description(design: Mapping[str, Any]) -> None:
    """Print the owner's description of a design, as it is after a change."""
    collection = f"in {design['collection']}" if design["collection"] else "in no collection"
    preview = "buyers see a preview" if design["public_preview"] else "no preview"
    description = f"{design['title']}; {design['kind']}; {collection}; {preview}."
    console.say(f"{design['reference']} of {design['owner']}: {description}")


def show_design(design: Design, *, json: bool) -> None:
    """Print all facts about one design."""
    facts = design_dict(design)
    if json:
        console.json_line(facts)
        return
    table = console.table("", "")
    table.show_header = False
    for name, value in facts.items():
        if name == "state":
            table.add_row(name, console.styled(design.state))
        elif name == "views":
            for view in facts["views"]:
                table.add_row("view", _view_text(view))
        elif name == "disputes":
            for dispute in open_disputes(design):
                table.add_row("dispute", Text(_dispute_text(design, dispute)))
        else:
            table.add_row(name.replace("_", " "), Text("" if value is None else str(value)))
    console.out().print(table)


def show_negatives(negatives: Iterable[NegativePicture], *, json: bool) -> None:
    """Print one line per negative picture."""
    table = console.table("number", "label", "added", "sha256")
    for negative in negatives:
        added = negative.added_at.isoformat(timespec="seconds")
        if json:
            console.json_line(
                {
                    "number": negative.number,
                    "label": negative.label,
                    "added_at": added,
                    "sha256": negative.picture_sha256,
                }
            )
        table.add_row(str(negative.number), Text(negative.label), added, negative.picture_sha256)
    if not json:
        console.out().print(table)
