"""What people do with alerts: list them, look at them, clear them with a reason, say what they did."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.certificates.tables import Certificate
from authcheck.errors import NotFound, Rejected
from authcheck.files.csv_cells import CellWriter
from authcheck.ids import as_word, normal_id
from authcheck.members.reach import WHOLE, Reach
from authcheck.scans.alerts import KINDS, STATES
from authcheck.scans.tables import ScanAlert
from authcheck.storage.parameters import can_be_stored

WHY_CHARS = 500
COLUMNS = (
    "alert", "kind", "state", "warns_buyers", "text", "unit", "number", "batch", "first", "last", "why",
)  # fmt: skip
OWNER = "owner"  # who clears an alert with the secret of the unit's owner


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """A filter for alerts. An alert must match each field that is not empty."""

    states: Collection[str] = ()
    kind: str = ""
    unit_id: str = ""
    batch_id: str = ""
    grave_units: bool = False

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions. `grave_units` are the alerts that the figure of flagged units counts.

        Raises Rejected (`alert.kind`, `alert.state`).
        """
        if self.kind:
            yield ScanAlert.kind == _one_of(self.kind, KINDS, "alert.kind")
        for column, value in (
            (ScanAlert.certificate_id, self.unit_id),
            (ScanAlert.batch_id, self.batch_id),
        ):
            if value:
                yield column == value
        if self.states:
            yield ScanAlert.state.in_(sorted(_one_of(state, STATES, "alert.state") for state in self.states))
        if self.grave_units:
            yield ScanAlert.is_grave.is_(True)
            yield ScanAlert.certificate_id.is_not(None)


ALL_ALERTS = AlertFilter()


def list_alerts(
    session: Session,
    organisation_id: str,
    wanted: AlertFilter = ALL_ALERTS,
    *,
    after: str = "",
    newest_first: bool = False,
    limit: int = 50,
    reach: Reach = WHOLE,
) -> Sequence[ScanAlert]:
    """Return at most `limit` alerts of an issuer or a design's owner, by id (so by time) from after `after`.

    With `newest_first` backwards from before it. Raises Rejected (`alert.kind`, `alert.state`).
    """
    query = _select_own(organisation_id, reach).where(*wanted.conditions())
    if not can_be_stored(wanted.unit_id, wanted.batch_id, after):
        return []
    if after:
        query = query.where(ScanAlert.id < after if newest_first else ScanAlert.id > after)
    order = ScanAlert.id.desc() if newest_first else ScanAlert.id
    return session.scalars(query.order_by(order).limit(limit)).all()


def count_alerts(
    session: Session, organisation_id: str, wanted: AlertFilter, *, reach: Reach = WHOLE, most: int
) -> int:
    """Return how many alerts of an issuer or a design's owner are wanted, at most `most`."""
    own = or_(ScanAlert.organisation_id == organisation_id, ScanAlert.owner_id == organisation_id)
    query = select(ScanAlert.id).where(own, _is_within(reach), *wanted.conditions()).limit(most)
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def alerts_csv(rows: Sequence[ScanAlert], sentence: Callable[[ScanAlert], str]) -> str:
    """Return alerts as a table. `sentence` says each in words. The rows are loaded with their units."""
    file = StringIO()
    writer = CellWriter(file)
    writer.write_row(COLUMNS)
    for row in rows:
        unit = row.certificate
        writer.write_row(
            (
                row.id, row.kind, row.state, "yes" if row.is_grave else "no", sentence(row),
                unit.id if unit else "", unit.number_in_batch if unit else "", row.batch_id or "",
                row.opened_at.isoformat(), row.last_at.isoformat(), row.why,
            )
        )  # fmt: skip
    return file.getvalue()


def get_alert(
    session: Session, alert_id: str, organisation_id: str, *, reach: Reach = WHOLE, lock: bool = False
) -> ScanAlert:
    """Return an alert of an issuer or a design's owner. Raises NotFound (`alert.not_found`)."""
    alert_id = normal_id(alert_id)
    query = _select_own(organisation_id, reach).where(ScanAlert.id == alert_id)
    if lock:
        query = query.with_for_update(of=ScanAlert)
    alert = session.scalar(query) if can_be_stored(alert_id) else None
    if alert is None:
        raise NotFound(f"You have no alert with the id {alert_id!r}.", code="alert.not_found", alert=alert_id)
    return alert


def set_state(alert: ScanAlert, state: str, *, why: str, by: str, now: datetime) -> None:
    """Set the state of a locked alert. Clearing it needs a reason, and ends the warning of buyers.

    A cleared alert that becomes `seen` again warns again. Raises Rejected (`alert.state`, `alert.why`).
    """
    state, why = _one_of(state, STATES[1:], "alert.state"), why.strip()
    if state == "cleared" and not why:
        raise Rejected("Say why this alert is cleared: buyers are no longer warned.", code="alert.why")
    if len(why) > WHY_CHARS or not why.isprintable():
        raise Rejected(
            f"Write at most {WHY_CHARS} characters, in one line.", code="alert.why", limit=WHY_CHARS
        )
    if alert.is_grave and (state == "cleared") != (alert.state == "cleared"):
        alert.carried_at = None
    alert.state, alert.why, alert.decided_by, alert.decided_at = state, why, by, now


def _select_own(organisation_id: str, reach: Reach) -> Select[ScanAlert]:
    query = select(ScanAlert).where(
        or_(ScanAlert.organisation_id == organisation_id, ScanAlert.owner_id == organisation_id),
        _is_within(reach),
    )
    return query.options(joinedload(ScanAlert.certificate).joinedload(Certificate.batch))


def _is_within(reach: Reach) -> ColumnElement[bool]:
    """Return the condition that an alert is about a unit within reach, or that all designs are."""
    is_near = exists().where(
        Certificate.id == ScanAlert.certificate_id, reach.has_design(Certificate.design_id)
    )
    return or_(reach.has_all_designs(), is_near)


def _one_of(text: str, words: Sequence[str], code: str) -> str:
    word = as_word(text)
    if word not in words:
        raise Rejected(f"{text!r} is not one of {', '.join(words)}.", code=code)
    return word
