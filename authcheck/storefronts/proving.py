"""Proofs of shops: a code on the shop's page, the word of its marketplace, or that of the operator.

Only a proved shop clears a listing. A claim alone would let a seller of counterfeits stand under a licence.
A page proves a shop only if it is the shop's page on the marketplace: a page of the claimant's own proves
nothing. The word of the marketplace or of the operator, yes or no, outlasts all that pages show.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.errors import AuthcheckError, Conflict, Forbidden
from authcheck.ledger.journal import lock_ledger
from authcheck.licences.codes import normal_marketplace, normal_shop, spellings_of
from authcheck.members import notifications
from authcheck.members.domains import Outside
from authcheck.members.organisations import APPROVED
from authcheck.members.standing_tables import Domain
from authcheck.members.tables import Organisation
from authcheck.storefronts.shops import DENIED, LOST, PROVED
from authcheck.storefronts.tables import Storefront

PREFIX = "authcheck-shop="
MISSING, SHARED, ELSEWHERE = "storefront.missing", "storefront.shared", "storefront.elsewhere"
WORDS = ("marketplace", "operator")  # who proves or denies a shop by saying so
CHECKED_EVERY = timedelta(days=1)
LOST_AFTER = timedelta(days=3)  # without the code on the page. Pages fail for a day.


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at a shop's page found: the proofs that it shows, and the code of the problem, or "".

    `url` is the address that was looked at.
    """

    url: str
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


def texts_to_find(session: Session, shop: Storefront) -> list[str]:
    """Return the proofs of all claims of a shop, or none if its address is not the shop's on the marketplace.

    The host is the marketplace's, or a domain that the marketplace has proved, or a name under one of them.
    The shop's id is a whole part of the address: of its host, its path or its query.
    """
    parts = urlsplit(shop.url)
    host = normal_marketplace(parts.hostname or "")
    hosts = [normal_marketplace(name) for name in _hosts_of(session, shop.marketplace)]
    if not any(host == name or host.endswith(f".{name}") for name in hosts):
        return []
    written = [*host.split("."), *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    if normal_shop(shop.shop_id).casefold() not in {
        normal_shop(unquote(part)).casefold() for part in written
    }:
        return []
    return [proof_of(claim) for claim in claims_of(session, shop)]


def _hosts_of(session: Session, marketplace: str) -> Sequence[str]:
    """Return the host names of a marketplace: its name, if that is one, and domains that it has proved."""
    named = select(Organisation).where(
        Organisation.handle.in_(spellings_of(marketplace)), Organisation.state == APPROVED
    )
    ids = [member.id for member in session.scalars(named) if "marketplace" in member.roles]
    proved = select(Domain.domain).where(Domain.organisation_id.in_(ids), Domain.state == "proved")
    return [*session.scalars(proved), *[marketplace] * ("." in marketplace and "/" not in marketplace)]


def look(outside: Outside, url: str, proofs: Sequence[str]) -> Finding:
    """Look which of these proofs, of `texts_to_find`, a shop's page shows. Slow: call it in no transaction.

    Without proofs, the page is not read.
    """
    if not proofs:
        return Finding(url, problem=ELSEWHERE)
    try:
        page = outside.read_page(url)
    except AuthcheckError as error:
        return Finding(url, problem=error.code)
    return Finding(url, frozenset(proof for proof in proofs if proof.encode() in page))


def note(session: Session, storefront_id: str, finding: Finding, now: datetime) -> Storefront | None:
    """Store what a look found, and return the shop, or None if it was closed meanwhile.

    A page that shows the codes of two organisations proves the shop for the one that had it before.
    Otherwise the proof of another organisation ends where a newer one begins. A look changes nothing about a
    shop that was confirmed or denied, nor about one whose address has changed since the look.
    """
    lock_ledger(session)  # two looks at one shop take turns
    shop = session.get(Storefront, storefront_id, populate_existing=True)
    if shop is None or shop.closed_at is not None:
        return None
    if shop.proved_by in WORDS or shop.url != finding.url:
        return shop
    shop.checked_at = now
    others = [claim for claim in claims_of(session, shop) if claim.id != shop.id and claim.proof == PROVED]
    if proof_of(shop) not in finding.proofs:
        shop.problem = finding.problem or MISSING
        is_over = shop.proved_at is not None and now - shop.proved_at > LOST_AFTER
        if shop.proof == PROVED and is_over:
            shop.proof = LOST
            _tell(session, shop, "shop_lost", now)
    elif any(other.proved_by != "page" or proof_of(other) in finding.proofs for other in others):
        shop.problem = SHARED
    else:
        for other in others:
            other.proof, other.problem = LOST, MISSING
            _tell(session, other, "shop_lost", now)
        _set_proved(shop, "page", now)
    return shop


def confirm(session: Session, shop: Storefront, marketplace: Organisation | None, now: datetime) -> None:
    """Prove a shop by the word of its marketplace. None: by the operator's.

    Raises Forbidden (`storefront.not_yours`), Conflict (`storefront.taken`, `storefront.closed`).
    """
    lock_ledger(session)
    session.refresh(shop)
    _require_marketplace(session, shop, marketplace)
    _refuse_closed(shop)
    others = [claim for claim in claims_of(session, shop) if claim.id != shop.id and claim.proof == PROVED]
    if any(other.proved_by != "page" for other in others):
        raise Conflict("Another organisation's claim of this shop is confirmed.", code="storefront.taken")
    for other in others:  # the marketplace knows better than a page
        other.proof, other.problem = LOST, SHARED
        _tell(session, other, "shop_lost", now)
    if shop.proof != PROVED:
        _tell(session, shop, "shop_confirmed", now)
    _set_proved(shop, _voice(marketplace), now)


def deny(session: Session, shop: Storefront, marketplace: Organisation | None, now: datetime) -> None:
    """Deny a shop by the word of its marketplace (None: the operator's), until one of them confirms it.

    Raises Forbidden (`storefront.not_yours`), Conflict (`storefront.closed`).
    """
    lock_ledger(session)
    session.refresh(shop)
    _require_marketplace(session, shop, marketplace)
    _refuse_closed(shop)
    if shop.problem != DENIED:
        _tell(session, shop, "shop_denied", now)
    shop.proof, shop.proved_by, shop.problem = LOST, _voice(marketplace), DENIED


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


def _refuse_closed(shop: Storefront) -> None:
    if shop.closed_at is not None:
        raise Conflict("The shop is closed.", code="storefront.closed")


def _voice(marketplace: Organisation | None) -> str:
    return "operator" if marketplace is None else "marketplace"


def _set_proved(shop: Storefront, by: str, now: datetime) -> None:
    shop.proof, shop.proved_by, shop.problem, shop.proved_at = PROVED, by, "", now


def _tell(session: Session, shop: Storefront, kind: str, now: datetime) -> None:
    name, page = f"{shop.marketplace}/{shop.shop_id}", "/organisation#shops"
    notifications.tell_admins(session, shop.organisation_id, kind, page, now, name=name)
