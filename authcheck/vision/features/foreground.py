"""The automatic mask, which separates the product in a photo from the floor, table or studio ground.

A mask is `(H, W) bool`, True where the picture counts. A mask may have any size and is stretched over the
whole upright picture. The automatic mask learns the ground from the picture's border and cuts along edges
(GrabCut: Rother, Kolmogorov and Blake, 2004). When in doubt, it keeps some ground and does not lose product.
There is no mask when product and ground cannot be told apart.
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
WHOLE = (0, 0, 0, 0)  # no rectangle: GrabCut starts from the seeds alone
WORK_PX = 128  # longer side of the picture that is cut
LEAST_PX = 16  # its shorter side: no product is photographed eight times as wide as high
FRAME_SHARE = 0.04  # width of the frame as a share of the shorter side: the frame shows the ground
GROUND_COLOURS = 4
LEAST_CLUSTER = 0.08  # share of the border
LEAST_SPREAD = (16.0, 6.0, 6.0)  # least variance of L, a, b in any ground: a shadow changes L most
STRANGE = 2.0, 5.0  # range of the threshold between ground and product, in spreads of the ground
LEAST_SEEDS = 16  # pixels of product, and pixels of ground
ROUNDS = 2  # of GrabCut
# Lab units: spread of the border's colours around its main colours. A border with more spread is no ground.
MOST_CLUTTER = 9.0
SMALLEST_SHARE, LARGEST_SHARE = 0.05, 0.95  # share of the picture that a product fills
MOST_FRAME = 0.6  # share of the frame that a product may cover
GAP_PX = (
    11  # gaps up to this size are closed: between a print and the seam of a shirt that looks like the floor
)
PART_SHARE = 0.1  # share of the largest piece: smaller pieces are litter
LEAST_DIFFERENCE = 8.0  # Lab units between the mean colours of product and ground


def foreground_of(image: Image.Image) -> Mask | None:
    """Return the mask of the product, or None when product and ground cannot be told apart.

    The mask's longer side has at most 128 px. The image is RGB, upright, with sides of 16 px or more. The
    same pixels give the same mask in any thread.
    """
    small = image.convert("RGB")
    small.thumbnail((WORK_PX, WORK_PX), Image.Resampling.BOX)
    if min(small.size) < LEAST_PX:
        return None
    pixels = np.ascontiguousarray(np.asarray(small))
    smooth = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.0), np.float32) / 255
    lab = np.asarray(cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB), np.float32)
    frame = _make_frame(pixels.shape[:2])
    labels = _cluster(lab[frame])
    if _measure_clutter(lab[frame], labels) > MOST_CLUTTER:
        return None
    seeds = _choose_seeds(_measure_strangeness(lab, lab[frame], labels), frame)
    if seeds is None:
        return None
    mask = _tidy(_cut(pixels, seeds))
    return mask if _is_plausible(mask, frame, lab) else None


def _make_frame(shape: tuple[int, ...]) -> Mask:
    """Return the border of a picture of this shape."""
    width = max(2, round(FRAME_SHARE * min(shape)))
    frame = np.ones(shape[:2], np.bool_)
    frame[width:-width, width:-width] = False
    return frame


def _measure_clutter(border: Colours, labels: NDArray[np.int32]) -> float:
    """Return the spread of the border's colours around the means of their clusters, in Lab units."""
    spreads = [border[labels == label].var(axis=0).sum() for label in np.unique(labels)]
    return float(np.sqrt(np.mean(spreads)))


def _measure_strangeness(lab: Colours, border: Colours, labels: NDArray[np.int32]) -> Grey:
    """Return the distance of each pixel from the nearest colour of the border, `(H, W)`, >= 0.

    The unit is the spread of that border colour.
    """
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


def _cluster(colours: Colours) -> NDArray[np.int32]:
    """Return the number of the cluster of each colour, `(n,)`."""
    cv2.setRNGSeed(SEED)
    labels = np.zeros((len(colours), 1), np.int32)
    criteria = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0.0)
    cv2.kmeans(colours, GROUND_COLOURS, labels, criteria, 1, cv2.KMEANS_PP_CENTERS)
    return labels[:, 0]


def _choose_seeds(strangeness: Grey, frame: Mask) -> Labels | None:
    """Return the initial labels for GrabCut, or None when product or ground has too few pixels."""
    scaled = np.clip(strangeness * 16, 0, 255).astype(np.uint8)
    otsu, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    product = strangeness > np.clip(otsu / 16, *STRANGE)
    if product.sum() < LEAST_SEEDS or (frame & ~product).sum() < LEAST_SEEDS:
        return None
    seeds = np.where(product, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[frame & ~product] = cv2.GC_BGD
    return seeds


def _cut(pixels: NDArray[np.uint8], labels: Labels) -> Mask:
    cv2.setRNGSeed(SEED)  # the seed of this thread: GrabCut draws its first clusters at random
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(pixels, labels, WHOLE, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _tidy(cut: Mask) -> Mask:
    """Return the mask without litter and holes, one pixel wider than the cut."""
    opened = cv2.morphologyEx(cut.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (GAP_PX, GAP_PX))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, disc)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(closed)
    mask = np.zeros(cut.shape, np.uint8)
    if count > 1:
        sizes = stats[1:, cv2.CC_STAT_AREA]
        large_pieces = 1 + np.flatnonzero(sizes >= PART_SHARE * sizes.max())
        mask[np.isin(pieces, large_pieces)] = 1
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, outlines, -1, 1, cv2.FILLED)
    return np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8))) > 0


def _is_plausible(mask: Mask, frame: Mask, lab: Colours) -> bool:
    if not SMALLEST_SHARE <= mask.mean() <= LARGEST_SHARE or mask[frame].mean() > MOST_FRAME:
        return False
    difference = np.linalg.norm(lab[mask].mean(axis=0) - lab[~mask].mean(axis=0))
    return bool(difference >= LEAST_DIFFERENCE)
