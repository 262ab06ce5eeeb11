"""Terminal output of batches, certificates and signing keys."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.text import Text
from sqlalchemy.orm import Session

from authcheck.certificates.batches import count_states, transaction_ids
from authcheck.certificates.meters import Meter
from authcheck.certificates.tables import Batch, Certificate, SigningKey
from authcheck.ids import show_code
from authcheck.labels.letters import missing_letters
from authcheck.proofs.trust import encode_base64url
from authcheck.terminal.output import console


def _warn_of_letters(batch: Batch) -> None:
    """Print a warning that names the letters for which our labels have no font. Usually print nothing."""
    if letters := missing_letters(f"{batch.organisation.name} {batch.product}"):
        console.say(
            f"Our labels have no font for these letters: {letters}. `authcheck labels` will refuse this "
            "batch. Print labels of your own from `authcheck certificates export`, or issue under another "
            "name.",
            style="yellow",
        )


def show_issued(batch: Batch, states: Mapping[str, int], meter: Meter | None, *, json: bool) -> None:
    """Print a new batch: its id to standard output, counts and the meter of its licence to standard error."""
    _warn_of_letters(batch)
    if meter:
        console.say(f"Licence {batch.licence_id}: {_meter_text(meter)}.")
    if json:
        console.json_line(_batch_dict(batch, states) | ({"meter": asdict(meter)} if meter else {}))
        return
    console.say(f"{batch.product}, lot {batch.lot}: {_count_text(states)}.")
    console.data_line(batch.id)


def _count_text(states: Mapping[str, int]) -> str:
    """Return the counts that are not 0, for example `3 active, 1 revoked`."""
    return ", ".join(f"{count} {state}" for state, count in states.items() if count)


def _meter_text(meter: Meter) -> str:
    """Return the meter as text, for example `8,600 of 9,000 units, 95% is reached`."""
    if meter.cap is None:
        return f"{meter.units:,} units, no cap"
    reached = f", {meter.alerts[-1]:.0%} is reached" if meter.alerts else ""
    return f"{meter.units:,} of {meter.cap:,} units{reached}"


def show_batches(session: Session, batches: Iterable[Sequence[Batch]], *, json: bool) -> None:
    """Print one line per batch."""
    table = console.table("batch", "product", "gtin", "lot", "design", "states", whole=("batch",))
    for page in batches:
        states = count_states(session, page)
        for batch in page:
            if json:
                console.json_line(_batch_dict(batch, states[batch.id]))
            cells = (batch.id, batch.product, batch.gtin, batch.lot, batch.design.reference)
            table.add_row(*map(Text, cells), _count_text(states[batch.id]))
    if not json:
        console.out().print(table)


def _batch_dict(batch: Batch, states: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": batch.id,
        "design": batch.design.reference,
        "gtin": batch.gtin,
        "lot": batch.lot,
        "product": batch.product,
        "count": batch.count,
        "licence": batch.licence_id,
        "created_at": batch.created_at.isoformat(),
        **states,
    }


def show_certificates(session: Session, pages: Iterable[Sequence[Certificate]], *, json: bool) -> None:
    """Print one line per certificate."""
    for page in pages:
        tx_ids = transaction_ids(session, page)
        for row in page:
            if json:
                console.json_line(_certificate_dict(row, tx_ids.get(row.id)))
            else:
                line = f"{show_code(row.code)}  {row.state}  {row.gtin}  {row.lot}  {row.serial}  {row.id}"
                console.out().print(line, markup=False, soft_wrap=True)


def show_certificate(certificate: Certificate, tx_id: str | None, *, json: bool) -> None:
    """Print all facts about a certificate that its issuer may know, one line per fact."""
    facts = {**_certificate_dict(certificate, tx_id), "jws": certificate.jws}
    console.show_facts(facts, json=json)


def _certificate_dict(row: Certificate, tx_id: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "code": row.code,
        "state": row.state,
        "batch": row.batch_id,
        "number": row.number_in_batch,
        "gtin": row.gtin,
        "lot": row.lot,
        "serial": row.serial,
        "product": row.batch.product,
        "issued_at": row.issued_at.isoformat(),
        "tx_id": tx_id,
        "entry": row.entry_number,
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
        "reason": row.revocation_reason,
    }


def show_signing_keys(keys: Iterable[SigningKey], *, json: bool) -> None:
    """Print one line per signing key, never a secret."""
    table = console.table("kid", "kept", "entries", "public key", whole=("kid",))
    for key in keys:
        end = key.revoked_at_entry
        kept = "by the brand" if key.secret is None else "here"
        if json:
            console.json_line(
                {
                    "id": key.id,
                    "kid": key.kid,
                    "kept_here": key.secret is not None,
                    "first_entry": key.added_at_entry,
                    "end_entry": end,
                    "public_key": encode_base64url(key.public_key),
                }
            )
        entries = f"{key.added_at_entry} to {'now' if end is None else end - 1}"
        table.add_row(key.kid, kept, entries, encode_base64url(key.public_key))
    if not json:
        console.out().print(table)
