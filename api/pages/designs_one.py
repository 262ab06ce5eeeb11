"""The page of one design: read it, change its words, retire it."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm.exc import StaleDataError

from authcheck.errors import AuthcheckError, Rejected
from authcheck.members.principals import Principal
from authcheck.registry import designs
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..callers import private_licences
from ..deps import WorkspaceDep
from ..etags import changed_since
from .designs import DesignId, ReaderDep, WriterDep
from .designs_one_view import show_design
from .person import Form, FormDep, PersonRoute, acting, go

router = APIRouter(route_class=PersonRoute, prefix="/designs/{design_id}", include_in_schema=False)


@router.get("")
def show(
    request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, design_id: DesignId
) -> HTMLResponse:
    """Show a design of the organisation."""
    return show_design(request, signed_in, workspace, design_id)


@router.post("/change")
def change(
    request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, design_id: DesignId
) -> Response:
    """Change the words of a design that nobody else has changed since the form was read."""
    caller = acting(signed_in)
    try:
        with private_licences(caller):
            _change(workspace, caller, design_id, form)
    except StaleDataError:  # another request changed the design between our read and our write
        return show_design(request, signed_in, workspace, design_id, error=changed_since(), form=form)
    except AuthcheckError as error:
        return show_design(request, signed_in, workspace, design_id, error=error, form=form)
    return go(request, f"/designs/{design_id}?notice=saved")


def _change(workspace: Workspace, caller: Principal, design_id: str, form: Form) -> None:
    with workspace.database.writing() as session:
        design = designs.get_design(session, design_id, owner_id=caller.organisation_id, reach=caller.reach)
        _require_version(design, form)
        collection = form.text("collection")
        designs.update_design(
            session,
            design,
            title=form.text("title"),
            kind=form.text("kind"),
            public_preview=bool(form.text("public_preview")),
            collection=collection if collection != (design.collection or "") else None,
            now=utc_now(),
            reach=caller.reach,
        )


def _require_version(design: Design, form: Form) -> None:
    """Raise Conflict (`precondition.failed`) when the design has changed since the form was read."""
    if form.text("version") != str(design.version):
        raise changed_since()


@router.post("/retire")
def retire(
    request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, design_id: DesignId
) -> Response:
    """Retire a design after its owner's person has ticked the confirmation."""
    caller = acting(signed_in)
    try:
        with workspace.database.writing() as session:
            design = designs.get_design(
                session, design_id, owner_id=caller.organisation_id, reach=caller.reach
            )
            if form.text("confirm") != "on":
                raise Rejected(
                    "Confirm that checks shall no longer find the design.", code="design.not_confirmed"
                )
            _require_version(design, form)
            designs.retire(session, design, utc_now())
    except AuthcheckError as error:
        return show_design(request, signed_in, workspace, design_id, error=error, at="retire")
    return go(request, f"/designs/{design_id}?notice=retired")
