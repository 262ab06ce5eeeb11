"""Queries for batches and certificates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.certificates.orders import MOST_UNITS
from authcheck.certificates.tables import Batch, Certificate
from authcheck.errors import NotFound, Rejected
from authcheck.ids import as_word, normal_id
from authcheck.labels.codes import read_code, unwrap
from authcheck.labels.gs1 import check_gtin, check_lot
from authcheck.ledger.addresses import list_addresses
from authcheck.ledger.tables import Entry
from authcheck.members.reach import WHOLE, Reach
from authcheck.storage.parameters import can_be_stored, in_chunks

STATES = ("unsigned", "active", "revoked")


def get_batch(
    session: Session, batch_id: str, *, organisation_id: str | None = None, reach: Reach = WHOLE
) -> Batch:
    """Return a batch with its organisation and design.

    With `organisation_id`, only a batch of that organisation. Its design must be within reach.

    Raises NotFound (`batch.not_found`), also for a batch of another organisation. The database compares the
    owner: both cases read no row, so they take the same time.
    """
    batch_id = normal_id(batch_id)
    query = _select_batches().where(Batch.id == batch_id, reach.has_design(Batch.design_id))
    if organisation_id is not None:
        query = query.where(Batch.organisation_id == organisation_id)
    batch = session.scalar(query) if can_be_stored(batch_id) else None
    if batch is None:
        raise NotFound(f"We have no batch with the id {batch_id!r}.", code="batch.not_found", batch=batch_id)
    return batch


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFilter:
    """A filter for batches. A batch must match every field that is not None, empty or False.

    `words` is a part of the product's name or of the lot, or the beginning of a GTIN. `unsigned` are batches
    that wait for the brand's own signature.
    """

    design_id: str | None = None
    gtin: str | None = None
    lot: str | None = None
    words: str = ""
    unsigned: bool = False

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions. Raises Rejected (`gs1.*`)."""
        if self.design_id is not None:
            yield Batch.design_id == self.design_id
        if self.gtin is not None:
            yield Batch.gtin == check_gtin(self.gtin)
        if self.lot is not None:
            yield Batch.lot == check_lot(self.lot)
        if self.unsigned:
            yield exists().where(Certificate.batch_id == Batch.id, Certificate.state == "unsigned")
        if self.words:
            gtin = self.words.zfill(14) if self.words.isdigit() else self.words
            yield or_(
                func.lower(Batch.product).contains(self.words.lower(), autoescape=True),
                func.lower(Batch.lot).contains(self.words.lower(), autoescape=True),
                Batch.gtin.startswith(gtin, autoescape=True),
            )


ALL_BATCHES = BatchFilter()


def list_batches(
    session: Session,
    organisation_id: str,
    wanted: BatchFilter = ALL_BATCHES,
    *,
    after: str = "",
    newest_first: bool = False,
    limit: int = 50,
    reach: Reach = WHOLE,
) -> Sequence[Batch]:
    """Return at most `limit` batches of an organisation by id (so by time), from after the id `after`.

    With `newest_first` backwards from before it. Their designs are within reach. Raises Rejected (`gs1.*`).
    """
    if not can_be_stored(wanted.words, wanted.design_id or "", after):
        return []
    query = _select_batches().where(Batch.organisation_id == organisation_id, *wanted.conditions())
    query = query.where(reach.has_design(Batch.design_id))
    if after:
        query = query.where(Batch.id < after if newest_first else Batch.id > after)
    return session.scalars(query.order_by(Batch.id.desc() if newest_first else Batch.id).limit(limit)).all()


def all_batches(session: Session, organisation_id: str) -> Iterator[Sequence[Batch]]:
    """Yield all batches of an organisation by id, one page at a time."""
    after = ""
    while page := list_batches(session, organisation_id, after=after, limit=500):
        yield page
        after = page[-1].id


def count_states(session: Session, batches: Sequence[Batch]) -> dict[str, dict[str, int]]:
    """Return how many certificates of each batch are in each state, by batch id and state."""
    query = (
        select(Certificate.batch_id, Certificate.state, func.count())
        .where(Certificate.batch_id.in_([batch.id for batch in batches]))
        .group_by(Certificate.batch_id, Certificate.state)
    )
    counts = {batch.id: dict.fromkeys(STATES, 0) for batch in batches}
    for batch_id, state, count in session.execute(query):
        counts[batch_id][state] = count
    return counts


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter for certificates. A certificate must match every field that is not None."""

    batch_id: str | None = None
    design_id: str | None = None
    gtin: str | None = None
    lot: str | None = None
    state: str | None = None

    def select(self, organisation_id: str) -> Select[Certificate]:
        """Return the query for an organisation's matching certificates.

        Raises Rejected (`gs1.*`, `certificate.state`).
        """
        query = select(Certificate).where(Certificate.organisation_id == organisation_id)
        if self.batch_id is not None:
            query = query.where(Certificate.batch_id == self.batch_id)
        if self.design_id is not None:
            query = query.where(Certificate.design_id == self.design_id)
        if self.gtin is not None:
            query = query.where(Certificate.gtin == check_gtin(self.gtin))
        if self.lot is not None:
            query = query.where(Certificate.lot == check_lot(self.lot))
        if self.state is not None:
            state = as_word(self.state)
            if state not in STATES:
                raise Rejected(
                    f"{self.state!r} is not a state. Use one of {', '.join(STATES)}.",
                    code="certificate.state",
                )
            query = query.where(Certificate.state == state)
        return query


def list_certificates(
    session: Session,
    organisation_id: str,
    selected: Filter,
    *,
    after: str = "",
    limit: int = 50,
    reach: Reach = WHOLE,
) -> Sequence[Certificate]:
    """Return at most `limit` certificates of an organisation that come after the id `after`.

    Their designs are within reach. The order is by id, which is also the order of issue.
    """
    query = selected.select(organisation_id).where(Certificate.id > after)
    query = query.where(reach.has_design(Certificate.design_id))
    return session.scalars(
        query.options(joinedload(Certificate.batch)).order_by(Certificate.id).limit(limit)
    ).all()


def pages_of(session: Session, organisation_id: str, selected: Filter) -> Iterator[Sequence[Certificate]]:
    """Yield all matching certificates in the order of issue, one page at a time."""
    after = ""
    while page := list_certificates(session, organisation_id, selected, after=after, limit=2000):
        yield page
        after = page[-1].id


def transaction_ids(session: Session, certificates: Sequence[Certificate]) -> dict[str, str]:
    """Return the ledger transaction id of each certificate's issue, by certificate id.

    Omit unsigned certificates.
    """
    ids = {row.entry_number: row.id for row in certificates if row.entry_number is not None}
    numbers, tx_ids = list(ids), dict[str, str]()
    for chunk in in_chunks(numbers):
        in_chunk = Entry.number.in_(chunk)
        for number, tx_id in session.execute(select(Entry.number, Entry.tx_id).where(in_chunk)):
            tx_ids[ids[number]] = tx_id
    return tx_ids


def certificate_name(session: Session, text: str) -> tuple[str, str]:
    """Return the column and the value that a certificate's name refers to, in canonical spelling.

    The result is ("id", UUID) or ("code", code of the label). The code may be in a label's address. Raises
    Rejected (`code.malformed`, `code.foreign`).
    """
    try:
        return "id", str(UUID(unwrap(text)))
    except ValueError:
        return "code", read_code(text, lambda: [address.url for address in list_addresses(session)])


def get_certificate(
    session: Session, text: str, organisation_id: str, *, reach: Reach = WHOLE
) -> Certificate:
    """Return an organisation's certificate by id or code, with its batch and design.

    Raises Rejected (`code.malformed`), NotFound (`certificate.not_found`), also for a certificate of another
    organisation or of a design that is not within reach.
    """
    column, name = certificate_name(session, text)
    query = select(Certificate).where(
        Certificate.organisation_id == organisation_id,
        getattr(Certificate, column) == name,
        reach.has_design(Certificate.design_id),
    )
    certificate = session.scalar(query.options(joinedload(Certificate.batch), joinedload(Certificate.design)))
    if certificate is None:
        raise NotFound(
            "You have no certificate with this id or code.", code="certificate.not_found", certificate=text
        )
    return certificate


def _select_batches() -> Select[Batch]:
    return select(Batch).options(joinedload(Batch.organisation), joinedload(Batch.design))


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of certificates: ids or codes, or a batch, or a range in a batch.

    `first` and `last` count from 1 and are both included.
    """

    certificates: tuple[str, ...] = ()
    batch_id: str | None = None
    first: int = 1
    last: int | None = None

    def find(self, session: Session, organisation_id: str) -> list[Row[str, str, str, int]]:
        """Return id, code, state and status_index of each selected certificate of this organisation.

        Raises Rejected (`certificate.selection`, `code.malformed`), NotFound (`certificate.not_found`,
        `batch.not_found`).
        """
        columns = select(Certificate.id, Certificate.code, Certificate.state, Certificate.status_index)
        own = columns.where(Certificate.organisation_id == organisation_id).order_by(Certificate.status_index)
        if self.batch_id is None:
            return _find_named(session, own, self.certificates)
        batch = get_batch(session, self.batch_id, organisation_id=organisation_id)
        last = batch.count if self.last is None else self.last
        if self.certificates or not 1 <= self.first <= last <= batch.count:
            raise Rejected(
                f"Name certificates, or a range from 1 to {batch.count} in one batch.",
                code="certificate.selection",
            )
        in_range = Certificate.number_in_batch.between(self.first, last)
        return list(session.execute(own.where(Certificate.batch_id == batch.id, in_range)))


def _find_named(
    session: Session, own: Select[str, str, str, int], names: Sequence[str]
) -> list[Row[str, str, str, int]]:
    if not 1 <= len(names) <= MOST_UNITS:
        raise Rejected(f"Name 1 to {MOST_UNITS:,} certificates, or one batch.", code="certificate.selection")
    wanted = dict.fromkeys(certificate_name(session, name) for name in names)
    rows: dict[tuple[str, str], Row[str, str, str, int]] = {}
    for column in ("id", "code"):
        values = [value for kind, value in wanted if kind == column]
        for chunk in in_chunks(values):
            found = session.execute(own.where(getattr(Certificate, column).in_(chunk)))
            rows.update(((column, getattr(row, column)), row) for row in found)
    missing = [value for kind, value in wanted if (kind, value) not in rows]
    if missing:
        raise NotFound(
            f"You have no certificate {missing[0]}.", code="certificate.not_found", certificate=missing[0]
        )
    return list({row.id: row for row in rows.values()}.values())
