"""A brand with a key, a design and certificates, for tests that look them up."""

from datetime import datetime
from typing import Any

import make
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from authcheck.certificates import issuing, revoking, signing_keys
from authcheck.certificates.batches import Selection
from authcheck.certificates.orders import Order
from authcheck.certificates.tables import Batch, Certificate
from authcheck.members import organisations
from authcheck.workspace import Workspace

GTIN = "04006381333931"


def brand_with_key(workspace: Workspace, handle: str = "acme", *, own_key: bool = False) -> str:
    """Make a brand of that handle with one design and a key. Return the design's id.

    The brand keeps the key itself if `own_key`.
    """
    design = make.register(
        workspace, "KITE-1", owner=handle, title="Kite", seed=len(handle), public_preview=True
    ).design
    vault = signing_keys.open_vault(workspace.settings)
    public_key = Ed25519PrivateKey.generate().public_key().public_bytes_raw() if own_key else None
    with workspace.database.writing() as session:
        brand = organisations.get_organisation(session, handle)
        signing_keys.create_key(
            session, brand, vault, settings=workspace.settings, now=make.NOW, public_key=public_key
        )
    return design.id


def issue(
    workspace: Workspace,
    design_id: str,
    *,
    handle: str = "acme",
    now: datetime = make.NOW,
    returned: bool = True,
    **words: Any,
) -> list[Certificate]:
    """Issue certificates and return them, unless they are too many. Keywords replace the order's fields."""
    fields: dict[str, Any] = {
        "design_id": design_id, "gtin": GTIN, "lot": "L-1", "product": "Kite, red", "request_key": "one", "count": 2,
    }  # fmt: skip
    order = Order(**{**fields, **words})
    vault = signing_keys.open_vault(workspace.settings)
    with workspace.database.writing() as session:
        brand = organisations.get_organisation(session, handle)
        batch: Batch = issuing.issue(session, vault, workspace.settings, brand, order, now)
        if not returned:
            return []
        wanted = select(Certificate).where(Certificate.batch_id == batch.id).order_by(Certificate.id)
        return list(session.scalars(wanted))


def revoke(
    workspace: Workspace,
    unit: Certificate,
    reason: str = "stolen",
    *,
    handle: str = "acme",
    now: datetime = make.NOW,
) -> None:
    """Revoke one certificate."""
    vault = signing_keys.open_vault(workspace.settings)
    with workspace.database.writing() as session:
        brand = organisations.get_organisation(session, handle)
        meant = Selection((unit.code,))
        revoking.revoke(session, vault, workspace.settings, brand, meant, reason=reason, now=now)
