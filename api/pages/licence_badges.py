"""The badge of a licensee's shop: the signed text, how long it is valid, and how to show it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from authcheck.certificates.signing_keys import open_vault
from authcheck.errors import AuthcheckError
from authcheck.storage.opening import utc_now
from authcheck.storefronts import badges, shops

from ..deps import WorkspaceDep
from .licence import LicenceId, LicencesWriterDep
from .person import PersonRoute, acting, problem_of, status_of
from .render import render

router = APIRouter(route_class=PersonRoute, prefix="/licences", include_in_schema=False)


@router.get("/{licence_id}/badge")
def show(
    request: Request,
    signed_in: LicencesWriterDep,
    workspace: WorkspaceDep,
    licence_id: LicenceId,
    shop: Annotated[str, Query(max_length=40)] = "",
) -> HTMLResponse:
    """Make the badge of an own shop for today and show it, or say why there is none."""
    caller, now, error = acting(signed_in), utc_now(), None
    vault, jws = open_vault(workspace.settings), ""
    with workspace.database.reading() as session:
        storefront = shops.get_storefront(
            session, shop, organisation_id=caller.organisation_id, reach=caller.reach
        )
        try:
            jws = badges.make_badge(
                session,
                workspace.settings,
                vault,
                storefront_id=storefront.id,
                licence_id=licence_id,
                now=now,
            )
        except AuthcheckError as refusal:
            error = refusal
    return render(
        request,
        "licences/badge.html",
        status=status_of(request, error) if error else 200,
        licence_id=licence_id,
        shop={"id": storefront.id, "name": f"{storefront.marketplace}/{storefront.shop_id}"},
        url=storefront.url,
        jws=jws,
        until=badges.end_of_day(now),
        problem=problem_of(request, error) if error else None,
    )
