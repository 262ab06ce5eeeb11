"""Endpoints of listings. A check says whether a seller may offer a product, and stores the verdict."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from authcheck.cases.opening import open_for
from authcheck.errors import ImageRejected, Rejected
from authcheck.licences.parties import refuse_future
from authcheck.listings import judging
from authcheck.listings.details import DETAILS
from authcheck.listings.disclosure import Disclosed, disclose
from authcheck.listings.evidence import Evidence
from authcheck.listings.judging import Judged, decide_again
from authcheck.listings.offers import NewListing, read_date, read_goods
from authcheck.listings.tables import Listing
from authcheck.members.principals import Principal
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import KeyFirst, ListingsChecker, ListingsReader, WorkspaceDep
from ..idempotency import OnceDep
from ..multipart import Form, FormPart
from ..openapi import PICTURES, multipart
from ..paging import PagingDep
from ..places import Turn
from ..uploads import TurnDep, Upload, UploadDep
from ..wire.checks import ReasonOut
from ..wire.forms import Page, sendable
from ..wire.listings import (
    CheckedListingOut,
    ListedCertificateOut,
    ListedDesignOut,
    ListedPictureOut,
    ListingOut,
    RemarkOut,
    UnreadableOut,
    Verdict,
)

router = APIRouter(route_class=KeyFirst, prefix="/v1/listings", tags=["listings"])
FIELDS = (
    "reference", "seller", "channel", "territory", "goods", "price", "currency", "date", "certificate",
    *DETAILS,
)  # fmt: skip
NEEDED = ["reference", "seller", "channel", "territory", "image"]
TEXT: dict[str, Any] = {"type": "string"}
GOODS: dict[str, Any] = {"type": "string", "description": "Nice classes, comma-separated."}
DAY: dict[str, Any] = {
    "type": "string",
    "format": "date",
    "description": "Default: today. At the latest tomorrow (UTC).",
}
ABOUT: dict[str, str] = {
    "price": "An amount with its currency, or a number with `currency` beside it.",
    "currency": "An ISO 4217 code.",
    "url": "The listing's http or https address, at most 2,000 characters. We never open it.",
    "title": "We keep the first 500 characters.",
    "description": "We keep the first 20,000 characters.",
    "language": "A BCP 47 code, like zh-Hant.",
    "seller_name": "The name that buyers read. We keep the first 200 characters.",
    "gtin": "With its check digit.",
    "sold_30d": "Units sold in the last 30 days.",
    "stock": "Units in stock.",
    "rank": "Place among the results of `query`, from 1.",
    "query": "The search that found the listing. We keep the first 500 characters.",
}
PROPERTIES = (
    dict.fromkeys(FIELDS, TEXT)
    | {field: {**TEXT, "description": sentence} for field, sentence in ABOUT.items()}
    | {"goods": GOODS, "date": DAY}
)


@router.post(
    "",
    status_code=201,
    response_model=CheckedListingOut,
    responses={
        200: {"model": CheckedListingOut, "description": "The earlier listing of the reference is replaced."}
    },
    openapi_extra=multipart(NEEDED, image=PICTURES, **PROPERTIES),
)
def check_listing(
    caller: ListingsChecker, once: OnceDep, upload: UploadDep, turn: TurnDep, workspace: WorkspaceDep
) -> Response:
    """Check a listing with 1 to 12 pictures: its designs, the seller's right to them, and its certificate.

    The status is 201 for a new reference, and 200 when this listing replaces an earlier listing of the
    reference. `unreadable` names unreadable pictures. The check uses the other pictures.

    The fields from `url` to `query` are for the people who decide about the listing. No verdict depends on
    them. `remarks` names the values that we left out or changed.

    If the listing breaks a term of a licence, the reason's code says which kind of term. Only the owner and
    the licensee of the licence also read the term's numbers and the licence's id.
    """
    return once.run(
        workspace.database, caller, upload.digest, lambda: _check(workspace, caller, upload, turn)
    )


def _check(workspace: Workspace, caller: Principal, upload: Upload, turn: Turn) -> Response:
    now, form = utc_now(), upload.form
    form.refuse_others("image", *FIELDS)
    details: dict[str, Any] = {field: form.text(field) for field in DETAILS}
    listing = NewListing(
        reference=form.text("reference"),
        seller=form.text("seller"),
        channel=form.text("channel"),
        territory=form.text("territory"),
        goods=read_goods(form.text("goods")),
        price=form.text("price") or None,
        listed_on=_read_day(form, now.date()),
        certificate_code=form.text("certificate") or None,
        currency=form.text("currency") or None,
        **details,
    ).checked()
    judged = judging.check_listing(
        workspace,
        listing,
        turn.between(_read_pictures(form)),
        organisation_id=caller.organisation_id,
        source="api",
        now=now,
        reach=caller.reach,
        then=open_for,
    )
    with workspace.database.reading() as session:
        disclosed = disclose(session, [judged.listing], caller.organisation_id, reach=caller.reach)
    body = _checked_out(judged, disclosed[judged.listing.id]).model_dump_json()
    # Later the agent finds only listings of designs within reach. The country is within reach already.
    is_found = caller.reach.covers_design(judged.listing.design_id)
    headers = {"Location": f"/v1/listings/{judged.listing.id}"} if is_found else {}
    return Response(body, 200 if judged.again else 201, headers, media_type="application/json")


def _read_day(form: Form, today: date) -> date:
    """Return the day of the offer.

    Raises Rejected (`listing.date`) for a text that is no day, and for a day after tomorrow.
    """
    text = form.text("date").strip()
    day = read_date(text) if text else today
    refuse_future(day, today, error_code="listing.date")
    return day


def _read_pictures(form: Form) -> list[tuple[str, bytes | Rejected]]:
    """Return names and bytes of the pictures. A picture that is too large has its error instead of bytes.

    Checks the number of pictures before it reads any picture, and each size before it reads the picture.
    """
    parts = form.images()
    judging.check_number(len(parts))
    return [(part.filename or "", _read_picture(form, part)) for part in parts]


def _read_picture(form: Form, part: FormPart) -> bytes | Rejected:
    try:
        return form.picture(part)
    except ImageRejected as error:  # too large; the check uses the other pictures
        return error


@router.get("")
def list_listings(
    caller: ListingsReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    verdict: Annotated[Verdict | None, Query(description="Only listings with this verdict.")] = None,
    seller: Annotated[str | None, Query(max_length=100, description="Only listings of this shop.")] = None,
) -> Page[ListingOut]:
    """List your listings, oldest first."""
    with workspace.database.reading() as session:
        rows = judging.list_listings(
            session,
            organisation_id=caller.organisation_id,
            verdict=verdict,
            seller=seller,
            after=paging.after,
            limit=paging.fetch,
            reach=caller.reach,
        )
        disclosed = disclose(session, rows, caller.organisation_id, reach=caller.reach)
        return paging.page(rows, lambda listing: _listing_out(listing, disclosed[listing.id]))


@router.get("/{listing_id}")
def show_listing(caller: ListingsReader, listing_id: str, workspace: WorkspaceDep) -> ListingOut:
    """Return one of your listings with its current verdict."""
    with workspace.database.reading() as session:
        listing = judging.get_listing(
            session, listing_id, organisation_id=caller.organisation_id, reach=caller.reach
        )
        disclosed = disclose(session, [listing], caller.organisation_id, reach=caller.reach)
        return _listing_out(listing, disclosed[listing.id])


def _checked_out(judged: Judged, disclosed: Disclosed) -> CheckedListingOut:
    unreadable = [
        UnreadableOut(
            place=picture.place, picture=sendable(picture.name), code=picture.code, detail=picture.detail
        )
        for picture in judged.unreadable
    ]
    return CheckedListingOut(**_listing_fields(judged.listing, disclosed), unreadable=unreadable)


def _listing_out(listing: Listing, disclosed: Disclosed) -> ListingOut:
    return ListingOut(**_listing_fields(listing, disclosed))


def _listing_fields(listing: Listing, disclosed: Disclosed) -> dict[str, Any]:
    evidence, decision = Evidence.from_json(listing.evidence), decide_again(listing)
    return {
        "id": listing.id,
        "reference": listing.reference,
        "seller": listing.seller,
        "channel": listing.channel,
        "territory": listing.territory,
        "goods": listing.goods,
        "price": listing.price,
        "price_amount": listing.price.partition(" ")[0] if listing.price else None,
        "currency": listing.currency,
        "listed_on": listing.listed_on,
        **{field: getattr(listing, field) for field in DETAILS},
        "remarks": [RemarkOut(**remark) for remark in listing.remarks or ()],
        "verdict": listing.verdict,
        "severity": decision.severity,
        "reasons": [ReasonOut(**reason) for reason in disclosed.reasons],
        "design": listing.design_id,
        "licence": disclosed.licence_id,
        "seller_known": evidence.seller_known,
        "designs": _designs_out(evidence),
        "certificate": _certificate_out(listing, evidence),
        "pictures": [
            ListedPictureOut(place=picture.place, check=picture.check_id) for picture in listing.pictures
        ],
        "policy": listing.policy,
        "handed_in_at": listing.handed_in_at,
        "decided_at": listing.decided_at,
    }


def _designs_out(evidence: Evidence) -> list[ListedDesignOut]:
    return [
        ListedDesignOut(
            id=design.design_id,
            reference=design.reference,
            owner=design.owner,
            verdict=design.verdict,
            score=design.score,
            exact_copy=design.exact_copy,
            pictures=list(design.pictures),
        )
        for design in evidence.designs
    ]


def _certificate_out(listing: Listing, evidence: Evidence) -> ListedCertificateOut | None:
    certificate = evidence.certificate
    if certificate is None:
        return None
    return ListedCertificateOut(
        code=listing.certificate_code, outcome=certificate.outcome, issuer=certificate.issuer
    )
