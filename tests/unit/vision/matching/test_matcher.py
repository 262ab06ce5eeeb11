"""The local stages in their order, on an index and a shelf in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import make
import numpy as np
import pytest
from PIL import Image, ImageOps

from authcheck.checks.policies import CURRENT_POLICY
from authcheck.vision.features.filed_index import FiledFeatureIndex
from authcheck.vision.matching.backdrops import Backdrop
from authcheck.vision.matching.matcher import Examined, Hint, Question, examine, verify
from authcheck.vision.matching.score import NUMBERS, Vector, load_model
from authcheck.vision.matching.subjects import Known
from authcheck.vision.matching.votes import Edit, Pose

MODEL = load_model(CURRENT_POLICY.model or "")
NAMES = ("nw-001", "as-011", "hl-003", "tt-006", "as-012", "mi-006", "tt-003", "nw-008")
NEVER: Callable[[Vector], bool] = lambda _: False  # noqa: E731 - a constant


@dataclass
class Shelf:
    """A registry in memory: the index, the views, the negative pictures, and the number of queries."""

    index: FiledFeatureIndex = field(default_factory=FiledFeatureIndex)
    known: dict[int, Known] = field(default_factory=dict)
    negatives: dict[int, Backdrop] = field(default_factory=dict)
    negative_indexes: dict[str | None, FiledFeatureIndex] = field(default_factory=dict)
    rounds: float = 0

    def put(self, image: Image.Image, key: int, owner: str = "acme") -> Known:
        """Register a view."""
        return self.file(make.known(image, key, owner=owner))

    def file(self, made: Known) -> Known:
        """Add a view to the index and to the shelf."""
        key = made.key
        self.known[key] = made
        self.index.add([key], [made.features])
        return made

    def put_negative(self, image: Image.Image, key: int, owner: str | None) -> None:
        """Add a negative picture."""
        self.negatives[key] = Backdrop(make.design_features(image), owner)
        index = self.negative_indexes.setdefault(owner, FiledFeatureIndex())
        index.add([key], [self.negatives[key].features])

    def views(self, keys: Sequence[int]) -> Mapping[int, Known]:
        """See `matcher.Shelf`."""
        return {key: self.known[key] for key in keys if key in self.known}

    def backdrops(self, keys: Sequence[int]) -> Mapping[int, Backdrop]:
        """See `matcher.Shelf`."""
        return {key: self.negatives[key] for key in keys if key in self.negatives}

    def ask(self, question: Question) -> list[Pose]:
        """Run one search."""
        self.rounds += 1 / 2  # of views, then of negatives
        return question(self.index, self.negative_indexes)

    def examine(
        self,
        image: Image.Image,
        hints: Sequence[Hint] = (),
        enough: Callable[[Vector], bool] = lambda numbers: MODEL.score(numbers) > 0.9,
    ) -> Examined:
        """Run all stages."""
        return examine(make.submitted(image), self.ask, self, hints, enough)


@cache
def eight() -> tuple[Known, ...]:
    """Return eight of our own designs, read once."""
    return tuple(make.known(make.fixture(name), number) for number, name in enumerate(NAMES))


@pytest.fixture
def shelf() -> Shelf:
    """Return a new shelf with those designs."""
    made = Shelf()
    for one in eight():
        made.file(one)
    return made


def scores(found: Examined) -> dict[int, float]:
    """Return the score of each look, by key."""
    return {
        look.verified.known.key: MODEL.score(numbers)
        for look, numbers in zip(found.looks, found.numbers, strict=True)
    }


def scene(name: str, **words: float) -> Image.Image:
    """Return a design printed on a ground."""
    image = make.fixture(name)
    place = make.quad(
        image, (430, 300), 260, angle_deg=words.get("angle_deg", 20), mirrored=bool(words.get("mirrored"))
    )
    return make.printed(image, place, make.busy_ground(1))


@pytest.mark.slow
@pytest.mark.parametrize("mirrored", [0, 1])
@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_print_is_found_and_no_other(shelf: Shelf, number: int, mirrored: int) -> None:
    """The printed design is sure and all others are not. The picture is searched once only."""
    given = scores(shelf.examine(scene(NAMES[number], mirrored=mirrored)))
    assert given.pop(number) > 0.9
    assert max(given.values(), default=0) < 0.5
    assert shelf.rounds == 1


@pytest.mark.slow
def test_light_and_dark_are_swapped_only_where_nothing_was_found(shelf: Shelf) -> None:
    """`enough` decides on a second round. It is called for each look of the first round."""
    asked: list[Vector] = []

    def enough(numbers: Vector) -> bool:
        asked.append(numbers)
        return True

    found = shelf.examine(scene("nw-001"), enough=enough)
    assert (shelf.rounds, len(asked)) == (1, 1)
    assert np.array_equal(asked[0], found.numbers[0])
    again = shelf.examine(scene("nw-001"), enough=NEVER)
    assert shelf.rounds == 3
    assert [look.verified.known.key for look in again.looks] == [
        look.verified.known.key for look in found.looks
    ]


@pytest.mark.slow
@pytest.mark.parametrize("mirrored", [0, 1])
@pytest.mark.parametrize("name", ["nw-001", "as-011"])
def test_an_inverted_print_is_found(shelf: Shelf, name: str, mirrored: int) -> None:
    """A print with light and dark swapped, mirrored or not, is found in the second round."""
    found = shelf.examine(ImageOps.invert(scene(name, mirrored=mirrored)))
    assert shelf.rounds == 2
    assert scores(found)[NAMES.index(name)] > 0.9
    look = next(one for one in found.looks if one.verified.known.key == NAMES.index(name))
    assert (look.alignment.inverted, look.alignment.mirrored) == (True, bool(mirrored))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tt-006", "as-011"])
def test_the_motif_of_an_all_over_print_is_found(shelf: Shelf, name: str) -> None:
    """Points of every copy find the motif. Its place is one copy, not all of them together."""
    motif = make.fixture(name)
    tile = motif.resize((150, round(150 * motif.height / motif.width)))
    cloth = make.tiled(tile, 6)
    found = shelf.examine(cloth)
    number = NAMES.index(name)
    assert scores(found)[number] > 0.9
    look = next(one for one in found.looks if one.verified.known.key == number)
    width_px, height_px = np.ptp(np.array(look.alignment.outline), axis=0)
    assert 0.5 * tile.width < width_px < 1.2 * tile.width
    assert 0.5 * tile.height < height_px < 1.2 * tile.height
    alone = verify(make.submitted(cloth), shelf.known[number].features, Edit())
    assert alone is None or alone.votes < look.verified.fit.votes


@pytest.mark.slow
def test_an_unrelated_picture_is_nobodys(shelf: Shelf) -> None:
    """An unrelated picture gets low scores at most, also in an empty registry."""
    for seed in (0, 2, 4):
        assert max(scores(shelf.examine(make.busy_ground(seed))).values(), default=0) < 0.5
    assert shelf.rounds == 6
    assert Shelf().examine(make.busy_ground(0)).looks == []


@pytest.mark.slow
def test_views_that_only_hashes_know_are_looked_at(shelf: Shelf) -> None:
    """A view without votes is verified if hashes name it, as covering the whole picture."""
    image = make.fixture("nw-001")
    shelf.index.remove([0])
    copy = image.resize((300, 200))
    assert 0 not in scores(shelf.examine(copy))
    hint = Hint(0, 0.6, 0.0, mirrored=False, whole=True)
    found = shelf.examine(copy, [hint])
    assert scores(found)[0] > 0.9
    assert (
        found.numbers[[one.verified.known.key for one in found.looks].index(0)][NUMBERS.index("hash")] == 0.6
    )


@pytest.mark.parametrize(
    ("score", "whole", "looks"),
    [(0.3, True, 1), (0.29, True, 0), (0.9, False, 0)],
    ids=["sure", "vague", "part"],
)
def test_only_a_sure_hint_of_the_whole_picture_is_assumed(score: float, whole: bool, looks: int) -> None:
    """Where no point agrees, a view is examined only if hashes are sure that it covers the picture."""
    alone = Shelf()
    alone.put(make.fixture("nw-001"), 0)
    found = alone.examine(
        Image.radial_gradient("L").convert("RGB"), [Hint(0, score, 0.0, mirrored=False, whole=whole)]
    )
    assumed = [one for one in found.looks if not len(one.verified.fit.pairs)]
    assert len(assumed) == looks


@pytest.mark.slow
def test_a_design_without_a_point_is_left_to_the_hashes(shelf: Shelf) -> None:
    """The model knows no such designs: a soft gradient would be a sure match of any checkered picture."""
    gradient = Image.linear_gradient("L").resize((200, 300)).convert("RGB")
    assert len(shelf.put(gradient, 20).features) == 0
    found = shelf.examine(
        make.tiled(make.picture(9, (40, 40)), 20), [Hint(20, 0.83, 0.0, mirrored=False, whole=True)]
    )
    assert 20 not in scores(found)


@pytest.mark.slow
def test_what_is_gone_is_left_out(shelf: Shelf) -> None:
    """A view that was removed after the search of the index causes no error. Neither does a hint to it."""
    del shelf.known[0]
    found = shelf.examine(scene("nw-001"), [Hint(0, 0.9, 0.0, mirrored=False, whole=True)])
    assert 0 not in scores(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owner", "found"),
    [("acme", False), (None, False), ("globex", True)],
    ids=["the owner's", "everybody's", "another's"],
)
def test_a_negatives_points_have_no_say(shelf: Shelf, owner: str | None, found: bool) -> None:
    """A negative picture removes evidence from its owner's designs, but not from other owners' designs."""
    shelf.put_negative(make.fixture("nw-001"), 101, owner)
    given = scores(shelf.examine(scene("nw-001")))
    assert (given.get(0, 0) > 0.5) == found


@pytest.mark.slow
def test_a_design_on_a_negatives_ground_is_found(shelf: Shelf) -> None:
    """A backdrop removes only the points that it explains."""
    ground = make.busy_ground(1)
    shelf.put_negative(ground, 101, "acme")
    assert scores(shelf.examine(scene("nw-001")))[0] > 0.9


@pytest.mark.slow
def test_strangers_negatives_crowd_out_nobodys(shelf: Shelf) -> None:
    """A thief who declares the same picture a backdrop many times cannot hide the owner's own negative."""
    for key in range(101, 121, 2):
        shelf.put_negative(make.fixture("nw-001"), key, "thief")
    assert scores(shelf.examine(scene("nw-001")))[0] > 0.9
    shelf.put_negative(make.fixture("nw-001"), 121, "acme")
    assert scores(shelf.examine(scene("nw-001"))).get(0, 0) < 0.5


@pytest.mark.slow
def test_an_inverted_negative_is_seen(shelf: Shelf) -> None:
    """A search with light and dark swapped uses the negatives with light and dark swapped too."""
    inverted = ImageOps.invert(scene("nw-001"))
    assert scores(shelf.examine(inverted))[0] > 0.9
    shelf.put_negative(make.fixture("nw-001"), 101, None)
    assert scores(shelf.examine(inverted)).get(0, 0) < 0.5


@pytest.mark.slow
def test_numbers_are_numbers(shelf: Shelf) -> None:
    """The numbers are in the model's order and finite for any picture."""
    hints = [Hint(number, 0.9, 90.0, mirrored=True, whole=True) for number in range(3)]
    for image in (scene("nw-001"), make.busy_ground(3), make.picture(1).resize((900, 20)), make.noise(1)):
        for numbers in shelf.examine(image, hints).numbers:
            assert numbers.shape == (len(NUMBERS),)
            assert np.isfinite(numbers).all()


@pytest.mark.parametrize(
    "image",
    [
        make.tiled(make.picture(9, (40, 40)), 20),
        make.tiled(make.fixture("tt-003").resize((40, 48)), 20),
        make.noise(2),
        make.picture(7).resize((20_000, 16)),
        make.picture(7).resize((16, 20_000)),
        Image.new("RGB", (300, 200), "white"),
    ],
    ids=["400 tiles", "400 prints", "noise", "wide", "tall", "white"],
)
def test_attacks_are_answered(shelf: Shelf, image: Image.Image) -> None:
    """Tiles repeated 400 times, noise and strips match nothing and get a bounded number of looks."""
    shelf.put(make.picture(8).resize((16, 3000)), 20)
    shelf.put(Image.linear_gradient("L").convert("RGB"), 22)
    found = shelf.examine(image)
    assert max(scores(found).values(), default=0) < 0.9
    assert len(found.looks) <= 4
    assert shelf.rounds <= 2


@pytest.mark.slow
def test_ties_are_broken_by_the_key(shelf: Shelf) -> None:
    """Repeated searches give the same order, also for two views of one picture."""
    shelf.put(make.fixture("nw-001"), 30)
    shelf.put(make.fixture("nw-001"), 28)
    first = [look.verified.known.key for look in shelf.examine(scene("nw-001")).looks]
    assert first[:3] == [0, 28, 30]
    assert [look.verified.known.key for look in shelf.examine(scene("nw-001")).looks] == first
