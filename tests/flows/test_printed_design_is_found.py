"""Flow: a photo shows a registered design printed small, turned, mirrored or covered.

The check finds and locates it.
"""

import threading
from dataclasses import replace
from typing import Any

import make
import pytest
from PIL import Image
from sqlalchemy import delete

from authcheck.checks.answers import Answer
from authcheck.checks.policies import CURRENT_POLICY, FAST_POLICY
from authcheck.checks.records import check_picture
from authcheck.checks.replay import replay
from authcheck.checks.tables import Check
from authcheck.errors import Unavailable
from authcheck.registry import designs
from authcheck.registry.tables import ViewFeatures
from authcheck.workspace import Workspace

NAMES = ("nw-001", "tt-006", "as-011", "hl-003")
LOCAL = CURRENT_POLICY


@pytest.fixture
def registry(workspace: Workspace) -> Workspace:
    """A workspace with four designs of one brand."""
    for name in NAMES:
        make.register(workspace, name, pictures=[make.fixture_bytes(name)])
    return replace(workspace, policy=LOCAL)


def check(workspace: Workspace, image: Image.Image) -> tuple[Check, Answer]:
    """Check a photo, as a JPEG."""
    return check_picture(
        workspace.database,
        workspace.finder,
        make.encode(image, "JPEG", quality=85),
        limits=workspace.limits,
        policy=workspace.policy,
        organisation_id=None,
        source="cli",
        name="photo.jpg",
        now=make.NOW,
    )


def found_in(given: Answer) -> dict[str, str]:
    """The reference and verdict of each finding."""
    return {one.candidate.reference: one.code.value for one in given.verdict.findings}


def photo(name: str, ground: Image.Image | None = None, **words: Any) -> tuple[Image.Image, make.Quad]:
    """A photo of a background with the design printed on it, and the place of the print."""
    image = make.fixture(name)
    place = make.quad(image, **({"middle": (430, 300), "longer_px": 240} | words))
    return make.printed(image, place, ground or make.busy_ground(1)), place


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ({"longer_px": 150}, set()),
        ({"angle_deg": 130}, {"image.rotated"}),
        ({"angle_deg": 30, "mirrored": True}, {"image.rotated", "image.mirrored"}),
        ({"slant": 0.15}, set()),
        ({"middle": (20, 320)}, {"image.partial_copy"}),
    ],
    ids=["small", "turned", "mirrored", "perspective", "outside"],
)
@pytest.mark.parametrize("name", ["nw-001", "tt-006"])
def test_a_print_is_found(registry: Workspace, name: str, words: dict[str, Any], codes: set[str]) -> None:
    """A print is a match by features, with its outline and reasons that name the changes."""
    image, place = photo(name, **words)
    stored, given = check(registry, image)
    assert (stored.verdict, stored.method, found_in(given)) == ("match", "features", {name: "match"})
    found = given.verdict.findings[0].candidate
    assert found.alignment is not None
    assert make.overlap(make.outline_of(found.alignment.homography), place) > 0.8
    assert {one.code for one in given.verdict.reasons} == {"image.design_found", *codes}


@pytest.mark.slow
def test_a_covered_print_is_found(registry: Workspace) -> None:
    """A print with a third covered is a match that says how much is visible."""
    image, place = photo("tt-006", longer_px=360, middle=(400, 320))
    image.paste(make.busy_ground(8).crop((0, 0, 400, 220)), (200, 370))
    stored, given = check(registry, image)
    assert (stored.verdict, found_in(given)) == ("match", {"tt-006": "match"})
    partial = next(one for one in given.verdict.reasons if one.code == "image.partial_copy")
    assert 40 <= int(partial.params["percent"]) < 80
    alignment = given.verdict.findings[0].candidate.alignment
    assert alignment is not None
    assert make.overlap(make.outline_of(alignment.homography), place) > 0.7


@pytest.mark.slow
def test_two_designs_are_two_findings(registry: Workspace) -> None:
    """Two designs give two findings with their own outlines, and the reason counts them."""
    image, one = photo("nw-001", middle=(210, 300), angle_deg=10)
    image, other = photo("tt-006", image, middle=(590, 330), angle_deg=-15)
    stored, given = check(registry, image)
    assert found_in(given) == {"nw-001": "match", "tt-006": "match"}
    for finding in given.verdict.findings:
        place = one if finding.candidate.reference == "nw-001" else other
        assert finding.candidate.alignment is not None
        assert make.overlap(make.outline_of(finding.candidate.alignment.homography), place) > 0.8
    several = next(one for one in given.verdict.reasons if one.code == "image.several_designs")
    assert several.params == {"designs": 2}
    assert [one["alignment"] is not None for one in stored.findings] == [True, True]


def sisters() -> tuple[Image.Image, Image.Image]:
    """Two designs that share one motif, each with its own scenery."""
    made = []
    motif = make.fixture("tt-006").resize((200, 190))
    for seed in (21, 22):
        sheet = make.busy_ground(seed, (420, 420))
        sheet.paste(motif, (110, 115))
        made.append(sheet)
    return made[0], made[1]


@pytest.mark.slow
@pytest.mark.parametrize("shown", [0, 1])
def test_of_sisters_the_one_that_is_shown_is_found(workspace: Workspace, shown: int) -> None:
    """Of two designs that share a motif, only the shown design is a match."""
    both = sisters()
    for number, sheet in enumerate(both):
        make.register(workspace, f"SISTER-{number}", pictures=[make.encode(sheet)])
    place = make.quad(both[shown], (420, 310), 300, angle_deg=20)
    image = make.printed(both[shown], place, make.busy_ground(1))
    _, given = check(replace(workspace, policy=LOCAL), image)
    assert found_in(given) == {f"SISTER-{shown}": "match"}
    other = next((one.score for one in given.ranked if one.reference != f"SISTER-{shown}"), 0)
    assert other < LOCAL.match


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 3, 5])
def test_an_unrelated_picture_is_nobodys(registry: Workspace, seed: int) -> None:
    """A busy background without a print matches nothing."""
    stored, given = check(registry, make.busy_ground(seed))
    assert (stored.verdict, stored.findings, given.verdict.findings) == ("none", [], ())


@pytest.mark.slow
def test_a_replay_needs_no_picture(registry: Workspace) -> None:
    """A replay scores the stored measurements.

    It gives the same answer, to the last reason, and today's answer while the registry is unchanged.
    """
    image, _ = photo("nw-001", angle_deg=30)
    stored, given = check(registry, image)
    assert stored.looks
    replayed = replay(registry.database, registry.finder, stored.id)
    assert (replayed.changes, replayed.registry_moved) == ((), False)
    assert replayed.again == replayed.today == given.verdict
    with registry.database.writing() as session:
        designs.retire(session, designs.find_design(session, "acme", "nw-001"), make.NOW)
    again = replay(registry.database, registry.finder, stored.id)
    assert (again.changes, again.registry_moved, again.again) == ((), True, given.verdict)
    assert again.today is not None
    assert again.today.code == "none"


@pytest.mark.slow
def test_tampered_measurements_are_noticed(registry: Workspace) -> None:
    """Edited measurements give another score, and invalid measurements are refused."""
    image, _ = photo("nw-001")
    stored, _ = check(registry, image)
    (look, *rest) = stored.looks
    for numbers, changes in (
        ([0.0] * len(look["numbers"]), ("score",)),
        ([1.0], ("fingerprint",)),
    ):
        with registry.database.writing() as session:
            session.get_one(Check, stored.id).looks = [look | {"numbers": numbers}, *rest]
        assert set(changes) <= set(replay(registry.database, registry.finder, stored.id).changes)


def test_the_fast_policy_asks_the_hashes_only(registry: Workspace) -> None:
    """The fast policy asks the hashes only. It misses the small print and still finds the whole picture."""
    fast = replace(registry, policy=FAST_POLICY)
    image, _ = photo("nw-001", longer_px=180, angle_deg=30)
    stored, given = check(fast, image)
    assert (stored.verdict, stored.policy, stored.looks, given.looks) == ("none", FAST_POLICY.name, [], ())
    copied, _ = check(fast, make.fixture("nw-001"))
    assert (copied.verdict, copied.looks) == ("match", [])
    assert copied.method in {"phash", "dhash"}
    assert replay(fast.database, fast.finder, stored.id).changes == ()


@pytest.mark.slow
def test_a_retired_design_is_found_no_longer(registry: Workspace) -> None:
    """The same photo matches before the design is retired, and not after."""
    image, _ = photo("nw-001", angle_deg=30)
    assert check(registry, image)[0].verdict == "match"
    with registry.database.writing() as session:
        designs.retire(session, designs.find_design(session, "acme", "nw-001"), make.NOW)
    stored, given = check(registry, image)
    assert (stored.verdict, found_in(given)) == ("none", {})


@pytest.mark.slow
def test_what_another_process_registers_is_found(registry: Workspace) -> None:
    """The next check here finds a design that another process registered."""
    image, _ = photo("mi-010", angle_deg=30)
    assert check(registry, image)[0].verdict == "none"
    other = Workspace.open(registry.settings)
    make.register(other, "mi-010", pictures=[make.fixture_bytes("mi-010")])
    other.database.dispose()
    assert found_in(check(registry, image)[1]) == {"mi-010": "match"}


@pytest.mark.slow
def test_threads_share_a_finder(registry: Workspace) -> None:
    """Checks side by side each get their own answer."""
    photos = {name: photo(name, angle_deg=30)[0] for name in NAMES}
    given: dict[str, dict[str, str]] = {}

    def ask(name: str) -> None:
        given[name] = found_in(check(registry, photos[name])[1])

    threads = [threading.Thread(target=ask, args=(name,)) for name in NAMES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given == {name: {name: "match"} for name in NAMES}


@pytest.mark.slow
def test_a_view_without_features_stops_the_check(registry: Workspace) -> None:
    """A registry from before local features names the command to run.

    The fast policy works without features.
    """
    with registry.database.writing() as session:
        session.execute(delete(ViewFeatures))
    image, _ = photo("nw-001")
    with pytest.raises(Unavailable) as refused:
        check(registry, image)
    assert (refused.value.code, refused.value.params) == ("registry.old_scheme", {"views": len(NAMES)})
    assert check(replace(registry, policy=FAST_POLICY), image)[0].verdict == "none"


@pytest.mark.slow
@pytest.mark.parametrize(
    "image",
    [
        make.tiled(make.picture(9, (40, 40)), 20),
        make.noise(1, (600, 400)).resize((900, 600)),
        make.picture(7).resize((20_000, 16)),
        make.picture(7).resize((16, 9_000)),
    ],
    ids=["400 tiles", "noise", "wide", "tall"],
)
def test_attacks_are_answered(registry: Workspace, image: Image.Image) -> None:
    """An attack picture never matches a strip or a design without points, and its check replays."""
    gradient = Image.linear_gradient("L").resize((200, 300)).convert("RGB")
    make.register(registry, "GRADIENT", pictures=[make.encode(gradient)])
    make.register(registry, "STRIP", pictures=[make.encode(make.picture(5).resize((3000, 16)))])
    stored, _ = check(registry, image)
    assert stored.verdict != "match"
    assert len(stored.looks) <= 6
    assert replay(registry.database, registry.finder, stored.id).changes == ()
