"""Reader of pictures in request bodies, and the limit on the number of pictures in work at the same time."""

import hashlib
import json
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from authcheck.config import Settings
from authcheck.errors import Rejected
from authcheck.ids import as_word
from authcheck.listings.judging import MOST_PICTURES
from authcheck.members.principals import Principal
from authcheck.registry.features import Masking

from .multipart import Form, clean_name, parse, too_large
from .places import Places, Turn
from .spool import Spool

CLEANUP = "authcheck.cleanup"  # scope key of the AsyncExitStack that middleware closes after the response
MARGIN_BYTES = 64 * 1024  # headers and text fields around the pictures
DESIGN_PICTURES = 8  # pictures in one request about a design
FORM_PARTS = 36  # pictures, as many masks, and text fields
IMPORT_PARTS = 5_000
RAW_MEDIA_TYPES = ("application/pdf", "application/octet-stream")  # of a raw body, beside image/*
CERTIFICATE_PATHS = {"/v1/batches", "/v1/revocations", "/v1/signatures"}
CERTIFICATE_BYTES = 2 * 1024 * 1024  # 10,000 serial numbers, codes or signatures
NOTICE_BYTES = 1024 * 1024  # 300 listings
TABLE_PARTS = 8  # of a notice with a table


@dataclass(frozen=True, slots=True)
class UploadedPicture:
    """One uploaded file: the sender's name of the file, its bytes, and their SHA-256 (hex)."""

    name: str
    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart body.

    `digest` is the SHA-256 over the names and contents of all parts, without the boundary.
    """

    form: Form
    digest: str

    def pictures(self) -> list[UploadedPicture]:
        """Return the `image` parts. Raises Rejected (`request.image_missing`, `request.too_many_images`)."""
        parts = self.form.images()
        if len(parts) > DESIGN_PICTURES:
            raise Rejected(
                f"The request has too many pictures. Send at most {DESIGN_PICTURES} pictures.",
                code="request.too_many_images",
                limit=DESIGN_PICTURES,
            )
        return [UploadedPicture(part.filename or "", self.form.picture(part), part.sha256) for part in parts]

    def masks(self, pictures: int) -> list[Masking]:
        """Return the masks of the pictures, in the order of the pictures. Empty without `mask` parts.

        The `mask` parts are one word for all pictures, `auto` or `none`, or one file for each picture.
        Raises Rejected (`request.masks`), ImageRejected (`image.too_large`).
        """
        parts = [part for part in self.form.parts if part.name == "mask"]
        if parts and parts[0].filename is None:
            word = as_word(self.form.text("mask"))
            if word == "auto":
                return ["auto"] * pictures
            if word == "none":
                return ["none"] * pictures
            raise Rejected("The field mask must be auto, none or a picture file.", code="request.masks")
        if parts and len(parts) != pictures:
            raise Rejected(
                f"The request has {pictures} pictures and {len(parts)} masks. Send one mask for each picture,"
                " in the same order.",
                code="request.masks",
                pictures=pictures,
                masks=len(parts),
            )
        return [self.form.picture(part) for part in self.form.files("mask")]


def body_limit(path: str, settings: Settings) -> int:
    """Return the maximum size of a request body at a path, in bytes."""
    if path.startswith("/register"):
        return settings.max_import_bytes
    if not path.startswith("/v1/"):
        return settings.max_picture_bytes + MARGIN_BYTES  # the pages: one picture
    if path.startswith("/v1/imports"):
        return settings.max_import_bytes
    if path in CERTIFICATE_PATHS:
        return CERTIFICATE_BYTES
    if path.startswith("/v1/notices"):
        return NOTICE_BYTES
    return _max_pictures(path) * settings.max_picture_bytes + MARGIN_BYTES


def _max_pictures(path: str) -> int:
    """Return the maximum number of pictures in a request to the API."""
    if path == "/v1/designs" or path.endswith("/views"):
        return DESIGN_PICTURES
    if path == "/v1/listings":
        return MOST_PICTURES
    return int(
        path.startswith(("/v1/checks", "/v1/negatives", "/v1/labels")) or path.endswith(("/mask", "/rights"))
    )


async def read_picture(request: Request) -> UploadedPicture:
    """Return the single picture of a request: the multipart field `image`, or the raw body.

    Raises Rejected (`request.content_type`, `request.image_missing`, `request.two_images`, and the codes of
    multipart), ImageRejected (`image.too_large`) during the upload, Unavailable (`server.busy`).
    """
    media_type = _media_type(request)
    if media_type == "multipart/form-data":
        form = (await read_upload(request)).form
        parts = form.images()
        if len(parts) > 1:
            raise Rejected(
                "The body has several pictures. Send one picture per request.", code="request.two_images"
            )
        return UploadedPicture(parts[0].filename or "", form.picture(parts[0]), parts[0].sha256)
    if not media_type.startswith("image/") and media_type not in RAW_MEDIA_TYPES:
        raise Rejected(
            f"Send a picture as multipart/form-data, image/*, {' or '.join(RAW_MEDIA_TYPES)}. The"
            f" Content-Type of this request is {media_type or 'missing'}.",
            code="request.content_type",
        )
    return await _read_raw(request)


async def read_upload(request: Request) -> Upload:
    """Read a multipart body of a few pictures and text fields, then wait for a place to work on it."""
    upload = await read_form(request, FORM_PARTS)
    await take_place(request)
    return upload


async def read_import(request: Request) -> Upload:
    """Read a multipart body of a table and many pictures."""
    return await read_form(request, IMPORT_PARTS)


async def read_table(request: Request) -> Upload:
    """Read a multipart body of a small table and a few text fields."""
    return await read_form(request, TABLE_PARTS)


def digest_of(body: str) -> str:
    """Return the digest of a JSON body."""
    return hashlib.sha256(body.encode()).hexdigest()


async def read_form(request: Request, max_parts: int) -> Upload:
    """Read a multipart body to its end. Raises Rejected."""
    if _media_type(request) != "multipart/form-data":
        raise Rejected("Send the body as multipart/form-data.", code="request.content_type")
    spool = _open_spool(request)
    async with aclosing(request.stream()) as stream:
        form = await parse(
            request.headers["content-type"],
            stream,
            spool,
            max_parts=max_parts,
            picture_bytes=request.app.state.workspace.settings.max_picture_bytes,
        )
    outline = [[part.name, part.filename, part.sha256] for part in form.parts]
    return Upload(form, hashlib.sha256(json.dumps(outline).encode()).hexdigest())


async def _read_raw(request: Request) -> UploadedPicture:
    limit = request.app.state.workspace.settings.max_picture_bytes
    spool, digest = _open_spool(request), hashlib.sha256()
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


def _open_spool(request: Request) -> Spool:
    """Return a new spool that is closed after the response."""
    spool = Spool()
    cleanup: AsyncExitStack = request.scope[CLEANUP]
    cleanup.callback(spool.close)
    return spool


async def take_place(request: Request) -> Turn:
    """Wait for a place to decode pictures: of the members for a caller with a key, else of the public.

    The places of an agent are those of the agent's organisation, not of the client.
    A waiting upload costs only a temporary file. The place becomes free after the response.
    Raises Unavailable (`server.busy`).
    """
    places: Places = request.app.state.places
    principal: Principal | None = getattr(request.state, "principal", None)
    pool = places.members if principal else places.public
    who = principal.home_id if principal else request.app.state.rates.client(request)
    await pool.take(who)
    cleanup: AsyncExitStack = request.scope[CLEANUP]
    cleanup.callback(pool.give_back, who)
    turn = request.state.turn = Turn(pool, who)
    return turn


async def take_job(request: Request) -> Turn:
    """Wait until a member's job on many pictures or pages may begin. The job takes a place for each of them.

    Raises Unavailable (`server.busy`).
    """
    places: Places = request.app.state.places
    who = request.state.principal.home_id
    await places.jobs.take(who)
    cleanup: AsyncExitStack = request.scope[CLEANUP]
    cleanup.callback(places.jobs.give_back, who)
    return Turn(places.members, who)


async def get_turn(request: Request) -> Turn:
    """Return the place that the upload of this request has taken."""
    turn: Turn = request.state.turn
    return turn


PictureDep = Annotated[UploadedPicture, Depends(read_picture)]
UploadDep = Annotated[Upload, Depends(read_upload)]
TableDep = Annotated[Upload, Depends(read_table)]
ImportDep = Annotated[Upload, Depends(read_import)]
TurnDep = Annotated[Turn, Depends(get_turn)]  # after PictureDep or UploadDep
JobDep = Annotated[Turn, Depends(take_job)]
