"""Placeholder until the merge."""

from datetime import datetime

from sqlalchemy.orm import Session

from authcheck.cases.tables import ClusteredPicture, PictureCluster
from authcheck.checks.tables import Check
from authcheck.ids import new_id


def join(session: Session, check: Check, design_id: str, now: datetime) -> ClusteredPicture:
    """Put the picture of a check into a cluster."""
    found = session.get(ClusteredPicture, (design_id, check.picture_sha256))
    if found is not None:
        return found
    cluster = PictureCluster(
        id=new_id("clu", now),
        design_id=design_id,
        representative_sha256=check.picture_sha256,
        spread_bits=0,
        created_at=now,
    )
    session.add(cluster)
    session.flush()
    row = ClusteredPicture(
        design_id=design_id,
        picture_sha256=check.picture_sha256,
        cluster_id=cluster.id,
        scheme=check.scheme,
        fingerprint=check.fingerprint,
        joined_by="first",
        distance_bits=None,
        added_at=now,
    )
    session.add(row)
    session.flush()
    return row
