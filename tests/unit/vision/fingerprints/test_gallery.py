"""The gallery: both families at once, exact, deterministic."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make import encode, picture
from PIL import Image, ImageDraw

from authcheck.vision.fingerprints import fingerprint, gallery
from authcheck.vision.fingerprints.fingerprint import REFERENCE_WINDOWS, SCHEME, Fingerprint
from authcheck.vision.fingerprints.gallery import Gallery, Hit
from authcheck.vision.fingerprints.index import BruteForceIndex, FlatIndex
from authcheck.vision.fingerprints.score import JOINT_MOST_BITS, REACH_BITS, score_of


def seen(image: Image.Image, image_format: str = "PNG", **options: int) -> Fingerprint:
    """Return the fingerprint of a picture after saving and opening."""
    return fingerprint.read(encode(image, image_format, **options))[1]


def record(image: Image.Image) -> bytes:
    """Return the stored record of a registered picture."""
    return seen(image).reference().to_bytes()


def symmetric_logo(seed: int) -> Image.Image:
    """Return a logo with two mirror axes. Half of its phash is noise."""
    dice = random.Random(seed)
    quarter = Image.new("RGB", (128, 128), "white")
    draw = ImageDraw.Draw(quarter)
    for _ in range(3):
        left, top, size = dice.randrange(20, 100), dice.randrange(20, 100), dice.randrange(16, 60)
        colour = tuple(dice.randrange(0, 200) for _ in range(3))
        draw.ellipse((left, top, left + size, top + size), fill=colour)
    half = Image.new("RGB", (256, 128))
    half.paste(quarter)
    half.paste(quarter.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (128, 0))
    logo = Image.new("RGB", (256, 256))
    logo.paste(half)
    logo.paste(half.transpose(Image.Transpose.FLIP_TOP_BOTTOM), (0, 128))
    return logo


def entries(count: int, seed: int) -> tuple[Fingerprint, list[Fingerprint]]:
    """Return a query of random codes, and references: copies of a variant with some or many bits changed."""
    dice = np.random.default_rng(seed)
    codes = dice.integers(0, 256, (2, 8, 2, 32), np.uint8)
    stored = np.empty((count, len(REFERENCE_WINDOWS), 1, 2, 32), np.uint8)
    for place in range(count):
        changed = dice.random((2, 1, 2, 256)) < dice.uniform(0, 0.4, (1, 1, 2, 1))
        stored[place] = codes[dice.integers(2), dice.integers(8)] ^ np.packbits(changed, axis=3)
        if dice.random() < 0.3:
            stored[place, 1] = stored[place, 0]
    query = Fingerprint(SCHEME, ("whole", "panel"), codes)
    return query, [Fingerprint(SCHEME, REFERENCE_WINDOWS, one) for one in stored]


def brute_force(
    query: Fingerprint, references: list[Fingerprint], numbers: list[int]
) -> list[tuple[int, int]]:
    """Return (joint distance, view) of every view, best first, from the definition."""
    found = []
    for number, reference in zip(numbers, references, strict=True):
        bits = np.bitwise_count(query.codes[:, :, None] ^ reference.codes[None, None, :, 0]).sum(axis=4)
        found.append((int((np.minimum(bits[..., 0], (bits[..., 0] + 60) // 2) + bits[..., 1]).min()), number))
    return sorted(found)


def joint_of(hit: Hit) -> int:
    """Return the joint distance of a hit."""
    return (
        min(hit.distances_bits["phash"], (hit.distances_bits["phash"] + 60) // 2)
        + hit.distances_bits["dhash"]
    )


@given(count=st.integers(1, 90), wanted=st.integers(1, 12), seed=st.integers(0, 10**6), flat=st.booleans())
def test_nothing_within_reach_is_missed(count: int, wanted: int, seed: int, *, flat: bool) -> None:
    """The hits within reach equal those of brute force over all records, in order and score."""
    query, references = entries(count, seed)
    numbers = list(np.random.default_rng(seed).permutation(1000)[:count].tolist())
    filled = Gallery(FlatIndex if flat else BruteForceIndex)
    filled.add(numbers, [reference.to_bytes() for reference in references])
    hits = filled.search(query, wanted)
    expected = brute_force(query, references, numbers)[:wanted]
    near = [pair for pair in expected if pair[0] <= REACH_BITS]
    assert [(joint_of(hit), hit.view_id) for hit in hits][: len(near)] == near
    assert [hit.score for hit in hits] == sorted((score_of(joint_of(hit)) for hit in hits), reverse=True)
    assert len(hits) == min(wanted, count)
    assert hits == filled.search(query, wanted)


@pytest.mark.parametrize("seed", range(5))
def test_more_near_entries_than_were_asked_for_are_all_considered(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if each family alone ranks other views first, the reach search finds the best joint distance."""
    monkeypatch.setattr(gallery, "LEAST_NEAR", 1)
    dice = np.random.default_rng(seed)
    codes = np.zeros((1, 8, 2, 32), np.uint8)
    codes[0, 1:] = dice.integers(0, 256, (7, 2, 32), np.uint8)
    # Views 0-19 are near by phash only, 20-39 by dhash only. 40 is fairly near by both and is the best.
    bits = [(0, 140)] * 20 + [(140, 60)] * 20 + [(60, 61)]
    references = []
    for families in bits:
        stored = np.zeros((2, 1, 2, 256), np.bool_)
        for family, distance in enumerate(families):
            stored[:, 0, family, dice.permutation(256)[:distance]] = True
        references.append(Fingerprint(SCHEME, REFERENCE_WINDOWS, np.packbits(stored, axis=3)))
    filled = Gallery()
    filled.add(range(len(bits)), [reference.to_bytes() for reference in references])
    hits = filled.search(Fingerprint(SCHEME, ("whole",), codes), 1)
    assert [(hit.view_id, joint_of(hit)) for hit in hits] == [(40, 121)]


@pytest.mark.parametrize("seed", range(4))
def test_a_saved_again_symmetric_logo_is_still_a_match(seed: int) -> None:
    """Where phash loses a third of its bits to saving again, dhash gives a good score."""
    filled = Gallery()
    filled.add(range(6), [record(symmetric_logo(number)) for number in range(6)])
    again = symmetric_logo(seed).resize((230, 230), Image.Resampling.LANCZOS)
    best = filled.search(seen(again, "JPEG", quality=60), 3)[0]
    assert best.view_id == seed
    assert best.method == "dhash"
    assert best.score > 0.9


def test_a_registry_of_one_works() -> None:
    """A registry with one view finds its copy and scores other pictures near zero.

    An empty gallery finds nothing.
    """
    filled = Gallery()
    assert filled.search(seen(picture(1)), 5) == []
    filled.add([7], [record(picture(1))])
    assert len(filled) == 1
    (hit,) = filled.search(seen(picture(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT), "JPEG", quality=50), 5)
    assert (hit.view_id, hit.orientation, hit.window) == (7, "mirror", "whole")
    assert hit.score > 0.95
    assert set(hit.distances_bits) == {"phash", "dhash"}
    (other,) = filled.search(seen(picture(2)), 5)
    assert other.score < 0.1


def test_a_removed_view_is_never_found() -> None:
    """Removing a view keeps the others. Removing an unknown number does nothing."""
    filled = Gallery()
    filled.add([1, 2, 3], [record(picture(number)) for number in (1, 2, 3)])
    filled.remove([2, 99])
    assert len(filled) == 2
    assert {hit.view_id for hit in filled.search(seen(picture(2)), 5)} == {1, 3}
    filled.add([2], [record(picture(2))])
    assert filled.search(seen(picture(2)), 1)[0].view_id == 2


def test_a_view_removed_during_a_search_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search skips a view that is removed between its two passes. The search does not fail."""
    filled = Gallery()
    filled.add([1, 2], [record(picture(number)) for number in (1, 2)])
    look = filled._near

    def near_then_gone(*arguments: object) -> object:
        ids = look(*arguments)  # type: ignore[arg-type]
        filled.remove([1])
        return ids

    monkeypatch.setattr(filled, "_near", near_then_gone)
    assert [hit.view_id for hit in filled.search(seen(picture(1)), 5)] == [2]


def test_a_known_number_is_refused_and_changes_nothing() -> None:
    """A number that is in use or given twice in one call raises ValueError and changes nothing."""
    filled = Gallery()
    filled.add([1], [record(picture(1))])
    for numbers in ([1], [5, 5], [2, 1]):
        with pytest.raises(ValueError, match="id"):
            filled.add(numbers, [record(picture(9)) for _ in numbers])
    with pytest.raises(ValueError, match="fingerprint"):
        filled.add([3], [seen(picture(3)).to_bytes()])
    assert len(filled) == 1
    assert [hit.view_id for hit in filled.search(seen(picture(9)), 5)] == [1]


def test_equal_views_come_by_number() -> None:
    """Of equally good views, the lower number comes first."""
    filled = Gallery()
    filled.add([9, 4, 6], [record(picture(1))] * 3)
    assert [hit.view_id for hit in filled.search(seen(picture(1)), 2)] == [4, 6]


def test_a_query_of_another_scheme_is_refused() -> None:
    """Codes of another scheme raise an error and are never compared."""
    query = seen(picture(1))
    with pytest.raises(ValueError, match="scheme"):
        Gallery().search(Fingerprint("older", query.windows, query.codes), 1)


def test_the_score_falls_with_every_bit() -> None:
    """The score is strictly decreasing with the distance, within [0, 1]."""
    scores = [score_of(bits) for bits in range(JOINT_MOST_BITS + 1)]
    assert scores == sorted(set(scores), reverse=True)
    assert 0 < scores[-1] < 0.001
    assert 0.999 < scores[0] < 1


def test_a_hundred_thousand_views_are_added_at_once() -> None:
    """Adding many views runs on arrays and not on single records."""
    dice = np.random.default_rng(1)
    head = record(picture(1))[:7]
    codes = dice.integers(0, 256, (100_000, 128), np.uint8)
    filled = Gallery()
    filled.add(range(100_000), [head + row.tobytes() for row in codes])
    assert len(filled) == 100_000
    assert filled.search(Fingerprint.from_bytes(head + codes[31_415].tobytes()), 1)[0].view_id == 31_415
