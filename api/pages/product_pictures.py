"""The pictures of products on the pages of labels."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from authcheck.certificates import products

from ..deps import WorkspaceDep, public_read_limit

FOREVER = "public, max-age=31536000, immutable"
router = APIRouter(include_in_schema=False, dependencies=[Depends(public_read_limit)])


@router.get("/product-pictures/{picture_id}")
def show(workspace: WorkspaceDep, picture_id: Annotated[str, Path(max_length=40)]) -> Response:
    """Return a picture of a product. Public: its id is on pages of labels only. It never changes."""
    with workspace.database.reading() as session:
        data = products.get_picture(session, picture_id)
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": FOREVER})
