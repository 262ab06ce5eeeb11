"""Builders of official shops."""

from typing import Any

from sqlalchemy.orm import Session

from authcheck.members.tables import Organisation
from authcheck.storefronts import proving, shops
from authcheck.storefronts.tables import Storefront


def add(session: Session, organisation: Organisation, **words: Any) -> Storefront:
    """Let an organisation claim a shop, and let the operator confirm it."""
    shop = shops.add(session, organisation, **words)
    session.flush()
    if shop.proof != shops.PROVED:
        proving.confirm(session, shop, None, words["now"])
    return shop
