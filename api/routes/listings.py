"""Listings: may this seller offer this here? One call, one verdict, stored."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from authcheck.errors import ImageRejected, Rejected
from authcheck.listings import judging
from authcheck.listings.evidence import Evidence
from authcheck.listings.judging import Judged, decide_again
from authcheck.listings.offers import NewListing, read_date, read_goods
from authcheck.listings.tables import Listing
from authcheck.members.api_keys import Principal
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import ListingsChecker, WorkspaceDep
from ..idempotency import OnceDep
from ..multipart import Form, Part
from ..openapi import PICTURES, multipart
from ..paging import PagingDep
from ..uploads import Upload, UploadDep
from ..wire.checks import ReasonOut
from ..wire.forms import Page, sendable
from ..wire.listings import (
    CheckedListingOut,
    ListedCertificateOut,
    ListedDesignOut,
    ListedPictureOut,
    ListingOut,
    UnreadableOut,
    Verdict,
)

router = APIRouter(prefix="/v1/listings", tags=["listings"])
FIELDS = ("reference", "seller", "channel", "territory", "goods", "price", "date", "certificate")
NEEDED = ["reference", "seller", "channel", "territory", "image"]
TEXT: dict[str, Any] = {"type": "string"}
GOODS: dict[str, Any] = {"type": "string", "description": "Nice classes, with commas between."}
DAY: dict[str, Any] = {"type": "string", "format": "date", "description": "Today without it."}


@router.post(
    "",
    status_code=201,
    response_model=CheckedListingOut,
    responses={200: {"model": CheckedListingOut, "description": "Its reference was there before: replaced."}},
    openapi_extra=multipart(
        NEEDED, image=PICTURES, **(dict.fromkeys(FIELDS, TEXT) | {"goods": GOODS, "date": DAY})
    ),
)
def check_listing(
    caller: ListingsChecker, once: OnceDep, upload: UploadDep, workspace: WorkspaceDep
) -> Response:
    """Check an offer: which designs its 1 to 12 pictures show, whether this seller may use them, its certificate.

    201 for a new reference; 200 where it was handed in before and is replaced by this. A picture that cannot be read is
    told in `unreadable`, and the others count.
    """
    return once.run(workspace.database, caller, upload.digest, lambda: _check(workspace, caller, upload))


def _check(workspace: Workspace, caller: Principal, upload: Upload) -> Response:
    now, form = utc_now(), upload.form
    form.refuse_others("image", *FIELDS)
    day = form.text("date").strip()
    new = NewListing(
        reference=form.text("reference"),
        seller=form.text("seller"),
        channel=form.text("channel"),
        territory=form.text("territory"),
        goods=read_goods(form.text("goods")),
        price=form.text("price") or None,
        listed_on=read_date(day) if day else now.date(),
        certificate_code=form.text("certificate") or None,
    ).checked()
    judged = judging.check_listing(
        workspace, new, _pictures(form), organisation_id=caller.organisation_id, source="api", now=now
    )
    body = _checked_out(judged).model_dump_json()
    headers = {"Location": f"/v1/listings/{judged.listing.id}"}
    return Response(body, 200 if judged.again else 201, headers, media_type="application/json")


def _pictures(form: Form) -> list[tuple[str, bytes | Rejected]]:
    """Names and bytes; the size of each is looked at before it is read, their number before any is."""
    parts = form.images()
    judging.check_number(len(parts))
    return [(part.filename or "", _picture(form, part)) for part in parts]


def _picture(form: Form, part: Part) -> bytes | Rejected:
    try:
        return form.picture(part)
    except ImageRejected as error:  # too large; the others count
        return error


@router.get("")
def list_listings(
    caller: ListingsChecker,
    workspace: WorkspaceDep,
    paging: PagingDep,
    verdict: Annotated[Verdict | None, Query(description="Only those of this verdict.")] = None,
    seller: Annotated[str | None, Query(max_length=100, description="Only this shop's.")] = None,
) -> Page[ListingOut]:
    """The listings you handed in, first handed in first."""
    with workspace.database.reading() as session:
        rows = judging.list_listings(
            session,
            organisation_id=caller.organisation_id,
            verdict=verdict,
            seller=seller,
            after=paging.after,
            limit=paging.fetch,
        )
        return paging.page(rows, _listing_out)


@router.get("/{listing_id}")
def show_listing(caller: ListingsChecker, listing_id: str, workspace: WorkspaceDep) -> ListingOut:
    """One of your listings, with its verdict as it stands."""
    with workspace.database.reading() as session:
        found = judging.get_listing(session, listing_id, organisation_id=caller.organisation_id)
        return _listing_out(found)


def _checked_out(judged: Judged) -> CheckedListingOut:
    unreadable = [
        UnreadableOut(place=one.place, picture=sendable(one.name), code=one.code, detail=one.detail)
        for one in judged.unreadable
    ]
    return CheckedListingOut(**_words(judged.listing), unreadable=unreadable)


def _listing_out(listing: Listing) -> ListingOut:
    return ListingOut(**_words(listing))


def _words(listing: Listing) -> dict[str, Any]:
    found, decision = Evidence.from_json(listing.evidence), decide_again(listing)
    return {
        "id": listing.id,
        "reference": listing.reference,
        "seller": listing.seller,
        "channel": listing.channel,
        "territory": listing.territory,
        "goods": listing.goods,
        "price": listing.price,
        "listed_on": listing.listed_on,
        "verdict": listing.verdict,
        "severity": decision.severity,
        "reasons": [ReasonOut(**reason) for reason in listing.reasons],
        "design": listing.design_id,
        "licence": listing.licence_id,
        "seller_known": found.seller_known,
        "designs": _designs_out(found),
        "certificate": _certificate_out(listing, found),
        "pictures": [ListedPictureOut(place=one.place, check=one.check_id) for one in listing.pictures],
        "policy": listing.policy,
        "handed_in_at": listing.handed_in_at,
        "decided_at": listing.decided_at,
    }


def _designs_out(found: Evidence) -> list[ListedDesignOut]:
    return [
        ListedDesignOut(
            id=one.design_id,
            reference=one.reference,
            owner=one.owner,
            verdict=one.verdict,
            score=one.score,
            exact_copy=one.exact_copy,
            pictures=list(one.pictures),
        )
        for one in found.designs
    ]


def _certificate_out(listing: Listing, found: Evidence) -> ListedCertificateOut | None:
    seen = found.certificate
    if seen is None:
        return None
    return ListedCertificateOut(code=listing.certificate_code, outcome=seen.outcome, issuer=seen.issuer)
