"""Scans, alerts, marks and claims, in JSON."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from authcheck.scans.figures import Figures
from authcheck.scans.listing import phone_of
from authcheck.scans.tables import BatchExpectation, ScanAlert, ScanSession

from .forms import Day, Text, Wire

Advice = Literal["verified", "careful", "revoked", "cannot_tell"]
AlertKind = Literal[
    "places", "travel", "after_claim", "after_sale", "repeat", "off_market", "blocked", "past_date",
    "inactive", "unissued", "probing", "volume", "reported",
]  # fmt: skip
AlertState = Literal["new", "seen", "cleared", "acted"]


class ScanIn(Wire):
    """A label that an app of yours has scanned for a person who looks at it now."""

    code: Text = Field(max_length=500, description="The code, or the address on the label.")
    visit: Text = Field(
        "",
        max_length=40,
        pattern=r"^[A-Za-z0-9_-]*$",
        description="A random name of this look, at least 16 characters. The same name again is no second"
        " scan.",
    )
    zone: Text = Field("", max_length=64, description="The phone's time zone, `Asia/Shanghai`.")


class ScannedUnitOut(Wire):
    """The unit that was scanned."""

    id: str
    batch: str
    product: str
    gtin: str
    lot: str
    serial: str


class ScanOut(Wire):
    """One look of one phone at one of your units."""

    id: str
    unit: ScannedUnitOut
    started_at: datetime
    requests: int = Field(description="With all retries and reloads of half an hour.")
    country: str = Field(description="ISO 3166-1, or empty for an unknown place.")
    region: str = Field(description="ISO 3166-2, or empty.")
    phone: str = Field(description="The same for scans of one phone. Empty when it is erased.")
    way: str = Field(description="camera, scanner, photo, typed or api.")
    advice: Advice = Field(description="What the page said.")
    counted: bool = Field(description="False: the phone or its network looks up many units.")


class DayOut(Wire):
    """The scans of one UTC day. `first` are first scans of a unit ever."""

    day: date
    sessions: int
    first: int
    advice: dict[Advice, int]


class CoverageOut(Wire):
    """How many of the units of a batch that are in use were ever scanned."""

    batch: str
    product: str
    lot: str
    issued: int
    scanned: int
    never: int = Field(description="Units that nobody has scanned.")
    days_to_first: int | None = Field(description="The median of whole days from the issue to the scan.")


class FiguresOut(Wire):
    """Figures of a period, each with its denominator."""

    since: date
    until: date
    sessions: int = Field(description="Looks of phones, without those of `probing`.")
    requests: int = Field(description="With retries and reloads.")
    probing: int = Field(description="Looks of phones and networks that look up many units.")
    first: int = Field(description="Units that were scanned for the first time ever.")
    days: list[DayOut]
    countries: dict[str, int] = Field(description="`sessions` by country. Empty: unknown.")
    few: int = Field(description="`sessions` of countries with fewer than 5 of them.")
    off_market: int = Field(description="Looks outside the markets of their time, of `located_in_markets`.")
    located_in_markets: int = Field(description="Looks of a known place at units that have markets.")
    flagged: dict[AlertKind, int] = Field(description="Units whose buyers are warned now, by kind.")
    flagged_units: int = Field(description="Units whose buyers are warned now, of `scanned_units`.")
    scanned_units: int = Field(description="Units that were ever scanned.")
    batches: list[CoverageOut] = Field(description="The newest 200 batches.")


class AlertOut(Wire):
    """Something about scans of your units that you should look at."""

    id: str
    kind: AlertKind
    text: str = Field(description="The sentence, in the language of Accept-Language.")
    params: dict[str, Any]
    grave: bool = Field(description="Buyers of the unit are warned until the alert is cleared.")
    state: AlertState
    unit: ScannedUnitOut | None
    batch: str | None
    opened_at: datetime
    last_at: datetime
    decided_at: datetime | None
    decided_by: str
    why: str


class AlertStateIn(Wire):
    """What you do with an alert. `cleared` needs a reason and ends the warning of buyers."""

    state: Literal["seen", "cleared", "acted"]
    why: Text = Field("", max_length=500)


class MarkIn(Wire):
    """A mark for units: `codes`, or a `batch`, or its units `first` to `last`."""

    mark: Literal["sold", "unsold", "blocked", "unblocked"]
    reason: Text = Field(
        "", max_length=20, description="For blocked: stolen, missing, diverted, copied, other."
    )
    codes: list[Text] = Field(default_factory=list, max_length=10_000, description="Codes or ids.")
    batch: Text | None = Field(None, max_length=40)
    first: int = Field(1, ge=1, lt=2**31)
    last: int | None = Field(None, ge=1, lt=2**31)


class MarkOut(Wire):
    """How many units have changed."""

    changed: int


class ExpectationIn(Wire):
    """What you expect of the units of a batch."""

    markets: list[Text] = Field(
        default_factory=list, max_length=250, description="Countries. Empty: those of the licence, or all."
    )
    use_by: Day | None = Field(None, description="The last day on which the units may be used.")


class ExpectationOut(Wire):
    """What you expect of the units of a batch. `said_at` is null when you have said nothing."""

    markets: list[str]
    use_by: date | None
    said_at: datetime | None


class ClaimIn(Wire):
    """The PIN under the scratch-off panel."""

    pin: Text = Field(max_length=20)


class ClaimOut(Wire):
    """Proof that you own the item. We show the secret once, so keep it."""

    secret: str


class OwnerIn(Wire):
    """The secret of the item's owner."""

    secret: Text = Field(max_length=100)


class ClearedOut(Wire):
    """How many alerts were cleared."""

    cleared: int


def scan_out(row: ScanSession) -> ScanOut:
    """Return a scan. The row is loaded with its certificate and batch."""
    return ScanOut.model_validate(
        {
            "id": row.id,
            "unit": _unit_fields(row),
            "phone": phone_of(row),
            **{
                name: getattr(row, name)
                for name in ("started_at", "requests", "country", "region", "way", "advice", "counted")
            },
        }
    )


def _unit_fields(row: ScanSession | ScanAlert) -> dict[str, Any] | None:
    unit = row.certificate
    if unit is None:
        return None
    return {
        "id": unit.id,
        "batch": unit.batch_id,
        "product": unit.batch.product,
        "gtin": unit.gtin,
        "lot": unit.lot,
        "serial": "" if unit.serial == unit.code else unit.serial,  # the code is the label's secret
    }


def figures_out(figures: Figures) -> FiguresOut:
    """Return figures."""
    return FiguresOut.model_validate(
        {
            **{
                name: getattr(figures, name)
                for name in FiguresOut.model_fields
                if name not in {"days", "batches"}
            },
            "days": [
                {"day": day.day, "sessions": day.sessions, "first": day.first, "advice": day.advice}
                for day in figures.days
            ],
            "batches": [
                {
                    "batch": row.batch_id,
                    **{name: getattr(row, name) for name in CoverageOut.model_fields if name != "batch"},
                }
                for row in figures.batches
            ],
        }
    )


def alert_out(row: ScanAlert, sentence: Callable[[ScanAlert], str]) -> AlertOut:
    """Return an alert with its sentence. The row is loaded with its certificate and batch."""
    names = ("id", "kind", "params", "state", "opened_at", "last_at", "decided_at", "decided_by", "why")
    return AlertOut.model_validate(
        {
            **{name: getattr(row, name) for name in names},
            "grave": row.is_grave,
            "text": sentence(row),
            "unit": _unit_fields(row),
            "batch": row.batch_id,
        }
    )


def expectation_out(row: BatchExpectation | None) -> ExpectationOut:
    """Return what is expected of a batch."""
    if row is None:
        return ExpectationOut(markets=[], use_by=None, said_at=None)
    return ExpectationOut(markets=row.markets, use_by=row.use_by, said_at=row.said_at)
