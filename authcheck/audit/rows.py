"""The comparison of table rows with the ledger entries that they follow from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, load_only, selectinload

from authcheck.audit.cases import compare_case
from authcheck.audit.contents import EntryContent, Facts, find_first
from authcheck.audit.designs import compare_design
from authcheck.cases.tables import Case
from authcheck.certificates.facts import hash_of, of_key
from authcheck.certificates.statements import urn_of
from authcheck.certificates.tables import Certificate, SigningKey, StatusList
from authcheck.errors import NotTrue
from authcheck.ledger.tables import Entry
from authcheck.licences.facts import of_acceptance, of_licence
from authcheck.licences.tables import Licence
from authcheck.members.facts import of_appointment, of_organisation
from authcheck.members.tables import Appointment, Organisation
from authcheck.proofs.credential import PLACES, Credential
from authcheck.registry.tables import Design, Dispute, View
from authcheck.tlog.entries import time_text

PAGE = 500
WITHOUT_ENTRY = {"unsigned", "applied", "refused"}  # states of rows that the ledger does not know yet
STANDING = {"org.approve": "approved", "org.suspend": "suspended", "org.resume": "approved"}


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A difference from the ledger's entries. `what` names the object, `problem` says what is wrong."""

    what: str
    problem: str


@dataclass(frozen=True, slots=True)
class Account:
    """The rules by which the rows of one table follow from entries.

    The entries about a row have the value `key(row)` in their column `by`. An entry of the type `made`
    creates a row. `same` is the condition that an entry created a row. `facts` returns two dicts by field
    name: the actual values of the row, and the values that follow from its entries.
    """

    rows: Select[Any]
    id: InstrumentedAttribute[str]
    key: Callable[[Any], str | int | None]
    by: InstrumentedAttribute[Any]
    made: str
    same: ColumnElement[bool]
    facts: Callable[[Any, Sequence[EntryContent]], tuple[Facts, Facts]]


def compare_rows(session: Session) -> Iterator[Discrepancy]:
    """Yield every row that differs from its entries or has no entry, and every row that is missing."""
    for account in ACCOUNTS:
        table, last_id = account.id.class_.__tablename__, ""
        while rows := session.scalars(
            account.rows.where(account.id > last_id).order_by(account.id).limit(PAGE)
        ).all():
            entries_by_key = _read_entries(session, account, rows)
            for row in rows:
                problem = _find_problem(account, row, entries_by_key.get(account.key(row), []))
                if problem:
                    yield Discrepancy(f"{table} {row.id}", problem)
            last_id = rows[-1].id
            session.expunge_all()
        orphans = select(Entry.number, Entry.subject).where(
            Entry.type == account.made, ~exists().where(account.same)
        )
        for number, subject in session.execute(orphans.order_by(Entry.number)):
            yield Discrepancy(f"{table} {subject}", f"is missing, but entry {number} created it")


def _read_entries(session: Session, account: Account, rows: Sequence[Any]) -> dict[Any, list[EntryContent]]:
    """Return the entries about these rows, in ledger order, by `account.key`."""
    entries_by_key: dict[Any, list[EntryContent]] = {}
    keys = [key for key in map(account.key, rows) if key is not None]
    for entry in session.scalars(select(Entry).where(account.by.in_(keys)).order_by(Entry.number)):
        entries_by_key.setdefault(getattr(entry, account.by.key), []).append(EntryContent.of(entry))
    return entries_by_key


def _find_problem(account: Account, row: Any, entries: Sequence[EntryContent]) -> str:
    types = [entry.type for entry in entries]
    if types.count(account.made) != 1 and getattr(row, "state", "") not in WITHOUT_ENTRY:
        return f"does not have exactly one entry {account.made}"
    actual, expected = account.facts(row, entries)
    differing = sorted(name for name in expected if actual[name] != expected[name])
    return f"differs from its entries: {', '.join(differing)}" if differing else ""


def _compare_organisation(row: Organisation, entries: Sequence[EntryContent]) -> tuple[Facts, Facts]:
    standing = [entry.type for entry in entries if entry.type in STANDING]
    if not standing:  # the organisation has applied, or was refused: it may change what it says
        return {}, {}
    approval = find_first(entries, "org.approve")
    actual = {**of_organisation(row), "approved_at": time_text(row.approved_at) if row.approved_at else None}
    expected = {name: approval.fields.get(name) for name in of_organisation(row)}
    return {**actual, "state": row.state}, {
        **expected,
        "approved_at": approval.at,
        "state": STANDING[standing[-1]],
    }


def _compare_appointment(row: Appointment, entries: Sequence[EntryContent]) -> tuple[Facts, Facts]:
    appointed, ended = find_first(entries, "agent.appoint"), find_first(entries, "agent.end")
    actual = of_appointment(row)
    expected = {name: appointed.fields.get(name) for name in actual}
    ended_at = time_text(row.ended_at) if row.ended_at else None
    return {**actual, "created_at": time_text(row.created_at), "ended_at": ended_at}, {
        **expected,
        "created_at": appointed.at,
        "ended_at": ended.at,
    }


def _compare_signing_key(row: SigningKey, entries: Sequence[EntryContent]) -> tuple[Facts, Facts]:
    added, revoked, actual = find_first(entries, "key.add"), find_first(entries, "key.revoke"), of_key(row)
    expected = {name: added.fields.get(name) for name in actual}
    times = {
        "created_at": time_text(row.created_at),
        "added_at_entry": row.added_at_entry,
        "revoked_at": time_text(row.revoked_at) if row.revoked_at else None,
        "revoked_at_entry": row.revoked_at_entry,
    }
    revoked_number = revoked.number if revoked.fields else None
    return {**actual, **times}, {
        **expected,
        "created_at": added.at,
        "added_at_entry": added.number,
        "revoked_at": revoked.at,
        "revoked_at_entry": revoked_number,
    }


def _compare_certificate(row: Certificate, entries: Sequence[EntryContent]) -> tuple[Facts, Facts]:
    issued, revoked = find_first(entries, "cert.issue"), find_first(entries, "cert.revoke")
    if not issued.fields:
        return {"signature": row.jws, "state": row.state}, {"signature": None, "state": "unsigned"}
    actual = {
        "state": row.state,
        "signature": f"sha256:{row.jws_sha256}",
        "entry_number": row.entry_number,
        "revocation_reason": row.revocation_reason,
        "revoked_at": time_text(row.revoked_at) if row.revoked_at else None,
        "revoked_entry_number": row.revoked_entry_number,
        "gtin": row.gtin,
        "lot": row.lot,
        "serial": row.serial,
        "design_id": row.design_id,
        "status_index": row.status_index % PLACES,
    }
    return actual, {
        "state": "revoked" if revoked.fields else "active",
        "signature": issued.fields.get("h"),
        "entry_number": issued.number,
        "revocation_reason": revoked.fields.get("reason"),
        "revoked_at": revoked.at,
        "revoked_entry_number": revoked.number if revoked.fields else None,
        **_read_signed_facts(row),
    }


def _read_signed_facts(row: Certificate) -> Facts:
    """Return the facts in a certificate's signed text, or facts that never match if its hash is wrong."""
    try:
        if hash_of(row.jws or "") != row.jws_sha256:
            return {"signature": None}
        signed = Credential.read(row.jws or "")
        payload, design_id = signed.payload, signed.design_id
        unit, status = payload["credentialSubject"], payload["credentialStatus"]
        status_index = int(status["statusListIndex"])
    except (NotTrue, KeyError, TypeError, ValueError):
        return {"signature": None}
    numbers = {name: unit.get(name) for name in ("gtin", "lot", "serial")}
    return {**numbers, "design_id": design_id, "status_index": status_index}


def _compare_status_list(row: StatusList, entries: Sequence[EntryContent]) -> tuple[Facts, Facts]:
    published = find_first(entries, "statuslist.publish")
    list_number = published.fields.get("id", "").rpartition("/")[2]
    return {
        "signature": f"sha256:{hash_of(row.jws)}",
        "jws_sha256": f"sha256:{row.jws_sha256}",
        "number": str(row.number),
        "published_at": time_text(row.published_at),
    }, {
        "signature": published.fields.get("h"),
        "jws_sha256": published.fields.get("h"),
        "number": list_number,
        "published_at": published.at,
    }


def _compare_licence(row: Licence, entries: Sequence[EntryContent]) -> tuple[Facts, Facts]:
    offered, actual = find_first(entries, "licence.grant"), of_licence(row)
    accepted, revoked = find_first(entries, "licence.accept"), find_first(entries, "licence.revoke")
    expected = {name: offered.fields.get(name) for name in actual}
    for step, entry in (("offered", offered), ("accepted", accepted), ("revoked", revoked)):
        at = getattr(row, f"{step}_at")
        actual |= {
            f"{step}_at": time_text(at) if at else None,
            f"{step}_entry": getattr(row, f"{step}_entry"),
        }
        expected |= {f"{step}_at": entry.at, f"{step}_entry": entry.number if entry.fields else None}
    if accepted.fields:
        actual["accepted terms"] = of_acceptance(row)["h"]
        expected["accepted terms"] = accepted.fields.get("h")
    actual |= {
        "superseded_at": time_text(row.superseded_at) if row.superseded_at else None,
        "revocation_reason": row.revocation_reason,
    }
    superseded, reason = find_first(entries, "licence.supersede"), revoked.fields.get("reason")
    return actual, {**expected, "superseded_at": superseded.at, "revocation_reason": reason}


def _id_of(row: Any) -> str:
    return str(row.id)


_views = selectinload(Design.views).options(load_only(View.picture_sha256, View.removed_tick))
_disputes = (
    selectinload(Design.disputes).selectinload(Dispute.statements),
    selectinload(Design.disputes).selectinload(Dispute.rulings),
)
_parts = selectinload(Case.events), selectinload(Case.items), selectinload(Case.decisions)
_by_urn = Certificate.id == func.substr(Entry.subject, len(urn_of("")) + 1)
ACCOUNTS = (
    Account(
        select(Organisation), Organisation.id, _id_of, Entry.subject, "org.approve",
        Organisation.id == Entry.subject, _compare_organisation,
    ),
    Account(
        select(Appointment), Appointment.id, _id_of, Entry.subject, "agent.appoint",
        Appointment.id == Entry.subject, _compare_appointment,
    ),
    Account(
        select(Design).options(_views, *_disputes), Design.id, _id_of, Entry.subject,
        "design.register", Design.id == Entry.subject, compare_design,
    ),
    Account(
        select(SigningKey), SigningKey.id, _id_of, Entry.subject, "key.add",
        SigningKey.id == Entry.subject, _compare_signing_key,
    ),
    Account(
        select(Certificate), Certificate.id, lambda row: urn_of(row.id), Entry.subject, "cert.issue", _by_urn,
        _compare_certificate,
    ),
    Account(
        select(StatusList), StatusList.id, lambda row: row.entry_number, Entry.number, "statuslist.publish",
        StatusList.entry_number == Entry.number, _compare_status_list,
    ),
    Account(
        select(Licence), Licence.id, _id_of, Entry.subject, "licence.grant",
        Licence.id == Entry.subject, _compare_licence,
    ),
    Account(
        select(Case).options(*_parts), Case.id, _id_of, Entry.subject, "case.open",
        Case.id == Entry.subject, compare_case,
    ),
)  # fmt: skip
"""All tables that follow from the ledger. A table comes after the tables that its rows refer to."""
