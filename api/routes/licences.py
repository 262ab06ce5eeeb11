"""Endpoints of licences. An owner offers, amends and revokes. A licensee accepts or declines."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.ledger import publishing
from authcheck.ledger.tables import Entry
from authcheck.licences import agreements, amending, grants, listing
from authcheck.licences.grants import uncounted
from authcheck.licences.listing import Filter
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.members import organisations
from authcheck.members.principals import Principal
from authcheck.members.tables import Organisation
from authcheck.registry.design_names import find_id
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import KeyFirst, LicencesReader, LicencesWriter, WorkspaceDep
from ..paging import Direction, PagingDep
from ..wire.forms import Page
from ..wire.licences import LicenceIn, LicenceOut, LicenceRevocationIn, TermsIn

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["licences"])
Role = Annotated[
    Literal["owner", "licensee"] | None,
    Query(description="Licences that you gave (owner) or got (licensee). Default: both."),
]
Read = Annotated[
    str | None,
    Query(
        max_length=40,
        description="Id of the newest version that you have read. If there is a newer one, nothing is offered"
        " (`licence.changed`).",
    ),
]
State = Annotated[
    Literal[
        "current",
        "accepted",
        "offered",
        "not_started",
        "active",
        "ending",
        "lapsed",
        "revoked",
        "declined",
        "superseded",
    ]
    | None,
    Query(
        description="Licences in this state today. `current`: offered, not started or active. `accepted`: not"
        " started or active. `ending`: active, with a last day in the next 30 days. Default: any state."
    ),
]


@router.post("/licences", status_code=201)
def offer_licence(
    caller: LicencesWriter, body: LicenceIn, workspace: WorkspaceDep, response: Response
) -> LicenceOut:
    """Offer a licence. It is valid once the licensee has accepted it."""
    now = utc_now()
    with workspace.database.writing() as session:
        owner = session.get_one(Organisation, caller.organisation_id)
        licensee = organisations.get_organisation(session, body.licensee)
        terms = _read_terms(session, caller, body.terms)
        licence = agreements.offer(
            session, owner, licensee, terms, now, parent_id=body.parent, reach=caller.reach
        )
        answer = _licences_out(session, [licence], now)[0]
    publishing.publish_recorded(workspace.database, workspace.settings)
    response.headers["Location"] = f"/v1/licences/{answer.id}"
    return answer


@router.get("/licences")
def list_licences(
    caller: LicencesReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    *,
    role: Role = None,
    state: State = None,
    other: Annotated[
        str, Query(max_length=200, description="Handle of the other side, or a part of its name.")
    ] = "",
    design: Annotated[
        str,
        Query(
            max_length=200, description="Id or reference of a design, a part of its title, or a collection."
        ),
    ] = "",
    territory: Annotated[
        str, Query(max_length=60, description="A country that the terms cover, like FR.")
    ] = "",
    order: Direction = "oldest",
) -> Page[LicenceOut]:
    """List the licences that you gave or got, all versions, oldest first or newest first."""
    now = utc_now()
    with workspace.database.reading() as session:
        found = listing.find(
            session,
            caller.organisation_id,
            Filter(state or "", role or "", other.strip(), design.strip(), territory.strip()),
            today=now.date(),
            units=uncounted,
            after=paging.after,
            limit=paging.fetch,
            newest_first=order == "newest",
            reach=caller.reach,
        )
        rows = [row for row, _ in found]
        licence_by_id = {licence.id: licence for licence in _licences_out(session, rows, now)}
    return paging.page(rows, lambda row: licence_by_id[row.id])


@router.get("/licences/{licence_id}")
def show_licence(caller: LicencesReader, licence_id: str, workspace: WorkspaceDep) -> LicenceOut:
    """Return one of the licences that you gave or got."""
    with workspace.database.reading() as session:
        licence = grants.get_licence(
            session, licence_id, organisation_id=caller.organisation_id, reach=caller.reach
        )
        return _licences_out(session, [licence], utc_now())[0]


@router.post("/licences/{licence_id}/accept")
def accept_licence(caller: LicencesWriter, licence_id: str, workspace: WorkspaceDep) -> LicenceOut:
    """Accept an offer to you. It is valid from now on and replaces the previous version."""
    now = utc_now()
    with workspace.database.writing() as session:
        licensee = session.get_one(Organisation, caller.organisation_id)
        accepted = agreements.accept(session, licensee, licence_id, now, reach=caller.reach)
        answer = _licences_out(session, [accepted], now)[0]
    return _publish(workspace, answer)


@router.post("/licences/{licence_id}/decline")
def decline_licence(caller: LicencesWriter, licence_id: str, workspace: WorkspaceDep) -> LicenceOut:
    """Decline an offer to you permanently."""
    now = utc_now()
    with workspace.database.writing() as session:
        licensee = session.get_one(Organisation, caller.organisation_id)
        declined = agreements.decline(session, licensee, licence_id, now, reach=caller.reach)
        return _licences_out(session, [declined], now)[0]


@router.post("/licences/{licence_id}/amend", status_code=201)
def amend_licence(
    caller: LicencesWriter, licence_id: str, body: TermsIn, workspace: WorkspaceDep, read: Read = None
) -> LicenceOut:
    """Offer a new version of a licence. It replaces the current version when the licensee accepts it.

    With `read`, the new version takes the place of an offer that nobody has answered.
    """
    now = utc_now()
    with workspace.database.writing() as session:
        owner = session.get_one(Organisation, caller.organisation_id)
        act = agreements.amend if read is None else amending.amend_from
        terms = _read_terms(session, caller, body)
        version = act(session, owner, read or licence_id, terms, now, reach=caller.reach)
        answer = _licences_out(session, [version], now)[0]
    return _publish(workspace, answer)


@router.post("/licences/{licence_id}/withdraw")
def withdraw_licence(caller: LicencesWriter, licence_id: str, workspace: WorkspaceDep) -> LicenceOut:
    """Withdraw an offer that nobody has answered. A version in force stays."""
    now = utc_now()
    with workspace.database.writing() as session:
        owner = session.get_one(Organisation, caller.organisation_id)
        withdrawn = amending.withdraw(session, owner, licence_id, now, reach=caller.reach)
        return _licences_out(session, [withdrawn], now)[0]


@router.post("/licences/{licence_id}/revoke")
def revoke_licence(
    caller: LicencesWriter, licence_id: str, body: LicenceRevocationIn, workspace: WorkspaceDep
) -> LicenceOut:
    """Revoke all versions of a licence permanently."""
    now = utc_now()
    with workspace.database.writing() as session:
        owner = session.get_one(Organisation, caller.organisation_id)
        revoked = agreements.revoke(session, owner, licence_id, body.reason, now, reach=caller.reach)
        answer = _licences_out(session, [revoked], now)[0]
    return _publish(workspace, answer)


def _publish(workspace: Workspace, answer: LicenceOut) -> LicenceOut:
    """Publish the ledger and return the answer. Call this only after the commit."""
    publishing.publish_recorded(workspace.database, workspace.settings)
    return answer


def _read_terms(session: Session, caller: Principal, body: TermsIn) -> Terms:
    """Return the terms with the ids of the designs that the body names by reference."""
    ids = [find_id(session, caller.organisation_id, name, caller.reach) for name in body.designs]
    return Terms.from_json(body.model_dump(mode="json") | {"designs": ids})


def _licences_out(session: Session, rows: list[Licence], now: datetime) -> list[LicenceOut]:
    member_ids = {member_id for row in rows for member_id in (row.owner_id, row.licensee_id)}
    members = select(Organisation.id, Organisation.handle).where(Organisation.id.in_(member_ids))
    handles = {member.id: member.handle for member in session.execute(members)}
    numbers = {row.offered_entry for row in rows}
    entries = select(Entry.number, Entry.tx_id).where(Entry.number.in_(numbers))
    tx_ids = {entry.number: entry.tx_id for entry in session.execute(entries)}
    licences = []
    for row, grant in zip(rows, grants.grants_of(session, rows, units=units_issued), strict=True):
        licences.append(
            LicenceOut(
                id=row.id,
                series=row.series,
                version=row.version,
                state=grant.state(now.date()),
                owner=handles[row.owner_id],
                licensee=handles[row.licensee_id],
                parent=row.parent_id,
                terms=TermsIn(**row.terms),
                units=grant.units_issued,
                offered_at=row.offered_at,
                accepted_at=row.accepted_at,
                declined_at=row.declined_at,
                superseded_at=row.superseded_at,
                revoked_at=row.revoked_at,
                revocation_reason=row.revocation_reason,
                tx_id=tx_ids.get(row.offered_entry),
                offered_salt=row.offered_salt,
                accepted_salt=row.accepted_salt,
            )
        )
    return licences
