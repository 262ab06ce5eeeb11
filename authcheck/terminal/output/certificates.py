"""What the terminal shows of batches, certificates and signing keys."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.text import Text
from sqlalchemy.orm import Session

from authcheck.certificates.batches import count_states, transaction_ids
from authcheck.certificates.meters import Meter
from authcheck.certificates.tables import Batch, Certificate, SigningKey
from authcheck.ids import show_code
from authcheck.proofs.trust import encode_base64url
from authcheck.terminal.output import console


def show_issued(batch: Batch, states: Mapping[str, int], meter: Meter | None, *, json: bool) -> None:
    """A batch just issued: its id alone to standard output; the meter of its licence to the other one."""
    if meter:
        console.say(f"Licence {batch.licence_id}: {_meter_text(meter)}.")
    if json:
        console.json_line(_batch_dict(batch, states) | ({"meter": asdict(meter)} if meter else {}))
        return
    words = ", ".join(f"{count} {state}" for state, count in states.items() if count)
    console.say(f"{batch.product}, lot {batch.lot}: {words}.")
    print(batch.id)  # noqa: T201 - data goes to stdout, alone


def _meter_text(meter: Meter) -> str:
    """As a line has it: `8,600 of 9,000 units, 95% is reached`."""
    if meter.cap is None:
        return f"{meter.units:,} units, no cap"
    reached = f", {meter.alerts[-1]:.0%} is reached" if meter.alerts else ""
    return f"{meter.units:,} of {meter.cap:,} units{reached}"


def show_batches(session: Session, batches: Iterable[Sequence[Batch]], *, json: bool) -> None:
    """A line a batch."""
    shown = console.table("batch", "product", "gtin", "lot", "design", "states", whole=("batch",))
    for page in batches:
        states = count_states(session, page)
        for batch in page:
            if json:
                console.json_line(_batch_dict(batch, states[batch.id]))
            words = (batch.id, batch.product, batch.gtin, batch.lot, batch.design.reference)
            counted = ", ".join(f"{count} {state}" for state, count in states[batch.id].items() if count)
            shown.add_row(*map(Text, words), counted)
    if not json:
        console.out().print(shown)


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
    """A line a certificate."""
    for page in pages:
        ids = transaction_ids(session, page)
        for one in page:
            if json:
                console.json_line(_facts(one, ids.get(one.id)))
            else:
                words = f"{show_code(one.code)}  {one.state}  {one.gtin}  {one.lot}  {one.serial}  {one.id}"
                console.out().print(words, markup=False, soft_wrap=True)


def show_certificate(certificate: Certificate, tx_id: str | None, *, json: bool) -> None:
    """All that its issuer knows of a certificate."""
    facts = {**_facts(certificate, tx_id), "jws": certificate.jws}
    if json:
        console.json_line(facts)
        return
    shown = console.table("", "")
    shown.show_header = False
    for name, value in facts.items():
        shown.add_row(name.replace("_", " "), Text("" if value is None else str(value)))
    console.out().print(shown)


def _facts(one: Certificate, tx_id: str | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "code": one.code,
        "state": one.state,
        "batch": one.batch_id,
        "number": one.number_in_batch,
        "gtin": one.gtin,
        "lot": one.lot,
        "serial": one.serial,
        "product": one.batch.product,
        "issued_at": one.issued_at.isoformat(),
        "tx_id": tx_id,
        "entry": one.entry_number,
        "revoked_at": one.revoked_at.isoformat() if one.revoked_at else None,
        "reason": one.revocation_reason,
    }


def show_signing_keys(keys: Iterable[SigningKey], *, json: bool) -> None:
    """A line a key; never a secret."""
    shown = console.table("kid", "kept", "entries", "public key", whole=("kid",))
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
        shown.add_row(key.kid, kept, entries, encode_base64url(key.public_key))
    if not json:
        console.out().print(shown)
