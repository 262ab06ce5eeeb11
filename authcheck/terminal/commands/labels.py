"""The command that prints labels."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from authcheck.certificates import batches
from authcheck.certificates.batch_labels import labels_of
from authcheck.certificates.signing_keys import open_vault
from authcheck.files.writing import translated_write_errors
from authcheck.labels.layouts import LAYOUTS, find_layout
from authcheck.labels.sheets import Label, Printed, sheet
from authcheck.storage.opening import open_storage
from authcheck.terminal.commands.address import Yes, confirm_address
from authcheck.terminal.output import console

OWN_MACHINE = "localhost"


def print_labels(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="Batch id.")],
    *,
    out: Annotated[Path, typer.Option(help="PDF file to write.")],
    layout: Annotated[str, typer.Option(help=f"Sheet: {', '.join(LAYOUTS)}.")] = "a4-24",
    short: Annotated[
        bool, typer.Option("--short", help="HTTPS://HOST/C/CODE instead of a GS1 Digital Link.")
    ] = False,
    pins: Annotated[bool, typer.Option("--pins", help="Print PINs, for scratch-off stickers.")] = False,
    yes: Yes = False,
) -> None:
    """Write a PDF of a batch's labels. Print the PDF at 100 %."""
    sheet_layout = find_layout(layout)
    with open_storage() as storage:
        vault = open_vault(storage.settings) if pins else None
        confirm_address(storage, yes=yes)
        with storage.database.reading() as session:
            row = batches.get_batch(session, batch)
            labels = labels_of(session, storage.settings, row, short=short, vault=vault)
        public_url = storage.settings.public_url
    with console.progress() as progress:
        task = progress.add_task("Drawing", total=len(labels))
        # The file can hold PINs, so only the user who writes the file may read it.
        only_owner = os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
        with translated_write_errors(out), os.fdopen(os.open(out, *only_owner), "wb") as file:
            printed = sheet(labels, sheet_layout, file, title=batch, advance=lambda: progress.advance(task))
    _show_printed(out, labels, printed, public_url)


def _show_printed(out: Path, labels: list[Label], printed: Printed, public_url: str) -> None:
    size = f"{console.counted(len(labels), 'label')} on {console.counted(printed.pages, 'page')}"
    console.say(
        f"{out}: {size}. QR modules have {printed.module_mm:.3f} mm,"
        " quiet zones have 4 modules. Print at 100 %."
    )
    if any(label.pin for label in labels):
        console.say(
            "The PINs are secret. Everybody who sees the file or an uncovered label knows the PIN.",
            style="yellow",
        )
    if _is_local(urlsplit(public_url).hostname or ""):
        console.say(
            f"Buyers cannot reach the address on these labels, {public_url}. "
            "`authcheck address move` changes the address.",
            style="bold red",
        )


def _is_local(host: str) -> bool:
    """Return whether a host has no public address: localhost or a private IP address."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == OWN_MACHINE
