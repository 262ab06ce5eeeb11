"""Hits as a table for a spreadsheet."""

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from authcheck.cases.hit_search import price_share
from authcheck.cases.notice_tables import Hit
from authcheck.cases.stages import stage_of_hit
from authcheck.files.csv_cells import CellWriter

COLUMNS = (
    "listing", "reference", "marketplace", "channel", "seller", "seller_name", "territory", "listed_on",
    "title", "url", "price", "price_share", "design", "verdict", "stage", "group",
)  # fmt: skip


def hits_csv(rows: Sequence[Hit], medians: dict[tuple[str, str], Decimal]) -> str:
    """Return hits as CSV, safe to open in a spreadsheet. `medians` are `hit_search.licensed_medians`."""
    buffer = io.StringIO()
    writer = CellWriter(buffer)
    writer.write_row(COLUMNS)
    for row in rows:
        cells: dict[str, Any] = {
            "listing": row.listing_id,
            "reference": row.listing.reference,
            "marketplace": row.organisation.handle,
            "channel": row.channel,
            "seller": row.seller,
            "seller_name": row.listing.seller_name,
            "territory": row.territory,
            "listed_on": row.listed_on.isoformat(),
            "title": row.listing.title,
            "url": row.listing.url,
            "price": row.listing.price,
            "price_share": price_share(row, medians),
            "design": row.design.reference,
            "verdict": row.verdict,
            "stage": str(stage_of_hit(row)),
            "group": row.grouped_by,
        }
        writer.write_row(cells[column] for column in COLUMNS)
    return buffer.getvalue()
