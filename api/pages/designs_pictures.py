"""The pictures of one design: add and remove them, and change what of a picture is the design."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from authcheck.errors import AuthcheckError, Rejected
from authcheck.members.principals import Principal
from authcheck.registry import designs, masking
from authcheck.registry.features import Masking, usual_masking
from authcheck.registry.reading import read_pictures
from authcheck.registry.registration import Registration
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..callers import private_licences
from ..deps import WorkspaceDep
from .designs import DesignId, WriterDep
from .designs_one_view import show_design
from .person import FormDep, PersonRoute, acting, go
from .sent_files import Sent, SentDep

router = APIRouter(route_class=PersonRoute, prefix="/designs/{design_id}", include_in_schema=False)


@router.post("/pictures")
def add(
    request: Request, signed_in: WriterDep, sent: SentDep, workspace: WorkspaceDep, design_id: DesignId
) -> Response:
    """Add a picture to a design. A picture that the design already has changes nothing."""
    try:
        _add(workspace, acting(signed_in), design_id, sent)
    except AuthcheckError as error:
        return show_design(request, signed_in, workspace, design_id, error=error, at="add")
    return go(request, f"/designs/{design_id}?notice=added#pictures")


def _add(workspace: Workspace, caller: Principal, design_id: str, sent: Sent) -> None:
    owner_id, reach = caller.organisation_id, caller.reach
    with workspace.database.reading() as session:
        kind = designs.get_design(session, design_id, owner_id=owner_id, reach=reach).kind
    _, data = sent.file("image")
    comparer = workspace.comparer()
    read = read_pictures(data, workspace.limits, usual_masking(kind))
    views = [view.compare(comparer, owner_id) for view in read]
    with private_licences(caller), workspace.database.writing() as session:
        registration = Registration(session, comparer, workspace.store, utc_now())
        design = designs.get_design(session, design_id, owner_id=owner_id, reach=reach)
        registration.add_views(design, views)
    workspace.describe_new()


@router.post("/pictures/remove")
def remove(
    request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, design_id: DesignId
) -> Response:
    """Remove a picture from the search. The last one that nobody disputes stays."""
    caller = acting(signed_in)
    try:
        with workspace.database.writing() as session:
            design = designs.get_design(
                session, design_id, owner_id=caller.organisation_id, reach=caller.reach
            )
            designs.remove_view(session, design, form.text("picture"), utc_now())
    except AuthcheckError as error:
        return show_design(request, signed_in, workspace, design_id, error=error, at="pictures")
    return go(request, f"/designs/{design_id}?notice=removed#pictures")


@router.post("/mask")
def mask(
    request: Request, signed_in: WriterDep, sent: SentDep, workspace: WorkspaceDep, design_id: DesignId
) -> Response:
    """Change which part of a picture is the design: found by itself, the whole picture, or a mask's file."""
    caller = acting(signed_in)
    try:
        masking.change_mask(
            workspace.database,
            workspace.store,
            workspace.limits,
            design_id=design_id,
            picture_sha256=sent.text("picture"),
            masking=_masking_of(sent),
            now=utc_now(),
            owner_id=caller.organisation_id,
            reach=caller.reach,
        )
    except AuthcheckError as error:
        return show_design(request, signed_in, workspace, design_id, error=error, at="pictures")
    return go(request, f"/designs/{design_id}?notice=masked#pictures")


def _masking_of(sent: Sent) -> Masking:
    """Return the masking that the form chooses. Raises as `Sent.file`, and Rejected (`request.masks`)."""
    choice = sent.text("masking")
    if choice == "auto":
        return "auto"
    if choice == "none":
        return "none"
    if choice == "file" or sent.error:
        return sent.file("mask")[1]
    raise Rejected("Choose what of the picture is the design.", code="request.masks")
