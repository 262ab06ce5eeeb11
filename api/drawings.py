"""Evidence pictures, drawn on request."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from authcheck.checks import evidence
from authcheck.checks.evidence import Found
from authcheck.checks.tables import Check
from authcheck.errors import NotFound, Unavailable
from authcheck.storage.opening import utc_now
from authcheck.vision.matching.overlay import Layout
from authcheck.workspace import Workspace

KEPT = 64  # drawings in memory; about 100 KB each
WAITING = 8  # requests that may wait for a drawing or draw


class Drawings:
    """A drawer of evidence that keeps its last KEPT drawings.

    The drawer makes one drawing at a time, so that many requests do not exhaust the memory. The name of a
    drawing, such as `evidence.name_of`, changes when the drawing would change.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._keeping = threading.Lock()
        self._drawing = threading.Lock()
        self._places = threading.Semaphore(WAITING)

    def get(self, name: str) -> bytes | None:
        """Return a kept drawing as WebP, or None."""
        with self._keeping:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def draw(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the drawing of this name as WebP. `make` draws it if it is not kept.

        Raises as `make`, and Unavailable (`server.busy`).
        """
        # A waiting request holds a thread that could answer other requests, so few requests may wait.
        if not self._places.acquire(blocking=False):
            raise Unavailable(
                "We are drawing too many pictures at the moment. Try again in a few seconds.",
                code="server.busy",
            )
        try:
            with self._drawing:
                content = self.get(name) or make()
        finally:
            self._places.release()
        with self._keeping:
            self._kept[name] = content
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return content


def draw_evidence(check: Check, findings: Sequence[Found], workspace: Workspace, layout: Layout) -> bytes:
    """Return the evidence of a check as WebP. Raises NotFound (`evidence.none`)."""
    held = evidence.may_outlast(check)
    copy = workspace.copies.get(check.picture_sha256, check.asked_at, utc_now(), held=held)
    if copy is None:  # the copy was deleted or damaged after `evidence.require` had seen it
        raise NotFound("We can no longer read the copy of the picture.", code="evidence.none", check=check.id)
    public = check.organisation_id is None
    image = evidence.draw(copy, findings, workspace.store, workspace.limits, public=public, layout=layout)
    return evidence.encode(image, "WEBP")
