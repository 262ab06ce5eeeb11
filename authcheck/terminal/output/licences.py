"""Terminal output of licences."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.ledger.tables import Entry
from authcheck.licences import grants
from authcheck.licences.codes import EVERYWHERE
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.lookups.transactions import handles_in, who_acted
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
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
        where = _where(terms)
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
    facts.pop("terms")
    shown = {name: value for name, value in facts.items() if value is not None and not name.endswith("salt")}
    shown |= _terms_in_words(session, Terms.from_json(row.terms))
    _print_table(("term", "value"), [(name.replace("_", " "), str(value)) for name, value in shown.items()])


def _terms_in_words(session: Session, terms: Terms) -> dict[str, str]:
    """Return the terms by heading. A term that the licence does not have is left out."""
    query = select(Design.id, Design.reference).where(Design.id.in_(terms.designs))
    references = {design.id: design.reference for design in session.execute(query)}
    words = {
        "designs": ", ".join(references.get(design_id, design_id) for design_id in terms.designs),
        "collections": ", ".join(terms.collections),
        "territories": _where(terms),
        "goods": ", ".join(map(str, terms.goods)) or "all",
        "channels": ", ".join(terms.channels) or "any",
        "starts on": terms.starts_on.isoformat(),
        "ends on": str(terms.ends_on or "no end"),
        "cap": f"{terms.cap:,} units" if terms.cap else "none",
        "sublicensing": "yes" if terms.sublicensing else "no",
        "exclusive": "yes" if terms.exclusive else "no",
    }
    return {heading: value for heading, value in words.items() if value}


def _where(terms: Terms) -> str:
    """Return `DE, FR`, or `everywhere except CN`."""
    named = "everywhere" if EVERYWHERE in terms.territories else ", ".join(terms.territories)
    return f"{named} except {', '.join(terms.except_territories)}" if terms.except_territories else named


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


def _print_table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = console.table(*headings, whole=headings[:1])
    for line in lines:
        table.add_row(*map(console.plain, line))
    console.out().print(table)
