"""Check pictures at a server."""

import io
import sys
from pathlib import Path
from typing import Any

import typer
from PIL import Image

from authcheck.checks.evidence import format_for
from authcheck.errors import Rejected
from authcheck.files.picture_files import read_file, read_stream
from authcheck.terminal.output import console
from authcheck.terminal.remote.answers import line, reasons_text, refuse_options, write
from authcheck.terminal.remote.service import Service

MOST_PICTURE_BYTES = 100 * 1024**2  # the server says what it takes


def check(service: Service, *, pictures: list[str], json: bool, fast: bool, explain: Path | None) -> None:
    """Check each picture. Exit 0: none found, 1: design found, 3: picture unreadable."""
    refuse_options(fast=fast)
    if explain is not None:
        format_for(explain)
        if len(pictures) > 1:
            raise Rejected(
                "--explain works with one picture. Check the pictures one by one.",
                code="evidence.one_picture",
            )
    exits = [_check_one(service, name, json=json, explain=explain) for name in pictures]
    raise typer.Exit(max(exits))


def _check_one(service: Service, name: str, *, json: bool, explain: Path | None) -> int:
    """Check, show and explain one picture. Return the exit status."""
    try:
        answer = service.upload("/v1/checks", [("image", (Path(name).name, read_picture(name)))])
    except Rejected as error:
        if not error.code.startswith(("image.", "file.")):
            raise
        console.say(f"{name}: {error} [{error.code}]", style="red")
        return 3
    if json:
        console.json_line({"query": name, **answer})
    else:
        _show_check(name, answer)
    if explain is not None:
        _explain(service, answer, explain)
    return 0 if answer["verdict"] == "none" else 1


def _show_check(name: str, answer: dict[str, Any]) -> None:
    text = f"{answer['verdict']}  {name}"
    if design := answer["design"]:
        text += f"  {_name(design)}"
    line(text + (f"  score {console.score_text(answer['score'])}" if design and "score" in answer else ""))
    if answer["reasons"]:
        line(f"  {reasons_text(answer['reasons'])}")
    for finding in answer["findings"][1:]:
        line(f"  also {finding['verdict']}  {_name(finding['design'])}")
    line(f"  {answer['id']}")


def _name(design: dict[str, Any]) -> str:
    """Return a design and its owner. Strangers get the title and the owner's name, and no reference."""
    owner = design["owner"]
    return f"{design.get('reference') or design['title']} of {owner.get('handle') or owner['name']}"


def _explain(service: Service, answer: dict[str, Any], path: Path) -> None:
    """Write the evidence picture, in the format that the name of the file asks for."""
    if answer["evidence"] is None:
        console.say(f"{path} is not written, because the check found no design.")
        return
    drawn = io.BytesIO()
    with Image.open(io.BytesIO(service.read(answer["evidence"]))) as picture:
        picture.save(drawn, format_for(path))
    write(drawn.getvalue(), path)
    console.say(f"{path} shows the picture beside the design.")


def read_picture(name: str) -> bytes:
    """Return the bytes of a picture, `-` is the standard input. Raises Rejected (`file.*`, `image.*`)."""
    if name == "-":
        return read_stream(sys.stdin.buffer, MOST_PICTURE_BYTES)
    return read_file(name, MOST_PICTURE_BYTES)
