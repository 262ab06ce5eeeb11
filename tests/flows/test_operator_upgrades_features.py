"""Flow: an operator upgrades. Features of an earlier release are computed again from the stored pictures."""

from typing import Any

import make
import pytest
from registry_state import live_hashes, rows_of
from sqlalchemy import delete, select, update

from authcheck.registry import designs, negatives
from authcheck.registry.masking import change_mask
from authcheck.registry.reading import read_view
from authcheck.registry.renewal import Renewed, find_stale
from authcheck.registry.tables import Design, NegativePicture, View, ViewFeatures
from authcheck.vision.features.features import SCHEME
from authcheck.vision.fingerprints import fingerprint
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

PHOTO = make.encode(make.product_photo())


def renew(workspace: Workspace) -> list[Renewed]:
    """Renew features, as `authcheck db upgrade` does after the migrations."""
    with workspace.database.reading() as session:
        stale = find_stale(session)
    done = list(stale.run(workspace.database, workspace.store, workspace.limits))
    assert len(done) == len(stale)
    return done


def forget(workspace: Workspace) -> None:
    """Put the registry into the state of a release without local features."""
    with workspace.database.writing() as session:
        session.execute(delete(ViewFeatures))


def age(workspace: Workspace) -> None:
    """Mark all local features as of another scheme, with an empty record."""
    with workspace.database.writing() as session:
        session.execute(update(ViewFeatures).values(scheme="lf-0", record=b"", findability={}))


def features_of(workspace: Workspace) -> dict[str, ViewFeatures]:
    """The live features by reference."""
    query = (
        select(Design.reference, ViewFeatures)
        .join(ViewFeatures.view)
        .join(View.design)
        .where(View.removed_tick.is_(None))
    )
    with workspace.database.reading() as session:
        return dict(session.execute(query).all())


def test_features_that_lack_are_made(workspace: Workspace) -> None:
    """Every live view gets features, a photo within an automatic mask. A second run has nothing to do."""
    make.register(workspace, "TEE", kind="photo", pictures=[PHOTO])
    make.register(workspace, "KITE", seed=1)
    forget(workspace)
    assert [one.error for one in renew(workspace)] == [None, None]
    found = features_of(workspace)
    assert [found[name].mask_source for name in ("TEE", "KITE")] == ["automatic", None]
    assert found["KITE"].record == read_view(make.picture_bytes(1), workspace.limits).local.record
    before = rows_of(workspace)
    assert renew(workspace) == []
    assert rows_of(workspace) == before


@pytest.mark.parametrize(
    ("masking", "source"), [(make.mask_bytes(), "uploaded"), ("auto", "automatic"), ("none", None)]
)
def test_a_new_scheme_keeps_what_the_owner_chose(
    workspace: Workspace, masking: Any, source: str | None
) -> None:
    """An uploaded mask stays bit for bit, an automatic mask is found again, and a dropped mask stays dropped."""
    design = make.register(workspace, "TEE", kind="photo", pictures=[PHOTO]).design
    (sha256,) = live_hashes(workspace, "TEE")
    change_mask(
        workspace.database,
        workspace.store,
        workspace.limits,
        design_id=design.id,
        picture_sha256=sha256,
        masking=masking,
        now=make.NOW,
    )
    before = features_of(workspace)["TEE"]
    age(workspace)
    assert [one.error for one in renew(workspace)] == [None]
    after = features_of(workspace)["TEE"]
    assert (after.scheme, after.record, after.mask, after.mask_source) == (
        SCHEME,
        before.record,
        before.mask,
        source,
    )
    assert after.findability == before.findability


def test_a_mask_of_an_absurd_shape_survives(workspace: Workspace) -> None:
    """A stored mask of 256 x 5 pixels has a rounded shape, and is not compared with the picture's shape again."""
    strip = make.encode(make.picture(1).resize((3000, 60)))
    design = make.register(workspace, "STRIP", pictures=[strip]).design
    (sha256,) = live_hashes(workspace, "STRIP")
    change_mask(
        workspace.database,
        workspace.store,
        workspace.limits,
        design_id=design.id,
        picture_sha256=sha256,
        masking=make.mask_bytes((0, 0, 2000, 60), (3000, 60)),
        now=make.NOW,
    )
    age(workspace)
    assert [one.error for one in renew(workspace)] == [None]
    assert features_of(workspace)["STRIP"].mask_source == "uploaded"


@pytest.mark.slow
def test_a_picture_that_fails_stops_no_other(workspace: Workspace) -> None:
    """A picture that is missing, altered or refused by new limits is named with its error.

    All others are renewed.
    """
    for number, reference in enumerate(("GONE", "ALTERED", "LARGE", "GOOD")):
        large = make.encode(make.picture(number, (900, 900)))
        make.register(
            workspace, reference, pictures=[large if reference == "LARGE" else make.picture_bytes(number)]
        )
    gone, altered = (
        workspace.store.folder / sha256[:2] / sha256
        for sha256 in (live_hashes(workspace, "GONE")[0], live_hashes(workspace, "ALTERED")[0])
    )
    gone.unlink()
    altered.write_bytes(b"something else")
    forget(workspace)
    with workspace.database.reading() as session:
        stale = find_stale(session)
    limits = type(workspace.limits)(pixels=500_000)
    done = list(stale.run(workspace.database, workspace.store, limits))
    assert [one.name.partition(",")[0] for one in done] == [
        f"{name} of acme" for name in ("GONE", "ALTERED", "LARGE", "GOOD")
    ]
    assert [one.error and one.error.code for one in done] == [
        "picture.not_found",
        "storage.altered",
        "image.too_many_pixels",
        None,
    ]
    assert list(features_of(workspace)) == ["GOOD"]


def test_hashes_and_features_are_renewed_apart(workspace: Workspace) -> None:
    """Views with only old hashes, or with only old features, end with both new."""
    make.register(workspace, "OLD-HASHES", seed=0)
    make.register(workspace, "OLD-FEATURES", seed=1)
    with workspace.database.writing() as session:
        views = session.scalars(select(View).order_by(View.number)).all()
        views[0].scheme = "older-1"
        session.get_one(ViewFeatures, views[1].number).scheme = "lf-0"
    assert [one.error for one in renew(workspace)] == [None, None]
    with workspace.database.reading() as session:
        assert set(session.scalars(select(View.scheme))) == {fingerprint.SCHEME}
        assert set(session.scalars(select(ViewFeatures.scheme))) == {SCHEME}


def test_what_is_retired_is_left_alone(workspace: Workspace) -> None:
    """Ended views are not renewed, because no search uses them."""
    design = make.register(workspace).design
    forget(workspace)
    with workspace.database.writing() as session:
        designs.retire(session, designs.get_design(session, design.id), make.NOW)
    assert renew(workspace) == []


def test_negatives_are_renewed_too(workspace: Workspace) -> None:
    """Negatives are renewed from the stored picture, like views."""
    read = negatives.read_negative(make.picture_bytes(7), workspace.limits)
    with workspace.database.writing() as session:
        made = negatives.add_negative(
            session, workspace.store, read, owner_id=None, label="floor", now=make.NOW
        )
        made.scheme, made.record = "lf-0", b""
    assert [one.name for one in renew(workspace)] == [f"negative picture {made.number}"]
    with workspace.database.reading() as session:
        again = session.get_one(NegativePicture, made.number)
        assert (again.scheme, again.record) == (SCHEME, read.record)


def test_the_command_names_what_it_could_not_do(cli: Any, workspace: Workspace) -> None:
    """The command exits with 1 and prints the design, the code and the remedy.

    Before the upgrade, `designs list` shows views without findability.
    """
    make.register(workspace, "GONE", seed=0)
    make.register(workspace, "GOOD", seed=1)
    (sha256,) = live_hashes(workspace, "GONE")
    (workspace.store.folder / sha256[:2] / sha256).unlink()
    forget(workspace)
    assert cli("designs", "list", "--json").objects[0]["views"][0]["findability"] is None
    done = cli("db", "upgrade")
    assert done.code == 1
    assert (
        f"GONE of acme, picture {sha256[:12]}: The stored picture is missing. [picture.not_found]" in done.err
    )
    assert "1 pictures were read again" in done.err
    assert "1 pictures could not be read" in done.err
    assert cli("designs", "retire", "GONE", "--org", "acme", "--yes").code == 0
    assert cli("db", "upgrade").code == 0
