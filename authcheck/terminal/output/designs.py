"""What the terminal shows of designs and negative pictures."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from authcheck.registry.designs import live_views
from authcheck.registry.tables import Design, NegativePicture, View
from authcheck.terminal.output import console

WARNINGS = {
    "design.few_points": "few points: add a larger, more detailed picture",
    "design.flat": "hardly any contrast: add a picture with stronger colours",
    "design.ground_counts": "the product's ground was not found: upload a mask",
    "design.mostly_ground": "mostly plain ground: crop the picture to the design",
    "design.symmetric": "its own mirror image: add a picture from another side, or with its surroundings",
}


def view_dict(view: View) -> dict[str, Any]:
    """A picture of a design for JSON; `findability` is null until `db upgrade` has made it."""
    local = view.local
    return {
        "sha256": view.picture_sha256,
        "width_px": view.width_px,
        "height_px": view.height_px,
        "mask_source": local.mask_source if local else None,
        "findability": local.findability if local else None,
    }


def _view_words(view: Mapping[str, Any]) -> str:
    found = view["findability"]
    words = [f"{view['sha256']}  {view['width_px']} x {view['height_px']} px"]
    words.append(f"mask {view['mask_source'] or 'none'}")
    if found:
        words.append(f"findability {found['grade']}, {found['points']} points")
        words.extend(WARNINGS[code] for code in found["warnings"])
    return "; ".join(words)


def design_dict(design: Design) -> dict[str, Any]:
    """A design for JSON."""
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
        "views": [view_dict(view) for view in live_views(design)],
        "disputes": [
            {
                "near": dispute.other.reference,
                "owner": dispute.other.owner.handle,
                "score": dispute.score,
                "noticed_at": dispute.noticed_at.isoformat(),
            }
            for dispute in design.disputes
        ],
    }


def show_designs(designs: Iterable[Design], *, json: bool) -> None:
    """A line a design."""
    if json:
        for design in designs:
            console.json_line(design_dict(design))
        return
    shown = console.table(
        "owner", "reference", "title", "kind", "state", "views", "id", whole=("reference", "state", "id")
    )
    for design in designs:
        views = str(len(live_views(design)))
        words = (design.owner.handle, design.reference, design.title, design.kind)
        shown.add_row(*map(Text, words), console.styled(design.state), views, design.id)
    console.out().print(shown)


def show_design(design: Design, *, json: bool) -> None:
    """All that is known of one design."""
    facts = design_dict(design)
    if json:
        console.json_line(facts)
        return
    shown = console.table("", "")
    shown.show_header = False
    for name, value in facts.items():
        if name == "state":
            shown.add_row(name, console.styled(design.state))
        elif name == "views":
            for view in facts["views"]:
                shown.add_row("view", _view_words(view))
        elif name == "disputes":
            for dispute in facts["disputes"]:
                near = f"near {dispute['near']} of {dispute['owner']}, score {dispute['score']:.3f}"
                shown.add_row("dispute", Text(f"{near}, noticed {dispute['noticed_at']}"))
        else:
            shown.add_row(name.replace("_", " "), Text("" if value is None else str(value)))
    console.out().print(shown)


def show_negatives(negatives: Iterable[NegativePicture], *, json: bool) -> None:
    """A line a negative picture."""
    shown = console.table("number", "label", "added", "sha256")
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
        shown.add_row(str(negative.number), Text(negative.label), added, negative.picture_sha256)
    if not json:
        console.out().print(shown)
