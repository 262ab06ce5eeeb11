"""Flow: points on a negative picture are no evidence for the designs it applies to, until it is removed."""

from dataclasses import replace

import make
import pytest
from PIL import Image

from authcheck.checks.answers import answer, read_submission
from authcheck.checks.policies import CURRENT_POLICY
from authcheck.members import organisations
from authcheck.registry import negatives
from authcheck.workspace import Workspace

STICKER = make.fixture("tt-006")  # the sticker that a marketplace puts on every photo


@pytest.fixture
def registry(workspace: Workspace) -> Workspace:
    """Two brands: acme registered a picture of its goods with that sticker on it, globex a design without it."""
    make.register(workspace, "GOODS", owner="acme", pictures=[make.encode(goods(160))])
    make.register(workspace, "CAMP", owner="globex", pictures=[make.fixture_bytes("nw-001")])
    return replace(workspace, policy=CURRENT_POLICY)


def goods(sticker_px: int) -> Image.Image:
    """A picture of goods with a sticker of that size."""
    sheet = make.busy_ground(31, (420, 420))
    sheet.paste(STICKER.resize((sticker_px, round(sticker_px * STICKER.height / STICKER.width))), (40, 66))
    return sheet


def add(workspace: Workspace, owner: str | None) -> int:
    """Add the sticker as a negative picture. Return its number."""
    read = negatives.read_negative(make.encode(STICKER), workspace.limits)
    with workspace.database.writing() as session:
        owner_id = organisations.ensure_brand(session, owner, make.NOW).id if owner else None
        return negatives.add_negative(
            session, workspace.store, read, owner_id=owner_id, label="sticker", now=make.NOW
        ).number


def found(workspace: Workspace, image: Image.Image) -> set[str]:
    """The references of the designs found in a picture."""
    submission = read_submission(make.encode(image), workspace.limits)
    given = answer(workspace.database, workspace.finder, submission, workspace.policy)
    return {one.candidate.reference for one in given.verdict.findings}


def stickered(*, camp: bool) -> Image.Image:
    """A stranger's photo with the sticker and, optionally, a copy of the other brand's design."""
    image = make.busy_ground(1)
    if camp:
        design = make.fixture("nw-001")
        image = make.printed(design, make.quad(design, (180, 480), 280), image)
    return make.printed(STICKER, make.quad(STICKER, (540, 230), 320, angle_deg=12), image)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owner", "suppressed"),
    [(None, True), ("acme", True), ("globex", False), ("seller", False)],
    ids=["the operator's", "the owner's", "another brand's", "the seller's"],
)
def test_a_sticker_counts_no_more(registry: Workspace, owner: str | None, suppressed: bool) -> None:
    """Before the negative every photo with the sticker matches.

    Afterwards none does, where the negative applies.
    """
    image = stickered(camp=False)
    assert found(registry, image) == {"GOODS"}
    add(registry, owner)
    assert found(registry, image) == (set() if suppressed else {"GOODS"})


@pytest.mark.slow
def test_what_else_is_in_the_picture_is_found(registry: Workspace) -> None:
    """A copy of another design beside the sticker is still found, even when the negative applies to all brands."""
    image = stickered(camp=True)
    assert found(registry, image) == {"CAMP", "GOODS"}
    add(registry, None)
    assert found(registry, image) == {"CAMP"}


@pytest.mark.slow
def test_a_removed_negative_suppresses_nothing(registry: Workspace) -> None:
    """After the removal the answer is the same as before the negative."""
    image = stickered(camp=False)
    number = add(registry, None)
    assert found(registry, image) == set()
    with registry.database.writing() as session:
        negatives.remove_negative(session, number, owner_id=None)
    assert found(registry, image) == {"GOODS"}


@pytest.mark.slow
def test_a_counterfeiter_cannot_hide_a_copy(registry: Workspace) -> None:
    """A counterfeiter who names a photo of the copy as a negative cannot hide the copy."""
    design = make.fixture("nw-001")
    image = make.printed(design, make.quad(design, (400, 320), 300, angle_deg=20), make.busy_ground(1))
    read = negatives.read_negative(make.encode(image), registry.limits)
    with registry.database.writing() as session:
        thief = organisations.ensure_brand(session, "thief", make.NOW)
        negatives.add_negative(
            session, registry.store, read, owner_id=thief.id, label="my table", now=make.NOW
        )
    assert found(registry, image) == {"CAMP"}


@pytest.mark.slow
def test_a_sticker_that_is_most_of_a_design_counts_no_more(registry: Workspace) -> None:
    """A sticker that covers two thirds of the registered picture is no evidence either."""
    make.register(registry, "COVERED", owner="acme", pictures=[make.encode(goods(330))])
    add(registry, None)
    assert found(registry, stickered(camp=False)) == set()
