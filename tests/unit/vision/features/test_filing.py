"""Filing under the words of the vocabulary: exact, and independent of the batch."""

import numpy as np
import pytest
from features_made import some_codes

from authcheck.vision.features.filing import FINE_EACH, Reach, filed_under, probed, reach_for, vectors_of
from authcheck.vision.features.vocabulary import FINE_WORDS, WORDS, centred

CODES = some_codes(np.random.default_rng(5), 500)


def test_a_descriptor_is_filed_under_its_nearest_words() -> None:
    """A descriptor is filed under the nearest fine word of its nearest word, as plain numpy finds it."""
    nearest = np.square(centred(CODES)[:, None] - WORDS).sum(axis=2).argmin(axis=1)
    fine = np.square(centred(CODES)[:, None] - FINE_WORDS[nearest]).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(filed_under(CODES), nearest * FINE_EACH + fine)


def test_a_descriptor_is_filed_alike_alone_and_among_others() -> None:
    """A descriptor is filed the same alone and among others, whatever method faiss uses for the batch."""
    np.testing.assert_array_equal(
        filed_under(CODES), np.concatenate([filed_under(code[None]) for code in CODES])
    )
    assert filed_under(CODES[:0]).shape == (0,)


@pytest.mark.slow
def test_probes_are_the_nearest_words_in_order() -> None:
    """Probes are coarse words or fine words of the nearest coarse word. Each comes once, nearest first."""
    vectors, distances = vectors_of(CODES), np.square(centred(CODES)[:, None] - WORDS).sum(axis=2)
    np.testing.assert_array_equal(
        probed(vectors, Reach(5, None)), np.argsort(distances, kind="stable")[:, :5]
    )
    fine = probed(vectors, Reach(8, 128))
    assert {len(set(row)) for row in fine.tolist()} == {128}
    np.testing.assert_array_equal(np.unique(fine[0] // FINE_EACH), np.sort(np.argsort(distances[0])[:8]))


def test_reach_never_grows_with_the_registry() -> None:
    """The more points there are, the fewer words are searched. At least one always is."""
    assert reach_for(0) == reach_for(1_000_000) == Reach(5, None)
    fine = [reach_for(points).fine or 0 for points in range(1_000_001, 40_000_000, 999_999)]
    assert fine == sorted(fine, reverse=True)
    assert min(fine) >= 6
