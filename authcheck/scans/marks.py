"""What issuers say about their units, sold or blocked, and what they expect of a batch."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from authcheck.certificates.batches import Selection, get_batch
from authcheck.errors import Rejected
from authcheck.ids import as_word
from authcheck.licences.codes import normal_country
from authcheck.scans.closing import change_markets
from authcheck.scans.standing import markets_of
from authcheck.scans.tables import BatchExpectation, ScanAlert, UnitMark
from authcheck.storage.parameters import in_chunks

ACTS = ("sold", "unsold", "blocked", "unblocked")
REASONS = ("stolen", "missing", "diverted", "copied", "other")
MOST_MARKETS = 250


def mark(
    session: Session,
    selection: Selection,
    act: str,
    *,
    organisation_id: str,
    reason: str,
    by: str,
    now: datetime,
) -> int:
    """Mark an issuer's units as sold or blocked, or take the mark back. Return how many units changed.

    A blocked unit warns its buyers, and every scan of it alerts the issuer. Of several sales the
    first one counts. Raises Rejected (`mark.act`, `mark.reason`, `certificate.selection`, `code.malformed`),
    NotFound (`certificate.not_found`, `batch.not_found`).
    """
    act = as_word(act)
    if act not in ACTS:
        raise Rejected(f"{act!r} is not one of {', '.join(ACTS)}.", code="mark.act")
    reason = as_word(reason) if act == "blocked" else ""
    if act == "blocked" and reason not in REASONS:
        raise Rejected(f"Choose one of these reasons: {', '.join(REASONS)}.", code="mark.reason")
    ids = [row.id for row in selection.find(session, organisation_id)]
    kind = act.removeprefix("un")
    marked = {row.certificate_id: row for chunk in in_chunks(ids) for row in _find(session, kind, chunk)}
    if kind == "blocked":
        _follow(session, ids, is_blocked=act == kind, by=by, now=now)
    if act != kind:
        for chunk in in_chunks(list(marked)):
            session.execute(delete(UnitMark).where(UnitMark.kind == kind, UnitMark.certificate_id.in_(chunk)))
        return len(marked)
    new = [name for name in ids if name not in marked]
    session.add_all(_new_mark(name, kind, reason, by, now) for name in new)
    changed = [row for row in marked.values() if row.reason != reason]
    for row in changed:
        row.reason = reason
    session.flush()
    return len(new) + len(changed)


def _follow(session: Session, ids: Sequence[str], *, is_blocked: bool, by: str, now: datetime) -> None:
    """Clear the alerts about blocked units that are unblocked, and renew those of units blocked again.

    Both are carried to the listings that name the label.
    """
    for chunk in in_chunks(ids):
        query = select(ScanAlert).where(ScanAlert.kind == "blocked", ScanAlert.certificate_id.in_(chunk))
        for alert in session.scalars(query.order_by(ScanAlert.id).with_for_update()):
            if is_blocked == (alert.state == "cleared"):
                alert.state, alert.why = ("new", "") if is_blocked else ("cleared", "unblocked")
                alert.decided_by, alert.decided_at, alert.carried_at = by, now, None


def _new_mark(certificate_id: str, kind: str, reason: str, by: str, now: datetime) -> UnitMark:
    return UnitMark(
        certificate_id=certificate_id,
        kind=kind,
        marked_at=now,
        marked_by=by,
        reason=reason,
        visitor="",
        secret_sha256="",
    )


def _find(session: Session, kind: str, ids: Sequence[str]) -> Sequence[UnitMark]:
    query = select(UnitMark).where(UnitMark.kind == kind, UnitMark.certificate_id.in_(ids))
    return session.scalars(query).all()


def expect(
    session: Session,
    batch_id: str,
    *,
    organisation_id: str,
    markets: Sequence[str],
    use_by: date | None,
    now: datetime,
) -> BatchExpectation:
    """Say where the units of a batch are sold and until when they may be used. Replaces what was said before.

    Without markets, the territories of the batch's licence count, or everywhere. Raises Rejected
    (`batch.markets`), NotFound (`batch.not_found`).
    """
    batch = get_batch(session, batch_id, organisation_id=organisation_id)
    countries = [normal_country(market) for market in markets[:MOST_MARKETS]]
    if None in countries or len(markets) > MOST_MARKETS:
        bad = markets[countries.index(None)] if None in countries else markets[MOST_MARKETS]
        raise Rejected(
            f"{bad[:40]!r} is not a country. Use ISO 3166-1 codes of two letters, such as FR.",
            code="batch.markets",
        )
    row = session.get(BatchExpectation, batch.id) or BatchExpectation(batch_id=batch.id)
    row.markets = sorted(set(filter(None, countries)))
    row.use_by, row.said_at = use_by, now
    session.add(row)
    session.flush()
    change_markets(session, batch.id, markets_of(session, [batch.id])[batch.id])
    return row


def expectation_of(session: Session, batch_id: str, *, organisation_id: str) -> BatchExpectation | None:
    """Return what the issuer expects of a batch, or None. Raises NotFound (`batch.not_found`)."""
    batch = get_batch(session, batch_id, organisation_id=organisation_id)
    return session.get(BatchExpectation, batch.id)
