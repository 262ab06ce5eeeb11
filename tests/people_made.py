"""Builders of people who can sign in."""

import functools
from datetime import datetime

import make

from authcheck.config import Settings
from authcheck.members import organisations, passwords, people, signing_in
from authcheck.members.signing_in import Attempt, Entered
from authcheck.members.tables import Person
from authcheck.storage.database import Database

PASSWORD = "seven herons over the quarry"  # noqa: S105 - of people in tests


@functools.cache
def password_hash() -> str:
    """Return the hash of `PASSWORD`."""
    return passwords.hash_password(PASSWORD)


def person(
    database: Database,
    email: str = "mei@acme.example",
    *,
    owner: str = "acme",
    kinds: tuple[str, ...] = ("brand",),
    roles: tuple[str, ...] = ("admin",),
    now: datetime = make.NOW,
) -> Person:
    """Store a person with roles in an organisation, which is made if it does not exist."""
    with database.writing() as session:
        organisation = organisations.find_organisation(session, owner)
        if organisation is None:
            organisation = organisations.create_organisation(
                session, handle=owner, name=owner.title(), roles=kinds, now=now
            )
        someone = people.find_person(session, email) or people.add_person(
            session, email=email, name=email.partition("@")[0], password_hash=password_hash(), now=now
        )
        people.give_roles(session, organisation, someone, roles, now)
        return someone


def sign_in(
    database: Database,
    settings: Settings,
    email: str = "mei@acme.example",
    password: str = PASSWORD,
    *,
    now: datetime = make.NOW,
    **words: str,
) -> Entered:
    """Sign a person in."""
    attempt = Attempt(email, password, **{"client": "203.0.113.9", "browser": "Firefox", **words})
    return signing_in.sign_in(database, settings, attempt, now)
