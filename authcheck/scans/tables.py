"""Rows of scans, of the alerts that they raise, and of what issuers say about their units and batches."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.certificates.tables import Batch, Certificate
from authcheck.members.tables import Organisation
from authcheck.storage.entity import Entity


class ScanSession(Entity):
    """One look of one phone at one unit, with all its retries (`recording.SESSION`).

    `organisation_id` is the issuer of the certificate, `owner_id` the owner of its design. `visitor` and
    `network` are keyed hashes, which are erased (set to "") when they are no longer needed. `country`,
    `region` and `cell` are a coarse place (`places.Place`). `visit` names the page that sent the scan. `way`
    is how the code came in: camera, scanner, photo, typed or api. `advice` is what the page said.

    `counted` is False for a scan that is no evidence: its network looks up many units. `off_market` says
    whether the country is outside the markets that the batch had at the time. It is None without a country
    or without markets.
    """

    __tablename__ = "scan_sessions"
    __table_args__ = (
        Index(None, "certificate_id", "started_at"),
        Index(None, "organisation_id", "id"),
        Index(None, "owner_id", "id"),
        Index(None, "owner_id", "country", "id"),
        Index(None, "batch_id", "started_at"),
        Index(None, "network", "started_at"),
        Index(None, "started_at"),
        UniqueConstraint("certificate_id", "visit"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    certificate_id: Mapped[str] = mapped_column(ForeignKey(Certificate.id))
    batch_id: Mapped[str] = mapped_column(ForeignKey(Batch.id))
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    owner_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    visit: Mapped[str] = mapped_column(String(40))
    visitor: Mapped[str] = mapped_column(String(32), index=True)
    network: Mapped[str] = mapped_column(String(32))
    country: Mapped[str] = mapped_column(String(2))
    region: Mapped[str] = mapped_column(String(6))
    cell: Mapped[str] = mapped_column(String(8))
    started_at: Mapped[datetime]
    last_at: Mapped[datetime]
    requests: Mapped[int]
    way: Mapped[str] = mapped_column(String(10))
    advice: Mapped[str] = mapped_column(String(12))
    counted: Mapped[bool]
    off_market: Mapped[bool | None]

    certificate: Mapped["Certificate"] = relationship(lazy="raise")


class ScanAlert(Entity):
    """Something about scans that the issuer and the design's owner should look at (`alerts.KINDS`).

    There is one alert of a kind about a `subject`: a unit, a batch, or a network. `params` are the figures of
    its sentence. A grave alert warns buyers until it is cleared. `state` is new, seen, cleared or acted.
    `decided_by` is a person, an API key, or `owner` for the owner of the unit, and `why` their reason.
    `carried_at` is when the listings with the unit's code were judged again, None before.
    """

    __tablename__ = "scan_alerts"
    __table_args__ = (
        UniqueConstraint("organisation_id", "kind", "subject"),
        Index(None, "owner_id", "id"),
        Index(None, "carried_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    owner_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(64))
    certificate_id: Mapped[str | None] = mapped_column(ForeignKey(Certificate.id), index=True)
    batch_id: Mapped[str | None] = mapped_column(ForeignKey(Batch.id))
    params: Mapped[dict[str, Any]]
    is_grave: Mapped[bool]
    state: Mapped[str] = mapped_column(String(10))
    opened_at: Mapped[datetime]
    last_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(String(64))
    why: Mapped[str] = mapped_column(String(500))
    carried_at: Mapped[datetime | None]

    certificate: Mapped["Certificate | None"] = relationship(lazy="raise")


class UnitMark(Entity):
    """A fact about one unit besides its certificate: `sold`, `claimed` or `blocked`.

    `reason` is why the unit is blocked. `visitor` is the keyed hash of the phone that claimed the unit, and
    `secret_sha256` the hash of the owner's secret. `marked_by` is a person, an API key, or `owner`.
    """

    __tablename__ = "unit_marks"

    certificate_id: Mapped[str] = mapped_column(ForeignKey(Certificate.id), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    marked_at: Mapped[datetime]
    marked_by: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(20))
    visitor: Mapped[str] = mapped_column(String(32))
    secret_sha256: Mapped[str] = mapped_column(String(64))


class PinAttempts(Entity):
    """Wrong PINs for one unit since the last pause. See `claims`."""

    __tablename__ = "pin_attempts"

    certificate_id: Mapped[str] = mapped_column(ForeignKey(Certificate.id), primary_key=True)
    wrong: Mapped[int]
    last_at: Mapped[datetime]


class BatchExpectation(Entity):
    """What the issuer expects of the units of a batch: the countries of their sale, and their last day.

    `markets` are ISO 3166 codes, empty for anywhere. A batch under a licence without an expectation is
    expected in the licence's territories.
    """

    __tablename__ = "batch_expectations"

    batch_id: Mapped[str] = mapped_column(ForeignKey(Batch.id), primary_key=True)
    markets: Mapped[list[Any]]
    use_by: Mapped[date | None]
    said_at: Mapped[datetime]


class ScanDay(Entity):
    """The sessions of a closed day, see `sums.Sum`. `organisation_id` and `owner_id` as in ScanSession."""

    __tablename__ = "scan_days"
    __table_args__ = (Index(None, "owner_id", "day"),)

    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id), primary_key=True)
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    advice: Mapped[str] = mapped_column(String(12), primary_key=True)
    counted: Mapped[bool] = mapped_column(primary_key=True)
    sessions: Mapped[int]
    requests: Mapped[int]
    first: Mapped[int]
    outside: Mapped[int]
    located: Mapped[int]


class ScanFirst(Entity):
    """How many units of a batch were scanned for the first time on a closed day."""

    __tablename__ = "scan_firsts"

    batch_id: Mapped[str] = mapped_column(ForeignKey(Batch.id), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    units: Mapped[int]


class ScanClosing(Entity):
    """A UTC day whose scans are summed."""

    __tablename__ = "scan_closings"

    day: Mapped[date] = mapped_column(primary_key=True)
    closed_at: Mapped[datetime]
