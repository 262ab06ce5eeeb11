"""Commands that look up certificates and verify proofs."""

import json as jsons
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from authcheck.errors import Conflict
from authcheck.files.writing import translated_write_errors
from authcheck.lookups import lookup
from authcheck.lookups.lookup import LookUp
from authcheck.proofs import bundle
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output import lookups as output
from authcheck.terminal.output.console import Json


def look_up(
    code: Annotated[str, typer.Argument(help="Code, certificate id or transaction id.")],
    *,
    json: Json = False,
    out: Annotated[
        Path | None, typer.Option("--bundle", metavar="FILE", help="Write the offline proof here.")
    ] = None,
) -> None:
    """Look up a certificate and verify its proof. Exit 0: verified, 1: be careful, 3: unknown."""
    with open_storage() as storage:
        result = lookup.look_up(storage.database, storage.settings, code, utc_now())
    if out is not None:
        if result.bundle is None:
            raise Conflict(
                "This certificate has no proof yet. Try again when its brand has signed it.",
                code="certificate.unsigned",
            )
        with translated_write_errors(out):
            out.write_text(jsons.dumps(result.bundle.to_json()), encoding="utf-8")
    if json:
        console.json_line(_result_dict(result))
    else:
        output.show(_result_dict(result), brand=result.unit.brand, is_disputed=result.unit.is_disputed)
    raise typer.Exit(output.EXITS[result.advice])


def _result_dict(result: LookUp) -> dict[str, object]:
    unit = result.unit
    return {
        "id": unit.id,
        "code": unit.code,
        "outcome": result.outcome,
        "advice": result.advice,
        "cautions": [asdict(caution) for caution in result.cautions],
        "issuer": unit.handle,
        "product": unit.product,
        "gtin": unit.gtin,
        "lot": unit.lot,
        "serial": unit.serial,
        "design_disputed": unit.is_disputed,
        "tx_id": unit.issued_tx_id,
        "checked": [asdict(step) for step in result.steps],
    }


def verify_bundle(
    file: Annotated[Path, typer.Argument(help="The bundle.")],
    *,
    trust: Annotated[Path, typer.Option(metavar="FILE", help="Trusted keys: a trust.json.")],
    json: Json = False,
) -> None:
    """Verify a certificate offline. Exit 0: good, 1: revoked or not true, 3: unknown."""
    raise typer.Exit(bundle.run(file, trust, as_json=json))
