"""Terminal output of licences."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.ledger.tables import Entry
from authcheck.licences import grants
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.lookups.transactions import handles_in, who_acted
from authcheck.members.tables import Organisation
from authcheck.terminal.output import console
from authcheck.tlog.entries import read_body


def show(session: Session, rows: Sequence[Licence], now: datetime, *, json: bool) -> None:
    """Print one line per licence version."""
    facts_of_rows = [_licence_dict(session, row, now.date()) for row in rows]
    if json:
        for facts in facts_of_rows:
            console.json_line(facts)
        return
    headings = ("licence", "version", "state", "from", "to", "of", "where", "until", "units")
    lines = []
    for facts, row in zip(facts_of_rows, rows, strict=True):
        terms = Terms.from_json(row.terms)
        units = f"{facts['units']:,}" + (f" of {terms.cap:,}" if terms.cap else "")
        count = len(terms.designs)
        subjects = f"{count} design{'' if count == 1 else 's'}" if count else ", ".join(terms.collections)
        until = str(terms.ends_on or "no end")
        where = ", ".join(terms.territories) + (
            f" except {', '.join(terms.except_territories)}" if terms.except_territories else ""
        )
        lines.append(
            (
                row.id,
                str(row.version),
                facts["state"],
                facts["owner"],
                facts["licensee"],
                subjects,
                where,
                until,
                units,
            )
        )
    _print_table(headings, lines)


def show_one(session: Session, row: Licence, now: datetime, *, json: bool) -> None:
    """Print one licence version with all its terms."""
    facts = {**_licence_dict(session, row, now.date()), "offered_by": _offered_by(session, row)}
    if json:
        console.json_line(facts)
        return
    terms = facts.pop("terms")
    lines = [(name, _value_text(value)) for name, value in {**facts, **terms}.items()]
    _print_table(("term", "value"), lines)


def _offered_by(session: Session, row: Licence) -> str | None:
    """Return `shadow for acme` if an agent offered the version, None if the owner did."""
    entry = session.get(Entry, row.offered_entry)
    fields = read_body(entry.body) if entry else {"t": ""}
    return who_acted(fields, handles_in(session, fields))


def _licence_dict(session: Session, row: Licence, today: date) -> dict[str, Any]:
    grant = grants.grant_of(session, row, units=units_issued)
    query = select(Organisation.id, Organisation.handle).where(
        Organisation.id.in_([row.owner_id, row.licensee_id])
    )
    handles = {member.id: member.handle for member in session.execute(query)}
    times = {
        event: getattr(row, f"{event}_at")
        for event in ("offered", "accepted", "declined", "superseded", "revoked")
    }
    return {
        "id": row.id,
        "series": row.series,
        "version": row.version,
        "state": grant.state(today),
        "owner": handles[row.owner_id],
        "licensee": handles[row.licensee_id],
        "parent": row.parent_id,
        "units": grant.units_issued,
        **{f"{event}_at": time.isoformat() if time else None for event, time in times.items()},
        "revocation_reason": row.revocation_reason,
        "terms": row.terms,
        "offered_salt": row.offered_salt,
        "accepted_salt": row.accepted_salt,
    }


def _value_text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "any"
    return "-" if value is None else str(value)


def _print_table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = console.table(*headings, whole=headings[:1])
    for line in lines:
        table.add_row(*map(console.plain, line))
    console.out().print(table)
