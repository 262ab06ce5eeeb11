"""Badges of official shops: a short-lived statement, signed by who gave the licence, bound to the shop's address.

Whoever copies a badge to another page has a badge of another address.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.certificates.signing_keys import signer_for
from authcheck.certificates.statements import did_of, to_json
from authcheck.config import Settings
from authcheck.errors import Conflict, NotFound, NotTrue, Rejected
from authcheck.licences import grants
from authcheck.licences.terms import Grant, Use, breaches
from authcheck.members.tables import Organisation
from authcheck.proofs.jws import Jws
from authcheck.proofs.trust import Trust
from authcheck.storefronts import shops
from authcheck.storefronts.tables import Storefront
from authcheck.vault import Vault

TYP = "authcheck-badge+jwt"
LONGEST = timedelta(days=1)  # a revoked licence's badge outlives it by so much at most
SKEW = timedelta(minutes=5)
LONGEST_BADGE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge that holds says: `issuer` (DID) lets `seller` (handle) sell at `url` by `licence` until `until`."""

    issuer: str
    seller: str
    url: str
    licence: str
    until: datetime


def make_badge(
    session: Session, settings: Settings, vault: Vault, *, storefront_id: str, licence_id: str, now: datetime
) -> str:
    """A badge for a shop as a compact JWS, signed by the newest key of who gave the licence.

    Raises NotFound (`storefront.not_found`; `badge.not_found` unless the shop is open and the licence covers it today),
    Conflict (`badge.own_key` where the owner keeps its key, `signing_key.none`), NotTrue (`key.sealed`).
    """
    storefront = shops.get_storefront(session, storefront_id)
    licence = grants.get_licence(session, licence_id, organisation_id=storefront.organisation_id)
    grant = grants.grant_of(session, licence, units=units_issued)
    own = licence.licensee_id == storefront.organisation_id and storefront.closed_at is None
    if not own or breaches(grant, _use(grant, storefront, now)):
        raise NotFound("That licence does not cover this shop today.", code="badge.not_found")
    owner = session.get_one(Organisation, licence.owner_id)
    signer = signer_for(session, owner, vault)
    if signer is None:
        raise Conflict("The licence's owner keeps its key itself.", code="badge.own_key")
    payload = {
        "iss": did_of(settings.public_url, owner.handle),
        "sub": storefront.url,
        "seller": storefront.organisation.handle,
        "licence": licence.id,
        "iat": int(now.timestamp()),
        "exp": int(min(now + LONGEST, *_ends(grant)).timestamp()),
    }
    return signer.sign(to_json(payload), TYP)


def _use(grant: Grant, storefront: Storefront, now: datetime) -> Use:
    """Selling what the licence is about in this shop today: of its terms, period and channel can break."""
    terms = grant.terms
    return Use(
        design_id=terms.designs[0] if terms.designs else "",
        collection=None if terms.designs else terms.collections[0],
        marketplace=storefront.marketplace,
        shop_id=storefront.shop_id,
        on=now.astimezone(UTC).date(),
    )


def _ends(grant: Grant) -> list[datetime]:
    """When this licence and those it stands on are over by their terms; something far off is always there."""
    ends = [datetime.max.replace(tzinfo=UTC)]
    one: Grant | None = grant
    while one is not None:
        if one.terms.ends_on is not None:
            ends.append(datetime.combine(one.terms.ends_on, time.max, UTC))
        one = one.parent
    return ends


def verify_badge(jws: str, url: str, trust: Trust, now: datetime) -> Badge:
    """What a badge found at `url` says. Only keys that the trust file holds as still in force count.

    Raises NotTrue (`badge.malformed`, `badge.algorithm`, `badge.key`, `badge.signature`, `badge.url`, `badge.expired`,
    `certificate.issuer`), Rejected (`storefront.url`) for an address that is none.
    """
    here = shops.normal_url(url)
    parts = _read(jws)
    claims = parts.payload
    key = trust.key(claims["iss"], parts.header["kid"])
    if key is None or key.end is not None:
        raise NotTrue("The trust file knows no such key in force.", code="badge.key")
    if not parts.is_made_by(key.public_key):
        raise NotTrue("The badge's signature does not hold.", code="badge.signature")
    if _url(claims["sub"]) != here:
        raise NotTrue("The badge is that of another address.", code="badge.url")
    issued, until = (_at(claims[name]) for name in ("iat", "exp"))
    if not issued - SKEW <= now < until or until - issued > LONGEST:
        raise NotTrue("The badge is over, or not valid yet.", code="badge.expired")
    return Badge(claims["iss"], claims["seller"], here, claims["licence"], until)


def _read(jws: str) -> Jws:
    """Parse a badge and check that all its fields are there. Nothing in it is believed yet."""
    try:
        parts = Jws.parse(jws[:LONGEST_BADGE].strip())
    except ValueError as error:
        raise _malformed() from error
    header, claims = parts.header, parts.payload
    texts = (header.get("kid"), *(claims.get(name) for name in ("iss", "sub", "seller", "licence")))
    times = (claims.get("iat"), claims.get("exp"))
    has_fields = all(type(text) is str for text in texts) and all(type(at) is int for at in times)
    if not has_fields or header.keys() != {"alg", "kid", "typ"} or header["typ"] != TYP:
        raise _malformed()
    if not parts.is_ed25519:
        raise NotTrue("The signature is of another kind than Ed25519.", code="badge.algorithm")
    return parts


def _malformed() -> NotTrue:
    return NotTrue("That is no badge.", code="badge.malformed")


def _url(text: str) -> str | None:
    try:
        return shops.normal_url(text)
    except Rejected:
        return None


def _at(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _malformed() from error
