"""The product in a product photo, told from the floor, table or studio ground it was taken on.

A mask is `(H, W) bool`, True where the picture counts. It is laid over the whole upright picture, whatever its own size.
The automatic one learns the ground from the picture's border and cuts along edges (GrabCut: Rother, Kolmogorov and Blake,
2004). It would rather keep some ground than lose some product, and says None where it cannot tell the two apart.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Mask = NDArray[np.bool_]
Grey = NDArray[np.float32]
Labels = NDArray[np.uint8]
Colours = NDArray[np.float32]  # (..., 3) Lab: L in [0, 100]

SEED = 1
WHOLE = (0, 0, 0, 0)  # no rectangle: the seeds say all
WORK_PX = 128  # longer side on which the cut is made
LEAST_PX = 16  # shorter side then: no product is photographed eight times as wide as high
FRAME_SHARE = 0.04  # of a side: where the ground is looked for
GROUND_COLOURS = 4
LEAST_CLUSTER = 0.08  # of the border
LEAST_SPREAD = (16.0, 6.0, 6.0)  # variance of L, a, b that any ground is granted: shadow changes L most
STRANGE = 2.0, 5.0  # spreads from the ground between which the limit of the product is chosen
LEAST_SEEDS = 16  # pixels on either side
ROUNDS = 2  # of GrabCut
MOST_CLUTTER = (
    9.0  # Lab units: spread of the border's colours about its few main ones; beyond it there is no ground
)
SMALLEST_SHARE, LARGEST_SHARE = 0.05, 0.95  # of the picture that a product fills
MOST_FRAME = 0.6  # share of the frame that a product may reach
GAP_PX = 11  # closed: between a print and the seam of a shirt that is like the floor
PART_SHARE = 0.1  # of the largest piece: smaller pieces are litter
LEAST_DIFFERENCE = 8.0  # Lab units between product and the ground beside it


def foreground_of(image: Image.Image) -> Mask | None:
    """The product's mask, its longer side at most 128 px; None where product and ground cannot be told apart.

    The image is RGB, upright, of any size from 16 px a side. The same pixels give the same mask, in any thread.
    """
    small = image.convert("RGB")
    small.thumbnail((WORK_PX, WORK_PX), Image.Resampling.BOX)
    if min(small.size) < LEAST_PX:
        return None
    pixels = np.ascontiguousarray(np.asarray(small))
    smooth = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.0), np.float32) / 255
    lab = np.asarray(cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB), np.float32)
    frame = _frame(pixels.shape[:2])
    labels = _clusters(lab[frame])
    if _clutter(lab[frame], labels) > MOST_CLUTTER:
        return None
    seeds = _seeds(_strangeness(lab, lab[frame], labels), frame)
    if seeds is None:
        return None
    mask = _tidied(_cut(pixels, seeds))
    return mask if _is_plausible(mask, frame, lab) else None


def _frame(shape: tuple[int, ...]) -> Mask:
    """The border of a picture."""
    width = max(2, round(FRAME_SHARE * min(shape)))
    frame = np.ones(shape[:2], np.bool_)
    frame[width:-width, width:-width] = False
    return frame


def _clutter(border: Colours, labels: NDArray[np.int32]) -> float:
    """How far the border's colours lie from their clusters' means, in Lab units."""
    spreads = [border[labels == label].var(axis=0).sum() for label in np.unique(labels)]
    return float(np.sqrt(np.mean(spreads)))


def _strangeness(lab: Colours, border: Colours, labels: NDArray[np.int32]) -> Grey:
    """How far a pixel's colour is from the colours of the border, in their own spreads: `(H, W)`, >= 0."""
    pixels = lab.reshape(-1, 3)
    least = np.full(len(pixels), np.inf, np.float32)
    for label in range(GROUND_COLOURS):
        members = border[labels == label]
        if len(members) < LEAST_CLUSTER * len(border):
            continue  # a corner of the product rather than ground
        spread = np.cov(members.T) + np.diag(LEAST_SPREAD)
        offset = pixels - members.mean(axis=0)
        least = np.minimum(least, np.einsum("ni,ij,nj->n", offset, np.linalg.inv(spread), offset))
    return np.sqrt(least).reshape(lab.shape[:2]).astype(np.float32)


def _clusters(colours: Colours) -> NDArray[np.int32]:
    cv2.setRNGSeed(SEED)
    labels = np.zeros((len(colours), 1), np.int32)
    criteria = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0.0)
    cv2.kmeans(colours, GROUND_COLOURS, labels, criteria, 1, cv2.KMEANS_PP_CENTERS)
    return labels[:, 0]


def _seeds(strange: Grey, frame: Mask) -> Labels | None:
    """GrabCut's labels to begin with; None where one side has hardly any."""
    scaled = np.clip(strange * 16, 0, 255).astype(np.uint8)
    otsu, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    product = strange > np.clip(otsu / 16, *STRANGE)
    if product.sum() < LEAST_SEEDS or (frame & ~product).sum() < LEAST_SEEDS:
        return None
    seeds = np.where(product, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[frame & ~product] = cv2.GC_BGD
    return seeds


def _cut(pixels: NDArray[np.uint8], labels: Labels) -> Mask:
    cv2.setRNGSeed(SEED)  # of this thread: GrabCut's first clusters are drawn by lot
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(pixels, labels, WHOLE, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _tidied(cut: Mask) -> Mask:
    """Without litter and holes, a little wider than it was cut."""
    opened = cv2.morphologyEx(cut.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (GAP_PX, GAP_PX))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, disc)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(closed)
    mask = np.zeros(cut.shape, np.uint8)
    if count > 1:
        sizes = stats[1:, cv2.CC_STAT_AREA]
        kept = 1 + np.flatnonzero(sizes >= PART_SHARE * sizes.max())
        mask[np.isin(pieces, kept)] = 1
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, outlines, -1, 1, cv2.FILLED)
    return np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8))) > 0


def _is_plausible(mask: Mask, frame: Mask, lab: Colours) -> bool:
    if not SMALLEST_SHARE <= mask.mean() <= LARGEST_SHARE or mask[frame].mean() > MOST_FRAME:
        return False
    difference = np.linalg.norm(lab[mask].mean(axis=0) - lab[~mask].mean(axis=0))
    return bool(difference >= LEAST_DIFFERENCE)
