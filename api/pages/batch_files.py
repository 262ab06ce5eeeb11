"""The files of batches for signed-in people: lists as CSV, and sheets of labels."""

import io
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from authcheck.certificates import batches
from authcheck.certificates.batch_labels import labels_of
from authcheck.certificates.signing_keys import open_vault
from authcheck.certificates.unit_csv import batches_csv, units_csv
from authcheck.labels.layouts import find_layout
from authcheck.labels.sheets import sheet
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn

from ..deps import WorkspaceDep
from ..uploads import JobDep
from .batches import MOST_LABELS, PAGE, USUAL_LAYOUT, BatchId, FacetsDep, Number, ReaderDep, Word
from .person import NeedsPerson, PersonRoute, acting

router = APIRouter(route_class=PersonRoute, include_in_schema=False)
IssuerDep = Annotated[SignedIn, Depends(NeedsPerson((Resource.CERTIFICATES, Right.WRITE)))]


@router.get("/certificates.csv")
def download(signed_in: ReaderDep, workspace: WorkspaceDep, facets: FacetsDep) -> Response:
    """Return the batches that the page shows as CSV."""
    with workspace.database.reading() as session:
        rows = facets.find(session, acting(signed_in), PAGE)
        table = batches_csv(rows, batches.count_states(session, rows))
    return _file(table, "text/csv; charset=utf-8", "certificates.csv")


@router.get("/certificates/{batch_id}/units.csv")
def download_units(signed_in: IssuerDep, workspace: WorkspaceDep, batch_id: BatchId) -> Response:
    """Return all units of a batch as CSV, with their codes, for a print shop."""
    caller = acting(signed_in)
    with workspace.database.reading() as session:
        batch = batches.get_batch(
            session, batch_id, organisation_id=caller.organisation_id, reach=caller.reach
        )
        table = units_csv(session, batch)
    return _file(table, "text/csv; charset=utf-8", f"{batch.id}.csv")


@router.get("/certificates/{batch_id}/labels.pdf")
def print_labels(  # noqa: PLR0917 - one parameter per choice
    signed_in: IssuerDep,
    workspace: WorkspaceDep,
    batch_id: BatchId,
    job: JobDep,
    layout: Word = USUAL_LAYOUT,
    first: Number = 1,
    *,
    pins: bool = False,
) -> Response:
    """Return the labels of at most 500 units from number `first` on as PDF."""
    caller = acting(signed_in)
    vault = open_vault(workspace.settings) if pins else None
    with workspace.database.reading() as session:
        batch = batches.get_batch(
            session, batch_id, organisation_id=caller.organisation_id, reach=caller.reach
        )
        labels = labels_of(session, workspace.settings, batch, vault=vault, first=first, count=MOST_LABELS)
    file = io.BytesIO()
    with job.place():
        sheet(labels, find_layout(layout), file, title=batch.id, advance=job.pass_on)
    return _file(file.getvalue(), "application/pdf", f"{batch.id}-{first}.pdf")


def _file(content: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
