"""Picture clusters: the submitted pictures of one design that are copies of one picture.

A cluster is a star: every picture in it is a copy of its first picture (`vision.fingerprints.copies`). Chains
(A like B, B like C, C unlike A) do not join, so nobody can lead a cluster to another picture by small steps.
See ADR 26.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.cases.tables import ClusteredPicture, PictureCluster
from authcheck.checks.tables import Check
from authcheck.ids import new_id
from authcheck.registry.tables import Design

FIRST, BY_HASH, BY_NOTICE = "first", "hash", "notice"


def join(session: Session, check: Check, design_id: str, now: datetime) -> ClusteredPicture:
    """Put the picture of a check into a cluster of a design that the check found. Return its row.

    1. A picture whose SHA-256 is in a cluster of the design stays there.
    2. A picture within `copies.RADIUS_BITS` of first pictures joins the nearest of them, and the oldest of
       equally near ones. A fingerprint of another scheme is never compared.
    3. Any other picture becomes the first picture of a new cluster.

    The design's row stays locked until the end of the transaction, so that two transactions do not make two
    clusters of one picture. A transaction that joins pictures of several designs must join them in the order
    of the designs' ids. Raises ValueError when the check did not find the design.
    """
    if design_id != check.design_id and not shows(check, design_id):
        raise ValueError(f"check {check.id} did not find design {design_id}")
    return _find_locked(session, check, design_id) or _add(session, check, design_id, now)


def join_by_notice(session: Session, check: Check, design_id: str, now: datetime) -> ClusteredPicture:
    """Put a picture into a cluster of a design, because the design's owner says that it shows the design.

    A picture in which the check found the design is joined as by `join`. Any other picture has a cluster of
    its own: no other picture joins it by its likeness, so that a false notice draws in nothing. A picture
    that is in a cluster of the design stays there.
    """
    if shows(check, design_id):
        return join(session, check, design_id, now)
    if picture := _find_locked(session, check, design_id):
        return picture
    cluster_id = _open_cluster(session, design_id, check.picture_sha256, now)
    picture = ClusteredPicture(
        design_id=design_id,
        picture_sha256=check.picture_sha256,
        cluster_id=cluster_id,
        scheme=check.scheme,
        fingerprint=check.fingerprint,
        joined_by=BY_NOTICE,
        distance_bits=0,
        added_at=now,
    )
    session.add(picture)
    session.flush()
    return picture


def shows(check: Check, design_id: str | None) -> bool:
    """Return whether a check found a design in its picture.

    `Check.design_id` may be the nearest design of a picture in which nothing was found.
    """
    return any(finding["design_id"] == design_id for finding in check.findings)


def _find_locked(session: Session, check: Check, design_id: str) -> ClusteredPicture | None:
    """Return the row of a picture that is in a cluster. Otherwise lock the design, and look once more."""
    key = design_id, check.picture_sha256
    if picture := session.get(ClusteredPicture, key):
        return picture
    lock = select(Design.id).where(Design.id == design_id).with_for_update(key_share=True)
    session.execute(lock).one()
    return session.get(ClusteredPicture, key)  # another transaction may have been faster


def _add(session: Session, check: Check, design_id: str, now: datetime) -> ClusteredPicture:
    """Add a picture that is in no cluster of the design yet."""
    record, nearest = _compare(session, check, design_id)
    if nearest is None:
        cluster_id, distance_bits = _open_cluster(session, design_id, check.picture_sha256, now), 0
    else:
        cluster_id, distance_bits = nearest
        _widen(session, cluster_id, distance_bits)
    picture = ClusteredPicture(
        design_id=design_id,
        picture_sha256=check.picture_sha256,
        cluster_id=cluster_id,
        scheme=check.scheme,
        fingerprint=record,
        joined_by=FIRST if nearest is None else BY_HASH,
        distance_bits=distance_bits,
        added_at=now,
    )
    session.add(picture)
    session.flush()
    return picture


def _compare(session: Session, check: Check, design_id: str) -> tuple[bytes, tuple[str, int] | None]:
    """Return the record to store, and the nearest cluster with its distance, None if all are far.

    A fingerprint of another scheme is stored unread, and nothing is compared with it.
    """
    from authcheck.vision.fingerprints import copies, fingerprint  # noqa: PLC0415 - numpy; see LOADED_LATE

    if check.scheme != fingerprint.SCHEME:
        return check.fingerprint, None
    picture = fingerprint.Fingerprint.from_bytes(check.fingerprint)
    record = picture.reference().to_bytes()
    firsts = session.execute(
        select(ClusteredPicture.cluster_id, ClusteredPicture.fingerprint).where(
            ClusteredPicture.design_id == design_id,
            ClusteredPicture.joined_by == FIRST,
            ClusteredPicture.scheme == check.scheme,
        )
    ).all()
    if not firsts:
        return record, None
    cluster_ids, records = zip(*firsts, strict=True)
    bits = copies.measure(picture, records)
    least = int(bits.min())
    if least > copies.RADIUS_BITS:
        return record, None
    return record, (min(cluster_ids[row] for row in (bits == least).nonzero()[0]), least)


def _open_cluster(session: Session, design_id: str, sha256: str, now: datetime) -> str:
    """Add a cluster for a first picture and return its id."""
    cluster = PictureCluster(
        id=new_id("clu", now),
        design_id=design_id,
        representative_sha256=sha256,
        spread_bits=0,
        created_at=now,
    )
    session.add(cluster)
    session.flush()  # before the picture, which names it
    return cluster.id


def _widen(session: Session, cluster_id: str, distance_bits: int) -> None:
    """Record a member at this distance: the spread is the worst distance to the first picture."""
    cluster = session.get_one(PictureCluster, cluster_id, populate_existing=True)
    cluster.spread_bits = max(cluster.spread_bits, distance_bits)
