"""Pictures out of request bodies, read while they stream in; and the bound on how many are worked on at once."""

import hashlib
import json
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Annotated

import anyio
from fastapi import Depends, Request

from authcheck.config import Settings
from authcheck.errors import Rejected, Unavailable
from authcheck.listings.judging import MOST_PICTURES
from authcheck.registry.features import Masking

from .multipart import Form, Spool, clean_name, parse, too_large

CLEANUP = "authcheck.cleanup"  # scope key of the AsyncExitStack that middleware closes after the response
MARGIN_BYTES = 64 * 1024  # headers and text fields around the pictures
DESIGN_PICTURES = 8  # pictures in one request about a design
FORM_PARTS = 24  # pictures, as many masks, and text fields
IMPORT_PARTS = 5_000
CERTIFICATE_PATHS = {"/v1/batches", "/v1/revocations", "/v1/signatures"}
CERTIFICATE_BYTES = 2 * 1024 * 1024  # 10,000 serial numbers, codes or signatures
WAITING = 64
WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class UploadedPicture:
    """One uploaded file, whole: what the sender called it, and its bytes."""

    name: str
    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart body. `digest` is the SHA-256 over names and contents of all parts, whatever the boundary was."""

    form: Form
    digest: str

    def pictures(self) -> list[UploadedPicture]:
        """The `image` parts. Raises Rejected (`request.image_missing`, `request.too_many_images`)."""
        parts = self.form.images()
        if len(parts) > DESIGN_PICTURES:
            raise Rejected(
                f"At most {DESIGN_PICTURES} pictures go into one request.",
                code="request.too_many_images",
                limit=DESIGN_PICTURES,
            )
        return [UploadedPicture(part.filename or "", self.form.picture(part), part.sha256) for part in parts]

    def masks(self, pictures: int) -> list[Masking]:
        """The `mask` parts: one word, `auto` or `none`, for all pictures, or a file for each, in their order.

        Empty where there is none. Raises Rejected (`request.masks`), ImageRejected (`image.too_large`).
        """
        parts = [part for part in self.form.parts if part.name == "mask"]
        if parts and parts[0].filename is None:
            word = self.form.text("mask").strip()
            if word == "auto":
                return ["auto"] * pictures
            if word == "none":
                return ["none"] * pictures
            raise Rejected("The field mask is auto, none or a picture file.", code="request.masks")
        if parts and len(parts) != pictures:
            raise Rejected(
                f"There are {pictures} pictures and {len(parts)} masks: send one for each, in their order.",
                code="request.masks",
                pictures=pictures,
                masks=len(parts),
            )
        return [self.form.picture(part) for part in self.form.files("mask")]


def body_limit(path: str, settings: Settings) -> int:
    """The largest body, in bytes, that is read at a path."""
    if not path.startswith("/v1/"):
        return settings.max_picture_bytes + MARGIN_BYTES  # the pages: one picture
    if path.startswith("/v1/imports"):
        return settings.max_import_bytes
    if path in CERTIFICATE_PATHS:
        return CERTIFICATE_BYTES
    return _most_pictures(path) * settings.max_picture_bytes + MARGIN_BYTES


def _most_pictures(path: str) -> int:
    """How many pictures a request to the API may bring."""
    if path == "/v1/designs" or path.endswith("/views"):
        return DESIGN_PICTURES
    if path == "/v1/listings":
        return MOST_PICTURES
    return int(path.startswith(("/v1/checks", "/v1/negatives", "/v1/labels")) or path.endswith("/mask"))


async def read_picture(request: Request) -> UploadedPicture:
    """The one picture of a request: the multipart field `image`, or the raw body.

    Raises Rejected (`request.content_type`, `request.image_missing`, `request.two_images`, and those of multipart),
    ImageRejected (`image.too_large`) while it streams in, Unavailable (`server.busy`).
    """
    kind = _media_type(request)
    if kind == "multipart/form-data":
        form = (await read_form(request, FORM_PARTS)).form
        parts = form.images()
        if len(parts) > 1:
            raise Rejected("One check takes one picture; the body has several.", code="request.two_images")
        return UploadedPicture(parts[0].filename or "", form.picture(parts[0]), parts[0].sha256)
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise Rejected(
            f"Send a picture as multipart/form-data, image/* or application/octet-stream, not {kind or 'nothing'}.",
            code="request.content_type",
        )
    return await _read_raw(request)


async def read_upload(request: Request) -> Upload:
    """A multipart body of a few pictures and text fields."""
    return await read_form(request, FORM_PARTS)


async def read_import(request: Request) -> Upload:
    """A multipart body of a table and many pictures."""
    return await read_form(request, IMPORT_PARTS)


async def read_form(request: Request, max_parts: int) -> Upload:
    """Read a multipart body to its end, then wait for a place to work on it. Raises Rejected, Unavailable."""
    if _media_type(request) != "multipart/form-data":
        raise Rejected("Send this as multipart/form-data.", code="request.content_type")
    spool = _spool(request)
    async with aclosing(request.stream()) as stream:
        form = await parse(
            request.headers["content-type"],
            stream,
            spool,
            max_parts=max_parts,
            picture_bytes=request.app.state.workspace.settings.max_picture_bytes,
        )
    await take_place(request)
    outline = [[part.name, part.filename, part.sha256] for part in form.parts]
    return Upload(form, hashlib.sha256(json.dumps(outline).encode()).hexdigest())


async def _read_raw(request: Request) -> UploadedPicture:
    limit = request.app.state.workspace.settings.max_picture_bytes
    spool, digest = _spool(request), hashlib.sha256()
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            if spool.size_bytes + len(chunk) > limit:
                raise too_large(limit)
            digest.update(chunk)
            await spool.append(chunk)
    await take_place(request)
    name = clean_name(request.query_params.get("name", ""))
    return UploadedPicture(name, spool.read(0, spool.size_bytes), digest.hexdigest())


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _spool(request: Request) -> Spool:
    spool = Spool()
    cleanup: AsyncExitStack = request.scope[CLEANUP]
    cleanup.callback(spool.close)
    return spool


async def take_place(request: Request) -> None:
    """Wait until few enough pictures are being decoded, so that many big ones do not exhaust memory.

    Until then an upload costs a temporary file only; the place is given back after the response.
    """
    places: anyio.CapacityLimiter = request.app.state.places
    busy = Unavailable("Too many pictures are being checked at once.", code="server.busy")
    if places.statistics().tasks_waiting >= WAITING:
        raise busy
    borrower = object()
    try:
        with anyio.fail_after(WAIT_S):
            await places.acquire_on_behalf_of(borrower)
    except TimeoutError:
        raise busy from None
    cleanup: AsyncExitStack = request.scope[CLEANUP]
    cleanup.callback(places.release_on_behalf_of, borrower)


PictureDep = Annotated[UploadedPicture, Depends(read_picture)]
UploadDep = Annotated[Upload, Depends(read_upload)]
ImportDep = Annotated[Upload, Depends(read_import)]
PlaceDep = Annotated[None, Depends(take_place)]
