"""Scenes that tests of the evidence share: a design placed in a photo at exactly known corners."""

from collections.abc import Sequence
from typing import Any

import cv2
import make
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import update

from authcheck.checks.tables import Check
from authcheck.registry.designs import get_design
from authcheck.registry.tables import Design
from authcheck.vision.matching.alignment import Alignment, alignment_of
from authcheck.workspace import Workspace

UNIT = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
PHOTO_PX = (960, 720)
SLANTED = ((200.0, 120.0), (760.0, 180.0), (720.0, 620.0), (160.0, 560.0))


def homography(corners: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Return the homography from the unit square to left top, right top, right bottom and left bottom."""
    return np.asarray(cv2.getPerspectiveTransform(UNIT, np.array(corners, np.float32)), np.float64)


def photo(
    design: Image.Image,
    corners: Sequence[Sequence[float]] = SLANTED,
    *,
    lit: bool = True,
    size: tuple[int, int] = PHOTO_PX,
) -> Image.Image:
    """Return a grey photo of `size` with the design at `corners`.

    `lit` adds a warm light from one side, and noise.
    """
    placed = homography(corners) @ np.diag([1 / design.width, 1 / design.height, 1])
    pixels = np.asarray(design.convert("RGB"))
    shape = (size[1], size[0])
    there = cv2.warpPerspective(np.full(pixels.shape[:2], 255, np.uint8), placed, size) > 127
    ground = np.full((*shape, 3), 128, np.uint8)
    shown = np.where(there[..., None], cv2.warpPerspective(pixels, placed, size), ground).astype(np.float32)
    if lit:
        light = np.linspace(0.6, 1.05, size[0], dtype=np.float32)[None, :, None]
        shown = shown * light * np.float32([1.05, 0.95, 0.8]) + 8
        shown += np.random.default_rng(5).normal(0, 3, shown.shape)
    return Image.fromarray(np.clip(cv2.GaussianBlur(shown, (0, 0), 0.8), 0, 255).astype(np.uint8))


def alignment(
    design: Image.Image,
    corners: Sequence[Sequence[float]] = SLANTED,
    *,
    inverted: bool = False,
    size: tuple[int, int] = PHOTO_PX,
) -> Alignment:
    """Return the true Alignment of that scene."""
    return alignment_of(
        homography(corners), design_px=design.size, picture_px=size, coverage=0.9, inverted=inverted
    )


def registered(workspace: Workspace, reference: str, **words: Any) -> Design:
    """Register a design and load it with its views."""
    design_id = make.register(workspace, reference, **words).design.id
    return design_again(workspace, design_id)


def design_again(workspace: Workspace, design_id: str) -> Design:
    """Return the current state of a registered design."""
    with workspace.database.reading() as session:
        return get_design(session, design_id)


def finding(design: Design, alignment_found: Alignment | None, verdict: str = "match") -> dict[str, Any]:
    """Return a row of Check.findings for a registered design (its first view)."""
    return {
        "design_id": design.id,
        "view_number": min(view.number for view in design.views),
        "verdict": verdict,
        "score": 0.97654,
        "method": "local",
        "reasons": [{"code": "image.part", "weight": 0.3, "params": {"window": "x"}}],
        "alignment": alignment_found.to_json() if alignment_found else None,
    }


def answered(
    workspace: Workspace,
    data: bytes,
    findings: Sequence[dict[str, Any]],
    *,
    organisation_id: str | None = None,
    **words: Any,
) -> str:
    """Store a check with these findings and keep its working copy as the API does. Return the check's id."""
    check = make.check(
        workspace,
        data,
        organisation_id=organisation_id,
        findings=list(findings),
        design_id=findings[0]["design_id"] if findings else None,
        **words,
    )
    if check.verdict != "none":
        workspace.copies.keep(data, check.picture_sha256, workspace.limits, check.asked_at)
    return str(check.id)


def change(workspace: Workspace, check_id: str, **words: Any) -> None:
    """Change a stored check."""
    with workspace.database.writing() as session:
        session.execute(update(Check).where(Check.id == check_id).values(**words))
