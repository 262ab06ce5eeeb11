"""Licences as a table for a spreadsheet."""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from authcheck.files.csv_cells import CellWriter
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Grant

COLUMNS = (
    "licence", "series", "version", "state", "owner", "licensee", "parent", "designs", "collections",
    "territories", "except_territories", "goods", "channels", "starts_on", "ends_on", "cap", "units",
    "exclusive", "sublicensing", "offered_at", "accepted_at", "revoked_at",
)  # fmt: skip


def licences_csv(
    rows: Sequence[tuple[Licence, Grant]], handles: Mapping[str, str], references: Mapping[str, str], on: date
) -> str:
    """Return licences as CSV, safe to open in a spreadsheet. States are those of the UTC day `on`.

    `handles` are those of organisations by id. `references` are the owners' names of designs by id.
    """
    buffer = io.StringIO()
    writer = CellWriter(buffer)
    writer.write_row(COLUMNS)
    for row, grant in rows:
        terms = grant.terms
        cells: dict[str, Any] = {
            "licence": row.id,
            "series": row.series,
            "version": row.version,
            "state": grant.state(on),
            "owner": handles[row.owner_id],
            "licensee": handles[row.licensee_id],
            "parent": row.parent_id,
            "designs": " ".join(references.get(design_id, design_id) for design_id in terms.designs),
            "collections": ", ".join(terms.collections),
            "territories": " ".join(terms.territories),
            "except_territories": " ".join(terms.except_territories),
            "goods": " ".join(map(str, terms.goods)),
            "channels": " ".join(terms.channels),
            "starts_on": terms.starts_on.isoformat(),
            "ends_on": terms.ends_on.isoformat() if terms.ends_on else None,
            "cap": terms.cap,
            "units": grant.units_issued,
            "exclusive": "yes" if terms.exclusive else "no",
            "sublicensing": "yes" if terms.sublicensing else "no",
            **{name: moment.isoformat() if (moment := getattr(row, name)) else None for name in COLUMNS[-3:]},
        }
        writer.write_row(cells[column] for column in COLUMNS)
    return buffer.getvalue()
