"""Looking certificates and ledger entries up: what is known, what was checked just now, and the proof to check it again."""

import re
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
from authcheck.errors import NotFound, NotTrue
from authcheck.ledger import anchoring, journal, publishing
from authcheck.ledger.tables import Anchoring, Entry, SignedCheckpoint, Tile
from authcheck.lookups import units
from authcheck.lookups.units import Unit
from authcheck.proofs import bundle
from authcheck.proofs.bundle import Bundle, Logged, Outcome, Report, State, Step
from authcheck.proofs.credential import Credential
from authcheck.proofs.trust import Trust
from authcheck.storage.database import Database
from authcheck.tlog.note import proof_text
from authcheck.tlog.tiles import ReadTile, prove_inclusion

CHAIN_ID = re.compile(r"0x[0-9a-f]{64}")
MOST_TILES = 4096  # kept in memory, 8 KiB each: those of a million entries
TILE = sa.select(Tile.hashes).where(
    Tile.level == sa.bindparam("level"), Tile.number == sa.bindparam("number")
)


@dataclass(frozen=True, slots=True)
class LookUp:
    """A unit and what checking its certificate said; `bundle` holds the proof, None where there is none.

    `steps` are those of the bundle and `anchor`, which tells how far the entry is on its way into a chain and bears on
    no outcome.
    """

    unit: Unit
    outcome: Outcome | Literal["unsigned"]
    steps: tuple[Step, ...]
    bundle: Bundle | None


@dataclass(frozen=True, slots=True)
class Transaction:
    """A ledger entry under a signed checkpoint, with its proof, and its way into a chain, None where it has none."""

    entry: Entry
    checkpoint: SignedCheckpoint
    proof: str
    anchoring: Anchoring | None


@dataclass(frozen=True, slots=True)
class _Issuer:
    """What the ledger, as it stands, says of an issuer: its keys, and its newest status list, entry `listed`, proved."""

    trust: Trust
    listed: int
    status: Logged


@dataclass(slots=True)
class _Standing:
    """What stays as it is until the next entry or checkpoint; nothing in it is believed, all of it is verified."""

    stands_at: tuple[int, str | None, Settings]
    issuers: dict[tuple[str, int], _Issuer] = field(default_factory=dict)
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)


_STANDING: WeakKeyDictionary[Database, _Standing] = WeakKeyDictionary()


def look_up(database: Database, settings: Settings, text: str, now: datetime) -> LookUp:
    """Find a certificate by code, id or transaction id, and verify its proof, every time.

    Raises NotFound (`certificate.not_found`), Unavailable (`ledger.*`) where the ledger refuses to sign.
    """
    with database.reading_rows() as connection:
        unit = units.find(connection, text)
        return _check(database, settings, connection, unit, now)


def look_up_at_once(database: Database, settings: Settings, text: str, now: datetime) -> LookUp | None:
    """As `look_up` where nobody has to be waited for, else None: where a checkpoint must be signed first, or on a server.

    Reading some rows of an embedded database takes less time than handing the work to a thread and back. Raises as
    `look_up`.
    """
    if not database.is_embedded:
        return None
    with database.reading_rows() as connection:
        return _check_signed(database, settings, connection, units.find(connection, text), now)


def look_up_numbers(
    database: Database, settings: Settings, numbers: tuple[str, str, str], now: datetime
) -> LookUp:
    """Find a certificate by GTIN, lot and serial number. Raises as `look_up`."""
    with database.reading_rows() as connection:
        unit = units.find_by_numbers(connection, *numbers)
        return _check(database, settings, connection, unit, now)


def _check(
    database: Database, settings: Settings, connection: sa.Connection, unit: Unit, now: datetime
) -> LookUp:
    """Where the newest of a certificate is not under a checkpoint yet, one is signed first."""
    found = _check_signed(database, settings, connection, unit, now)
    if found is None:
        connection.rollback()  # what is signed meanwhile must be seen, and a reader would hold a writer up
        publishing.publish(database, settings)
        unit = units.find(connection, unit.id)
        found = _check_signed(database, settings, connection, unit, now)
    return found or _not_true(
        unit, "The ledger ends before an entry about this certificate.", "ledger.incomplete"
    )


def _check_signed(
    database: Database, settings: Settings, connection: sa.Connection, unit: Unit, now: datetime
) -> LookUp | None:
    """Verify what the database holds of a certificate as a stranger would who has its bundle.

    None where the newest of it is not under a checkpoint yet.
    """
    if unit.jws is None:
        return LookUp(unit, "unsigned", (), None)
    try:
        standing = _standing(database, settings, unit)
        if not _is_covered(settings, unit, _issuer(connection, settings, standing, unit)):
            return None
        return _verified(connection, settings, standing, unit, now)
    except NotTrue as error:
        return _not_true(unit, str(error), error.code)


def _not_true(unit: Unit, detail: str, code: str) -> LookUp:
    return LookUp(unit, "not_true", (Step("entry", State.FALSE, detail, code),), None)


def _is_covered(settings: Settings, unit: Unit, issuer: _Issuer) -> bool:
    newest = max(
        number for number in (unit.issued_number, unit.revoked_number, issuer.listed) if number is not None
    )
    note = unit.checkpoint_note or ""
    return note.startswith(f"{settings.ledger_origin}\n") and newest < (unit.checkpoint_size or 0)


def _standing(database: Database, settings: Settings, unit: Unit) -> _Standing:
    stands_at = (unit.ledger_size, unit.checkpoint_note, settings)
    kept = _STANDING.get(database)
    if kept is None or kept.stands_at != stands_at:
        kept = _STANDING[database] = _Standing(stands_at)
    return kept


def _issuer(connection: sa.Connection, settings: Settings, standing: _Standing, unit: Unit) -> _Issuer:
    """Raises NotTrue (`ledger.incomplete`)."""
    number = number_of(unit.status_index)
    found = standing.issuers.get((unit.organisation_id, number))
    if found is None:
        found = _read_issuer(
            settings, connection, unit, list_url(settings.public_url, unit.handle, number), standing
        )
        standing.issuers[unit.organisation_id, number] = found
    return found


def _read_issuer(
    settings: Settings, connection: sa.Connection, unit: Unit, url: str, standing: _Standing
) -> _Issuer:
    # By the entry, not by the newest row: a row that was put back hides a revocation, an entry cannot be.
    newest = (
        sa.select(Entry, StatusList)
        .outerjoin(StatusList, StatusList.entry_number == Entry.number)
        .where(Entry.subject == url)
        .order_by(Entry.number.desc())
        .limit(1)
    )
    session = Session(connection)
    listed = session.execute(newest).one_or_none()
    if listed is None or listed[1] is None or unit.issued_number is None:
        raise NotTrue(
            "The ledger does not hold this certificate, or its status list.", code="ledger.incomplete"
        )
    keys = session.scalars(
        sa.select(SigningKey)
        .where(SigningKey.organisation_id == unit.organisation_id)
        .options(joinedload(SigningKey.organisation))
    )
    entry, status = listed
    proof = _proof(entry.number, unit, _reader(connection, standing)) if _size(unit) > entry.number else ""
    return _Issuer(
        trust_in(settings, keys, {}, status.published_at),
        entry.number,
        Logged(status.jws, entry.body.decode(), proof),
    )


def _verified(
    connection: sa.Connection, settings: Settings, standing: _Standing, unit: Unit, now: datetime
) -> LookUp:
    if unit.jws is None or unit.issued_number is None or unit.issued_body is None:
        raise NotTrue("The ledger does not hold this certificate.", code="ledger.incomplete")
    issuer = _issuer(connection, settings, standing, unit)
    read = _reader(connection, standing)
    issued = Logged(unit.jws, unit.issued_body.decode(), _proof(unit.issued_number, unit, read))
    proof = Bundle(issued, issuer.status)
    report = _as_signed(bundle.verify(proof, issuer.trust, now), unit, issuer.trust)
    if unit.revoked_number is not None:
        report = _with_revocation(report, unit.revoked_number)
    anchor = _anchor(settings, connection, unit.issued_number)
    return LookUp(unit, report.outcome, (*report.steps, anchor), proof)


def _reader(connection: sa.Connection, standing: _Standing) -> ReadTile:
    def read(level: int, number: int) -> bytes:
        found = standing.tiles.get((level, number))
        if found is None:
            found = connection.execute(TILE, {"level": level, "number": number}).scalar() or b""
            if len(standing.tiles) >= MOST_TILES:
                standing.tiles.clear()
            standing.tiles[level, number] = found
        return found

    return read


def _proof(number: int, unit: Unit, read: ReadTile) -> str:
    return proof_text(number, prove_inclusion(number, _size(unit), read), unit.checkpoint_note or "")


def _size(unit: Unit) -> int:
    return unit.checkpoint_size or 0


def _anchor(settings: Settings, connection: sa.Connection, number: int) -> Step:
    if settings.evm_url is None:
        return Step("anchor", State.OFF, "off")
    state = anchoring.anchor_state(Session(connection), number + 1, on=True)
    return Step("anchor", State.TRUE if state == "confirmed" else State.UNKNOWN, state)


def _as_signed(report: Report, unit: Unit, trust: Trust) -> Report:
    """What is shown comes out of rows that anybody with the database may have changed: it must be what was signed."""
    first, *rest = report.steps
    if first.state is State.FALSE or unit.jws is None:
        return report
    signed = Credential.read(unit.jws)
    said = signed.payload.get("credentialSubject")
    shown = {"gtin": unit.gtin, "lot": unit.lot, "serial": unit.serial, "product": unit.product}
    same = isinstance(said, dict) and all(said.get(name) == value for name, value in shown.items())
    design = said.get("design") if isinstance(said, dict) else None
    same = same and isinstance(design, dict) and design.get("id") == unit.design_id
    same = same and isinstance(said, dict) and said.get("licence") == unit.licence_id
    if same and signed.id == urn_of(unit.id) and signed.issuer in trust.issuers:
        return report
    detail = "What the database says of this unit is not what was signed."
    return Report((Step("signature", State.FALSE, detail, "certificate.changed"), *rest))


def _with_revocation(report: Report, number: int) -> Report:
    """A revocation in the ledger counts at once, also while the list still waits for the brand's signature."""
    steps = [step for step in report.steps if step.name != "status"]
    if any(step.state is State.FALSE for step in steps):
        return report
    detail = f"The issuer has revoked this certificate in entry {number}."
    return Report((*steps, Step("status", State.FALSE, detail, "certificate.revoked")))


def transaction(database: Database, settings: Settings, text: str) -> Transaction:
    """The ledger entry of a transaction id, with its proof. Raises NotFound (`ledger.not_found`), Unavailable."""
    with database.reading() as session:
        entry = journal.get_entry(session, text)
        checkpoint = journal.latest_checkpoint(session)
    if checkpoint is None or checkpoint.size <= entry.number:
        checkpoint = publishing.publish(database, settings)
    with database.reading() as session:
        proof = journal.proof_for(session, entry, checkpoint)
        return Transaction(entry, checkpoint, proof, anchoring.covering(session, entry.number + 1))


def chain_transaction(database: Database, text: str) -> Anchoring:
    """The anchoring of a chain's transaction hash. Raises NotFound (`ledger.not_found`)."""
    with database.reading() as session:
        found = anchoring.find_anchoring(session, text) if CHAIN_ID.fullmatch(text) else None
    if found is None:
        raise NotFound("No anchor of this ledger has that hash.", code="ledger.not_found", tx_id=text)
    return found
