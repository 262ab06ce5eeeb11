"""Evidence pictures, drawn when they are asked for."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from authcheck.checks import evidence
from authcheck.checks.evidence import Found
from authcheck.checks.tables import Check
from authcheck.errors import NotFound, Unavailable
from authcheck.storage.opening import utc_now
from authcheck.vision.matching.overlay import Layout
from authcheck.workspace import Workspace

KEPT = 64  # about 100 KB each
WAITING = 8


class Drawings:
    """Draws evidence, one picture at a time so that many askers do not exhaust memory, and keeps the last few.

    A drawing goes under its `evidence.name_of`, which changes with all that it shows.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._keeping = threading.Lock()
        self._drawing = threading.Lock()
        self._places = threading.Semaphore(WAITING)

    def get(self, name: str) -> bytes | None:
        """A drawing that was made before, as WebP."""
        with self._keeping:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def draw(
        self, name: str, check: Check, found: Sequence[Found], workspace: Workspace, layout: Layout
    ) -> bytes:
        """The evidence of a check as WebP. Raises NotFound (`evidence.none`), Unavailable (`server.busy`)."""
        if not self._places.acquire(
            blocking=False
        ):  # those who wait hold the threads that answer everybody else
            raise Unavailable("Too many pictures are being drawn at once.", code="server.busy")
        try:
            with self._drawing:
                content = self.get(name) or _drawn(check, found, workspace, layout)
        finally:
            self._places.release()
        with self._keeping:
            self._kept[name] = content
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return content


def _drawn(check: Check, found: Sequence[Found], workspace: Workspace, layout: Layout) -> bytes:
    copy = workspace.copies.get(check.picture_sha256, check.asked_at, utc_now())
    if copy is None:  # it went, or was damaged, since the row said it is there
        raise NotFound("The copy of the picture can no longer be read.", code="evidence.none", check=check.id)
    public = check.organisation_id is None
    image = evidence.draw(copy, found, workspace.store, workspace.limits, public=public, layout=layout)
    return evidence.encode(image, "WEBP")
