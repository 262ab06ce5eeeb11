"""Proofs of shops: a code on the shop's page, the word of its marketplace, or that of the operator.

Only a proved shop clears a listing. A claim alone would let a seller of counterfeits stand under a licence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.errors import AuthcheckError, Conflict, Forbidden
from authcheck.ledger.journal import lock_ledger
from authcheck.licences.codes import spellings_of
from authcheck.members.domains import Outside
from authcheck.members.standing_tables import Domain
from authcheck.members.tables import Organisation
from authcheck.storefronts.shops import CLAIMED, LOST, PROVED
from authcheck.storefronts.tables import Storefront

PREFIX = "authcheck-shop="
MISSING, SHARED = "storefront.missing", "storefront.shared"
CHECKED_EVERY = timedelta(days=1)
LOST_AFTER = timedelta(days=3)  # without the code on the page. Pages fail for a day.


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at a shop's page found: the proofs that it shows, and the code of the problem, or ""."""

    proofs: frozenset[str] = frozenset()
    problem: str = ""


def proof_of(shop: Storefront) -> str:
    """Return the text that the shop's page must show."""
    return f"{PREFIX}{shop.code}"


def claims_of(session: Session, shop: Storefront) -> Sequence[Storefront]:
    """Return all open claims of a shop, by any organisation, oldest first."""
    query = (
        select(Storefront)
        .options(joinedload(Storefront.organisation))
        .where(
            Storefront.closed_at.is_(None),
            Storefront.marketplace.in_(spellings_of(shop.marketplace)),
            Storefront.shop_id == shop.shop_id,
        )
    )
    return session.scalars(query.order_by(Storefront.id)).all()


def look(outside: Outside, url: str, proofs: Sequence[str]) -> Finding:
    """Look which of these proofs a shop's page shows. Slow: call it in no transaction."""
    try:
        page = outside.read_page(url)
    except AuthcheckError as error:
        return Finding(problem=error.code)
    return Finding(frozenset(proof for proof in proofs if proof.encode() in page))


def note(session: Session, storefront_id: str, finding: Finding, now: datetime) -> Storefront | None:
    """Store what a look found, and return the shop, or None if it was closed meanwhile.

    A page that shows the codes of two organisations proves the shop for the one that had it before.
    Otherwise the proof of another organisation ends where a newer one begins.
    """
    lock_ledger(session)  # two looks at one shop take turns
    shop = session.get(Storefront, storefront_id, populate_existing=True)
    if shop is None or shop.closed_at is not None:
        return None
    shop.checked_at = now
    others = [claim for claim in claims_of(session, shop) if claim.id != shop.id and claim.proof == PROVED]
    if proof_of(shop) not in finding.proofs:
        shop.problem = finding.problem or MISSING
        is_over = shop.proved_at is not None and now - shop.proved_at > LOST_AFTER
        if shop.proof == PROVED and shop.proved_by == "page" and is_over:
            shop.proof = LOST
    elif any(other.proved_by != "page" or proof_of(other) in finding.proofs for other in others):
        shop.problem = SHARED
    else:
        for other in others:
            other.proof, other.problem = LOST, MISSING
        _set_proved(shop, "page", now)
    return shop


def confirm(session: Session, shop: Storefront, marketplace: Organisation | None, now: datetime) -> None:
    """Prove a shop by the word of its marketplace. None: by the operator's.

    Raises Forbidden (`storefront.not_yours`), Conflict (`storefront.taken`, `storefront.closed`).
    """
    lock_ledger(session)
    session.refresh(shop)
    _require_marketplace(session, shop, marketplace)
    if shop.closed_at is not None:
        raise Conflict("The shop is closed.", code="storefront.closed")
    others = [claim for claim in claims_of(session, shop) if claim.id != shop.id and claim.proof == PROVED]
    if any(other.proved_by != "page" for other in others):
        raise Conflict("Another organisation's claim of this shop is confirmed.", code="storefront.taken")
    for other in others:  # the marketplace knows better than a page
        other.proof, other.problem = LOST, SHARED
    _set_proved(shop, "operator" if marketplace is None else "marketplace", now)


def withdraw(session: Session, shop: Storefront, marketplace: Organisation | None) -> None:
    """Take a confirmation back. Raises Forbidden (`storefront.not_yours`)."""
    _require_marketplace(session, shop, marketplace)
    shop.proof = LOST if shop.proof == PROVED else CLAIMED


def find_due(session: Session, now: datetime, limit: int) -> Sequence[Storefront]:
    """Return shops proved by their pages and not looked at for CHECKED_EVERY, the longest first."""
    query = select(Storefront).where(
        Storefront.closed_at.is_(None),
        Storefront.proved_by == "page",
        Storefront.proof.in_((PROVED, LOST)),
        or_(Storefront.checked_at.is_(None), Storefront.checked_at < now - CHECKED_EVERY),
    )
    return session.scalars(query.order_by(Storefront.checked_at, Storefront.id).limit(limit)).all()


def _require_marketplace(session: Session, shop: Storefront, marketplace: Organisation | None) -> None:
    """Raise Forbidden unless the marketplace has the name of the shop's, as its handle or a proved domain."""
    if marketplace is None:
        return
    names = spellings_of(shop.marketplace)
    query = select(Domain.domain).where(
        Domain.organisation_id == marketplace.id, Domain.state == "proved", Domain.domain.in_(names)
    )
    is_named = marketplace.handle in names or session.scalar(query.limit(1)) is not None
    if "marketplace" not in marketplace.roles or not is_named:
        raise Forbidden("Only the shop's own marketplace can confirm it.", code="storefront.not_yours")


def _set_proved(shop: Storefront, by: str, now: datetime) -> None:
    shop.proof, shop.proved_by, shop.problem, shop.proved_at = PROVED, by, "", now
