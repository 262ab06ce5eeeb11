"""Flow: a brand registers a product photo, sees which part is used and how findable it is, and changes that."""

from pathlib import Path
from typing import Any

import make
import pytest
from PIL import Image
from registry_state import live_hashes, pictures_of, rows_of, tick_of
from sqlalchemy import select

from authcheck.checks.records import check_picture
from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.members.tables import Organisation
from authcheck.registry import designs
from authcheck.registry.clock import live_at
from authcheck.registry.design_files import load_from, read_table
from authcheck.registry.features import Masking, usual_masking
from authcheck.registry.masking import change_mask, get_mask
from authcheck.registry.reading import read_view
from authcheck.registry.registration import NewDesign, Registration
from authcheck.registry.reports import RowReport
from authcheck.registry.tables import CLEAR, Design, View, ViewEmbedding, ViewFeatures
from authcheck.storage.database import Database
from authcheck.vision.features.features import Features
from authcheck.vision.features.masks import stored_mask
from authcheck.workspace import Workspace

PHOTO = make.encode(make.product_photo())


def register(
    workspace: Workspace, reference: str = "TEE-1", *, kind: str = "photo", data: bytes = PHOTO
) -> Design:
    """Register a photo in the same way as the command line and the API."""
    view = read_view(data, workspace.limits, usual_masking(kind))
    make.register(workspace, "FIRST-EVER", owner="other", seed=99)  # so that acme is not row number one
    with workspace.database.writing() as session:
        owner = session.scalars(select(Organisation).where(Organisation.handle == "acme")).one_or_none()
        owner = owner or make.organisations.ensure_brand(session, "acme", make.NOW)
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        return registration.register(owner, NewDesign(reference, reference, kind), [view]).design


def remask(workspace: Workspace, design: Design, masking: Masking, **words: Any) -> None:
    """Change the mask of the design's one picture."""
    (sha256,) = live_hashes(workspace, design.reference)
    change_mask(
        workspace.database,
        workspace.store,
        workspace.limits,
        **{"design_id": design.id, "picture_sha256": sha256, "masking": masking, "now": make.NOW, **words},
    )


def views_of(workspace: Workspace, design: Design) -> list[tuple[View, ViewFeatures]]:
    """Every view of a design with its features, live or not."""
    query = (
        select(View, ViewFeatures).join(View.local).where(View.design_id == design.id).order_by(View.number)
    )
    with workspace.database.reading() as session:
        return [(view, features) for view, features in session.execute(query)]


def test_the_floor_of_a_photo_does_not_count(workspace: Workspace) -> None:
    """A registered photo gets an automatic mask.

    Only the product's part of the picture gives local features.
    """
    design = register(workspace)
    ((_, masked),) = views_of(workspace, design)
    assert masked.mask_source == "automatic"
    assert masked.mask is not None
    mask = stored_mask(masked.mask)
    assert mask[mask.shape[0] // 2, mask.shape[1] // 2]
    assert not mask[0].any()
    remask(workspace, design, "none")
    whole = views_of(workspace, design)[-1][1]
    assert (whole.mask, whole.mask_source) == (None, None)
    assert (off_board(masked), off_board(whole) > 0) == (0, True), "the grain of the floor has points too"


def off_board(features: ViewFeatures) -> int:
    """Count the points more than 8 pixels outside the board of make.product_photo."""
    x, y = (Features.from_bytes(features.record).places()[:, :2] * 320).T
    return int(((abs(x) > 108) | (abs(y - 2) > 88)).sum())


def test_an_illustration_counts_as_a_whole(workspace: Workspace) -> None:
    """A picture of any other kind is used whole, unless the owner asks for a mask."""
    design = register(workspace, kind="illustration")
    ((_, features),) = views_of(workspace, design)
    assert (features.mask, features.mask_source) == (None, None)
    remask(workspace, design, "auto")
    assert views_of(workspace, design)[-1][1].mask_source == "automatic"


def test_a_mask_changes_nothing_for_the_hashes(workspace: Workspace) -> None:
    """The fingerprint is always that of the whole photograph, whatever the mask."""
    design = register(workspace)
    remask(workspace, design, make.mask_bytes())
    first, second = (view for view, _ in views_of(workspace, design))
    assert first.fingerprint == second.fingerprint
    assert first.picture_sha256 == second.picture_sha256


def test_a_new_mask_is_a_new_view_at_a_new_tick(workspace: Workspace) -> None:
    """Old features take part up to the tick before the change, new features from the change on, and never both."""
    design = register(workspace)
    before = tick_of(workspace)
    remask(workspace, design, make.mask_bytes((60, 50, 160, 210)))
    after = tick_of(workspace)
    assert after == before + 1
    (old, automatic), (new, uploaded) = views_of(workspace, design)
    assert (old.removed_tick, new.added_tick, new.removed_tick) == (after, after, None)
    assert (automatic.mask_source, uploaded.mask_source) == ("automatic", "uploaded")
    assert automatic.record != uploaded.record
    for tick, number in ((before, old.number), (after, new.number)):
        with workspace.database.reading() as session:
            live = session.scalars(
                select(View.number).where(live_at(tick), View.design_id == design.id)
            ).all()
        assert list(live) == [number]


def test_every_process_takes_a_new_mask_over(workspace: Workspace, settings: Any) -> None:
    """The index of another process holds the new view after the change, without a restart."""
    design = register(workspace)
    other = Workspace.open(settings)
    query = read_view(PHOTO, workspace.limits).fingerprint
    with other.database.reading() as session:
        seen = other.finder.live.search(session, query, 1)[1][CLEAR][0].view_id
    remask(workspace, design, "none")
    (old, _), (new, _) = views_of(workspace, design)
    with other.database.reading() as session:
        assert (seen, other.finder.live.search(session, query, 1)[1][CLEAR][0].view_id) == (
            old.number,
            new.number,
        )
    other.database.dispose()


def test_a_photo_is_found_before_and_after_its_mask_changes(workspace: Workspace) -> None:
    """The registered file matches before and after the change of its mask."""
    design = register(workspace)
    for masking in ("none", make.mask_bytes(), "auto"):
        remask(workspace, design, masking)
        _, given = check_picture(
            workspace.database,
            workspace.finder,
            PHOTO,
            limits=workspace.limits,
            policy=workspace.policy,
            organisation_id=None,
            source="cli",
            name="tee.png",
            now=make.NOW,
        )
        assert given.verdict.code == "match"
        assert given.verdict.candidate is not None
        assert given.verdict.candidate.view_number == views_of(workspace, design)[-1][0].number


def test_the_same_mask_again_changes_nothing(workspace: Workspace) -> None:
    """Setting the same mask again adds no tick, no row and no version."""
    design = register(workspace)
    remask(workspace, design, make.mask_bytes())
    before = rows_of(workspace)
    remask(workspace, design, make.mask_bytes())
    assert rows_of(workspace) == before


def test_a_picture_keeps_its_place_when_its_mask_changes(workspace: Workspace) -> None:
    """The first picture stays first when its mask changes, so the design keeps its preview."""
    front, back = make.picture_bytes(1), make.picture_bytes(2)
    design = make.register(workspace, pictures=[front, back]).design
    shown = live_hashes(workspace, "REF-1")
    change_mask(
        workspace.database,
        workspace.store,
        workspace.limits,
        design_id=design.id,
        picture_sha256=shown[0],
        masking=make.mask_bytes(),
        now=make.NOW,
    )
    with workspace.database.reading() as session:
        found = designs.get_design(session, design.id)
        assert [view.picture_sha256 for view in designs.live_views(found)] == shown
        assert found.version == 2
    with workspace.database.writing() as session:
        designs.retire(session, designs.get_design(session, design.id), make.NOW)
    with workspace.database.reading() as session:
        found = designs.get_design(session, design.id)
        assert [view.picture_sha256 for view in designs.shown_views(found)] == shown
        masks = [view.local.mask_source if view.local else "" for view in designs.shown_views(found)]
        assert masks == ["uploaded", None]


def test_a_vector_follows_its_picture(workspace: Workspace) -> None:
    """The neural vector describes the whole picture. The new view has the same vector, from its own tick."""
    design = register(workspace)
    ((old, _),) = views_of(workspace, design)
    with workspace.database.writing() as session:
        session.add(
            ViewEmbedding(view_number=old.number, model="tiny", vector=b"12", added_tick=old.added_tick)
        )
    remask(workspace, design, "none")
    new = views_of(workspace, design)[-1][0]
    with workspace.database.reading() as session:
        copied = session.get_one(ViewEmbedding, (new.number, "tiny"))
    assert (copied.vector, copied.added_tick) == (b"12", new.added_tick)


@pytest.mark.parametrize(
    ("masking", "code"),
    [
        (make.mask_bytes(size=(256, 320)), "mask.size"),
        (make.mask_bytes((0, 0, 0, 0)), "mask.empty"),
        (b"no picture", "mask.unreadable"),
    ],
)
def test_a_useless_mask_leaves_everything_as_it_was(workspace: Workspace, masking: bytes, code: str) -> None:
    """A useless mask is refused with its code, and the old mask stays in force."""
    design = register(workspace)
    before = rows_of(workspace)
    with pytest.raises(Rejected) as refused:
        remask(workspace, design, masking)
    assert refused.value.code == code
    assert rows_of(workspace) == before


def test_only_the_owner_changes_a_mask(workspace: Workspace) -> None:
    """For anybody but the owner the design does not exist."""
    design = register(workspace)
    with pytest.raises(NotFound) as refused:
        remask(workspace, design, "none", owner_id="org_of_somebody_else")
    assert refused.value.code == "design.not_found"


def test_masks_of_what_is_gone_stay(workspace: Workspace) -> None:
    """The mask of an unknown picture is not found. The masks of a retired design do not change."""
    design = register(workspace)
    with pytest.raises(NotFound) as refused:
        remask(workspace, design, "none", picture_sha256="0" * 64)
    assert refused.value.code == "view.not_found"
    (sha256,) = live_hashes(workspace, "TEE-1")
    with workspace.database.writing() as session:
        designs.retire(session, designs.get_design(session, design.id), make.NOW)
    with pytest.raises(Conflict) as retired:
        change_mask(
            workspace.database,
            workspace.store,
            workspace.limits,
            design_id=design.id,
            picture_sha256=sha256,
            masking="none",
            now=make.NOW,
        )
    assert retired.value.code == "design.retired"


def test_a_whole_picture_has_no_mask_to_show(workspace: Workspace) -> None:
    """A picture without a mask answers "not found", not an all-white mask that nobody drew."""
    design = register(workspace, kind="pattern")
    (sha256,) = live_hashes(workspace, "TEE-1")
    with workspace.database.reading() as session, pytest.raises(NotFound) as refused:
        get_mask(session, designs.get_design(session, design.id), sha256)
    assert refused.value.code == "mask.not_found"


def test_a_design_is_changed_by_another_hand_meanwhile(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mask change is refused as not found when the picture was removed while its features were extracted."""
    design = make.register(workspace, pictures=[PHOTO, make.picture_bytes(5)]).design
    sha256 = live_hashes(workspace, "REF-1")[0]
    writing = Database.writing
    removed: list[bool] = []

    def remove_first(self: Database) -> Any:
        if not removed:
            removed.append(True)
            with writing(self) as session:
                designs.remove_view(session, designs.get_design(session, design.id), sha256, make.NOW)
        return writing(self)

    monkeypatch.setattr(Database, "writing", remove_first)
    with pytest.raises(NotFound) as refused:
        change_mask(
            workspace.database,
            workspace.store,
            workspace.limits,
            design_id=design.id,
            picture_sha256=sha256,
            masking="none",
            now=make.NOW,
        )
    assert refused.value.code == "view.not_found"


def run(workspace: Workspace, folder: Path, table: str, *, dry_run: bool = False) -> list[RowReport]:
    """Import a CSV table for acme."""
    rows = read_table(table.encode(), "t.csv")
    return list(workspace.importer().run(rows, load_from(folder), owner="acme", dry_run=dry_run))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photo, its mask, a mask of another shape, and a faint gradient."""
    (tmp_path / "tee.png").write_bytes(PHOTO)
    (tmp_path / "cup.png").write_bytes(make.encode(make.product_photo(1)))
    (tmp_path / "mask.png").write_bytes(make.mask_bytes())
    (tmp_path / "tall.png").write_bytes(make.mask_bytes(size=(256, 320)))
    (tmp_path / "dawn.png").write_bytes(make.encode(Image.linear_gradient("L").convert("RGB")))
    return tmp_path


def test_a_table_names_masks(workspace: Workspace, folder: Path) -> None:
    """A mask cell holds a file, a word, nothing, or one entry per picture.

    Each row gets the mask that it names.
    """
    table = (
        "reference,kind,picture,mask\n"
        "FILE,photo,tee.png,mask.png\n"
        "NONE,photo,cup.png,none\n"
        "BOTH,other,cup.png|tee.png,auto|mask.png\n"
    )
    assert [report.status for report in run(workspace, folder, table)] == ["registered"] * 3
    with workspace.database.reading() as session:
        found = session.execute(
            select(Design.reference, ViewFeatures.mask_source)
            .join(ViewFeatures.view)
            .join(View.design)
            .order_by(View.number)
        )
        assert [tuple(row) for row in found] == [
            ("FILE", "uploaded"),
            ("NONE", None),
            ("BOTH", "automatic"),
            ("BOTH", "uploaded"),
        ]


def test_a_bad_mask_refuses_its_row_alone(workspace: Workspace, folder: Path) -> None:
    """A bad mask refuses only its own row. The error names the column mask and a code."""
    table = (
        "reference,kind,picture,mask\n"
        "GONE,photo,tee.png,nowhere.png\n"
        "TALL,photo,tee.png,tall.png\n"
        "TABLE,photo,tee.png,../t.csv\n"
        "MANY,photo,tee.png,mask.png|mask.png\n"
        "GOOD,photo,tee.png,mask.png\n"
    )
    (folder.parent / "t.csv").write_text(table)
    reports = run(workspace, folder, table)
    assert [(report.code, report.column) for report in reports] == [
        ("row.picture_missing", "mask"),
        ("mask.size", "mask"),
        ("mask.unreadable", "mask"),
        ("row.masks", "mask"),
        ("", ""),
    ]


def test_the_report_says_what_will_be_hard_to_find(workspace: Workspace, folder: Path) -> None:
    """A gradient is registered with grade poor and the reasons.

    A design that is already registered is not judged again.
    """
    table = "reference,picture\nDAWN,dawn.png\nTEE,tee.png\n"
    dawn, tee = run(workspace, folder, table)
    assert (dawn.status, dawn.findability) == ("registered", "poor")
    assert dawn.warnings[0] == "design.few_points"
    assert (tee.status, tee.findability in {"fair", "good"}) == ("registered", True)
    again = run(workspace, folder, table)
    assert [(report.findability, report.warnings) for report in again] == [("", ()), ("", ())]


def test_a_dry_run_judges_and_stores_nothing(workspace: Workspace, folder: Path) -> None:
    """A dry run gives the same report and stores no row and no picture."""
    table = "reference,kind,picture,mask\nDAWN,other,dawn.png,\nTEE,photo,tee.png,mask.png\n"
    before = rows_of(workspace)
    rehearsed = run(workspace, folder, table, dry_run=True)
    assert rows_of(workspace) == before
    assert pictures_of(workspace) == []
    landed = run(workspace, folder, table)
    assert [(one.findability, one.warnings) for one in rehearsed] == [
        (one.findability, one.warnings) for one in landed
    ]


def test_the_command_line_names_what_is_hard_to_find(cli: Any, folder: Path) -> None:
    """The command prints the row and its codes, and at the end the references and the remedy."""
    done = cli("designs", "import", folder / "dawn.png", "--org", "acme")
    assert done.code == 0
    assert "dawn  registered: hard to find in photos [design.few_points" in done.out
    assert "1 of these designs will be hard to find in photos: dawn." in done.err
    shown = cli("designs", "show", "dawn", "--org", "acme")
    assert "few feature points: add a larger" in shown.out.replace("\n", " ")


@pytest.mark.slow
def test_the_command_line_changes_masks(cli: Any, folder: Path) -> None:
    """The command sets a mask from a file, drops it, and finds it again.

    The command needs exactly one of the three options, and a known picture.
    """
    done = cli("designs", "import", folder / "tee.png", "--org", "acme", "--mask", folder / "mask.png")
    assert done.code == 0
    named = ("tee", "--org", "acme")

    def source() -> Any:
        return cli("designs", "show", *named, "--json").objects[0]["views"][0]["mask_source"]

    assert source() == "uploaded"
    for words, expected in (
        (("--none",), None),
        (("--auto",), "automatic"),
        (("--file", folder / "mask.png"), "uploaded"),
    ):
        assert cli("designs", "mask", *named, *words).code == 0
        assert source() == expected
    assert "[setting.mask]" in cli("designs", "mask", *named, "--none", "--auto").err
    assert "[setting.mask]" in cli("designs", "mask", *named).err
    assert "[mask.size]" in cli("designs", "mask", *named, "--file", folder / "tall.png").err
    assert "[view.not_found]" in cli("designs", "mask", *named, "--view", "zz", "--none").err


def test_one_picture_of_several_must_be_named(cli: Any, folder: Path) -> None:
    """The command does not guess a picture: a design of several pictures needs --view."""
    (folder / "t.csv").write_text("reference,picture\nPAIR,tee.png|cup.png\n")
    assert cli("designs", "import", folder / "t.csv", "--org", "acme").code == 0
    refused = cli("designs", "mask", "PAIR", "--org", "acme", "--auto")
    assert (refused.code, "[setting.view]" in refused.err) == (2, True)
    sha256 = cli("designs", "list", "--json").objects[0]["views"][1]["sha256"]
    assert cli("designs", "mask", "PAIR", "--org", "acme", "--auto", "--view", sha256[:10]).code == 0
    views = cli("designs", "list", "--json").objects[0]["views"]
    assert [view["mask_source"] for view in views] == [None, "automatic"]


def test_one_mask_file_is_not_for_a_folder(cli: Any, folder: Path) -> None:
    """A folder import accepts only auto or none as the mask."""
    refused = cli("designs", "import", folder, "--org", "acme", "--mask", folder / "mask.png")
    assert (refused.code, "[setting.mask]" in refused.err) == (2, True)
    assert cli("designs", "import", folder, "--org", "acme", "--mask", "auto").code == 0
