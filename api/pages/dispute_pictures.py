"""Both pictures of a dispute: one as it was registered, and the other laid into the frame of the first.

An owner sees of the other's picture only where the own one shows the same. Otherwise a cut-out, registered to
provoke a dispute, would show the whole of a design that nobody has published.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from authcheck.checks import evidence
from authcheck.errors import NotFound
from authcheck.registry.statements import sides_of
from authcheck.registry.tables import MATCH, Dispute
from authcheck.storage.working_copies import SIDE_PX, WorkingCopy, working_copy
from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.framing import in_frame, only_alike
from authcheck.vision.matching.placing import find_place
from authcheck.vision.pictures.decode import open_picture
from authcheck.workspace import Workspace

from ..drawings import Drawings

DRAWING = "dispute-1"  # raise the number when the drawing changes
LOOKS = ((False, False), (True, False), (False, True), (True, True))  # mirrored, light and dark swapped


@dataclass(frozen=True, slots=True)
class Pair:
    """The SHA-256 of two pictures. With `is_whole`, the reader may see all of the other picture."""

    seen: str
    other: str
    is_whole: bool

    @property
    def name(self) -> str:
        """Return a name of both drawings, which reveals no hash."""
        content = json.dumps([DRAWING, self.seen, self.other, self.is_whole])
        return hashlib.sha256(content.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Laid:
    """The size (px) of the upright seen picture, and where the other one is in it, or None."""

    size: tuple[int, int]
    alignment: Alignment | None


def pair_of(dispute: Dispute, side: str, *, is_operator: bool) -> Pair | None:
    """Return the pictures that a side compares, None for a dispute of an earlier release.

    A resemblance shows its owners nothing of each other's pictures.
    """
    pictures = (dispute.picture_sha256, dispute.other_picture_sha256)
    own, _ = sides_of(dispute, side)
    seen, other = pictures if own is dispute.design else pictures[::-1]
    if seen is None or other is None or not (is_operator or dispute.verdict == MATCH):
        return None
    return Pair(seen, other, is_operator)


def place_of(pair: Pair, workspace: Workspace, drawings: Drawings) -> Laid:
    """Return where one picture is in the other. Takes up to half a second at the first time.

    Raises AuthcheckError when a picture can no longer be read, Unavailable (`server.busy`).
    """

    def find() -> bytes:
        copy = _copy_of(pair.seen, workspace)
        other = open_picture(workspace.store.get(pair.other), workspace.limits, detail_px=SIDE_PX).image
        size = (copy.width_px, copy.height_px)
        places = (
            find_place(copy.image, size, other, mirrored=mirrored, inverted=inverted)
            for mirrored, inverted in LOOKS
        )
        place = next((place for place in places if place), None)
        return json.dumps({"size": size, "place": place.to_json() if place else None}).encode()

    name = f"place {pair.name}"
    found: dict[str, Any] = json.loads(drawings.get(name) or drawings.draw(name, find))
    width_px, height_px = found["size"]
    place = Alignment.from_json(found["place"]) if found["place"] else None
    return Laid((width_px, height_px), place)


def draw_seen(pair: Pair, workspace: Workspace, drawings: Drawings) -> bytes:
    """Return the first picture as WebP. Raises as `place_of`."""
    name = f"seen {pair.name}"
    return drawings.get(name) or drawings.draw(
        name, lambda: evidence.encode(_copy_of(pair.seen, workspace).image, "WEBP")
    )


def draw_other(pair: Pair, workspace: Workspace, drawings: Drawings) -> bytes:
    """Return the second picture as WebP in the frame of the first, transparent all around.

    Where nobody knows the place, the operator gets the whole picture. Raises as `place_of`, and NotFound
    (`dispute.picture`) for an owner then.
    """
    laid = place_of(pair, workspace, drawings)

    def make() -> bytes:
        copy = _copy_of(pair.seen, workspace)
        other = open_picture(workspace.store.get(pair.other), workspace.limits, detail_px=SIDE_PX).image
        place = laid.alignment
        image = in_frame(copy.image, laid.size, other, place) if place else None
        if image is not None and place is not None and not pair.is_whole:
            image = only_alike(copy.image, image, inverted=place.inverted)
        if image is None and pair.is_whole:
            image = other.convert("RGB")
            image.thumbnail((SIDE_PX, SIDE_PX))
        if image is None:
            raise NotFound("We cannot lay one picture over the other.", code="dispute.picture")
        return evidence.encode(image, "WEBP")

    name = f"other {pair.name}"
    return drawings.get(name) or drawings.draw(name, make)


def _copy_of(sha256: str, workspace: Workspace) -> WorkingCopy:
    return working_copy(workspace.store.get(sha256), workspace.limits)
