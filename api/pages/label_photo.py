"""A posted photo of a label: its QR codes are read here, so that no script is needed."""

from collections.abc import Sequence

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from authcheck.ids import show_code
from authcheck.labels.codes import LabelText
from authcheck.labels.reading import Read, read_label
from authcheck.ledger.addresses import addresses_of
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep, public_limit
from ..uploads import read_picture
from .buyer import same_site
from .certificate import Choice, LabelRoute, render_without_unit
from .render import to
from .typed import host_in, label_path

router = APIRouter(route_class=LabelRoute, include_in_schema=False)


@router.post("/c", dependencies=[Depends(same_site), Depends(public_limit)])
async def read(request: Request, workspace: WorkspaceDep) -> Response:
    """Lead a photo with one label to its page. The photo is read and not stored.

    Several labels are a choice. Without a label, the page says what to do. The text of a foreign QR code is
    shown so that no program makes a link of it.
    """
    picture = await read_picture(request)
    codes = await run_in_threadpool(_read, workspace, picture.data)
    labels = list(dict.fromkeys(code for code in codes if code.ours))
    if len(labels) == 1:
        return RedirectResponse(to(request, _path_of(labels[0])), 303, {"Cache-Control": "no-store"})
    if labels:
        choices = [Choice(_path_of(label), _name_of(label)) for label in labels]
        return render_without_unit(request, "several", text="", choices=choices)
    if codes:
        return render_without_unit(
            request, "foreign", status=422, text=codes[0].text, host=_host_of(codes[0])
        )
    return render_without_unit(request, "no_label", status=422, text="")


def _read(workspace: Workspace, data: bytes) -> Sequence[Read]:
    with workspace.database.reading() as session:
        urls = addresses_of(session, workspace.settings).urls
    return read_label(data, workspace.limits, urls)


def _path_of(label: Read) -> str:
    path = label_path(LabelText(label.code, label.gtin, label.lot, label.serial))
    return f"{path}{'&' if '?' in path else '?'}way=photo"


def _name_of(label: Read) -> str:
    return show_code(label.code) if label.code else f"{label.lot or ''} {label.serial}".strip()


def _host_of(code: Read) -> str:
    """Return the host of a foreign text, in which colons and dots are in brackets."""
    text = code.text.replace("[:]", ":").replace("[.]", ".")
    return host_in(text) if "://" in text else ""
