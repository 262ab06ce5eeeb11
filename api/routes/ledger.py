"""The ledger for anybody who checks it: checkpoint, tiles and entries as C2SP tlog-tiles."""

from fastapi import APIRouter, Response

from authcheck.errors import NotFound
from authcheck.ledger.export import holds
from authcheck.ledger.journal import bodies, latest_checkpoint, read_tile_of
from authcheck.ledger.publishing import current_checkpoint
from authcheck.storage.opening import utc_now
from authcheck.tlog.merkle import HASH_BYTES
from authcheck.tlog.tiles import WIDTH, encode_entries, parse_path

from ..deps import WorkspaceDep

router = APIRouter(prefix="/ledger", tags=["ledger"])
TILE_CACHE = "public, max-age=31536000, immutable"
CHECKPOINT_CACHE = "public, max-age=1"


@router.get(
    "/checkpoint",
    response_class=Response,
    responses={
        200: {
            "description": "A signed note (C2SP tlog-checkpoint).",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
def show_checkpoint(workspace: WorkspaceDep) -> Response:
    """The newest signed checkpoint: the ledger's name, how many entries it has, the root over them."""
    checkpoint = current_checkpoint(workspace.database, workspace.settings, utc_now())
    headers = {"Cache-Control": CHECKPOINT_CACHE, "Content-Type": "text/plain; charset=utf-8"}
    return Response(checkpoint.note, headers=headers)


@router.get(
    "/tile/{path:path}",
    response_class=Response,
    responses={
        200: {
            "description": "Hashes of 32 bytes, or entries each after its length in two bytes.",
            "content": {"application/octet-stream": {"schema": {}}},
        }
    },
)
def show_tile(path: str, workspace: WorkspaceDep) -> Response:
    """A tile of the tree, `0/x001/234` or `0/x001/234.p/17`, or of entries, `entries/x001/234`: only what is signed."""
    asked = parse_path(f"tile/{path}")
    with workspace.database.reading() as session:
        newest = latest_checkpoint(session)
        if newest is None or not holds(newest.size, asked.level, asked.number, asked.width):
            raise NotFound("No signed checkpoint covers that tile.", code="ledger.no_such_tile")
        if asked.level is None:
            content = encode_entries(bodies(session, asked.number * WIDTH, asked.width))
        else:
            content = read_tile_of(session)(asked.level, asked.number)[: asked.width * HASH_BYTES]
    headers = {"Cache-Control": TILE_CACHE}
    return Response(content, media_type="application/octet-stream", headers=headers)
