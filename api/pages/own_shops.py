"""What the page of one's own organisation does with shops: claim, look for the proof, close."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError
from authcheck.members.principals import Principal
from authcheck.members.tables import Organisation
from authcheck.storage.opening import utc_now
from authcheck.storefronts import proving, shops
from authcheck.storefronts.tables import Storefront

from ..deps import RatesDep, WorkspaceDep
from .licence import LicencesWriterDep
from .own_organisation import show_page
from .person import Form, FormDep, PersonRoute, acting, go

FIELDS = ("marketplace", "shop", "url")
FIELD_OF = {"storefront.marketplace": "marketplace", "storefront.url": "url"}
router = APIRouter(route_class=PersonRoute, prefix="/organisation/shops", include_in_schema=False)


@router.post("")
def add(request: Request, signed_in: LicencesWriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Claim a shop."""
    caller = acting(signed_in)
    try:
        caller.reach.require_whole()
        with workspace.database.writing() as session:
            shops.add(
                session,
                session.get_one(Organisation, caller.organisation_id),
                marketplace=form.text("marketplace"),
                shop_id=form.text("shop"),
                url=form.text("url"),
                now=utc_now(),
            )
    except AuthcheckError as error:
        typed = {name: form.text(name)[:600] for name in FIELDS}
        field = FIELD_OF.get(error.code, "shop")
        return show_page(request, signed_in, workspace, error=error, at=("shop-", field), typed_shop=typed)
    return go(request, "/organisation?notice=shop_added#shops")


@router.post("/look")
def look(
    request: Request, signed_in: LicencesWriterDep, form: FormDep, workspace: WorkspaceDep, rates: RatesDep
) -> Response:
    """Look at a shop's page now."""
    caller = acting(signed_in)
    rates.count(rates.invitations, caller.organisation_id, request)
    with workspace.database.reading() as session:
        row = _own_shop(session, caller, form)
        url, proofs = row.url, proving.texts_to_find(session, row)
    finding = proving.look(workspace.outside, url, proofs)
    with workspace.database.writing() as session:
        noted = proving.note(session, row.id, finding, utc_now())
    is_proved = noted is not None and not noted.problem
    return go(request, f"/organisation?notice={'shop_proved' if is_proved else 'shop_not_proved'}#shops")


@router.post("/close")
def close(request: Request, signed_in: LicencesWriterDep, form: FormDep, workspace: WorkspaceDep) -> Response:
    """Close a shop: it is no longer official."""
    caller = acting(signed_in)
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        shops.close(session, organisation, form.text("id"), utc_now(), reach=caller.reach)
    return go(request, "/organisation?notice=shop_closed#shops")


def _own_shop(session: Session, caller: Principal, form: Form) -> Storefront:
    return shops.get_storefront(
        session, form.text("id"), organisation_id=caller.organisation_id, reach=caller.reach
    )
