"""Terminal output of licences."""

from collections.abc import Mapping, Sequence
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

HEADINGS = ("licence", "version", "state", "from", "to", "of", "where", "until", "units")


def show(session: Session, rows: Sequence[Licence], now: datetime, *, json: bool) -> None:
    """Print one line per licence version."""
    show_facts([_licence_dict(session, row, now.date()) for row in rows], json=json)


def show_facts(licences: Sequence[Mapping[str, Any]], *, json: bool) -> None:
    """Print one line per licence version, from its facts as `GET /v1/licences` has them."""
    if json:
        for facts in licences:
            console.json_line(facts)
        return
    _print_table(HEADINGS, [_cells(facts, Terms.from_json(facts["terms"])) for facts in licences])


def _cells(facts: Mapping[str, Any], terms: Terms) -> Sequence[str]:
    return (
        facts["id"],
        str(facts["version"]),
        facts["state"],
        facts["owner"],
        facts["licensee"],
        console.counted(len(terms.designs), "design") if terms.designs else ", ".join(terms.collections),
        _where(terms),
        str(terms.ends_on or "no end"),
        f"{facts['units']:,}" + (f" of {terms.cap:,}" if terms.cap else ""),
    )


def show_one(session: Session, row: Licence, now: datetime, *, json: bool) -> None:
    """Print one licence version with all its terms."""
    facts = {**_licence_dict(session, row, now.date()), "offered_by": _offered_by(session, row)}
    query = select(Design.id, Design.reference).where(Design.id.in_(row.terms["designs"]))
    references = {design.id: design.reference for design in session.execute(query)}
    show_one_from(facts, references, json=json)


def show_one_from(facts: Mapping[str, Any], references: Mapping[str, str], *, json: bool) -> None:
    """Print a licence version from its facts. `references` are those of its designs by id, where known."""
    if json:
        console.json_line(facts)
        return
    shown = {name: value for name, value in facts.items() if value is not None and not name.endswith("salt")}
    shown |= _terms_in_words(Terms.from_json(shown.pop("terms")), references)
    _print_table(("term", "value"), [(name.replace("_", " "), str(value)) for name, value in shown.items()])


def _terms_in_words(terms: Terms, references: Mapping[str, str]) -> dict[str, str]:
    """Return the terms by heading. A term that the licence does not have is left out."""
    words = {
        "designs": ", ".join(_design_text(design_id, references) for design_id in terms.designs),
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


def _design_text(design_id: str, references: Mapping[str, str]) -> str:
    """Return a design's reference with its id, by which its licensees name it."""
    return f"{references[design_id]} ({design_id})" if design_id in references else design_id


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
