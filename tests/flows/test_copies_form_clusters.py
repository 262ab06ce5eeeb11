"""Flow: checked pictures that are copies of one picture form a cluster of the design that they show."""

import hashlib
import subprocess
import sys
import threading
from datetime import timedelta

import make
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from sqlalchemy import func, select

from authcheck.cases import clusters
from authcheck.cases.tables import ClusteredPicture, PictureCluster
from authcheck.checks.tables import Check
from authcheck.storage.database import Database
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.copies import RADIUS_BITS
from authcheck.vision.fingerprints.fingerprint import FAMILIES, ORIENTATIONS, SCHEME, Fingerprint
from authcheck.workspace import Workspace

RACERS = 4
WALK = np.random.default_rng(0).permutation(256)


def check_of(workspace: Workspace, record: bytes, design_id: str, **words: str) -> Check:
    """Store the check of a picture with this fingerprint, which found the design."""
    words = {"scheme": SCHEME, "picture_sha256": hashlib.sha256(record).hexdigest(), **words}
    return make.check(workspace, fingerprint=record, design_id=design_id, **words)


def seen(image: Image.Image, quality: int = 90) -> bytes:
    """Return the record of a picture's fingerprint as a check stores it."""
    return fingerprint.read(make.encode(image, "JPEG", quality=quality))[1].to_bytes()


def stepped(bits: int) -> bytes:
    """Return the record of a picture whose distance to `stepped(0)` is this many bits.

    Half of its places rise and the others fall, so it has 256 slopes. A step changes one place.
    """
    rises = np.arange(256) % 2 == 0
    rises[WALK[:bits]] ^= True
    codes: NDArray[np.uint8] = np.zeros((1, len(ORIENTATIONS), len(FAMILIES), 32), np.uint8)
    noise = np.random.default_rng(1).integers(0, 256, (len(ORIENTATIONS) // 2, 32), dtype=np.uint8)
    codes[0, ::2, 1], codes[0, 1::2, 1] = noise, ~noise
    codes[0, 0, 1], codes[0, 1, 1] = np.packbits(rises), np.packbits(~rises)
    return Fingerprint(SCHEME, ("whole",), codes).to_bytes()


def join(workspace: Workspace, *checks: Check, design_id: str = "") -> list[ClusteredPicture]:
    """Join the pictures of these checks one after another, each a second later, in one transaction."""
    with workspace.database.writing() as session:
        return [
            clusters.join(
                session, check, design_id or str(check.design_id), make.NOW + timedelta(seconds=after)
            )
            for after, check in enumerate(checks)
        ]


def spread(database: Database, cluster_id: str) -> int:
    """Return the stored spread of a cluster."""
    with database.reading() as session:
        return session.get_one(PictureCluster, cluster_id).spread_bits


def test_copies_join_and_another_photograph_does_not(workspace: Workspace) -> None:
    """Re-saved, bordered and mirrored copies are in the cluster of the first. Another picture has its own."""
    design_id = make.register(workspace).design.id
    photo = make.picture(5)
    records = [
        seen(photo),
        seen(photo.resize((160, 128)), 60),
        seen(ImageOps.expand(photo, 25, "white")),
        seen(ImageOps.mirror(photo)),
        seen(make.picture(6)),
    ]
    first, *copies, other = join(workspace, *(check_of(workspace, record, design_id) for record in records))
    assert {copy.cluster_id for copy in copies} == {first.cluster_id} != {other.cluster_id}
    assert [first.joined_by, *(copy.joined_by for copy in copies)] == ["first", "hash", "hash", "hash"]
    assert (first.distance_bits, other.joined_by) == (0, "first")
    assert spread(workspace.database, first.cluster_id) == max(copy.distance_bits for copy in copies)
    assert spread(workspace.database, other.cluster_id) == 0


def test_the_same_file_stays_where_it_is(workspace: Workspace) -> None:
    """A second check of the same bytes makes no second row, also when its fingerprint is of another scheme."""
    design_id = make.register(workspace).design.id
    checks = [
        check_of(workspace, seen(make.picture(5)), design_id, picture_sha256="a" * 64),
        check_of(workspace, b"of the next release", design_id, picture_sha256="a" * 64, scheme="pd512-1"),
    ]
    first, again = join(workspace, *checks)
    assert first is again
    with workspace.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PictureCluster)) == 1


def test_fingerprints_of_another_scheme_are_never_compared(workspace: Workspace) -> None:
    """Equal bytes under another scheme mean nothing: such a picture starts its own cluster, in both orders."""
    design_id, record = make.register(workspace).design.id, seen(make.picture(5))
    schemes = ["pd512-1", SCHEME, "pd512-1", SCHEME]
    pictures = join(
        workspace,
        *(
            check_of(workspace, record, design_id, scheme=scheme, picture_sha256=f"{number:064}")
            for number, scheme in enumerate(schemes)
        ),
    )
    assert [picture.joined_by for picture in pictures] == ["first", "first", "first", "hash"]
    assert pictures[3].cluster_id == pictures[1].cluster_id


def test_small_steps_do_not_lead_away(workspace: Workspace) -> None:
    """Each picture of a series is near the one before. The third is too far from the first, and is apart."""
    design_id, step = make.register(workspace).design.id, RADIUS_BITS * 3 // 4
    series = [check_of(workspace, stepped(step * number), design_id) for number in range(4)]
    pictures = join(workspace, *series)
    assert [picture.distance_bits for picture in pictures] == [0, step, 0, step]
    assert len({picture.cluster_id for picture in pictures}) == 2


@pytest.mark.parametrize(("bits", "joins"), [(RADIUS_BITS, True), (RADIUS_BITS + 1, False)])
def test_the_radius_is_the_last_bit_that_joins(workspace: Workspace, bits: int, joins: bool) -> None:
    """A picture at the radius joins, one bit further it does not."""
    design_id = make.register(workspace).design.id
    first, second = join(workspace, *(check_of(workspace, stepped(far), design_id) for far in (0, bits)))
    assert (first.cluster_id == second.cluster_id) is joins


def test_the_nearest_cluster_wins_then_the_oldest(workspace: Workspace) -> None:
    """Of two clusters within the radius the nearer takes the picture, and of equally near ones the older."""
    design_id, apart = make.register(workspace).design.id, RADIUS_BITS + 2
    far = [0, apart, apart - 4, apart // 2]
    old, new, near_new, between = join(
        workspace, *(check_of(workspace, stepped(bits), design_id) for bits in far)
    )
    assert old.cluster_id != new.cluster_id == near_new.cluster_id
    assert (between.cluster_id, between.distance_bits) == (old.cluster_id, apart // 2)


def test_each_design_has_its_own_clusters(workspace: Workspace) -> None:
    """A picture that shows two designs is in a cluster of each. A design that was not found is refused."""
    one, other, third = (make.register(workspace, f"R-{seed}", seed=seed).design.id for seed in range(3))
    check = make.check(
        workspace, scheme=SCHEME, fingerprint=seen(make.picture(5)), design_id=one,
        findings=[{"design_id": one}, {"design_id": other}],
    )  # fmt: skip
    rows = [join(workspace, check, design_id=design_id)[0] for design_id in (one, other)]
    assert [row.design_id for row in rows] == [one, other]
    assert rows[0].cluster_id != rows[1].cluster_id
    with pytest.raises(ValueError, match="did not find"):
        join(workspace, check, design_id=third)


@pytest.mark.postgresql
@pytest.mark.slow
def test_racing_copies_make_one_cluster(workspace: Workspace) -> None:
    """Transactions that join copies of one picture, and the same file twice, at once make one cluster."""
    design_id = make.register(workspace).design.id
    far = [0, 3, 3, 6]
    checks = [check_of(workspace, stepped(bits), design_id) for bits in far]
    start, joined = threading.Barrier(RACERS), list[str]()

    def race(check: Check) -> None:
        start.wait(20)
        joined.append(join(workspace, check)[0].cluster_id)

    threads = [threading.Thread(target=race, args=(check,)) for check in checks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(joined) == RACERS
    assert len(set(joined)) == 1


@pytest.mark.slow
def test_clusters_load_no_picture_library() -> None:
    """A command that lists cases imports this module, and must start at once."""
    code = "import sys, authcheck.cases.clusters; sys.exit(bool({'numpy', 'PIL', 'faiss'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0  # noqa: S603 - our own
