"""What a brand tells buyers beside the labels of a product, and how they reach it: the page to write it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.certificates import products
from authcheck.errors import AuthcheckError
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.members.tables import Organisation
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..previews import encode_preview
from .person import Form, FormDep, NeedsPerson, PersonRoute, acting, go, problem_of, status_of
from .render import render
from .sent_files import SentDep

NOTICES = ("saved",)
FIELD_OF = {"organisation.url": "url", "person.email": "email", "product.text": "text"}
router = APIRouter(route_class=PersonRoute, prefix="/certificates", include_in_schema=False)
ReaderDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.CERTIFICATES, Right.READ)))]
WriterDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.CERTIFICATES, Right.WRITE)))]
Gtin = Annotated[str, Path(max_length=14)]


@router.get("/products/{gtin}")
def show(
    request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, gtin: Gtin, notice: str = ""
) -> HTMLResponse:
    """Show what buyers see of a product, with the forms to change it."""
    return _show(request, workspace, acting(signed_in), gtin, notice=notice)


def _show(
    request: Request,
    workspace: Workspace,
    caller: Principal,
    gtin: str,
    *,
    notice: str = "",
    error: AuthcheckError | None = None,
    form: Form | None = None,
) -> HTMLResponse:
    with workspace.database.reading() as session:
        gtin = products.require_product(session, caller.organisation_id, gtin)
        product_info = products.find_product_info(session, caller.organisation_id, gtin)
        organisation = session.get_one(Organisation, caller.organisation_id)
    typed = {"text": product_info.text, "url": organisation.contact_url, "email": organisation.contact_email}
    if form is not None:
        typed |= {name: form.text(name) for name in typed if any(field == name for field, _ in form.fields)}
    return render(
        request,
        "certificates/product.html",
        status=status_of(request, error) if error else 200,
        gtin=gtin,
        brand=organisation.name,
        pictures=product_info.pictures,
        most_pictures=products.MOST_PICTURES,
        typed=typed,
        may_write=caller.may(Resource.CERTIFICATES, Right.WRITE),
        as_of=utc_now(),
        notice=notice if notice in NOTICES else "",
        problem=problem_of(request, error, FIELD_OF.get(error.code, "image")) if error else None,
    )


@router.post("/products/{gtin}/text")
def set_text(
    request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, gtin: Gtin
) -> Response:
    """Replace the text."""
    caller = acting(signed_in)
    caller.reach.require_whole()
    try:
        with workspace.database.writing() as session:
            products.set_text(session, caller.organisation_id, gtin, form.text("text"), utc_now())
    except AuthcheckError as error:
        return _show(request, workspace, caller, gtin, error=error, form=form)
    return go(request, f"/certificates/products/{gtin}?notice=saved")


@router.post("/products/{gtin}/pictures")
def add_picture(
    request: Request, signed_in: WriterDep, sent: SentDep, workspace: WorkspaceDep, gtin: Gtin
) -> Response:
    """Add a picture. We draw it anew and small, so that nothing hidden in the file reaches a buyer."""
    caller = acting(signed_in)
    caller.reach.require_whole()
    try:
        _, data = sent.file("image")
        small = encode_preview(data, workspace.limits, products.SIDE_PX)
        with workspace.database.writing() as session:
            products.add_picture(session, caller.organisation_id, gtin, small, utc_now())
    except AuthcheckError as error:
        return _show(request, workspace, caller, gtin, error=error)
    return go(request, f"/certificates/products/{gtin}?notice=saved")


@router.post("/products/{gtin}/pictures/remove")
def remove_picture(
    request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, gtin: Gtin
) -> Response:
    """Remove a picture."""
    caller = acting(signed_in)
    caller.reach.require_whole()
    with workspace.database.writing() as session:
        products.remove_picture(session, caller.organisation_id, gtin, form.text("picture"))
    return go(request, f"/certificates/products/{gtin}?notice=saved")


@router.post("/products/{gtin}/contact")
def set_contact(
    request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, gtin: Gtin
) -> Response:
    """Say how buyers reach the brand. It is shown with all its products."""
    caller = acting(signed_in)
    caller.reach.require_whole()
    try:
        with workspace.database.writing() as session:
            products.set_contact(session, caller.organisation_id, form.text("url"), form.text("email"))
    except AuthcheckError as error:
        return _show(request, workspace, caller, gtin, error=error, form=form)
    return go(request, f"/certificates/products/{gtin}?notice=saved")
