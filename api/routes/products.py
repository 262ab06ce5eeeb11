"""Endpoints of what a brand tells buyers about a product, and of how buyers reach the brand."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy.orm import Session

from authcheck.certificates import products
from authcheck.members.principals import Principal
from authcheck.members.tables import Organisation
from authcheck.storage.opening import utc_now

from ..deps import CertificatesIssuer, CertificatesReader, KeyFirst, WorkspaceDep
from ..openapi import picture_body
from ..previews import encode_preview
from ..uploads import PictureDep
from ..wire.products import ContactIn, ContactOut, ProductIn, ProductOut, ProductPictureOut

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["certificates"])
Gtin = Annotated[str, Path(max_length=14)]
PictureId = Annotated[str, Path(max_length=40)]


@router.get("/products/{gtin}")
def show_product(caller: CertificatesReader, gtin: Gtin, workspace: WorkspaceDep) -> ProductOut:
    """Return what buyers see of a product beside each label of yours."""
    caller.reach.require_whole()
    with workspace.database.reading() as session:
        return _product_out(session, caller, gtin)


@router.put("/products/{gtin}")
def set_text(caller: CertificatesIssuer, gtin: Gtin, body: ProductIn, workspace: WorkspaceDep) -> ProductOut:
    """Replace the text about a product that you have issued certificates for."""
    caller.reach.require_whole()
    with workspace.database.writing() as session:
        products.set_text(session, caller.organisation_id, gtin, body.text, utc_now())
        return _product_out(session, caller, gtin)


@router.post("/products/{gtin}/pictures", status_code=201, openapi_extra=picture_body())
def add_picture(
    caller: CertificatesIssuer, gtin: Gtin, picture: PictureDep, workspace: WorkspaceDep
) -> ProductOut:
    """Add a picture of a product, at most three. We draw it anew, at most 960 px wide and high."""
    caller.reach.require_whole()
    small = encode_preview(picture.data, workspace.limits, products.SIDE_PX)
    with workspace.database.writing() as session:
        products.add_picture(session, caller.organisation_id, gtin, small, utc_now())
        return _product_out(session, caller, gtin)


@router.delete("/products/{gtin}/pictures/{picture_id}")
def remove_picture(
    caller: CertificatesIssuer, gtin: Gtin, picture_id: PictureId, workspace: WorkspaceDep
) -> ProductOut:
    """Remove a picture of a product."""
    caller.reach.require_whole()
    with workspace.database.writing() as session:
        products.remove_picture(session, caller.organisation_id, gtin, picture_id)
        return _product_out(session, caller, gtin)


@router.put("/contact")
def set_contact(caller: CertificatesIssuer, body: ContactIn, workspace: WorkspaceDep) -> ContactOut:
    """Say how buyers reach you. It is shown with all your products."""
    caller.reach.require_whole()
    with workspace.database.writing() as session:
        products.set_contact(session, caller.organisation_id, body.url, body.email)
        return _contact_out(session, caller)


def _product_out(session: Session, caller: Principal, text: str) -> ProductOut:
    session.flush()
    gtin = products.require_product(session, caller.organisation_id, text)
    info = products.find_product_info(session, caller.organisation_id, gtin)
    pictures = [ProductPictureOut(id=name, path=f"/product-pictures/{name}") for name in info.pictures]
    return ProductOut(gtin=gtin, text=info.text, pictures=pictures, contact=_contact_out(session, caller))


def _contact_out(session: Session, caller: Principal) -> ContactOut:
    organisation = session.get_one(Organisation, caller.organisation_id)
    return ContactOut(url=organisation.contact_url, email=organisation.contact_email)
