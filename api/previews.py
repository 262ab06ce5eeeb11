"""Small public previews.

They are encoded from the decoded pixels, so that they hold no data of the original file.
"""

import hashlib
import io
import threading
from collections import OrderedDict

from authcheck.registry.designs import public_view
from authcheck.registry.tables import Design
from authcheck.vision.pictures.decode import Limits, open_picture
from authcheck.workspace import Workspace

SIDE_PX = 320
JPEG_QUALITY = 82
KEPT = 512  # previews in memory; about 15 KB each


def preview_path(design: Design) -> str | None:
    """Return the path of a design's public preview, or None when the public may not see a preview."""
    return f"/v1/designs/{design.id}/preview" if design.public_preview and design.state != "retired" else None


def preview_etag(design: Design) -> str:
    """Return the ETag of the preview. It does not reveal a hash of the picture."""
    content = f"preview-1:{design.id}:{public_view(design).number}"
    return f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'


class Previews:
    """The last KEPT previews, in memory."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, design: Design) -> bytes | None:
        """Return the kept preview of a design, or None. Raises NotFound."""
        return self.find(public_view(design).picture_sha256)

    def find(self, sha256: str) -> bytes | None:
        """Return the kept preview of a picture, or None. The caller may see the picture."""
        with self._lock:
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
            return self._kept.get(sha256)

    def make(self, design: Design, workspace: Workspace) -> bytes:
        """Make and keep the preview of a design, a JPEG. The caller holds a place, because this decodes.

        Raises NotFound, StorageFailed, ImageRejected.
        """
        return self.make_of(public_view(design).picture_sha256, workspace)

    def make_of(self, sha256: str, workspace: Workspace) -> bytes:
        """Make and keep the preview of a picture. The same holds as for `make`."""
        preview = encode_preview(workspace.store.get(sha256), workspace.limits)
        with self._lock:
            self._kept[sha256] = preview
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return preview


def encode_preview(data: bytes, limits: Limits, side_px: int = SIDE_PX) -> bytes:
    """Return a JPEG of at most `side_px` per side, without metadata."""
    image = open_picture(data, limits, detail_px=side_px).image.copy()
    image.thumbnail((side_px, side_px))
    image.info = {}  # Pillow would copy EXIF, comments and profiles from here
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()
