"""Signing keys, certificates, labels and scans at a server."""

import json as jsons
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer

from authcheck.certificates.orders import MOST_SERIAL_BYTES, SERIAL_HEADERS
from authcheck.certificates.signature_files import read_signatures, signatures_json
from authcheck.errors import Unavailable
from authcheck.files.picture_files import read_file
from authcheck.files.value_lists import read_values
from authcheck.ids import new_id, show_code
from authcheck.licences.written import read_day
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import console
from authcheck.terminal.remote.answers import line, show_facts, show_rows, write
from authcheck.terminal.remote.service import Service, place

SECRET = 0o600


def create_key(service: Service, *, public_key: str | None, yes: bool) -> None:  # noqa: ARG001 - nothing to ask
    """Add a key that signs from now on, and print its name. The server has confirmed its own address."""
    key = service.send("POST", "/v1/signing-keys", {"public_key": public_key})
    console.data_line(key["kid"])


def rotate_key(service: Service, *, public_key: str | None, yes: bool) -> None:  # noqa: ARG001 - nothing to ask
    """Add a key and end all others. Print its name."""
    key = service.send("POST", "/v1/signing-keys/rotate", {"public_key": public_key})
    console.data_line(key["kid"])


def list_keys(service: Service, *, json: bool) -> None:
    """List the member's signing keys, also revoked."""
    columns = {
        "kid": "kid",
        "kept": lambda row: "here" if row["kept_here"] else "by the brand",
        "entries": lambda row: f"{row['first_entry']} to {row['end_entry'] or 'now'}",
        "public key": "public_key",
    }
    show_rows(service.items("/v1/signing-keys"), columns, json=json, whole=("kid",))


def revoke_key(service: Service, *, key: str, yes: bool) -> None:
    """Revoke a key permanently, now."""
    found = [row for row in service.items("/v1/signing-keys") if key in {row["id"], row["kid"]}]
    console.confirm(f"Revoke the signing key {key}", yes=yes)
    row = service.send("POST", place("signing-keys", found[0]["id"] if found else key, "revoke"))
    console.say(f"{row['kid']} is revoked.")


def issue_certificates(
    service: Service,
    *,
    design: str,
    gtin: str,
    lot: str,
    product: str,
    count: int,
    serials: Path | None,
    request: str | None,
    pins: bool,
    licence: str | None,
    yes: bool,  # noqa: ARG001 - the server has confirmed its own address
    json: bool,
) -> None:
    """Issue certificates and print the batch's id."""
    key = request or new_id("req", utc_now())
    body = {
        "design": design,
        "gtin": gtin,
        "lot": lot,
        "product": product,
        "count": count,
        "serials": _read_serials(serials),
        "pins": pins,
        "licence": licence,
    }
    try:
        batch = service.send("POST", "/v1/batches", body, key=key)
    except Unavailable:
        console.say(f"Repeat the command with --request {key}: the units are never issued twice.")
        raise
    if json:
        console.json_line(batch)
        return
    console.say(console.plain(f"{batch['product']}, lot {batch['lot']}: {_states_text(batch)}."))
    console.data_line(batch["id"])


def _read_serials(path: Path | None) -> list[str]:
    if path is None:
        return []
    return list(read_values(read_file(path, MOST_SERIAL_BYTES), SERIAL_HEADERS))


def _states_text(batch: dict[str, Any]) -> str:
    return ", ".join(f"{count} {state}" for state, count in batch["states"].items() if count)


def list_batches(service: Service, *, json: bool) -> None:
    """List the member's batches, oldest first."""
    columns = {
        "batch": "id",
        "product": "product",
        "gtin": "gtin",
        "lot": "lot",
        "design": "reference",
        "states": _states_text,
    }
    show_rows(service.items("/v1/batches"), columns, json=json, whole=("batch",))


def list_certificates(
    service: Service,
    *,
    batch: str | None,
    design: str | None,
    gtin: str | None,
    lot: str | None,
    state: str | None,
    json: bool,
) -> None:
    """List the member's certificates in the order of issue."""
    query = {"batch": batch, "design": design, "gtin": gtin, "lot": lot, "state": state}
    for row in service.items("/v1/certificates", **query):
        if json:
            console.json_line(row)
        else:
            words = (show_code(row["code"]), row["state"], row["gtin"], row["lot"], row["serial"], row["id"])
            line("  ".join(words))


def revoke_certificates(
    service: Service,
    *,
    codes: list[str] | None,
    reason: str,
    batch: str | None,
    first: int,
    last: int | None,
    yes: bool,
) -> None:
    """Revoke certificates, a batch or a part of it permanently."""
    what = f"certificates of {batch}" if batch else console.counted(len(codes or ()), "certificate")
    console.confirm(f"Revoke {what}", yes=yes)
    body = {"certificates": list(codes or ()), "batch": batch, "first": first, "last": last, "reason": reason}
    counts = service.send("POST", "/v1/revocations", body)
    console.say(console.revoked_text(counts["revoked"], counts["revoked_before"]))


def export_units(service: Service, *, batch: str, out: Path | None) -> None:
    """Write a batch as CSV, one row per unit."""
    write(service.read(place("batches", batch, "units.csv")), out)


def show_waiting(service: Service, *, out: Path | None) -> None:
    """Write the statements that a brand must sign with its own key."""
    statements = service.get("/v1/signatures/waiting")
    write((jsons.dumps(statements, indent=1) + "\n").encode(), out)
    console.say(f"{len(statements['payloads'])} statements wait for a signature by {statements['kid']}.")


def submit_signatures(service: Service, *, signatures: Path) -> None:
    """Submit signatures. Their certificates become active."""
    body = jsons.loads(signatures_json(read_signatures(signatures)))
    count = service.send("POST", "/v1/signatures", body)["signed"]
    console.say(f"{count} certificates became active.")


def print_labels(
    service: Service,
    *,
    batch: str,
    out: Path,
    layout: str,
    short: bool,
    pins: bool,
    yes: bool,  # noqa: ARG001 - the server has confirmed its own address
) -> None:
    """Write a PDF of a batch's labels, which only its owner may read: it can hold PINs."""
    query = {"layout": layout, "short": short or None, "pins": pins or None}
    write(service.read(place("batches", batch, "labels.pdf"), **query), out, mode=SECRET)
    console.say(f"{out}: print at 100 %.")


def list_scans(
    service: Service, *, batch: str, unit: str, country: str, since: str | None, until: str | None
) -> None:
    """Write the scans of the member's units as CSV, oldest first."""
    query = {"batch": batch, "unit": unit, "country": country}
    write(service.read("/v1/scans/csv", **query, since=_day(since), until=_day(until)), None)


def _day(text: str | None) -> str | None:
    return read_day(text, error_code="scan.period").isoformat() if text else None


def show_figures(service: Service, *, days: int, json: bool) -> None:
    """Show figures about the scans of the member's units."""
    since = utc_now().date() - timedelta(days=days - 1)
    figures = service.get("/v1/scans/figures", since=since.isoformat())
    show_facts(figures if json else {**figures, "days": None, "batches": None}, json=json)
    if not json:
        columns = {
            "batch": "batch",
            "product": "product",
            "scanned": lambda row: f"{row['scanned']} of {row['issued']}",
            "days to first": "days_to_first",
        }
        show_rows(figures["batches"], columns, json=False, whole=("scanned",))


def list_alerts(service: Service, *, kind: str | None, state: str | None, json: bool) -> None:
    """List the member's alerts, oldest first. Exit 1: some are new."""
    rows = list(service.items("/v1/alerts", kind=kind, state=state))
    show_rows(
        rows, {"alert": "id", "state": "state", "what happened": "text"}, json=json, whole=("alert", "state")
    )
    raise typer.Exit(any(row["state"] == "new" for row in rows))


def handle_alert(service: Service, *, alert: str, state: str | None, why: str, json: bool) -> None:
    """Show an alert, or say what the member does with it."""
    if state is None:
        row = service.get(place("alerts", alert))
    else:
        row = service.send("POST", place("alerts", alert, "state"), {"state": state, "why": why})
    show_facts(row, json=json)


def mark_units(
    service: Service, *, act: str, codes: list[str] | None, batch: str | None, reason: str
) -> None:
    """Mark units as sold or blocked, or take the mark back."""
    body = {"mark": act, "codes": list(codes or ()), "batch": batch, "reason": reason}
    changed = service.send("POST", "/v1/marks", body)["changed"]
    console.say(f"{console.counted(changed, 'unit')} changed.")


def expect(service: Service, *, batch: str, markets: str, use_by: str | None) -> None:
    """Say where the units of a batch are sold, and until when they may be used."""
    body = {"markets": list(console.split_list(markets)), "use_by": _day(use_by)}
    row = service.send("PUT", place("batches", batch, "expectation"), body)
    places = ", ".join(row["markets"]) or "as licensed, else everywhere"
    console.say(f"{batch}: sold in {places}; use by {row['use_by'] or 'any day'}.")
