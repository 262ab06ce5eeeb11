"""The vocabulary: descriptors in bytes, and the edits that change their signs."""

import make
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image, ImageOps

from authcheck.vision.features import extract
from authcheck.vision.features.features import Features
from authcheck.vision.features.vocabulary import (
    FINE_WORDS,
    INVERT_SIGNS,
    MIRROR_SIGNS,
    WORDS,
    centred,
    compress,
    edited,
)
from authcheck.vision.matching.votes import Edit, edited_places

MIRRORED, INVERTED, BOTH = Edit(mirrored=True), Edit(inverted=True), Edit(mirrored=True, inverted=True)
PICTURES = [make.picture(3), make.fixture("nw-001"), make.busy_ground(4, (480, 360))]


def really(image: Image.Image, edit: Edit) -> Image.Image:
    """Return the edited picture."""
    image = ImageOps.mirror(image) if edit.mirrored else image
    return ImageOps.invert(image) if edit.inverted else image


def same_points(plain: Features, other: Features, edit: Edit, channel: int) -> tuple[list[int], list[int]]:
    """Return the rows of a channel's points at the same place in both, after undoing the second's edit."""
    ours, theirs = (np.nonzero(one.channels == channel)[0] for one in (plain, other))
    here, there = plain.places()[ours], edited_places(other.places(), edit)[theirs]
    far = np.hypot(here[:, None, 0] - there[:, 0], here[:, None, 1] - there[:, 1])
    far += np.abs((here[:, None, 3] - there[:, 3] + np.pi) % (2 * np.pi) - np.pi)
    far += np.abs(np.log2(here[:, None, 2] / there[:, 2]))
    nearest = far.argmin(axis=1)
    same = far[np.arange(len(ours)), nearest] < 0.02
    return ours[same].tolist(), theirs[nearest[same]].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("edit", [MIRRORED, INVERTED, BOTH], ids=["mirrored", "inverted", "both"])
@pytest.mark.parametrize("image", PICTURES, ids=["shapes", "drawing", "ground"])
def test_signs_do_what_the_edit_does(image: Image.Image, edit: Edit) -> None:
    """The edited picture's descriptors are the plain picture's with changed signs, to within rounding."""
    plain, other = extract.of_picture(image), extract.of_picture(really(image, edit))
    ours, theirs = same_points(plain, other, edit, channel=0)
    assert len(ours) > 0.4 * (plain.channels == 0).sum()  # the detector itself finds some points otherwise
    undone = edited(other.descriptors, mirrored=edit.mirrored, inverted=edit.inverted)
    here = plain.descriptors[ours].astype(int)
    assert (np.abs(here - undone[theirs]) <= 1).mean() > 0.8
    far = np.sqrt(np.square(here - undone[theirs]).sum(axis=1))
    unedited = np.sqrt(np.square(here - other.descriptors[theirs]).sum(axis=1))
    assert np.median(far) < 12
    assert np.median(unedited) > 60  # the comparison could fail: without the signs the descriptors differ


@pytest.mark.parametrize("channel", [1, 2, 3])
def test_the_colours_of_a_mirrored_picture_follow_too(channel: int) -> None:
    """Mirroring is the same change of signs in every channel."""
    image = make.fixture("nw-001")
    plain, other = extract.of_picture(image), extract.of_picture(ImageOps.mirror(image))
    ours, theirs = same_points(plain, other, MIRRORED, channel)
    assert len(ours) > 20
    undone = edited(other.descriptors, mirrored=True, inverted=False).astype(int)
    assert (np.abs(plain.descriptors[ours] - undone[theirs]) <= 1).mean() > 0.9


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(0, 6), st.just(128)),
        elements=st.floats(0, 255, width=32),
    )
)
def test_codes_keep_to_a_signed_byte(sift: NDArray[np.float32]) -> None:
    """Any descriptor, all zeros included, gives 1 to 255, so that a change of sign never overflows."""
    codes = compress(sift)
    assert (codes.shape, codes.dtype) == ((len(sift), 64), np.uint8)
    assert np.all(codes >= 1)
    for edit in (MIRRORED, INVERTED, BOTH):
        there = edited(codes, mirrored=edit.mirrored, inverted=edit.inverted)
        assert np.array_equal(np.abs(centred(there)), np.abs(centred(codes)))
        assert np.array_equal(edited(there, mirrored=edit.mirrored, inverted=edit.inverted), codes)


def test_the_length_of_a_descriptor_does_not_matter() -> None:
    """A picture with less contrast has the same codes."""
    sift = np.random.default_rng(0).uniform(0, 200, (20, 128)).astype(np.float32)
    assert np.array_equal(compress(sift), compress(sift * np.float32(0.25)))


def test_the_file_holds_what_it_says() -> None:
    """Words and fine words are within a signed byte and different. Signs are signs and not all positive."""
    assert (WORDS.shape, FINE_WORDS.shape) == ((1024, 64), (1024, 16, 64))
    assert max(np.abs(WORDS).max(), np.abs(FINE_WORDS).max()) <= 127
    assert len(np.unique(WORDS, axis=0)) == 1024
    for signs in (MIRROR_SIGNS, INVERT_SIGNS, MIRROR_SIGNS * INVERT_SIGNS):
        assert set(signs.tolist()) == {-1, 1}
