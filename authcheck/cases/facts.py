"""Drafts of ledger entries about cases. They hold hashes and ids, never a seller, a person or a reason."""

from datetime import datetime
from typing import Any

from authcheck.cases.tables import Case
from authcheck.tlog.entries import Draft


def of_case(case: Case) -> dict[str, Any]:
    """Return the fields of every entry about a case: the design and the deciding marketplace."""
    return {"design": case.design_id, "marketplace": case.organisation_id}


def decided(case: Case, at: datetime) -> Draft:
    """Return the draft of the `case.decide` entry: the newest row says that the decision takes effect."""
    return Draft("case.decide", case.id, at, {**of_case(case), "h": f"sha256:{case.head}"})


def decision_reversed(case: Case, at: datetime) -> Draft:
    """Return the draft of the `case.reverse` entry: the newest row says that the decision is reversed."""
    return Draft("case.reverse", case.id, at, {**of_case(case), "h": f"sha256:{case.head}"})


def withdrawn(case: Case, at: datetime) -> Draft:
    """Return the draft of the `case.withdraw` entry: the newest row says that nobody reports any more."""
    return Draft("case.withdraw", case.id, at, {**of_case(case), "h": f"sha256:{case.head}"})


def opened(case: Case, at: datetime) -> Draft:
    """Return the draft of the `case.open` entry, with the hash of the first row of the timeline."""
    return Draft("case.open", case.id, at, {**of_case(case), "h": f"sha256:{case.head}"})
