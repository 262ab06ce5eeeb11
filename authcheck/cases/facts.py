"""Drafts of ledger entries about cases. They hold hashes and ids, never a seller, a person or a reason."""

from datetime import datetime
from typing import Any

from authcheck.cases.tables import Case
from authcheck.tlog.entries import Draft


def of_case(case: Case) -> dict[str, Any]:
    """Return the fields of a `case.open` entry that stay true: the design and the deciding marketplace."""
    return {"design": case.design_id, "marketplace": case.organisation_id}


def opened(case: Case, at: datetime) -> Draft:
    """Return the draft of the `case.open` entry, with the hash of the first row of the timeline."""
    return Draft("case.open", case.id, at, {**of_case(case), "h": f"sha256:{case.head}"})
