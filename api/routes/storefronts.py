"""Official shops, and who may sell a design."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from authcheck.members.tables import Organisation
from authcheck.registry.designs import get_design
from authcheck.storage.opening import utc_now
from authcheck.storefronts import sellers, shops
from authcheck.storefronts.sellers import SellerAnswer
from authcheck.storefronts.tables import Storefront

from ..deps import LicencesWriter, ListingsChecker, WorkspaceDep, public_read_limit
from ..paging import PagingDep
from ..wire.forms import Page
from ..wire.storefronts import BreachOut, SellerOut, StandingOut, StorefrontIn, StorefrontOut

router = APIRouter(prefix="/v1", tags=["storefronts"])
Word = Annotated[str, Query(max_length=100)]


@router.post("/storefronts", status_code=201)
def add_storefront(caller: LicencesWriter, body: StorefrontIn, workspace: WorkspaceDep) -> StorefrontOut:
    """List an official shop of yours; one that is listed already keeps its id and gets the new address."""
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        added = shops.add(
            session,
            organisation,
            marketplace=body.marketplace,
            shop_id=body.shop,
            url=body.url,
            now=utc_now(),
        )
        return _storefront_out(added)


@router.get("/storefronts")
def list_storefronts(
    caller: LicencesWriter, workspace: WorkspaceDep, paging: PagingDep
) -> Page[StorefrontOut]:
    """Your shops, oldest first, closed ones too."""
    with workspace.database.reading() as session:
        rows = shops.list_storefronts(session, caller.organisation_id, after=paging.after, limit=paging.fetch)
        return paging.page(rows, _storefront_out)


@router.get("/storefronts/{storefront_id}", dependencies=[Depends(public_read_limit)])
def show_storefront(storefront_id: str, workspace: WorkspaceDep) -> StorefrontOut:
    """Whose official shop that is, for anybody."""
    with workspace.database.reading() as session:
        return _storefront_out(shops.get_storefront(session, storefront_id))


@router.delete("/storefronts/{storefront_id}")
def close_storefront(caller: LicencesWriter, storefront_id: str, workspace: WorkspaceDep) -> StorefrontOut:
    """Say that a shop of yours is official no more. Doing it again changes nothing."""
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        return _storefront_out(shops.close(session, organisation, storefront_id, utc_now()))


@router.get("/sellers")
def who_may_sell(
    caller: ListingsChecker,  # noqa: ARG001 - what it stands for is that a key was believed
    workspace: WorkspaceDep,
    *,
    design: Word,
    marketplace: Word,
    shop: Annotated[str, Query(max_length=200)],
    territory: Annotated[str, Query(max_length=10, description="Two letters, like FR.")],
    on: Annotated[date | None, Query(description="The day; today (UTC) if left out.")] = None,
    goods: Annotated[
        list[int] | None, Query(max_length=45, description="Nice classes; not asked about if left out.")
    ] = None,
) -> SellerOut:
    """Whether a shop may sell a design there and then, by which licence or what stands against each."""
    with workspace.database.reading() as session:
        answer = sellers.may_sell(
            session,
            get_design(session, design),
            marketplace=marketplace,
            shop_id=shop,
            territory=territory,
            on=on or utc_now().date(),
            goods=tuple(goods or ()),
        )
    return _seller_out(answer)


def _storefront_out(row: Storefront) -> StorefrontOut:
    return StorefrontOut(
        id=row.id,
        organisation=row.organisation.handle,
        name=row.organisation.name,
        marketplace=row.marketplace,
        shop=row.shop_id,
        url=row.url,
        created_at=row.created_at,
        closed_at=row.closed_at,
    )


def _seller_out(answer: SellerAnswer) -> SellerOut:
    return SellerOut(
        allowed=answer.allowed,
        seller=answer.seller,
        is_owner=answer.is_owner,
        on=answer.on,
        licences=[
            StandingOut(
                id=one.grant.id,
                state=one.grant.state(answer.on),
                breaches=[BreachOut(code=breach.code, params=dict(breach.params)) for breach in one.breaches],
            )
            for one in answer.licences
        ],
    )
