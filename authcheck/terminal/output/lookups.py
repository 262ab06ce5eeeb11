"""Terminal output of look-ups, and their exit status."""

from collections.abc import Mapping
from typing import Any

from authcheck.ids import show_code
from authcheck.terminal.output import console
from authcheck.terminal.output.scans import caution_sentence

EXITS: Mapping[str, int] = {"verified": 0, "careful": 1, "revoked": 1, "cannot_tell": 3}
"""The exit status, by what a buyer is advised."""


def show(facts: Mapping[str, Any], *, brand: str, is_disputed: bool) -> None:
    """Print the outcome of a look-up, the product, what to beware of, and the steps of the proof.

    `facts` has the outcome, cautions and steps of `GET /v1/certificates/{code}`.
    """
    careful = ", but be careful" * bool(facts["cautions"])
    name = show_code(facts["code"]) if facts["code"] else facts["id"]
    lines = [
        f"{facts['outcome'].replace('_', ' ')}{careful}",
        f"{name}  {facts['product']}, by {brand}" if facts["product"] else f"{name}  by {brand}",
        *["The design is disputed: another owner registered the same picture before."] * is_disputed,
        *[
            f"Caution: {caution_sentence(caution['code'], caution['params'])}."
            for caution in facts["cautions"]
        ],
        *[_step_line(step["name"], step["state"], step["detail"]) for step in facts["checked"]],
    ]
    for line in lines:
        console.out().print(console.plain(line), markup=False, soft_wrap=True)


def _step_line(name: str, state: str, detail: str) -> str:
    """Return a step of the proof. A step that is off says so once."""
    return f"{name:<11} {state:<8} {detail if detail != state else ''}".rstrip()
