"""How many units carry a design."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch


def count_issued(session: Session, design_id: str, organisation_id: str) -> int:
    """Return the number of certificates that an organisation has issued for a design."""
    own = Batch.organisation_id == organisation_id
    query = select(func.sum(Batch.count)).where(Batch.design_id == design_id, own)
    return int(session.scalar(query) or 0)
