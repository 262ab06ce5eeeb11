"""Domains that organisations prove to be theirs, by a TXT record or by a file on the domain's web server."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError, Conflict, NotFound
from authcheck.ids import ID, new_id
from authcheck.members import notifications
from authcheck.members.standing_tables import Domain
from authcheck.members.tables import Organisation
from authcheck.proofs.outside.names import normal_domain, shown_domain

WAITING, PROVED, LOST = "waiting", "proved", "lost"
MOST_DOMAINS = 20  # of one organisation
LABEL = "_authcheck"  # the record's name before the domain
FILE = "/.well-known/authcheck.txt"
PREFIX = "authcheck-proof="
CHECKED_EVERY = timedelta(days=1)  # a proved domain is looked at again
LOST_AFTER = timedelta(days=3)  # without a proof. Name servers and web servers fail for a day.
MISSING = "domain.missing"


class Outside(Protocol):
    """What can be read of the internet."""

    def read_txt(self, name: str) -> Sequence[str]:
        """Return the texts of a name's TXT records. Raises Unavailable."""

    def read_page(self, url: str) -> bytes:
        """Return the body of a page. Raises Unavailable, Rejected."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at a domain found: the method of the proof, "" without one, and the code of the problem."""

    method: str
    problem: str = ""


def add(session: Session, organisation: Organisation, text: str, now: datetime) -> Domain:
    """Note a domain that an organisation wants to prove. One that is noted already stays as it is.

    Raises Rejected (`domain.*`), Conflict (`domain.too_many`).
    """
    name = normal_domain(text)
    known = list_domains(session, organisation.id)
    if found := next((row for row in known if row.domain == name), None):
        return found
    if len(known) >= MOST_DOMAINS:
        raise Conflict(
            f"You have {MOST_DOMAINS} domains already. Remove one first.",
            code="domain.too_many",
            limit=MOST_DOMAINS,
        )
    row = Domain(
        id=new_id("dom", now),
        organisation_id=organisation.id,
        domain=name,
        code=secrets.token_urlsafe(24),
        state=WAITING,
        method="",
        problem="",
        added_at=now,
    )
    session.add(row)
    session.flush()
    return row


def remove(session: Session, domain_id: str, *, organisation_id: str) -> None:
    """Forget a domain of an organisation. Raises NotFound (`domain.not_found`)."""
    session.delete(get_domain(session, domain_id, organisation_id=organisation_id))


def get_domain(session: Session, domain_id: str, *, organisation_id: str) -> Domain:
    """Return a domain of an organisation. Raises NotFound (`domain.not_found`), also for one of others."""
    query = select(Domain).where(Domain.id == domain_id, Domain.organisation_id == organisation_id)
    row = session.scalar(query) if ID.fullmatch(domain_id) else None
    if row is None:
        raise NotFound("Your organisation has no domain with this id.", code="domain.not_found")
    return row


def list_domains(session: Session, organisation_id: str) -> Sequence[Domain]:
    """Return the domains of an organisation, oldest first."""
    query = select(Domain).where(Domain.organisation_id == organisation_id)
    return session.scalars(query.order_by(Domain.id)).all()


def find_other_owners(session: Session, row: Domain) -> Sequence[str]:
    """Return the handles of other organisations that have proved the same domain."""
    query = (
        select(Organisation.handle)
        .join(Domain, Domain.organisation_id == Organisation.id)
        .where(Domain.domain == row.domain, Domain.id != row.id, Domain.state == PROVED)
    )
    return session.scalars(query.order_by(Organisation.handle)).all()


def proof_of(row: Domain) -> str:
    """Return the line that proves a domain, for the TXT record and for the file."""
    return f"{PREFIX}{row.code}"


def look(outside: Outside, domain: str, proof: str) -> Finding:
    """Look for the proof of a domain: in its TXT records, then in its file. Slow: call it in no transaction.

    A server that answers every address with a page proves nothing: the proof is a line that only the
    organisation was told.
    """
    problems: list[str] = []
    try:
        texts = [*outside.read_txt(f"{LABEL}.{domain}"), *outside.read_txt(domain)]
        if proof in map(str.strip, texts):
            return Finding("dns")
    except AuthcheckError as error:
        problems.append(error.code)
    try:
        page = outside.read_page(f"https://{domain}{FILE}").decode("utf-8", "replace")
        if proof in map(str.strip, page.splitlines()):
            return Finding("file")
    except AuthcheckError as error:
        problems.append(error.code)
    return Finding("", problems[-1] if problems else MISSING)


def note(session: Session, domain_id: str, finding: Finding, now: datetime) -> Domain | None:
    """Store what a look found, and return the domain, or None if it was removed meanwhile.

    A proof is lost after LOST_AFTER without it: the first failure may be the network's.
    """
    row = session.get(Domain, domain_id, with_for_update=True, populate_existing=True)
    if row is None:
        return None
    row.checked_at, row.problem = now, finding.problem
    if finding.method:
        row.state, row.method, row.proved_at = PROVED, finding.method, now
    elif row.state == PROVED and row.proved_at is not None and now - row.proved_at > LOST_AFTER:
        row.state = LOST
        name, page = shown_domain(row.domain), "/organisation#domains"
        notifications.tell_admins(session, row.organisation_id, "domain_lost", page, now, name=name)
    return row


def find_due(session: Session, now: datetime, limit: int) -> Sequence[Domain]:
    """Return the proved and lost domains that were not looked at for CHECKED_EVERY, the longest first."""
    query = (
        select(Domain)
        .where(
            Domain.state.in_((PROVED, LOST)),
            or_(Domain.checked_at.is_(None), Domain.checked_at < now - CHECKED_EVERY),
        )
        .order_by(Domain.checked_at, Domain.id)
        .limit(limit)
    )
    return session.scalars(query).all()


def count_proved(session: Session, organisation_id: str) -> int:
    """Return how many domains an organisation has proved."""
    is_proved = Domain.organisation_id == organisation_id, Domain.state == PROVED
    return session.scalar(select(func.count()).select_from(Domain).where(*is_proved)) or 0
