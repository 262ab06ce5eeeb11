"""A stranger's organisation applies: a form, a link by mail, and an account that may prepare but not act."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.errors import Forbidden, Rejected
from authcheck.members import domains, links, notifications, organisations, people
from authcheck.members.permissions import Role
from authcheck.members.standing_tables import Application
from authcheck.members.tables import OneTimeLink, Organisation, Person
from authcheck.proofs.outside.names import normal_domain

KINDS = tuple(kind for kind in organisations.ROLES if kind != "operator")


@dataclass(frozen=True, slots=True)
class Applicant:
    """What a stranger writes into the form."""

    name: str
    handle: str
    kinds: Sequence[str]
    domain: str
    person: str
    email: str


def apply(session: Session, applicant: Applicant, now: datetime) -> tuple[OneTimeLink, str]:
    """Keep an application, and return its link with the secret, which only the mail may show.

    Nothing is reserved: the handle is taken when the link is opened. Raises Rejected (`organisation.*`,
    `domain.*`, `person.*`), Conflict (`organisation.exists`).
    """
    if set(applicant.kinds) - set(KINDS):
        raise Rejected(f"Choose one or more of: {', '.join(KINDS)}.", code="organisation.roles")
    described = organisations.describe_organisation(
        handle=applicant.handle, name=applicant.name, roles=applicant.kinds, now=now
    )
    organisations.refuse_taken(session, described.handle)
    domain = normal_domain(applicant.domain)
    email, name = people.normal_email(applicant.email), people.checked_name(applicant.person)
    link, secret = links.make(session, links.APPLY, now, email=email, name=name)
    session.add(
        Application(
            link_id=link.id,
            handle=described.handle,
            name=described.name,
            kinds=described.roles,
            domain=domain,
        )
    )
    return link, secret


def count_recent(session: Session, email: str, now: datetime) -> int:
    """Return how many applications an address was written into in the last hour. Raises as `normal_email`."""
    recent = (
        OneTimeLink.purpose == links.APPLY,
        OneTimeLink.email == people.normal_email(email),
        OneTimeLink.created_at > now - timedelta(hours=1),
    )
    return session.scalar(select(func.count()).select_from(OneTimeLink).where(*recent)) or 0


def begin(
    session: Session, secret: str, *, password_hash: str, signed_in: Person | None, now: datetime
) -> tuple[Person, Organisation]:
    """Open the mailed link: the organisation begins, and the person is its admin.

    A person with an account must be signed in. Raises as `links.open_link`; Forbidden
    (`invitation.sign_in`), Conflict (`organisation.exists`).
    """
    link = links.open_link(session, secret, links.APPLY, now, lock=True)
    application = session.get_one(Application, link.id)
    person = people.find_person(session, link.email)
    if person is None and signed_in is None:
        person = people.add_person(
            session, email=link.email, name=link.name, password_hash=password_hash, now=now
        )
    elif person is None or signed_in is None or person.id != signed_in.id:
        raise Forbidden(
            f"This link is for {link.email}. Sign in with that account, then open the link again.",
            code="invitation.sign_in",
            email=link.email,
        )
    organisation = organisations.describe_organisation(
        handle=application.handle, name=application.name, roles=application.kinds, now=now
    )
    organisations.store_organisation(session, organisation)
    people.give_roles(session, organisation, person, [Role.ADMIN], now)
    domains.add(session, organisation, application.domain, now)
    page = f"/organisations/{organisation.handle}"
    notifications.tell_operators(session, "organisation_applied", page, now, name=organisation.name)
    link.used_at = now
    return person, organisation
