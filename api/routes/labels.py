"""Labels: sheets of them for their brand, and for anybody what the QR codes in a picture say."""

import io
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response

from authcheck.certificates import batches
from authcheck.certificates.batch_labels import labels_of
from authcheck.certificates.signing_keys import open_vault
from authcheck.labels.layouts import find_layout
from authcheck.labels.reading import Read, read_label
from authcheck.labels.sheets import sheet

from ..deps import CertificatesIssuer, WorkspaceDep, public_limit
from ..openapi import picture_body
from ..uploads import PictureDep, PlaceDep
from ..wire.labels import ReadLabelOut, ReadLabelsOut

router = APIRouter(prefix="/v1", tags=["labels"])
MOST_LABELS = 500  # in one answer: a few seconds of drawing
PDF: dict[int | str, dict[str, Any]] = {
    200: {"description": "The sheets.", "content": {"application/pdf": {"schema": {}}}}
}


@router.get("/batches/{batch_id}/labels.pdf", response_class=Response, responses=PDF)
def print_labels(
    caller: CertificatesIssuer,
    batch_id: str,
    workspace: WorkspaceDep,
    _place: PlaceDep,
    *,
    layout: Literal["a4-65", "a4-24", "a4-14", "letter-30", "letter-10"] = "a4-24",
    short: bool = False,
    pins: bool = False,
    first: Annotated[int, Query(ge=1, lt=2**31)] = 1,
    count: Annotated[int, Query(ge=1, le=MOST_LABELS)] = MOST_LABELS,
) -> Response:
    """Labels of your batch to print at 100 %, of `count` certificates from the `first` on.

    `QR-Module-Mm` says how large a module of the QR codes is, at least 0.4 mm; quiet zones have 4 modules. `short` makes
    them `HTTPS://HOST/C/CODE` instead of GS1 Digital Links; `pins` prints PINs where scratch-off stickers go.
    """
    vault = open_vault(workspace.settings) if pins else None
    with workspace.database.reading() as session:
        batch = batches.get_batch(session, batch_id, organisation_id=caller.organisation_id)
        labels = labels_of(
            session, workspace.settings, batch, short=short, vault=vault, first=first, count=count
        )
    file = io.BytesIO()
    printed = sheet(labels, find_layout(layout), file, title=batch_id)
    headers = {
        "Content-Disposition": f'attachment; filename="{batch_id}.pdf"',
        "QR-Module-Mm": f"{printed.module_mm:.3f}",
    }
    return Response(file.getvalue(), media_type="application/pdf", headers=headers)


@router.post("/labels/read", dependencies=[Depends(public_limit)], openapi_extra=picture_body())
def read_labels(picture: PictureDep, workspace: WorkspaceDep) -> ReadLabelsOut:
    """What the QR codes in a picture say. Only labels of this service are recognised; whether one is true says `lookup`."""
    found = read_label(picture.data, workspace.limits, workspace.settings.public_url)
    return ReadLabelsOut(labels=[_out(read) for read in found])


def _out(read: Read) -> ReadLabelOut:
    return ReadLabelOut(
        ours=read.ours,
        code=read.code,
        gtin=read.gtin,
        lot=read.lot,
        serial=read.serial,
        lookup=_lookup(read),
        text=read.text,
    )


def _lookup(read: Read) -> str | None:
    if read.code is not None:
        return f"/v1/certificates/{read.code}"
    if read.serial is not None:
        return f"/01/{read.gtin}/10/{quote(read.lot or '', safe='')}/21/{quote(read.serial, safe='')}"
    return None
