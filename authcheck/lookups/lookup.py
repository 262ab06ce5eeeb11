"""Look-ups of certificates. Each answer has the facts, the fresh checks and a proof."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from authcheck.certificates.publications import trust_in
from authcheck.certificates.statements import list_url, urn_of
from authcheck.certificates.status_lists import number_of
from authcheck.certificates.tables import SigningKey, StatusList
from authcheck.config import Settings
from authcheck.errors import NotTrue
from authcheck.ledger import anchoring, journal, publishing
from authcheck.ledger.addresses import Addresses
from authcheck.ledger.tables import Entry
from authcheck.lookups import units
from authcheck.lookups.advice import Advice, Caution, advise
from authcheck.lookups.cautions import find_cautions
from authcheck.lookups.units import Unit
from authcheck.proofs import bundle
from authcheck.proofs.bundle import Bundle, Logged, Outcome, Report, State, Step
from authcheck.proofs.credential import Credential
from authcheck.proofs.trust import Trust
from authcheck.storage.database import Database
from authcheck.tlog.note import proof_text
from authcheck.tlog.tiles import ReadTile, prove_inclusion

NO_LIST = "ledger.no_list"
LinkNumbers = tuple[str, str | None, str]
MOST_TILES = 4096  # in memory, 8 KiB each: the tiles of a million entries


@dataclass(frozen=True, slots=True)
class LookUp:
    """A unit, the outcome of the checks of its certificate, and the proof.

    `bundle` is None when there is no proof. `steps` are the steps of the bundle, then `anchor`. The step
    `anchor` says how far the entry's anchoring in a chain is. The outcome does not depend on this step.
    `cautions` are the reasons to be careful with a good certificate.
    """

    unit: Unit
    outcome: Outcome | Literal["unsigned"]
    steps: tuple[Step, ...]
    bundle: Bundle | None
    cautions: tuple[Caution, ...] = ()

    @property
    def advice(self) -> Advice:
        """Return what a buyer is told."""
        return advise(self.outcome, self.cautions)


@dataclass(frozen=True, slots=True)
class _Issuer:
    """An issuer's keys and its newest status list with proof. Entry number `listed` published the list."""

    trust: Trust
    listed: int
    status: Logged


@dataclass(slots=True)
class _Cache:
    """Rows valid until the next entry or checkpoint. Every look-up verifies the rows that it uses."""

    valid_at: tuple[int, str | None, Settings]
    issuers: dict[tuple[str, str, int], _Issuer] = field(default_factory=dict)
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)


_CACHES: WeakKeyDictionary[Database, _Cache] = WeakKeyDictionary()


def look_up(database: Database, settings: Settings, text: str, now: datetime) -> LookUp:
    """Find a certificate by code, id or transaction id, and verify its proof. Every call verifies.

    Raises NotFound (`certificate.not_found`), or Unavailable (`ledger.*`) when the ledger refuses to sign.
    """
    with database.reading_rows() as connection:
        unit = units.find(connection, text)
        return _check(database, settings, connection, unit, now)


def look_up_at_once(database: Database, settings: Settings, text: str, now: datetime) -> LookUp | None:
    """Look up like `look_up` when this needs no waiting. Otherwise return None.

    A look-up has to wait when a checkpoint must be signed first, or when the database is a server. A few rows
    of an embedded database are read faster than the work is handed to a thread and back. Raises the errors of
    `look_up`.
    """
    if not database.is_embedded:
        return None
    with database.reading_rows() as connection:
        return _check_signed(database, settings, connection, units.find(connection, text), now)


def look_up_label(
    database: Database, settings: Settings, numbers: LinkNumbers, code: str | None, now: datetime
) -> LookUp:
    """Find a certificate by the link on its label: GTIN, lot (None: the link has none), serial number, code.

    The code is the serial number if the brand chose none. Otherwise the link carries the code: anybody can
    guess a brand's own serial numbers. Without a code the answer does not depend on the database, and a
    wrong code is answered as an unknown code. So nobody learns which serial numbers exist.

    Raises Forbidden (`certificate.code_needed`), and the errors of `look_up`.
    """
    gtin, lot, serial = numbers
    if code is None and not units.is_code(serial):
        raise units.code_needed_error()
    with database.reading_rows() as connection:
        unit = units.find_by_code(connection, serial if code is None else code)
        units.refuse_other_numbers(unit, gtin, unit.lot if lot is None else lot, serial)
        return _check(database, settings, connection, unit, now)


def _check(
    database: Database, settings: Settings, connection: sa.Connection, unit: Unit, now: datetime
) -> LookUp:
    """Verify a certificate. If no checkpoint covers its newest entry yet, sign a checkpoint first."""
    answer = _check_signed(database, settings, connection, unit, now)
    if answer is None:
        connection.rollback()  # so that we see the new checkpoint, and do not block the writer
        publishing.publish(database, settings)
        unit = units.find(connection, unit.id)
        answer = _check_signed(database, settings, connection, unit, now)
    return answer or _not_true_answer(
        unit, "The ledger ends before an entry about this certificate.", "ledger.incomplete"
    )


def _check_signed(
    database: Database, settings: Settings, connection: sa.Connection, unit: Unit, now: datetime
) -> LookUp | None:
    """Verify a certificate in the database as a stranger verifies its bundle.

    Returns None when no checkpoint covers its newest entry yet.
    """
    if unit.jws is None:
        return LookUp(unit, "unsigned", (), None)
    try:
        cache = _get_cache(database, settings, unit)
        if not _is_covered(settings, unit, _get_issuer(connection, settings, cache, unit)):
            return None
        return _verify(connection, settings, cache, unit, now)
    except NotTrue as error:
        step = "status" if error.code == NO_LIST else "entry"
        return _not_true_answer(unit, str(error), error.code, step)


def _not_true_answer(unit: Unit, detail: str, code: str, step: str = "entry") -> LookUp:
    return LookUp(unit, "not_true", (Step(step, State.FALSE, detail, code),), None)


def _origin_of(settings: Settings, unit: Unit) -> str:
    return unit.origin or settings.ledger_origin


def _is_covered(settings: Settings, unit: Unit, issuer: _Issuer) -> bool:
    newest_number = max(
        number for number in (unit.issued_number, unit.revoked_number, issuer.listed) if number is not None
    )
    note = unit.checkpoint_note or ""
    return note.startswith(f"{_origin_of(settings, unit)}\n") and newest_number < (unit.checkpoint_size or 0)


def _get_cache(database: Database, settings: Settings, unit: Unit) -> _Cache:
    valid_at = (unit.ledger_size, unit.checkpoint_note, settings)
    cache = _CACHES.get(database)
    if cache is None or cache.valid_at != valid_at:
        cache = _CACHES[database] = _Cache(valid_at)
    return cache


def _get_issuer(connection: sa.Connection, settings: Settings, cache: _Cache, unit: Unit) -> _Issuer:
    """Return the issuer of a unit, from the cache or the database.

    Raises NotTrue (`ledger.incomplete`, `ledger.no_list`).
    """
    name = (unit.organisation_id, unit.address, number_of(unit.status_index))
    issuer = cache.issuers.get(name)
    if issuer is None:
        issuer = cache.issuers[name] = _read_issuer(settings, connection, unit, cache)
    return issuer


def _read_issuer(settings: Settings, connection: sa.Connection, unit: Unit, cache: _Cache) -> _Issuer:
    url = list_url(unit.address, unit.handle, number_of(unit.status_index))
    # Find the list by its newest entry: a row that was put back can hide a revocation, an entry cannot.
    newest_list = (
        sa.select(Entry, StatusList)
        .outerjoin(StatusList, StatusList.entry_number == Entry.number)
        .where(Entry.subject == url)
        .order_by(Entry.number.desc())
        .limit(1)
    )
    session = Session(connection)
    list_row = session.execute(newest_list).one_or_none()
    if unit.issued_number is None:
        raise NotTrue("The ledger does not have this certificate.", code="ledger.incomplete")
    if list_row is None:
        raise NotTrue(
            f"We cannot tell whether the certificate is revoked: the ledger has no status list {url}.",
            code=NO_LIST,
        )
    if list_row[1] is None:
        raise NotTrue("The certificate's newest status list is missing.", code="ledger.incomplete")
    keys = session.scalars(
        sa.select(SigningKey)
        .where(SigningKey.organisation_id == unit.organisation_id)
        .options(joinedload(SigningKey.organisation))
    )
    entry, status = list_row
    addresses = Addresses(unit.address, (unit.address,), _origin_of(settings, unit))
    is_signed = entry.number < _signed_size(unit)
    proof = _prove(entry.number, unit, _cached_tiles(connection, cache)) if is_signed else ""
    return _Issuer(
        trust_in(settings, addresses, keys, {}, status.published_at),
        entry.number,
        Logged(status.jws, entry.body.decode(), proof),
    )


def _verify(
    connection: sa.Connection, settings: Settings, cache: _Cache, unit: Unit, now: datetime
) -> LookUp:
    if unit.jws is None or unit.issued_number is None or unit.issued_body is None:
        raise NotTrue("The ledger does not have this certificate.", code="ledger.incomplete")
    issuer = _get_issuer(connection, settings, cache, unit)
    read = _cached_tiles(connection, cache)
    issued = Logged(unit.jws, unit.issued_body.decode(), _prove(unit.issued_number, unit, read))
    proof = Bundle(issued, issuer.status)
    report = _compare_with_signed(bundle.verify(proof, issuer.trust, now), unit, issuer.trust)
    if unit.revoked_number is not None:
        report = _add_revocation(report, unit.revoked_number)
    anchor = _anchor_step(settings, connection, unit.issued_number)
    cautions = find_cautions(connection, unit, now)
    return LookUp(unit, report.outcome, (*report.steps, anchor), proof, cautions)


def _cached_tiles(connection: sa.Connection, cache: _Cache) -> ReadTile:
    read_stored = journal.tile_reader(connection)

    def read(level: int, number: int) -> bytes:
        tile = cache.tiles.get((level, number))
        if tile is None:
            tile = read_stored(level, number)
            if len(cache.tiles) >= MOST_TILES:
                cache.tiles.clear()
            cache.tiles[level, number] = tile
        return tile

    return read


def _prove(number: int, unit: Unit, read: ReadTile) -> str:
    return proof_text(number, prove_inclusion(number, _signed_size(unit), read), unit.checkpoint_note or "")


def _signed_size(unit: Unit) -> int:
    return unit.checkpoint_size or 0


def _anchor_step(settings: Settings, connection: sa.Connection, number: int) -> Step:
    if settings.evm_url is None:
        return Step("anchor", State.OFF, "off")
    state = anchoring.anchor_state(Session(connection), number + 1, on=True)
    return Step("anchor", State.TRUE if state == "confirmed" else State.UNKNOWN, state)


def _compare_with_signed(report: Report, unit: Unit, trust: Trust) -> Report:
    """Make step `signature` false if the rows, which an attacker can edit, differ from the signed text."""
    first, *rest = report.steps
    if first.state is State.FALSE or unit.jws is None:
        return report
    signed = Credential.read(unit.jws)
    subject = signed.payload.get("credentialSubject")
    shown = {"gtin": unit.gtin, "lot": unit.lot, "serial": unit.serial, "product": unit.product}
    same = isinstance(subject, dict) and all(subject.get(name) == value for name, value in shown.items())
    same = same and signed.design_id == unit.design_id
    same = same and isinstance(subject, dict) and subject.get("licence") == unit.licence_id
    if same and signed.id == urn_of(unit.id) and signed.issuer in trust.issuers:
        return report
    detail = "The database describes this unit differently from the signed certificate."
    return Report((Step("signature", State.FALSE, detail, "certificate.changed"), *rest))


def _add_revocation(report: Report, number: int) -> Report:
    """Make the step `status` false. A revocation counts before the brand signs the new status list."""
    steps = [step for step in report.steps if step.name != "status"]
    if any(step.state is State.FALSE for step in steps):
        return report
    detail = f"The issuer has revoked this certificate in entry {number}."
    return Report((*steps, Step("status", State.FALSE, detail, "certificate.revoked")))
