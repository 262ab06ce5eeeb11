"""Terminal output of disputes."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from authcheck.certificates.contested import ContestedBatch
from authcheck.registry.statements import Stage, appeal_until, stage_of
from authcheck.registry.tables import Design, Dispute
from authcheck.terminal.output import console
from authcheck.terminal.output.console import plain

ENDINGS = {
    "withdrawn": "ended: one of the two pictures was taken back",
    "revised": "ended: a later release compared the pictures again",
    "earlier": "ruled: the earlier picture stands",
    "later": "ruled: the later picture stands",
    "both": "ruled: both pictures stand",
}


def dispute_dict(dispute: Dispute) -> dict[str, Any]:
    """Return a dispute for JSON."""
    until = appeal_until(dispute)
    return {
        "id": dispute.id,
        "verdict": dispute.verdict,
        "score": dispute.score,
        "later": _side_dict(dispute.design, dispute.picture_sha256),
        "earlier": _side_dict(dispute.other, dispute.other_picture_sha256),
        "noticed_at": dispute.noticed_at.isoformat(),
        "ended_at": dispute.ended_at.isoformat() if dispute.ended_at else None,
        "ended_by": dispute.ended_by,
        "reason": dispute.reason,
        "stage": str(stage_of(dispute)),
        "appeal_until": until.isoformat() if until else None,
        "statements": [
            {
                "number": row.number,
                "side": row.side,
                "appeal": row.is_appeal,
                "text": row.text,
                "document": row.document_sha256 or None,
                "made_at": row.made_at.isoformat(),
            }
            for row in dispute.statements
        ],
        "rulings": [
            {
                "ruling": row.ruling,
                "reason": row.reason,
                "final": row.is_final,
                "ruled_at": row.ruled_at.isoformat(),
            }
            for row in dispute.rulings
        ],
    }


def _side_dict(design: Design, picture_sha256: str | None) -> dict[str, Any]:
    return {
        "owner": design.owner.handle,
        "reference": design.reference,
        "design": design.id,
        "registered_at": design.registered_at.isoformat(),
        "picture": picture_sha256,
    }


def state_text(dispute: Dispute) -> str:
    """Return what a dispute means at present, in words."""
    if dispute.ended_by is not None:
        return ENDINGS[dispute.ended_by]
    if until := appeal_until(dispute):
        return f"{ENDINGS[dispute.rulings[-1].ruling]}, appeal until {until:%Y-%m-%d}"
    if stage_of(dispute) is Stage.APPEALED:
        return "appealed: the operator rules again"
    return "open: disputed" if dispute.verdict == "match" else "open: only similar"


def show_disputes(disputes: Sequence[Dispute], *, json: bool) -> None:
    """Print one line per dispute."""
    if json:
        for dispute in disputes:
            console.json_line(dispute_dict(dispute))
        return
    table = console.table("later", "earlier", "score", "state", "id", whole=("score", "id"))
    for dispute in disputes:
        table.add_row(
            Text(_name(dispute.design)),
            Text(_name(dispute.other)),
            console.score_text(dispute.score),
            state_text(dispute),
            dispute.id,
        )
    console.out().print(table)


def _name(design: Design) -> str:
    return f"{design.reference} of {design.owner.handle}"


def show_dispute(dispute: Dispute, batches: Sequence[ContestedBatch], *, json: bool) -> None:
    """Print all facts about one dispute, with the certificates of the later design."""
    facts = dispute_dict(dispute)
    facts["batches"] = [
        {"batch": issued.batch.id, "issuer": issued.issuer.handle, "active": issued.active}
        for issued in batches
    ]
    if json:
        console.json_line(facts)
        return
    table = console.table("", "")
    table.show_header = False
    table.add_row("id", dispute.id)
    table.add_row("state", state_text(dispute))
    table.add_row("score", console.score_text(dispute.score))
    for name in ("later", "earlier"):
        side = facts[name]
        about = f"{side['reference']} of {side['owner']}, registered {side['registered_at']}"
        table.add_row(name, Text(plain(about)))
        table.add_row("", f"design {side['design']}")
        table.add_row("", f"picture {side['picture']}")
    table.add_row("noticed", facts["noticed_at"])
    for statement in dispute.statements:
        what = "appeals" if statement.is_appeal else "says"
        text = f"{statement.made_at:%Y-%m-%d}: {statement.text}"
        table.add_row(f"{statement.side} {what}", Text(plain(text)))
    if dispute.reason and not dispute.rulings:  # of an earlier release
        table.add_row("reason", Text(plain(dispute.reason)))
    for ruling in dispute.rulings:
        table.add_row("ruling", Text(plain(f"{ruling.ruled_at:%Y-%m-%d}: {ruling.ruling}. {ruling.reason}")))
    for issued in batches:
        text = f"{issued.batch.id} by {issued.issuer.handle}: {issued.active} active"
        table.add_row("batch", Text(text))
    console.out().print(table)
