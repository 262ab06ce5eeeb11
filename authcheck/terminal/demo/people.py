"""The demo's people, one for each kind of work, with new passwords at every start."""

import secrets

from authcheck.ids import CROCKFORD
from authcheck.members import organisations, passwords, people, sessions
from authcheck.members.permissions import Role
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

LICENSEE = "demo-printer"
GROUPS, GROUP_CHARS = 4, 4  # 80 bits
Who = tuple[str, str, str, Role]  # what the demo calls the person, name, handle, role


def cast(brand: str, market: str, operators: str) -> tuple[Who, ...]:
    """Return the people of the demo, who work for these organisations."""
    return (
        ("brand manager", "Iris Brandt", brand, Role.ADMIN),
        ("analyst", "Anna Lys", brand, Role.ANALYST),
        ("licensee", "Lee Sense", LICENSEE, Role.LICENSEE),
        ("moderator", "Mo Derat", market, Role.MODERATOR),
        ("operator", "Ola Pera", operators, Role.OPERATOR),
    )


def sign_in_lines(work: Workspace, *, brand: str, market: str, here: str) -> list[str]:
    """Make the demo's people or give them new passwords, and return the lines that say how to sign in.

    Only hashes are stored, so the passwords of an earlier start cannot be shown again.
    """
    now, lines = utc_now(), [f"Sign in     {here}/sign-in   (new passwords at every start)"]
    with work.database.writing() as session:
        operators = organisations.ensure_operators(session, now).handle
        if organisations.find_organisation(session, LICENSEE) is None:
            organisations.create_organisation(
                session, handle=LICENSEE, name="Demo printer", roles=["licensee"], now=now
            )
    for title, name, handle, role in cast(brand, market, operators):
        email, password = f"{title.replace(' ', '-')}@{handle}.example", new_password()
        password_hash = passwords.hash_password(password)
        with work.database.writing() as session:
            organisation = organisations.get_organisation(session, handle)
            person = people.find_person(session, email) or people.add_person(
                session, email=email, name=name, password_hash=password_hash, now=now
            )
            person.password_hash = password_hash
            people.enable(person)
            sessions.end_others(session, person.id, kept_id=None, now=now)
            admin = {Role.ADMIN} if role in {Role.LICENSEE, Role.MODERATOR, Role.OPERATOR} else set()
            people.give_roles(session, organisation, person, {role, *admin}, now)
        lines.append(f"  {title:<14}{email:<38}{password}")
    return lines


def new_password() -> str:
    """Return a random password that is easy to type: 80 bits in groups of four."""
    letters = CROCKFORD.lower()
    groups = ("".join(secrets.choice(letters) for _ in range(GROUP_CHARS)) for _ in range(GROUPS))
    return "-".join(groups)
