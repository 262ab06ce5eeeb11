"""Endpoints of the public ledger: checkpoint, tiles and entries as C2SP tlog-tiles."""

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
    """Return the newest signed checkpoint: the ledger's name, the number of entries, and their root hash."""
    checkpoint = current_checkpoint(workspace.database, workspace.settings, utc_now())
    headers = {"Cache-Control": CHECKPOINT_CACHE, "Content-Type": "text/plain; charset=utf-8"}
    return Response(checkpoint.note, headers=headers)


@router.get(
    "/tile/{path:path}",
    response_class=Response,
    responses={
        200: {
            "description": "Hashes of 32 bytes, or entries with their length (two bytes) before each entry.",
            "content": {"application/octet-stream": {"schema": {}}},
        }
    },
)
def show_tile(path: str, workspace: WorkspaceDep) -> Response:
    """Return a tile of hashes (`0/x001/234`, `0/x001/234.p/17`) or of entries (`entries/x001/234`).

    We serve only tiles that a signed checkpoint covers.
    """
    tile = parse_path(f"tile/{path}")
    with workspace.database.reading() as session:
        newest = latest_checkpoint(session)
        if newest is None or not holds(newest.size, tile.level, tile.number, tile.width):
            raise NotFound("No signed checkpoint covers this tile.", code="ledger.no_such_tile")
        if tile.level is None:
            content = encode_entries(bodies(session, tile.number * WIDTH, tile.width))
        else:
            content = read_tile_of(session)(tile.level, tile.number)[: tile.width * HASH_BYTES]
    headers = {"Cache-Control": TILE_CACHE}
    return Response(content, media_type="application/octet-stream", headers=headers)
