"""The public page of an official shop, to which its badge leads. It goes with the proof and the licence."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from authcheck.errors import NotFound
from authcheck.proofs.outside.names import shown_domain
from authcheck.storage.opening import utc_now
from authcheck.storefronts import licensed, shops

from ..deps import WorkspaceDep
from .person import PersonRoute
from .render import render

router = APIRouter(route_class=PersonRoute, prefix="/shops", include_in_schema=False)


@router.get("/{storefront_id}")
def show(
    request: Request, workspace: WorkspaceDep, storefront_id: Annotated[str, Path(max_length=40)]
) -> HTMLResponse:
    """Show whose official shop it is, where it is, and how that was proved.

    A shop that is not official now is answered like one that does not exist.
    """
    now = utc_now()
    try:
        with workspace.database.reading() as session:
            row = shops.get_storefront(session, storefront_id)
            brands = licensed.brands_behind(session, row, now.date())
    except NotFound:
        brands = None
    if brands is None:
        return render(request, "official_shop.html", status=404, shop=None)
    shop = {
        "organisation": row.organisation.name,
        "marketplace": row.marketplace,
        "shop": row.shop_id,
        "url": row.url,
        "host": shown_domain(urlsplit(row.url).hostname or ""),
        "brands": brands,
        "proved_by": row.proved_by,
        "proved_at": row.proved_at,
        "checked_at": row.checked_at if row.proved_by == "page" else None,
    }
    return render(request, "official_shop.html", shop=shop)
