"""What buyers say about a label: an alert for its brand, without an account and without words of theirs."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from authcheck.errors import Rejected
from authcheck.ids import as_word
from authcheck.scans.alerts import Subject, find_alert, raise_alert
from authcheck.scans.rules import Hit
from authcheck.scans.standing import find_units
from authcheck.scans.tables import ScanAlert

KIND = "reported"
CLAIMS = ("item", "label", "seller", "other")
"""The item does not fit the label, the label looks tampered with, the seller is odd, or something else."""


def report_label(session: Session, certificate_id: str, claim: str, now: datetime) -> ScanAlert:
    """Alert the issuer of a unit that a buyer finds something wrong. Every report is counted in one alert.

    A report warns nobody by itself: anybody can send one. A report about a label whose alert was cleared is
    counted, and the alert stays cleared. Raises Rejected (`label_report.claim`).
    """
    claim = as_word(claim)
    if claim not in CLAIMS:
        raise Rejected(f"Choose one of these: {', '.join(CLAIMS)}.", code="label_report.claim")
    unit = find_units(session, [certificate_id])[certificate_id]
    subject = Subject.of(unit, KIND)
    earlier = find_alert(session, subject, KIND)
    before: dict[str, Any] = earlier.params if earlier else {"reports": 0, "claims": []}
    params = {"reports": before["reports"] + 1, "claims": sorted({*before["claims"], claim})}
    alert = raise_alert(session, subject, Hit(KIND, params, is_grave=False), now)
    alert.params, alert.last_at = params, now
    return alert
