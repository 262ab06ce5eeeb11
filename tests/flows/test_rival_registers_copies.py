"""Flow: a rival registers copies of a brand's pictures and tries to gain by it (docs/threat-model.md)."""

import itertools
from contextlib import suppress

import make
import pytest
import shops_made
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from PIL import Image, ImageOps

from authcheck.audit.rows import compare_rows
from authcheck.checks.answers import Answer, answer, read_submission
from authcheck.checks.policies import CURRENT_POLICY
from authcheck.config import Settings
from authcheck.errors import Conflict, NotFound
from authcheck.listings import judging
from authcheck.listings.judging import NewListing
from authcheck.members import organisations
from authcheck.registry import designs, disputes, rulings
from authcheck.registry.reading import read_view
from authcheck.registry.registration import Registered, Registration
from authcheck.registry.tables import Design, Dispute
from authcheck.workspace import Workspace

OWN = "nw-001"


def turned(image: Image.Image, degrees: float) -> Image.Image:
    """Return the picture turned on white."""
    return image.rotate(degrees, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC)


def cropped(image: Image.Image, share: float) -> Image.Image:
    """Return the middle of the picture, `share` of each side."""
    width, height = round(image.width * share), round(image.height * share)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


COPIES = {
    "recompressed": lambda image: image,
    "turned by an odd angle": lambda image: turned(image, 33),
    "mirrored": ImageOps.mirror,
    "cropped": lambda image: cropped(image, 0.6),
    "a small part": lambda image: cropped(image, 0.4),
    "mirrored and cropped": lambda image: ImageOps.mirror(cropped(image, 0.7)),
    "cropped and turned": lambda image: turned(cropped(image, 0.8), 120),
    "on a larger ground": lambda image: ImageOps.expand(image, image.width // 3, "#7a8"),
}


def jpeg(image: Image.Image, quality: int = 80) -> bytes:
    """Return the picture as a JPEG file."""
    return make.encode(image, "JPEG", quality=quality)


@pytest.fixture
def house(workspace: Workspace) -> Workspace:
    """A registry with four designs of the brand and all stages of a check."""
    for name in (OWN, "nw-002", "as-002", "as-003"):
        make.register(workspace, name, owner="brand", pictures=[make.encode(make.fixture(name))])
    return workspace


def add_view(workspace: Workspace, owner: str, reference: str, data: bytes) -> Design:
    """Add a picture to a design. Returns the design afterwards."""
    with workspace.database.writing() as session:
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        design = designs.find_design(session, owner, reference)
        registration.add_views(design, [read_view(data, workspace.limits)])
    return design_of(workspace, owner, reference)


def design_of(workspace: Workspace, owner: str, reference: str) -> Design:
    """Return a design as it is now."""
    with workspace.database.reading() as session:
        return designs.find_design(session, owner, reference)


def ask(workspace: Workspace, data: bytes) -> Answer:
    """Check a picture."""
    submission = read_submission(data, workspace.limits)
    return answer(workspace.database, workspace.finder, submission, workspace.policy)


def named(result: Answer) -> tuple[str, str, str]:
    """Return verdict, owner and reference of the answer."""
    candidate = result.verdict.candidate
    assert candidate is not None
    return result.verdict.code.value, candidate.owner, candidate.reference


def only_dispute(workspace: Workspace, *, ended: bool = False) -> Dispute:
    """Return the only dispute."""
    with workspace.database.reading() as session:
        (dispute,) = disputes.list_disputes(session, ended=ended)
    return dispute


def copy(workspace: Workspace, kind: str = "turned by an odd angle", reference: str = "COPY") -> Registered:
    """Register a copy of the brand's picture for the rival."""
    return make.register(
        workspace, reference, owner="rival", pictures=[jpeg(COPIES[kind](make.fixture(OWN)))]
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_disputed_and_its_listing_names_the_first_owner(house: Workspace, kind: str) -> None:
    """However the copy was made: it is disputed, and a listing that shows it is answered with the brand's design."""
    assert house.policy == CURRENT_POLICY
    registered = copy(house, kind)
    assert (registered.status, registered.near is not None) == ("disputed", True)
    result = ask(house, jpeg(COPIES[kind](make.fixture(OWN)), 70))
    verdict, owner, reference = named(result)
    assert (owner, reference) == ("brand", OWN)
    assert verdict in {"match", "lookalike"}
    second = [one for one in result.ranked if one.owner == "rival"]
    assert [one.disputed for one in second] == [True]


@pytest.mark.slow
def test_a_brand_may_add_the_view_that_a_rival_registered_before(house: Workspace) -> None:
    """The brand's older design explains the turned view, so it inherits the priority and nothing is disputed."""
    data = jpeg(turned(make.fixture(OWN), 33), 90)
    copy(house)
    design = add_view(house, "brand", OWN, data)
    assert design.state == "registered"
    assert [view.standing for view in designs.live_views(design)] == ["clear", "clear"]
    assert design_of(house, "rival", "COPY").state == "disputed"
    assert named(ask(house, data)) == ("match", "brand", OWN)


@pytest.mark.slow
def test_an_early_unrelated_design_gives_no_priority(house: Workspace) -> None:
    """A picture that the rival adds to a design older than the brand's picture is the disputed one.

    The design itself stays registered: it is older. Its own first picture cannot be taken away then.
    """
    early = make.register(house, "EARLY", owner="rival", pictures=[make.encode(make.fixture("tt-004"))])
    make.register(house, "LATE", owner="brand", pictures=[make.encode(make.fixture("hl-002"))])
    design = add_view(house, "rival", "EARLY", jpeg(make.fixture("hl-002"), 85))
    assert (early.status, design.state) == ("registered", "registered")
    assert [view.standing for view in designs.live_views(design)] == ["clear", "disputed"]
    assert designs.public_view(design).standing == "clear"
    assert named(ask(house, jpeg(make.fixture("hl-002"), 60))) == ("match", "brand", "LATE")
    first = designs.live_views(design)[0].picture_sha256
    with pytest.raises(Conflict) as refused, house.database.writing() as session:
        designs.remove_view(session, designs.find_design(session, "rival", "EARLY"), first, make.NOW)
    assert refused.value.code == "view.last"


@pytest.mark.slow
def test_an_early_part_of_a_collage_gives_no_priority(house: Workspace) -> None:
    """The rival's early mark, pasted onto the brand's later picture, does not carry the picture's priority."""
    mark = make.fixture("mi-003")
    make.register(house, "MARK", owner="rival", pictures=[make.encode(mark)])
    make.register(house, "LATE", owner="brand", pictures=[make.encode(make.fixture("hl-002"))])
    collage = make.fixture("hl-002")
    collage.paste(mark.resize((collage.width // 3, collage.height // 3)), (0, 0))
    design = add_view(house, "rival", "MARK", jpeg(collage, 90))
    assert [view.standing for view in designs.live_views(design)] == ["clear", "disputed"]
    assert design_of(house, "brand", "LATE").state == "registered"


@pytest.mark.slow
def test_many_copies_hide_no_first_view(house: Workspace) -> None:
    """A dozen disputed copies leave verdict and score of the brand's listings exactly as they were."""
    listings = [jpeg(make.fixture(OWN), 60), jpeg(turned(make.fixture(OWN), 20), 70)]
    before = [ask(house, data).verdict for data in listings]
    for quality in range(40, 88, 4):
        data = jpeg(make.fixture(OWN), quality)
        assert make.register(house, f"C{quality}", owner="rival", pictures=[data]).status == "disputed"
    after = [ask(house, data).verdict for data in listings]
    assert [(one.code, one.score, one.candidate) for one in after] == [
        (one.code, one.score, one.candidate) for one in before
    ]


@pytest.mark.slow
def test_a_decoy_that_is_withdrawn_frees_no_copy(house: Workspace) -> None:
    """The rival's second account registers a decoy and retires it. The copy is disputed by the brand all the same."""
    data = jpeg(make.fixture(OWN), 80)
    make.register(house, "DECOY", owner="accomplice", pictures=[jpeg(make.fixture(OWN), 81)])
    make.register(house, "COPY", owner="rival", pictures=[data])
    with house.database.writing() as session:
        designs.retire(session, designs.find_design(session, "accomplice", "DECOY"), make.NOW)
    assert design_of(house, "rival", "COPY").state == "disputed"


@pytest.mark.parametrize("way", ["view", "design", "rival"])
def test_a_dispute_ends_when_a_side_takes_its_picture_back(workspace: Workspace, way: str) -> None:
    """Afterwards states, standings and answers are as if the dispute had not been."""
    make.register(workspace, "FIRST", owner="brand", pictures=[make.picture_bytes(0), make.picture_bytes(5)])
    copied = make.register(workspace, "COPY", owner="rival", pictures=[make.picture_bytes(0, "JPEG")])
    assert copied.status == "disputed"
    with workspace.database.writing() as session:
        if way == "rival":
            designs.retire(session, designs.find_design(session, "rival", "COPY"), make.NOW)
        elif way == "design":
            designs.retire(session, designs.find_design(session, "brand", "FIRST"), make.NOW)
        else:
            first = designs.find_design(session, "brand", "FIRST")
            designs.remove_view(session, first, designs.live_views(first)[0].picture_sha256, make.NOW)
    assert only_dispute(workspace, ended=True).ended_by == "withdrawn"
    rest = design_of(workspace, "rival", "COPY")
    assert rest.state == ("retired" if way == "rival" else "registered")
    assert [view.standing for view in designs.live_views(rest)] == ([] if way == "rival" else ["clear"])
    result = ask(workspace, make.picture_bytes(0))
    assert named(result)[1:] == (("brand", "FIRST") if way == "rival" else ("rival", "COPY"))
    assert "design.disputed" not in {reason.code for reason in result.verdict.reasons}


@pytest.mark.parametrize(
    ("ruling", "states", "answer_of"),
    [
        ("earlier", ("registered", "retired"), "brand"),
        ("later", ("retired", "registered"), "rival"),
        ("both", ("registered", "registered"), "brand"),
    ],
)
def test_the_operator_rules(
    workspace: Workspace, ruling: str, states: tuple[str, str], answer_of: str
) -> None:
    """The ruling says who keeps the picture. A second ruling is refused."""
    make.register(workspace, "FIRST", owner="brand")
    make.register(workspace, "COPY", owner="rival", pictures=[make.picture_bytes(0, "JPEG", quality=60)])
    dispute = only_dispute(workspace)
    with workspace.database.writing() as session:
        rulings.rule(session, dispute.id, ruling, reason="Seen both originals.", now=make.NOW, is_final=True)
    with pytest.raises(Conflict) as refused, workspace.database.writing() as session:
        rulings.rule(session, dispute.id, "both", reason="Again.", now=make.NOW)
    assert refused.value.code == "dispute.ended"
    ended = only_dispute(workspace, ended=True)
    assert (ended.ended_by, ended.reason) == (ruling, "Seen both originals.")
    first, later = design_of(workspace, "brand", "FIRST"), design_of(workspace, "rival", "COPY")
    assert (first.state, later.state) == states
    result = ask(workspace, make.picture_bytes(0))
    assert named(result) == ("match", answer_of, "FIRST" if answer_of == "brand" else "COPY")
    assert "design.disputed" not in {reason.code for reason in result.verdict.reasons}


def test_a_dispute_ruled_both_is_not_opened_again(workspace: Workspace) -> None:
    """After the ruling that both stand, the owner may add a picture that the own view explains."""
    make.register(workspace, "FIRST", owner="brand")
    make.register(workspace, "PEER", owner="peer", pictures=[make.picture_bytes(0, "JPEG", quality=60)])
    with workspace.database.writing() as session:
        rulings.rule(
            session, only_dispute(workspace).id, "both", reason="Joint work.", now=make.NOW, is_final=True
        )
    for owner, reference in (("peer", "PEER"), ("brand", "FIRST")):
        design = add_view(workspace, owner, reference, make.picture_bytes(0, "JPEG", quality=71))
        assert (owner, design.state) == (owner, "registered")
        assert {view.standing for view in designs.live_views(design)} == {"clear"}


@pytest.mark.slow
def test_no_order_of_a_rivals_acts_costs_the_first_owner_an_answer(house: Workspace) -> None:
    """In three orders of registering, adding and withdrawing copies, the brand's listing keeps its answer."""
    listing = jpeg(turned(make.fixture(OWN), 12), 75)
    before = ask(house, listing).verdict
    kinds = ("recompressed", "turned by an odd angle", "cropped")
    for number, order in enumerate([*itertools.permutations(kinds)][::2]):
        owner = f"rival-{number}"
        first, *others = [jpeg(COPIES[kind](make.fixture(OWN)), 80 + number) for kind in order]
        make.register(house, "R", owner=owner, pictures=[first])
        for data in others:
            add_view(house, owner, "R", data)
        if number % 2:
            with house.database.writing() as session:
                design = designs.find_design(session, owner, "R")
                designs.remove_view(session, design, designs.live_views(design)[-1].picture_sha256, make.NOW)
        verdict = ask(house, listing).verdict
        assert (verdict.code, verdict.score) == (before.code, before.score)
        assert verdict.candidate == before.candidate


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["turned by an odd angle", "cropped", "a small part"])
def test_the_rivals_own_shop_gets_no_clean_verdict_with_a_copy(house: Workspace, kind: str) -> None:
    """A listing of the copy by the rival's own shop is never `licensed`."""
    copy(house, kind)
    with house.database.writing() as session:
        rival = organisations.get_organisation(session, "rival")
        shops_made.add(
            session,
            rival,
            marketplace="bigmarket",
            shop_id="r",
            url="https://bigmarket.example/r",
            now=make.NOW,
        )
    offer = NewListing(
        reference="L-1",
        seller="r",
        channel="bigmarket",
        territory="DE",
        goods=(25,),
        listed_on=make.NOW.date(),
    )
    data = jpeg(COPIES[kind](make.fixture(OWN)), 70)
    judged = judging.check_listing(
        house, offer, [("a.jpg", data)], organisation_id=None, source="api", now=make.NOW
    )
    assert judged.listing.verdict in {"unlicensed_use", "lookalike"}
    assert "brand" in str(judged.listing.reasons)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["register", "add", "remove", "retire"]),
        st.sampled_from(["rival", "accomplice"]),
        st.integers(40, 95),
        st.sampled_from([0, 90, 180, 270]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@settings_of_hypothesis(max_examples=settings_of_hypothesis.default.max_examples // 3)
@given(acts=ACTS)
def test_no_sequence_of_acts_changes_the_answer(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, str, int, int, bool]]
) -> None:
    """Whatever two rivals register, add and withdraw, the brand's listings keep verdict, score and design.

    With hashes only, so that many sequences are tried: turned and mirrored recompressed copies.
    """
    work = Workspace.open(Settings(data_dir=tmp_path_factory.mktemp("acts"), fast=True))
    make.register(work, "FIRST", owner="brand")
    listings = [make.picture_bytes(0, "JPEG", quality=quality) for quality in (60, 85)]
    before = [ask(work, data).verdict for data in listings]
    for number, (act, owner, quality, degrees, mirrored) in enumerate(acts):
        image = make.picture(0).rotate(degrees, expand=True)
        data = jpeg(ImageOps.mirror(image) if mirrored else image, quality)
        with suppress(Conflict, NotFound, IndexError):
            if act == "register":
                make.register(work, f"R{number}", owner=owner, pictures=[data])
                continue
            with work.database.reading() as session:
                own = designs.list_designs(
                    session, owner_id=organisations.get_organisation(session, owner).id
                )
            reference = own[-1].reference
            if act == "add":
                add_view(work, owner, reference, data)
                continue
            with work.database.writing() as session:
                design = designs.find_design(session, owner, reference)
                if act == "retire":
                    designs.retire(session, design, make.NOW)
                else:
                    designs.remove_view(
                        session, design, designs.live_views(design)[0].picture_sha256, make.NOW
                    )
    after = [ask(work, data).verdict for data in listings]
    assert [(one.code, one.score, one.candidate) for one in after] == [
        (one.code, one.score, one.candidate) for one in before
    ]
    assert design_of(work, "brand", "FIRST").state == "registered"
    with work.database.reading() as session:
        assert list(compare_rows(session)) == []
    work.database.dispose()
