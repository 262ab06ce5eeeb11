"""Endpoints of labels: sheets of labels for a brand, and a reader of QR codes for the public."""

import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from authcheck.certificates import batches
from authcheck.certificates.batch_labels import labels_of
from authcheck.certificates.signing_keys import open_vault
from authcheck.labels.gs1 import link_path
from authcheck.labels.layouts import find_layout
from authcheck.labels.reading import Read, read_label
from authcheck.labels.sheets import sheet
from authcheck.ledger.addresses import addresses_of

from ..deps import CertificatesIssuer, KeyFirst, WorkspaceDep, public_limit
from ..openapi import picture_body
from ..uploads import JobDep, PictureDep
from ..wire.labels import ReadLabelOut, ReadLabelsOut

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["labels"])
MOST_LABELS = 500  # in one answer; drawing takes a few seconds
PDF: dict[int | str, dict[str, Any]] = {
    200: {"description": "The sheets.", "content": {"application/pdf": {"schema": {}}}}
}


@router.get("/batches/{batch_id}/labels.pdf", response_class=Response, responses=PDF)
def print_labels(
    caller: CertificatesIssuer,
    batch_id: str,
    workspace: WorkspaceDep,
    job: JobDep,
    *,
    layout: Literal["a4-65", "a4-24", "a4-14", "letter-30", "letter-10"] = "a4-24",
    short: bool = False,
    pins: bool = False,
    first: Annotated[int, Query(ge=1, lt=2**31)] = 1,
    count: Annotated[int, Query(ge=1, le=MOST_LABELS)] = MOST_LABELS,
) -> Response:
    """Return a PDF with labels of `count` certificates of your batch from `first` on. Print it at 100 %.

    The header `QR-Module-Mm` is the size of a QR module in mm, at least 0.4. Quiet zones have 4 modules.
    `short` makes the codes `HTTPS://HOST/C/CODE` instead of GS1 Digital Links. `pins` prints PINs in the
    places for scratch-off stickers.
    """
    vault = open_vault(workspace.settings) if pins else None
    with workspace.database.reading() as session:
        batch = batches.get_batch(
            session, batch_id, organisation_id=caller.organisation_id, reach=caller.reach
        )
        labels = labels_of(
            session, workspace.settings, batch, short=short, vault=vault, first=first, count=count
        )
    file = io.BytesIO()
    with job.place():
        printed = sheet(labels, find_layout(layout), file, title=batch_id, advance=job.pass_on)
    headers = {
        "Content-Disposition": f'attachment; filename="{batch_id}.pdf"',
        "QR-Module-Mm": f"{printed.module_mm:.3f}",
    }
    return Response(file.getvalue(), media_type="application/pdf", headers=headers)


@router.post("/labels/read", dependencies=[Depends(public_limit)], openapi_extra=picture_body())
def read_labels(picture: PictureDep, workspace: WorkspaceDep) -> ReadLabelsOut:
    """Read the QR codes in a picture.

    Only labels of this service are recognised. Ask `lookup` if a label is genuine.
    """
    with workspace.database.reading() as session:
        addresses = addresses_of(session, workspace.settings)
    labels = read_label(picture.data, workspace.limits, addresses.urls)
    return ReadLabelsOut(labels=[_label_out(label) for label in labels])


def _label_out(label: Read) -> ReadLabelOut:
    return ReadLabelOut(
        ours=label.ours,
        code=label.code,
        gtin=label.gtin,
        lot=label.lot,
        serial=label.serial,
        lookup=_lookup_path(label),
        text=label.text,
    )


def _lookup_path(label: Read) -> str | None:
    if label.code is not None:
        return f"/v1/certificates/{label.code}"
    if label.gtin is not None and label.serial is not None:
        return link_path(label.gtin, label.lot, label.serial)
    return None
