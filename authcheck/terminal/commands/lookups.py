"""Commands that look certificates up and verify them."""

import json as jsons
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from authcheck.errors import Conflict
from authcheck.files.writing import translated_write_errors
from authcheck.ids import show_code
from authcheck.lookups import lookup
from authcheck.lookups.lookup import LookUp
from authcheck.proofs import bundle
from authcheck.proofs.bundle import Outcome
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

EXIT: dict[Outcome | str, int] = {"good": 0, "unknown": 3, "unsigned": 3}


def look_up(
    code: Annotated[str, typer.Argument(help="Code, certificate id or transaction id.")],
    *,
    json: Json = False,
    out: Annotated[
        Path | None, typer.Option("--bundle", metavar="FILE", help="Write the offline proof there.")
    ] = None,
) -> None:
    """Look a certificate up and verify its proof. Exit 0: good, 1: revoked or not true, 3: it cannot be told."""
    with open_storage() as storage:
        found = lookup.look_up(storage.database, storage.settings, code, utc_now())
    if out is not None:
        if found.bundle is None:
            raise Conflict("There is no proof of this certificate yet.", code="certificate.unsigned")
        with translated_write_errors(out):
            out.write_text(jsons.dumps(found.bundle.to_json()), encoding="utf-8")
    if json:
        console.json_line(_told(found))
    else:
        _show(found)
    raise typer.Exit(EXIT.get(found.outcome, 1))


def _told(found: LookUp) -> dict[str, object]:
    unit = found.unit
    return {
        "id": unit.id,
        "code": unit.code,
        "outcome": found.outcome,
        "issuer": unit.handle,
        "product": unit.product,
        "gtin": unit.gtin,
        "lot": unit.lot,
        "serial": unit.serial,
        "tx_id": unit.issued_tx_id,
        "checked": [asdict(step) for step in found.steps],
    }


def _show(found: LookUp) -> None:
    unit = found.unit
    out = console.out()
    lines = [f"{step.name:<11} {step.state:<8} {step.detail}" for step in found.steps]
    lines += [
        f"{show_code(unit.code)}  {unit.product}, by {unit.brand}",
        found.outcome.replace("_", " "),
    ]
    for line in lines:
        out.print(console.plain(line), markup=False, soft_wrap=True)


def verify_bundle(
    file: Annotated[Path, typer.Argument(help="The bundle.")],
    *,
    trust: Annotated[Path, typer.Option(metavar="FILE", help="Whom to believe: a trust.json.")],
    json: Json = False,
) -> None:
    """Verify a certificate offline. Exit 0: good, 1: revoked or not true, 3: it cannot be told."""
    raise typer.Exit(bundle.run(file, trust, as_json=json))
