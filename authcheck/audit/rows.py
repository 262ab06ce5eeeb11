"""The rows that follow from the ledger, each compared with what its entries say."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, load_only, selectinload

from authcheck.certificates.facts import hash_of, of_key
from authcheck.certificates.statements import urn_of
from authcheck.certificates.tables import Certificate, SigningKey, StatusList
from authcheck.errors import NotTrue
from authcheck.ledger.tables import Entry
from authcheck.licences.facts import of_licence
from authcheck.licences.tables import Licence
from authcheck.members.facts import of_organisation
from authcheck.members.tables import Organisation
from authcheck.proofs.credential import PLACES, Credential
from authcheck.registry.facts import of_dispute, of_words
from authcheck.registry.tables import Design, View
from authcheck.tlog.entries import read_body, time_text

PAGE = 500
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not follow from the ledger's entries: `what` names it, `problem` says how it differs."""

    what: str
    problem: str


@dataclass(frozen=True, slots=True)
class Said:
    """What an entry says, with its number."""

    number: int
    type: str
    fields: Facts

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Read it. An entry that cannot be read says nothing: the replay of the log has named it."""
        try:
            return cls(entry.number, entry.type, read_body(entry.body))
        except NotTrue:
            return cls(entry.number, entry.type, {})

    @property
    def at(self) -> object:
        """When it happened; for what was registered before there was a ledger not the time of the entry."""
        return self.fields.get("since", self.fields.get("at"))


@dataclass(frozen=True, slots=True)
class Account:
    """How the rows of a table follow from entries.

    `key` is by what a row's entries are found, in their column `by`; `made` the type of the one that makes a row, and
    `same` the condition that it made this row. `facts` gives what a row says, and what its entries say it should.
    """

    rows: Select[Any]
    id: InstrumentedAttribute[str]
    key: Callable[[Any], str | int | None]
    by: InstrumentedAttribute[Any]
    made: str
    same: ColumnElement[bool]
    facts: Callable[[Any, Sequence[Said]], tuple[Facts, Facts]]


def compare_rows(session: Session) -> Iterator[Finding]:
    """Every row that says something else than its entries, has none, or is missing."""
    for account in ACCOUNTS:
        table, last = account.id.class_.__tablename__, ""
        while rows := session.scalars(
            account.rows.where(account.id > last).order_by(account.id).limit(PAGE)
        ).all():
            said = _said(session, account, rows)
            for row in rows:
                problem = _problem(account, row, said.get(account.key(row), []))
                if problem:
                    yield Finding(f"{table} {row.id}", problem)
            last = rows[-1].id
            session.expunge_all()
        orphans = select(Entry.number, Entry.subject).where(
            Entry.type == account.made, ~exists().where(account.same)
        )
        for number, subject in session.execute(orphans.order_by(Entry.number)):
            yield Finding(f"{table} {subject}", f"is missing, which entry {number} made")


def _said(session: Session, account: Account, rows: Sequence[Any]) -> dict[Any, list[Said]]:
    """What is said of the rows of a page, in its order, by their keys."""
    found: dict[Any, list[Said]] = {}
    keys = [key for key in map(account.key, rows) if key is not None]
    for entry in session.scalars(select(Entry).where(account.by.in_(keys)).order_by(Entry.number)):
        found.setdefault(getattr(entry, account.by.key), []).append(Said.of(entry))
    return found


def _problem(account: Account, row: Any, said: Sequence[Said]) -> str:
    if [one.type for one in said].count(account.made) != 1 and getattr(row, "state", "") != "unsigned":
        return f"follows from no entry {account.made}"
    is_so, should_be = account.facts(row, said)
    differing = sorted(name for name in should_be if is_so[name] != should_be[name])
    return f"differs from its entries: {', '.join(differing)}" if differing else ""


def _only(said: Sequence[Said], kind: str) -> Said:
    """The first entry of a type, or one that says nothing."""
    return next((one for one in said if one.type == kind), Said(-1, kind, {}))


def _organisation(row: Organisation, said: Sequence[Said]) -> tuple[Facts, Facts]:
    made, is_so = _only(said, "org.approve"), of_organisation(row)
    should_be = {name: made.fields.get(name) for name in is_so}
    return {**is_so, "created_at": time_text(row.created_at)}, {**should_be, "created_at": made.at}


def _design(row: Design, said: Sequence[Said]) -> tuple[Facts, Facts]:
    is_so = {
        "words": of_words(row),
        "version": row.version,
        "owner": row.owner_id,
        "state": row.state,
        "registered_at": time_text(row.registered_at),
        "retired_at": time_text(row.retired_at) if row.retired_at else None,
        "pictures": {view.picture_sha256 for view in row.views},
        "pictures in force": {view.picture_sha256 for view in row.views if view.removed_tick is None},
        "disputes": {one.id: (of_dispute(one), time_text(one.noticed_at)) for one in row.disputes},
    }
    return is_so, _design_by(said)


def _design_by(said: Sequence[Said]) -> Facts:
    """What a design's entries make of it, taken one after the other."""
    made, retired = _only(said, "design.register"), _only(said, "design.retire")
    disputes = [one for one in said if one.type == "design.dispute"]
    words, version = None, None
    ever: set[str] = set()
    live: set[str] = set()
    for one in said:
        words, version = one.fields.get("h", words), one.fields.get("version", version)
        images = set(one.fields.get("images", ()))
        ever |= images
        live = live - images if one.type == "design.view_remove" else live | images
    names = ("dispute", "other", "score")
    return {
        "words": words,
        "version": version,
        "owner": made.fields.get("owner"),
        "state": "retired" if retired.fields else "disputed" if disputes else "registered",
        "registered_at": made.at,
        "retired_at": retired.at,
        "pictures": ever,
        "pictures in force": set() if retired.fields else live,
        "disputes": {
            one.fields.get("dispute"): ({name: one.fields.get(name) for name in names}, one.at)
            for one in disputes
        },
    }


def _signing_key(row: SigningKey, said: Sequence[Said]) -> tuple[Facts, Facts]:
    added, revoked, is_so = _only(said, "key.add"), _only(said, "key.revoke"), of_key(row)
    should_be = {name: added.fields.get(name) for name in is_so}
    times = {
        "created_at": time_text(row.created_at),
        "added_at_entry": row.added_at_entry,
        "revoked_at": time_text(row.revoked_at) if row.revoked_at else None,
        "revoked_at_entry": row.revoked_at_entry,
    }
    number = revoked.number if revoked.fields else None
    return {**is_so, **times}, {
        **should_be,
        "created_at": added.at,
        "added_at_entry": added.number,
        "revoked_at": revoked.at,
        "revoked_at_entry": number,
    }


def _certificate(row: Certificate, said: Sequence[Said]) -> tuple[Facts, Facts]:
    issued, revoked = _only(said, "cert.issue"), _only(said, "cert.revoke")
    if not issued.fields:
        return {"signature": row.jws, "state": row.state}, {"signature": None, "state": "unsigned"}
    number = revoked.number if revoked.fields else None
    is_so = {
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
    return is_so, {
        "state": "revoked" if revoked.fields else "active",
        "signature": issued.fields.get("h"),
        "entry_number": issued.number,
        "revocation_reason": revoked.fields.get("reason"),
        "revoked_at": revoked.at,
        "revoked_entry_number": number,
        **_signed_words(row),
    }


def _signed_words(row: Certificate) -> Facts:
    """What the signed text of a certificate says of its row's columns; nothing fits one that is not the hashed text."""
    try:
        if hash_of(row.jws or "") != row.jws_sha256:
            return {"signature": None}
        said = Credential.read(row.jws or "").payload
        unit, status = said["credentialSubject"], said["credentialStatus"]
        place = int(status["statusListIndex"])
    except (NotTrue, KeyError, TypeError, ValueError):
        return {"signature": None}
    words = {name: unit.get(name) for name in ("gtin", "lot", "serial")}
    return {**words, "design_id": unit.get("design", {}).get("id"), "status_index": place}


def _status_list(row: StatusList, said: Sequence[Said]) -> tuple[Facts, Facts]:
    published = _only(said, "statuslist.publish")
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


def _licence(row: Licence, said: Sequence[Said]) -> tuple[Facts, Facts]:
    offered, is_so = _only(said, "licence.grant"), of_licence(row)
    accepted, revoked = _only(said, "licence.accept"), _only(said, "licence.revoke")
    should_be = {name: offered.fields.get(name) for name in is_so}
    steps = (("offered", offered), ("accepted", accepted), ("revoked", revoked))
    for name, one in steps:
        at = getattr(row, f"{name}_at")
        is_so |= {f"{name}_at": time_text(at) if at else None, f"{name}_entry": getattr(row, f"{name}_entry")}
        should_be |= {f"{name}_at": one.at, f"{name}_entry": one.number if one.fields else None}
    is_so |= {
        "superseded_at": time_text(row.superseded_at) if row.superseded_at else None,
        "revocation_reason": row.revocation_reason,
    }
    superseded, reason = _only(said, "licence.supersede"), revoked.fields.get("reason")
    return is_so, {**should_be, "superseded_at": superseded.at, "revocation_reason": reason}


def _id(row: Any) -> str:
    return str(row.id)


_views = selectinload(Design.views).options(load_only(View.picture_sha256, View.removed_tick))
_by_urn = Certificate.id == func.substr(Entry.subject, len(urn_of("")) + 1)
ACCOUNTS = (
    Account(
        select(Organisation), Organisation.id, _id, Entry.subject, "org.approve",
        Organisation.id == Entry.subject, _organisation,
    ),
    Account(
        select(Design).options(_views, selectinload(Design.disputes)), Design.id, _id, Entry.subject,
        "design.register", Design.id == Entry.subject, _design,
    ),
    Account(
        select(SigningKey), SigningKey.id, _id, Entry.subject, "key.add", SigningKey.id == Entry.subject, _signing_key,
    ),
    Account(
        select(Certificate), Certificate.id, lambda row: urn_of(row.id), Entry.subject, "cert.issue", _by_urn,
        _certificate,
    ),
    Account(
        select(StatusList), StatusList.id, lambda row: row.entry_number, Entry.number, "statuslist.publish",
        StatusList.entry_number == Entry.number, _status_list,
    ),
    Account(
        select(Licence), Licence.id, _id, Entry.subject, "licence.grant", Licence.id == Entry.subject, _licence,
    ),
)  # fmt: skip
"""Every table that follows from the ledger, those that others point to first."""
