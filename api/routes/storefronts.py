"""Endpoints of official shops, and of the question who may sell a design."""

from collections.abc import Sequence
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.licences.codes import checked_country
from authcheck.licences.subjects import outside_territory_error
from authcheck.members.principals import Principal
from authcheck.members.reach import WHOLE
from authcheck.members.tables import Organisation
from authcheck.registry.design_names import find_id
from authcheck.registry.designs import get_design
from authcheck.storage.opening import utc_now
from authcheck.storefronts import licensed, proving, sellers, shops
from authcheck.storefronts.sellers import SellerAnswer, Standing
from authcheck.storefronts.tables import Storefront

from ..deps import (
    KeyFirst,
    LicencesReader,
    LicencesWriter,
    ListingsChecker,
    ListingsReader,
    WorkspaceDep,
    public_read_limit,
)
from ..i18n import language_of
from ..paging import PagingDep
from ..shop_badges import draw_badge
from ..wire.forms import Day, Number, Page
from ..wire.storefronts import BreachOut, ConfirmationIn, SellerOut, StandingOut, StorefrontIn, StorefrontOut

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["storefronts"])
BADGE_CACHE = "public, max-age=300"  # how long an ended badge may still be seen
BADGE_CSP = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
Word = Annotated[str, Query(max_length=100)]


@router.post("/storefronts", status_code=201)
def add_storefront(caller: LicencesWriter, body: StorefrontIn, workspace: WorkspaceDep) -> StorefrontOut:
    """Add one of your official shops. A shop that is already listed keeps its id and gets the new address."""
    caller.reach.require_whole()
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        storefront = shops.add(
            session,
            organisation,
            marketplace=body.marketplace,
            shop_id=body.shop,
            url=body.url,
            now=utc_now(),
        )
        return _own(storefront)


@router.get("/storefronts")
def list_storefronts(
    caller: LicencesReader, workspace: WorkspaceDep, paging: PagingDep
) -> Page[StorefrontOut]:
    """List your shops, oldest first. Includes closed shops."""
    with workspace.database.reading() as session:
        rows = shops.list_storefronts(
            session, caller.organisation_id, after=paging.after, limit=paging.fetch, reach=caller.reach
        )
        return paging.page(rows, _own)


@router.get("/storefronts/{storefront_id}", dependencies=[Depends(public_read_limit)])
def show_storefront(storefront_id: str, workspace: WorkspaceDep) -> StorefrontOut:
    """Return a shop and its organisation. Public."""
    with workspace.database.reading() as session:
        return _storefront_out(shops.get_storefront(session, storefront_id))


@router.get(
    "/storefronts/{storefront_id}/badge",
    dependencies=[Depends(public_read_limit)],
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}, "description": "The badge."}},
)
def show_badge(request: Request, storefront_id: str, workspace: WorkspaceDep) -> Response:
    """Return the badge of an official shop as an SVG. Public. 404 once the proof or the licence has ended.

    `lang` is `en` or `zh-Hans`. Show it by its address: a copy of the picture says nothing.
    """
    with workspace.database.reading() as session:
        row = shops.get_storefront(session, storefront_id)
        brands = licensed.brands_behind(session, row, utc_now().date())
    if brands is None:
        raise NotFound("This shop is not official now.", code="badge.not_found")
    svg = draw_badge(row.organisation.name, brands, language_of(request))
    headers = {"Cache-Control": BADGE_CACHE, "Vary": "Accept-Language", "Content-Security-Policy": BADGE_CSP}
    return Response(svg, media_type="image/svg+xml", headers=headers)


@router.delete("/storefronts/{storefront_id}")
def close_storefront(caller: LicencesWriter, storefront_id: str, workspace: WorkspaceDep) -> StorefrontOut:
    """Close one of your shops: it is no longer official. A repetition changes nothing."""
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        closed = shops.close(session, organisation, storefront_id, utc_now(), reach=caller.reach)
        return _own(closed)


@router.get("/sellers")
def who_may_sell(
    caller: ListingsReader,
    workspace: WorkspaceDep,
    *,
    design: Word,
    marketplace: Word,
    shop: Annotated[str, Query(max_length=200)],
    territory: Annotated[str, Query(max_length=60, description="A country, like FR.")],
    on: Annotated[Day | None, Query(description="Day of sale. Default: today (UTC).")] = None,
    goods: Annotated[
        list[Number] | None, Query(max_length=45, description="Nice classes. Default: goods are not checked.")
    ] = None,
) -> SellerOut:
    """Say whether a shop may sell a design in a territory on a day, and if not, which kind of term it breaks.

    The owner and the licensee of a licence also see the licence with its breaches. Others can ask about days
    up to tomorrow (UTC).
    """
    today = utc_now().date()
    with workspace.database.reading() as session:
        design_id = find_id(session, caller.organisation_id, design, caller.reach)
        if caller.reach != WHOLE:
            _refuse_outside(session, caller, design_id, territory)
        row = get_design(session, design_id)
        answer = sellers.may_sell(
            session,
            row,
            marketplace=marketplace,
            shop_id=shop,
            territory=territory,
            on=on or today,
            goods=tuple(goods or ()),
        )
        licences = sellers.read_as(caller.organisation_id, row, answer, today, reach=caller.reach)
    return _seller_out(answer, licences)


def _refuse_outside(session: Session, caller: Principal, design_id: str, territory: str) -> None:
    """Raise an error if an agent asks about a design of the brand, or a country, that is not within reach."""
    sellers.require_askable(session, design_id, organisation_id=caller.organisation_id, reach=caller.reach)
    country = checked_country(territory, error_code="seller.territory")
    if not caller.reach.covers_territory(country):
        raise outside_territory_error(country)


@router.post("/storefronts/{storefront_id}/proof")
def prove_storefront(caller: LicencesWriter, storefront_id: str, workspace: WorkspaceDep) -> StorefrontOut:
    """Look at the shop's page now for the text in `show`, which proves that the shop is yours."""
    owner_id, reach = caller.organisation_id, caller.reach
    with workspace.database.reading() as session:
        row = shops.get_storefront(session, storefront_id, organisation_id=owner_id, reach=reach)
        proofs = proving.texts_to_find(session, row)
    finding = proving.look(workspace.outside, row.url, proofs)
    with workspace.database.writing() as session:
        proving.note(session, row.id, finding, utc_now())
        return _own(shops.get_storefront(session, storefront_id, organisation_id=owner_id, reach=reach))


@router.post("/storefronts/{storefront_id}/confirmation")
def confirm_storefront(
    caller: ListingsChecker, storefront_id: str, body: ConfirmationIn, workspace: WorkspaceDep
) -> StorefrontOut:
    """Say, as the shop's marketplace, whether the shop is this organisation's. Your word outlasts pages."""
    caller.reach.require_whole()
    with workspace.database.writing() as session:
        row = shops.get_storefront(session, storefront_id)
        marketplace = session.get_one(Organisation, caller.organisation_id)
        if body.confirmed:
            proving.confirm(session, row, marketplace, utc_now())
        else:
            proving.deny(session, row, marketplace, utc_now())
        return _storefront_out(row)


def _own(row: Storefront) -> StorefrontOut:
    """Return a shop as its organisation reads it."""
    return _storefront_out(row).model_copy(update={"show": proving.proof_of(row)})


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
        proof=cast("Literal['claimed', 'proved', 'lost']", row.proof),
        proved_by=cast("Literal['page', 'marketplace', 'operator', '']", row.proved_by),
        problem=row.problem,
        checked_at=row.checked_at,
        show=None,
    )


def _seller_out(answer: SellerAnswer, licences: Sequence[Standing]) -> SellerOut:
    return SellerOut(
        allowed=answer.allowed,
        seller=answer.seller,
        is_owner=answer.is_owner,
        on=answer.on,
        reasons=list(answer.reasons),
        licences=[
            StandingOut(
                id=licence.grant.id,
                state=licence.grant.state(answer.on),
                breaches=[
                    BreachOut(code=breach.code, params=dict(breach.params)) for breach in licence.breaches
                ],
            )
            for licence in licences
        ],
    )
