"""What the commands of licences show."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.licences import grants
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.members.tables import Organisation
from authcheck.terminal.output import console


def show(session: Session, rows: Sequence[Licence], now: datetime, *, json: bool) -> None:
    """A line a licence version."""
    found = [_told(session, row, now.date()) for row in rows]
    if json:
        for one in found:
            console.json_line(one)
        return
    names = ("licence", "version", "state", "from", "to", "of", "where", "until", "units")
    lines = []
    for one, row in zip(found, rows, strict=True):
        terms = Terms.from_json(row.terms)
        units = f"{one['units']:,}" + (f" of {terms.cap:,}" if terms.cap else "")
        designs = len(terms.designs)
        subjects = (
            f"{designs} design{'' if designs == 1 else 's'}" if designs else ", ".join(terms.collections)
        )
        until = str(terms.ends_on or "no end")
        where = ", ".join(terms.territories) + (
            f" except {', '.join(terms.except_territories)}" if terms.except_territories else ""
        )
        lines.append(
            (
                row.id,
                str(row.version),
                one["state"],
                one["owner"],
                one["licensee"],
                subjects,
                where,
                until,
                units,
            )
        )
    _print(names, lines)


def show_one(session: Session, row: Licence, now: datetime, *, json: bool) -> None:
    """One licence version with all its terms."""
    told = _told(session, row, now.date())
    if json:
        console.json_line(told)
        return
    terms = told.pop("terms")
    lines = [(name, _text(value)) for name, value in {**told, **terms}.items()]
    _print(("term", "value"), lines)


def _told(session: Session, row: Licence, today: date) -> dict[str, Any]:
    grant = grants.grant_of(session, row, units=units_issued)
    names = select(Organisation.id, Organisation.handle).where(
        Organisation.id.in_([row.owner_id, row.licensee_id])
    )
    handles = {row.id: row.handle for row in session.execute(names)}
    times = {
        name: getattr(row, f"{name}_at")
        for name in ("offered", "accepted", "declined", "superseded", "revoked")
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
        **{f"{name}_at": at.isoformat() if at else None for name, at in times.items()},
        "revocation_reason": row.revocation_reason,
        "terms": row.terms,
    }


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "any"
    return "-" if value is None else str(value)


def _print(names: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = console.table(*names, whole=names[:1])
    for line in lines:
        table.add_row(*map(console.plain, line))
    console.out().print(table)
