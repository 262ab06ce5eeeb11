"""Endpoints with which an owner registers, lists, reads, changes and retires designs."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from authcheck.errors import Rejected
from authcheck.licences.ending_rights import designs_with
from authcheck.members.principals import Principal
from authcheck.members.tables import Organisation
from authcheck.registry import designs
from authcheck.registry.comparison import Comparer
from authcheck.registry.design_search import Wanted, list_wanted
from authcheck.registry.features import usual_masking
from authcheck.registry.reading import ReadView, read_pictures
from authcheck.registry.registration import NewDesign, Registration
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..callers import private_licences
from ..deps import DesignsReader, DesignsWriter, IfMatch, IfNoneMatch, KeyFirst, WorkspaceDep
from ..etags import changed_since, design_etag, not_modified, require_match
from ..idempotency import OnceDep
from ..openapi import MASKS, PICTURES, multipart
from ..paging import Direction, PagingDep
from ..places import Turn
from ..uploads import TurnDep, Upload, UploadDep
from ..wire.designs import DesignOut, DesignPatch, RegisteredOut, design_out
from ..wire.forms import Page

router = APIRouter(route_class=KeyFirst, prefix="/v1/designs", tags=["designs"])
TEXT = {"type": "string"}
FIELDS = ("reference", "title", "kind", "public_preview", "collection", "image", "mask")


@router.post(
    "",
    status_code=201,
    response_model=RegisteredOut,
    responses={
        200: {
            "model": RegisteredOut,
            "description": "You have already registered this design. Nothing changed.",
        }
    },
    openapi_extra=multipart(
        ["reference", "image"],
        reference=TEXT,
        title=TEXT,
        kind={"type": "string", "enum": list(designs.KINDS), "default": "other"},
        public_preview={"type": "boolean", "default": False},
        collection=TEXT,
        image=PICTURES,
        mask=MASKS,
    ),
)
def register_design(
    caller: DesignsWriter, once: OnceDep, upload: UploadDep, turn: TurnDep, workspace: WorkspaceDep
) -> Response:
    """Register a design with one or more pictures.

    `status` is the result: `registered`, `disputed` (a picture shows an earlier design of another owner) or
    `already_yours` (200). `mask` says which part of each picture is the design. `auto` finds the product and
    is the default for photos. `none` takes the whole picture and is the default for everything else. Or send
    one mask file for each picture, white on the design.
    """
    return once.run(
        workspace.database, caller, upload.digest, lambda: _register(workspace, caller, upload, turn)
    )


def _register(workspace: Workspace, caller: Principal, upload: Upload, turn: Turn) -> Response:
    form = upload.form
    form.refuse_others(*FIELDS)
    new = NewDesign(
        form.text("reference").strip(),
        form.text("title").strip(),
        form.text("kind").strip() or "other",
        form.flag("public_preview"),
        form.text("collection"),
    )
    caller.reach.require_all_designs()
    if new.collection.strip():  # the licences of the collection follow
        caller.reach.require_whole()
    comparer = workspace.comparer()
    views = compare_views(upload, turn, workspace, comparer, caller.organisation_id, kind=new.kind)
    with private_licences(caller), workspace.database.writing() as session:
        registration = Registration(session, comparer, workspace.store, utc_now())
        owner = session.get_one(Organisation, caller.organisation_id)
        result = registration.register(owner, new, views)
    workspace.describe_new()
    design = _read_design(workspace, caller, result.design.id)
    body = RegisteredOut(**design_out(design).model_dump(), status=result.status, twin=result.twin)
    headers = {"Location": f"/v1/designs/{design.id}", "ETag": design_etag(design)}
    status = 200 if result.status == "already_yours" else 201
    return Response(body.model_dump_json(), status, headers, media_type="application/json")


def compare_views(
    upload: Upload, turn: Turn, workspace: Workspace, comparer: Comparer, owner_id: str, *, kind: str
) -> list[ReadView]:
    """Return the pictures of an upload for a design of this kind, read and compared.

    A repeated picture counts once. Others may work between two pictures. Raises ImageRejected or Rejected
    (`mask.*`) with the file's name as `picture`, Rejected (`request.masks`).
    """
    pictures = upload.pictures()
    maskings = upload.masks(len(pictures)) or [usual_masking(kind)] * len(pictures)
    views: dict[str, ReadView] = {}
    for picture, masking in turn.between(zip(pictures, maskings, strict=True)):
        try:
            for view in read_pictures(picture.data, workspace.limits, masking):
                views[view.sha256] = view
        except Rejected as error:
            error.params["picture"] = picture.name
            raise
    return [view.compare(comparer, owner_id) for view in turn.between(views.values())]


async def get_wanted(
    words: Annotated[
        str, Query(max_length=200, description="Title, reference or collection contain all of them.")
    ] = "",
    kind: Annotated[str, Query(max_length=20)] = "",
    state: Annotated[
        Literal["live", "registered", "disputed", "retired"] | None,
        Query(description="`live` are all that are not retired."),
    ] = None,
    collection: Annotated[str, Query(max_length=200)] = "",
) -> Wanted:
    """Return which designs a request wants."""
    return Wanted(words=words, kind=kind, state=state or "", collection=collection)


WantedDep = Annotated[Wanted, Depends(get_wanted)]


@router.get("")
def list_designs(
    caller: DesignsReader,
    workspace: WorkspaceDep,
    paging: PagingDep,
    wanted: WantedDep,
    *,
    rights: Annotated[
        Literal["in_review", "accepted", "refused", "ending", "none"] | None,
        Query(description="Designs with such a right. `ending`: accepted, and ends within 90 days."),
    ] = None,
    order: Direction = "oldest",
) -> Page[DesignOut]:
    """List your designs, oldest first unless `order` says otherwise."""
    with workspace.database.reading() as session:
        rows = list_wanted(
            session,
            wanted,
            owner_id=caller.organisation_id,
            after=paging.after,
            newest_first=order == "newest",
            limit=paging.fetch,
            reach=caller.reach,
            among=designs_with(caller.organisation_id, rights, utc_now().date()) if rights else None,
        )
        return paging.page(rows, design_out)


@router.get("/{design_id}", response_model=DesignOut)
def show_design(
    caller: DesignsReader, design_id: str, workspace: WorkspaceDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Return one of your designs, with its pictures and disputes."""
    design = _read_design(workspace, caller, design_id)
    if not_modified(if_none_match, design_etag(design)):
        return Response(status_code=304, headers={"ETag": design_etag(design)})
    return design_response(design)


@router.patch("/{design_id}", response_model=DesignOut)
def change_design(
    caller: DesignsWriter,
    design_id: str,
    body: DesignPatch,
    workspace: WorkspaceDep,
    if_match: IfMatch = None,
) -> Response:
    """Change title, kind, preview or collection.

    If-Match must be the ETag that you read: it protects other changes.
    """
    try:
        with workspace.database.writing() as session:
            design = read_own_design(session, caller, design_id)
            require_match(if_match, design_etag(design))
            designs.update_design(
                session,
                design,
                title=body.title,
                kind=body.kind,
                public_preview=body.public_preview,
                collection=body.collection,
                now=utc_now(),
                reach=caller.reach,
            )
    except StaleDataError as error:  # another request changed the design between our read and our write
        raise changed_since() from error
    return design_response(_read_design(workspace, caller, design_id))


@router.post("/{design_id}/retire", response_model=DesignOut)
def retire_design(caller: DesignsWriter, design_id: str, workspace: WorkspaceDep) -> Response:
    """Retire a design. Checks no longer find it. It stays in your list, and earlier answers do not change."""
    with workspace.database.writing() as session:
        design = read_own_design(session, caller, design_id)
        designs.retire(session, design, utc_now())
    return design_response(_read_design(workspace, caller, design_id))


def _read_design(workspace: Workspace, caller: Principal, design_id: str) -> Design:
    with workspace.database.reading() as session:
        return read_own_design(session, caller, design_id)


def read_own_design(session: Session, caller: Principal, design_id: str) -> Design:
    """Return a design of the caller's organisation, within the caller's reach. Raises NotFound."""
    return designs.get_design(session, design_id, owner_id=caller.organisation_id, reach=caller.reach)


def design_response(design: Design, status: int = 200) -> Response:
    """Return a design as a response with its ETag."""
    headers = {"ETag": design_etag(design)}
    return Response(design_out(design).model_dump_json(), status, headers, media_type="application/json")
