"""Commands that invite, list, reset and disable people who sign in with a browser."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text
from sqlalchemy.orm import Session

from authcheck.config import Settings
from authcheck.errors import Rejected
from authcheck.ledger import addresses
from authcheck.members import invitations, links, organisations, people, second_factor
from authcheck.members.permissions import Role
from authcheck.members.tables import Membership
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

PAGE = 500
Email = Annotated[str, typer.Argument(help="E-mail address of the account.")]
people_app = typer.Typer(no_args_is_help=True, help="People who sign in with a browser.")


@people_app.command("add")
def add_person(
    email: Email,
    *,
    organisation: Annotated[str, typer.Option("--org", help="Handle of the organisation.")],
    role: Annotated[list[str], typer.Option(help=f"{', '.join(Role)}. Repeatable.")],
    name: Annotated[str, typer.Option(help="The person's name. The person can change it.")] = "",
) -> None:
    """Invite a person and print the link. For a member, set the roles instead.

    The link works once, for 7 days.
    """
    now = utc_now()
    with open_storage() as storage, storage.database.writing() as session:
        member = organisations.get_organisation(session, organisation)
        address = people.normal_email(email)
        if people.is_member(session, member.id, address):
            person = people.get_person(session, address)
            roles = people.give_roles(session, member, person, role, now).roles
            console.say(f"{address} now has the roles {', '.join(roles)} in {member.name}.")
            return
        _, secret = invitations.invite(
            session, member, email=address, name=name, roles=role, made_by=None, now=now
        )
        link = _address_of(session, storage.settings, f"/join/{secret}")
    console.say(f"Send this link to {address}. It works once, for 7 days, while the server runs:")
    console.data_line(link)


@people_app.command("list")
def list_people(
    *,
    organisation: Annotated[
        str | None, typer.Option("--org", help="Handle. Default: all organisations.")
    ] = None,
    json: Json = False,
) -> None:
    """List people with their roles and their last use."""
    table = console.table("e-mail", "organisation", "roles", "last use", whole=("e-mail",))
    with open_storage() as storage, storage.database.reading() as session:
        chosen = (
            organisations.list_organisations(session, limit=1_000_000)
            if organisation is None
            else [organisations.get_organisation(session, organisation)]
        )
        for member in chosen:
            after = ""
            while rows := people.list_members(session, member.id, after=after, limit=PAGE):
                after = rows[-1].person_id
                for row in rows:
                    _show(row, member.handle, table, json=json)
    if not json:
        console.out().print(table)


def _show(row: Membership, handle: str, table: Table, *, json: bool) -> None:
    person = row.person
    used = person.used_at.isoformat(timespec="minutes")[:16].replace("T", " ") if person.used_at else "never"
    if json:
        console.json_line(
            {
                "id": person.id,
                "email": person.email,
                "name": person.name,
                "organisation": handle,
                "roles": row.roles,
                "used_at": person.used_at.isoformat(timespec="seconds") if person.used_at else None,
                "second_factor": person.totp_since is not None,
                "disabled": person.disabled_at is not None,
            }
        )
        return
    table.add_row(
        Text(person.email), handle, ", ".join(row.roles), "disabled" if person.disabled_at else used
    )


@people_app.command("reset")
def reset_person(
    email: Email,
    *,
    second_factor_too: Annotated[
        bool, typer.Option("--second-factor", help="Also turn the second factor off: the phone is lost.")
    ] = False,
) -> None:
    """Print a link for a new password. It works once, for an hour."""
    now = utc_now()
    with open_storage() as storage, storage.database.writing() as session:
        person = people.get_person(session, email)
        if person.disabled_at is not None:
            raise Rejected(
                f"{person.email} is disabled. Run first: authcheck people enable {person.email}",
                code="person.disabled",
                email=person.email,
            )
        if second_factor_too:
            second_factor.turn_off(person)
        _, secret = links.make_reset(session, person, now)
        link = _address_of(session, storage.settings, f"/new-password/{secret}")
    if second_factor_too:
        console.say(f"The second factor of {person.email} is off.")
    console.say(f"Send this link to {person.email}. It works once, for an hour, while the server runs:")
    console.data_line(link)


@people_app.command("disable")
def disable_person(email: Email) -> None:
    """Close an account now, and end its sessions."""
    with open_storage() as storage, storage.database.writing() as session:
        person = people.get_person(session, email)
        people.disable(session, person, utc_now())
    console.say(f"{person.email} cannot sign in any more. Open the account again with: people enable")


@people_app.command("enable")
def enable_person(email: Email) -> None:
    """Open a disabled account again."""
    with open_storage() as storage, storage.database.writing() as session:
        person = people.get_person(session, email)
        people.enable(person)
    console.say(f"{person.email} can sign in again.")


def _address_of(session: Session, settings: Settings, path: str) -> str:
    """Return the address of a page: below the setting, or else below the address that is recorded."""
    current = addresses.find_current(session)
    is_set = "public_url" in settings.model_fields_set or current is None
    return (settings.public_url if is_set or current is None else current.url).rstrip("/") + path
