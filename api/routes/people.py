"""Endpoints of people and invitations: an admin manages the own organisation, the operator all of them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from authcheck.members import invitations, people
from authcheck.members.permissions import Right
from authcheck.members.tables import Membership, OneTimeLink
from authcheck.storage.opening import utc_now

from ..deps import KeyFirst, PeopleReader, PeopleWriter, RatesDep, WorkspaceDep
from ..mails import send_invitation
from ..managed import managed_organisation, refuse_beyond
from ..paging import PagingDep
from ..wire.forms import Page, Text
from ..wire.people import InvitationIn, InvitationOut, NewInvitationOut, PersonOut, RolesIn

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["accounts"])
Handle = Annotated[Text | None, Query(max_length=64, description="Handle. Default: your own organisation.")]
PersonId = Annotated[str, Path(max_length=40)]


@router.get("/people")
def list_people(
    caller: PeopleReader, workspace: WorkspaceDep, paging: PagingDep, organisation: Handle = None
) -> Page[PersonOut]:
    """List the people of an organisation with their roles."""
    with workspace.database.reading() as session:
        member = managed_organisation(session, caller, organisation, Right.READ)
        rows = people.list_members(session, member.id, after=paging.after, limit=paging.fetch)
        return paging.page(rows, _person_out, key=lambda row: row.person_id)


@router.put("/people/{person_id}/roles")
def set_roles(
    caller: PeopleWriter,
    person_id: PersonId,
    body: RolesIn,
    workspace: WorkspaceDep,
    organisation: Handle = None,
) -> PersonOut:
    """Replace a person's roles. They hold from the person's next request on."""
    with workspace.database.writing() as session:
        member = managed_organisation(session, caller, organisation, Right.WRITE)
        before = people.get_member(session, member.id, person_id)
        refuse_beyond(caller, {*before.roles} ^ {*people.checked_roles(member, body.roles)})
        people.give_roles(session, member, before.person, body.roles, utc_now())
        return _person_out(before)


@router.delete("/people/{person_id}")
def remove_person(
    caller: PeopleWriter, person_id: PersonId, workspace: WorkspaceDep, organisation: Handle = None
) -> PersonOut:
    """Remove a person from an organisation at once. The account stays, without any right here."""
    with workspace.database.writing() as session:
        member = managed_organisation(session, caller, organisation, Right.WRITE)
        before = people.get_member(session, member.id, person_id)
        refuse_beyond(caller, before.roles)
        removed = _person_out(before)
        people.take_roles(session, member, person_id, utc_now())
        return removed


@router.post("/invitations", status_code=201)
def invite_person(
    caller: PeopleWriter, body: InvitationIn, request: Request, workspace: WorkspaceDep, rates: RatesDep
) -> NewInvitationOut:
    """Invite a person by e-mail. The link works once, for 7 days. An earlier invitation is withdrawn."""
    rates.count(rates.invitations, caller.organisation_id, request)
    with workspace.database.writing() as session:
        organisation = managed_organisation(session, caller, body.organisation, Right.WRITE)
        refuse_beyond(caller, people.checked_roles(organisation, body.roles))
        link, secret = invitations.invite(
            session,
            organisation,
            email=people.normal_email(body.email),
            name=body.name,
            roles=body.roles,
            made_by=caller.caller if caller.is_person else None,
            now=utc_now(),
        )
    address = send_invitation(request, link, secret, organisation.name)
    return NewInvitationOut(**_invitation_out(link, organisation.handle).model_dump(), link=address)


@router.get("/invitations")
def list_invitations(
    caller: PeopleReader, workspace: WorkspaceDep, organisation: Handle = None
) -> Page[InvitationOut]:
    """List the invitations to an organisation that still work, oldest first, all on one page."""
    with workspace.database.reading() as session:
        member = managed_organisation(session, caller, organisation, Right.READ)
        rows = invitations.list_invitations(session, member.id, utc_now())
    return Page(items=[_invitation_out(row, member.handle) for row in rows], next=None)


@router.delete("/invitations/{invitation_id}")
def withdraw_invitation(
    caller: PeopleWriter,
    invitation_id: Annotated[str, Path(max_length=40)],
    workspace: WorkspaceDep,
    organisation: Handle = None,
) -> InvitationOut:
    """Withdraw an invitation. Its link stops working at once."""
    with workspace.database.writing() as session:
        member = managed_organisation(session, caller, organisation, Right.WRITE)
        link = invitations.withdraw(session, invitation_id, organisation_id=member.id, now=utc_now())
    return _invitation_out(link, member.handle)


def _person_out(row: Membership) -> PersonOut:
    person = row.person
    return PersonOut(
        id=person.id,
        email=person.email,
        name=person.name,
        roles=row.roles,
        since=row.since,
        used_at=person.used_at,
        second_factor=person.totp_since is not None,
        disabled=person.disabled_at is not None,
    )


def _invitation_out(link: OneTimeLink, handle: str) -> InvitationOut:
    return InvitationOut(
        id=link.id,
        organisation=handle,
        email=link.email,
        name=link.name,
        roles=link.roles,
        created_at=link.created_at,
        expires_at=link.expires_at,
    )
