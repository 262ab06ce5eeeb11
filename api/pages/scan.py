"""The scan that a look-up page sends when a person sees it. Fetching the page alone is no scan."""

from typing import Annotated, Any
from urllib.parse import parse_qsl

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse, Response

from authcheck.certificates.tables import Certificate
from authcheck.errors import Rejected
from authcheck.ids import check_code
from authcheck.lookups.units import unknown_unit_error
from authcheck.scans.recording import NewScan
from authcheck.scans.unissued import find_subject, is_noted, note_unissued
from authcheck.scans.zones import believe
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..cookies import cross_site_error, from_our_site
from ..deps import WorkspaceDep, public_read_limit
from ..recorder import Recorder
from ..scanners import keep_phone, origin_of
from ..visits import read_visit
from .certificate import wants_json
from .render import to

FORM_BYTES = 2_000
WAYS = ("camera", "scanner", "photo", "typed", "api")
NUMBER_CHARS = 80
FIND = sa.select(Certificate.id).where(Certificate.code == sa.bindparam("code"))
router = APIRouter(include_in_schema=False, dependencies=[Depends(public_read_limit)])


async def read_fields(request: Request) -> dict[str, str]:
    """Return the fields of a small form that a page of ours sends.

    Raises Forbidden (`request.cross_site`): the visitors of another site's page are no buyers of this label.
    Raises Rejected (`request.too_large`, `request.form`).
    """
    if from_our_site(request) is False:
        raise cross_site_error()
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_BYTES:
            raise Rejected("The form is too large.", code="request.too_large", limit_bytes=FORM_BYTES)
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=10))
    except ValueError as error:
        raise Rejected("We cannot read this form. Load the page again.", code="request.form") from error


FieldsDep = Annotated[dict[str, str], Depends(read_fields)]


@router.post("/c/{code}/scans")
async def record_scan(request: Request, code: str, fields: FieldsDep, workspace: WorkspaceDep) -> Response:
    """Record that a person looks at the page of a unit. The answer is what the page should say now.

    The field `visit` is the name of the visit on the page, so that a repeated request is no second scan.
    `zone` is the time zone of the phone. Previews and crawlers get the same answer, and record nothing.
    """
    certificate_id = await _find_certificate(workspace, code)
    if certificate_id is None:
        if origin_of(request).is_person:
            await _note_unknown(workspace, fields)
        raise unknown_unit_error()
    now = utc_now()
    visit = read_visit(request, fields.get("visit", ""), certificate_id, now)
    origin, advice = origin_of(request), visit.advice
    if origin.is_person:
        way = fields.get("way", "")
        scan = NewScan(
            certificate_id=certificate_id,
            visit=visit.nonce,
            visitor=origin.visitor,
            network=origin.network,
            place=believe(origin.place, fields.get("zone", "")),
            way=way if way in WAYS else "camera",
            advice=advice,
            at=now,
        )
        recorder: Recorder = request.app.state.recorder
        if await recorder.record(scan) and advice == "verified":
            advice = "careful"
    response = _answer(request, code, advice)
    keep_phone(request, response, origin)
    return response


def _answer(request: Request, code: str, advice: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    if wants_json(request) or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"advice": advice}, headers=headers)
    return RedirectResponse(to(request, f"/c/{code}"), 303, headers)


async def _find_certificate(workspace: Workspace, text: str) -> str | None:
    """Return the id of the certificate with a code, or None."""
    try:
        parameters: dict[str, Any] = {"code": check_code(text)}
    except Rejected:
        return None
    if workspace.database.is_embedded:  # faster than the way to a thread and back
        return _read_id(workspace, parameters)
    return await run_in_threadpool(_read_id, workspace, parameters)


def _read_id(workspace: Workspace, parameters: dict[str, Any]) -> str | None:
    with workspace.database.reading_rows() as connection:
        found: str | None = connection.scalar(FIND, parameters)
        return found


async def _note_unknown(workspace: Workspace, fields: dict[str, str]) -> None:
    """Alert the issuer of a product when a label of it is scanned that nobody has issued."""
    gtin, lot = fields.get("gtin", "")[:NUMBER_CHARS], fields.get("lot", "")[:NUMBER_CHARS]
    if gtin and gtin.isprintable() and lot.isprintable():
        await run_in_threadpool(_note_unissued, workspace, gtin, lot)


def _note_unissued(workspace: Workspace, gtin: str, lot: str) -> None:
    now = utc_now()
    with workspace.database.reading() as session:
        subject = find_subject(session, gtin, lot)
        if subject is None or is_noted(session, subject, now):
            return
    with workspace.database.writing() as session:
        note_unissued(session, subject, now)
