"""The command that writes the keys with which anybody verifies certificates offline."""

import json as jsons
import sys
from pathlib import Path
from typing import Annotated

import typer

from authcheck.certificates import publications
from authcheck.files.writing import write_whole
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console

trust_app = typer.Typer(no_args_is_help=True, help="The keys with which anybody verifies offline.")


@trust_app.callback()
def group() -> None:
    """The keys with which anybody verifies offline."""


@trust_app.command("export")
def export_trust(
    *,
    brand: Annotated[str | None, typer.Option(help="Only this issuer's keys.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write. Default: standard output.")] = None,
) -> None:
    """Write the trusted keys of the ledger, its witnesses and the issuers: a trust.json."""
    with open_storage() as storage, storage.database.reading() as session:
        trust = publications.trust_of(session, storage.settings, utc_now(), brand)
    text = jsons.dumps(trust.to_json(), indent=1, ensure_ascii=False) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    write_whole(out, text.encode())
    console.say(
        f"Keys of {console.counted(len(trust.issuers), 'issuer')}. Whoever verifies trusts all in this file."
    )
