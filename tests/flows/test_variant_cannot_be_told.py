"""Flow: a picture shows a part that two designs of one owner share. The check says that the variant is unclear."""

from datetime import date
from typing import Any

import licences_made
import make
import pytest
import shops_made
from PIL import Image

from authcheck.checks.policies import CURRENT_POLICY
from authcheck.checks.reasons import reason_sentence
from authcheck.checks.records import check_picture
from authcheck.listings import judging
from authcheck.listings.judging import Judged, NewListing
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

pytestmark = pytest.mark.slow
SHARED, VANILLA, NATURAL = make.picture(61), make.picture(62), make.picture(63)


def package(flavour: Image.Image) -> Image.Image:
    """Return a package: the picture that all packages of the family share, over the picture of the flavour."""
    front = Image.new("RGB", (SHARED.width, SHARED.height * 3 // 2), "white")
    front.paste(SHARED, (0, 0))
    front.paste(flavour.crop((0, 0, SHARED.width, SHARED.height // 2)), (0, SHARED.height))
    return front


UPPER_HALF = make.encode(
    package(VANILLA).crop((0, 0, SHARED.width, SHARED.height)).rotate(4), "JPEG", quality=85
)


@pytest.fixture
def packages(workspace: Workspace) -> tuple[Design, Design]:
    """Return two packages of acme. kiteco has a shop."""
    make.confirm_address(workspace.database)
    first, second = (
        make.register(workspace, name, pictures=[make.encode(package(flavour))]).design
        for name, flavour in (("VANILLA", VANILLA), ("NATURAL", NATURAL))
    )
    kiteco = licences_made.organisation(workspace, "kiteco")
    with workspace.database.writing() as session:
        words = {"marketplace": "bigmarket", "shop_id": "kites", "url": "https://bigmarket.example/kites"}
        shops_made.add(session, kiteco, **words, now=make.NOW)
    return first, second


def ask(work: Workspace, picture: bytes) -> Judged:
    """Check a listing of kiteco's shop."""
    fields: dict[str, Any] = {"reference": "L", "seller": "kites", "channel": "bigmarket", "territory": "DE"}
    offer = NewListing(**fields, listed_on=date(2026, 11, 23))
    pictures = [("a.jpg", picture)]
    return judging.check_listing(work, offer, pictures, organisation_id=None, source="cli", now=make.NOW)


def reasons_of(work: Workspace, picture: bytes) -> dict[str, dict[str, Any]]:
    """Check a picture. Return the params of the verdict's reasons, by code."""
    _, answer = check_picture(
        work.database,
        work.finder,
        picture,
        limits=work.limits,
        policy=CURRENT_POLICY,
        organisation_id=None,
        source="cli",
        name="a.jpg",
        now=make.NOW,
    )
    return {reason.code: dict(reason.params) for reason in answer.verdict.reasons}


def test_the_answer_says_that_two_designs_fit(workspace: Workspace, packages: tuple[Design, Design]) -> None:
    """The shared part alone does not say which package it is. The other flavour is counted."""
    told = reasons_of(workspace, UPPER_HALF)
    assert told["design.variant_unclear"] == {"designs": 1}
    assert "image.also_near" not in told
    sentence = reason_sentence("design.variant_unclear", {"designs": 1})
    assert sentence == "1 more design of this owner fits as well: which one cannot be told"


def test_the_whole_package_is_told_from_its_sister(
    workspace: Workspace, packages: tuple[Design, Design]
) -> None:
    """Where the flavour is seen, the variant is clear, and a licence for the sister does not cover it."""
    picture = make.encode(package(NATURAL).rotate(4), "JPEG", quality=85)
    licences_made.licence(workspace, licensee="kiteco", designs=(packages[0].id,))
    decision = ask(workspace, picture).decision
    assert (decision.code, decision.design_id) == ("unlicensed_use", packages[1].id)
    assert "design.variant_unclear" not in reasons_of(workspace, picture)


@pytest.mark.parametrize("number", [0, 1])
def test_a_licence_for_either_counts(
    workspace: Workspace, packages: tuple[Design, Design], number: int
) -> None:
    """Nobody is accused because of a difference that the picture does not show."""
    assert ask(workspace, UPPER_HALF).decision.code == "unlicensed_use"
    agreed = licences_made.licence(workspace, licensee="kiteco", designs=(packages[number].id,))
    decision = ask(workspace, UPPER_HALF).decision
    assert (decision.code, decision.licence_id) == ("licensed", agreed.id)
    named = {reason.params.get("twin") for reason in decision.reasons if reason.code == "listing.variant"}
    assert named == (set() if decision.design_id == packages[number].id else {packages[number].reference})


def test_designs_of_two_owners_are_no_variants(workspace: Workspace) -> None:
    """A licence of one owner never covers the design of another."""
    for owner, flavour in (("acme", VANILLA), ("globex", NATURAL)):
        make.register(workspace, "PACK", owner=owner, pictures=[make.encode(package(flavour))])
    assert "design.variant_unclear" not in reasons_of(workspace, UPPER_HALF)
