"""Badges of official shops: short-lived statements, signed by the organisation that gave the licence.

A badge names the shop's address. A copy of the badge on another page therefore does not verify. Everybody
reads a badge. It names neither the licence nor any of its terms, and its end does not depend on them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.certificates.signing_keys import signer_for
from authcheck.certificates.statements import did_of, to_json
from authcheck.config import Settings
from authcheck.errors import Conflict, NotFound, NotTrue, Rejected
from authcheck.ledger.addresses import addresses_of
from authcheck.licences import grants
from authcheck.licences.terms import Grant, Use, breaches
from authcheck.members.organisations import APPROVED
from authcheck.members.tables import Organisation
from authcheck.proofs.jws import Jws
from authcheck.proofs.trust import Trust
from authcheck.storefronts import addresses, shops
from authcheck.storefronts.tables import Storefront
from authcheck.vault import Vault

TYP = "authcheck-badge+jwt"
LONGEST = timedelta(days=1)  # a badge ends with the UTC day. It outlives a revoked licence until then.
SKEW = timedelta(minutes=5)  # allowed difference of clocks
LONGEST_BADGE = 16 * 1024  # characters


@dataclass(frozen=True, slots=True)
class Badge:
    """A verified badge: `issuer` (DID) lets `seller` (handle) sell at `url` until `until`."""

    issuer: str
    seller: str
    url: str
    until: datetime


def make_badge(
    session: Session, settings: Settings, vault: Vault, *, storefront_id: str, licence_id: str, now: datetime
) -> str:
    """Make a badge for a shop until the end of this UTC day.

    The badge is a compact JWS, signed with the newest key of the licence's owner.

    Raises NotFound (`storefront.not_found`, `licence.not_found`; `badge.not_found` unless the shop is
    official and the licence covers it today), Conflict (`badge.own_key` when the owner keeps its own key,
    `signing_key.none`), NotTrue (`key.sealed`).
    """
    storefront = shops.get_storefront(session, storefront_id)
    licence = grants.get_licence(session, licence_id, organisation_id=storefront.organisation_id)
    grant = grants.grant_of(session, licence, units=units_issued)
    owner = session.get_one(Organisation, licence.owner_id)
    is_own = licence.licensee_id == storefront.organisation_id and shops.is_official(storefront)
    if not is_own or owner.state != APPROVED or breaches(grant, _use(grant, storefront, now)):
        raise NotFound("This licence does not cover this shop today.", code="badge.not_found")
    signer = signer_for(session, owner, vault)
    if signer is None:
        raise Conflict(
            "The owner of the licence keeps its own signing key, so we cannot sign a badge for it.",
            code="badge.own_key",
        )
    issuer = did_of(addresses_of(session, settings).current, owner.handle)
    payload = {
        "iss": issuer,
        "sub": storefront.url,
        "seller": storefront.organisation.handle,
        "iat": int(now.timestamp()),
        "exp": int(end_of_day(now).timestamp()),
    }
    return signer.under(issuer).sign(to_json(payload), TYP)


def _use(grant: Grant, storefront: Storefront, now: datetime) -> Use:
    """Return the use of a licensed design in this shop today.

    It can break the period and the channels only.
    """
    terms = grant.terms
    return Use(
        design_id=terms.designs[0] if terms.designs else "",
        collection=None if terms.designs else terms.collections[0],
        marketplace=storefront.marketplace,
        shop_id=storefront.shop_id,
        on=now.astimezone(UTC).date(),
    )


def end_of_day(now: datetime) -> datetime:
    """Return the end of the UTC day: the licence was asked about this day, and covers it to its end."""
    return datetime.combine(now.astimezone(UTC).date(), time.min, UTC) + LONGEST


def verify_badge(jws: str, url: str, trust: Trust, now: datetime) -> Badge:
    """Verify a badge that was found at `url`.

    It must be signed with a key that the trust file has as still in force.

    Raises NotTrue (`badge.malformed`, `badge.algorithm`, `badge.key`, `badge.signature`, `badge.url`,
    `badge.expired`, `certificate.issuer`), Rejected (`storefront.url`) when `url` is not a shop's address.
    """
    here = addresses.normal_url(url)
    parts = _read(jws)
    claims = parts.payload
    key = trust.key(claims["iss"], parts.header["kid"])
    if key is None or key.end is not None:
        raise NotTrue("The trust file has no such key that is still in force.", code="badge.key")
    if not parts.is_made_by(key.public_key):
        raise NotTrue("The signature of the badge is not valid.", code="badge.signature")
    if _normal_url_or_none(claims["sub"]) != here:
        raise NotTrue("The badge is for another address.", code="badge.url")
    issued, until = (_to_time(claims[name]) for name in ("iat", "exp"))
    if not issued - SKEW <= now < until or until - issued > LONGEST:
        raise NotTrue("The badge has expired, or is not valid yet.", code="badge.expired")
    return Badge(claims["iss"], claims["seller"], here, until)


def _read(jws: str) -> Jws:
    """Parse a badge and check that all its fields are there. Its content is not yet trusted."""
    try:
        parts = Jws.parse(jws[:LONGEST_BADGE].strip())
    except ValueError as error:
        raise _malformed_error() from error
    header, claims = parts.header, parts.payload
    texts = (header.get("kid"), *(claims.get(name) for name in ("iss", "sub", "seller")))
    times = (claims.get("iat"), claims.get("exp"))
    has_fields = all(type(text) is str for text in texts) and all(type(at) is int for at in times)
    if not has_fields or header.keys() != {"alg", "kid", "typ"} or header["typ"] != TYP:
        raise _malformed_error()
    if not parts.is_ed25519:
        raise NotTrue("The signature is not an Ed25519 signature.", code="badge.algorithm")
    return parts


def _malformed_error() -> NotTrue:
    return NotTrue("This is not a badge.", code="badge.malformed")


def _normal_url_or_none(text: str) -> str | None:
    try:
        return addresses.normal_url(text)
    except Rejected:
        return None


def _to_time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _malformed_error() from error
