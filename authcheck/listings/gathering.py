"""Gathers the evidence about a listing from pictures, licences, storefronts and the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from authcheck.checks.answers import Answer
from authcheck.checks.verdicts import Finding, VerdictCode
from authcheck.errors import NotFound, Rejected
from authcheck.labels.codes import read_code
from authcheck.ledger.addresses import addresses_of
from authcheck.licences.terms import Use
from authcheck.listings.evidence import CertificateSeen, DesignSeen, Evidence, LicenceSeen
from authcheck.listings.offers import TYPED_CHARS, NewListing
from authcheck.lookups import lookup
from authcheck.lookups.cautions import COPIED
from authcheck.lookups.issue_rights import had_right_at_issue
from authcheck.lookups.lookup import LookUp
from authcheck.members.organisations import APPROVED
from authcheck.members.tables import Organisation
from authcheck.proofs.bundle import State
from authcheck.registry.tables import Design
from authcheck.registry.twins import find_twins
from authcheck.storefronts import sellers, shops
from authcheck.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PictureRead:
    """A picture that was read: its place among the pictures, from 0, its name, and the answer about it."""

    place: int
    name: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class CodeRead:
    """The outcome of looking a certificate's code up. `found` is None unless we have the certificate.

    `code` is the code in its one spelling, None for a text that cannot be a code.
    """

    outcome: Literal["found", "not_found", "malformed"]
    found: LookUp | None = None
    code: str | None = None


def look_up_code(work: Workspace, text: str | None, now: datetime) -> CodeRead | None:
    """Look up the certificate that a seller names. None without one.

    Raises Rejected (`listing.certificate`) for an address of another service.
    """
    if text is None:
        return None
    try:
        code = read_code(text, lambda: _read_addresses(work))
        return CodeRead("found", lookup.look_up(work.database, work.settings, code, now), code)
    except NotFound:
        return CodeRead("not_found", code=code)
    except Rejected as error:
        if error.code == "code.foreign":
            message = f"{error} Leave the certificate out, or give the code of one of our labels."
            raise Rejected(message, code="listing.certificate", limit=TYPED_CHARS) from error
        return CodeRead("malformed")  # that speaks against the listing, not the caller


def _read_addresses(work: Workspace) -> Sequence[str]:
    with work.database.reading() as session:
        return addresses_of(session, work.settings).urls


def gather(
    session: Session,
    offer: NewListing,
    pictures: Sequence[PictureRead],
    code: CodeRead | None,
    *,
    unreadable: int = 0,
) -> Evidence:
    """Return the evidence about an offer, as the database is now."""
    storefront = shops.find_shop(session, offer.channel, offer.seller)
    seller = storefront.organisation if storefront else None
    is_proved = storefront is not None and shops.is_official(storefront)
    offer = replace(offer, seller=storefront.shop_id) if storefront else offer
    near_shop = None if storefront else shops.find_near_shop(session, offer.channel, offer.seller)
    seen = _seen(pictures)
    rows = session.scalars(
        select(Design).where(Design.id.in_(seen)).options(joinedload(Design.owner)).order_by(Design.id)
    )
    certified_id = code.found.unit.design_id if code is not None and code.found is not None else None
    return Evidence(
        designs=tuple(
            _design(session, offer, seller, row, seen[row.id], certified_id=certified_id) for row in rows
        ),
        certificate=None if code is None else _certificate(session, code, seller if is_proved else None),
        seller_known=seller is not None,
        pictures=len(pictures) + unreadable,
        unreadable=unreadable,
        price_unread=offer.price_unread,
        near_shop=near_shop or "",
        shop_claimed=storefront is not None and not is_proved,
    )


@dataclass(slots=True)
class _Seen:
    """One design over all pictures: the best verdict and score of any picture."""

    verdict: Literal["match", "lookalike"] = "lookalike"
    score: float = 0.0
    pictures: tuple[int, ...] = ()
    exact_copy: bool = False
    disputed: bool = False
    views: tuple[int, ...] = ()
    variants: frozenset[str] = frozenset()

    def add(self, place: int, finding: Finding) -> None:
        code, candidate = finding.code, finding.candidate
        self.variants |= {variant.design_id for variant in finding.variants}
        if code is VerdictCode.MATCH:
            self.verdict = "match"
        self.score = max(self.score, candidate.score)
        self.pictures += (place,)
        self.views += (candidate.view_number,)
        self.exact_copy = self.exact_copy or candidate.method == "sha256"
        self.disputed = self.disputed or candidate.disputed


def _seen(pictures: Sequence[PictureRead]) -> dict[str, _Seen]:
    seen: dict[str, _Seen] = {}
    for picture in pictures:
        for finding in picture.answer.verdict.findings:
            design = seen.setdefault(finding.candidate.design_id, _Seen())
            design.add(picture.place, finding)
    return seen


def _design(
    session: Session,
    offer: NewListing,
    seller: Organisation | None,
    design: Design,
    seen: _Seen,
    *,
    certified_id: str | None,
) -> DesignSeen:
    is_owner, standings = (
        (False, ())
        if seller is None
        else sellers.rights_of(
            session, seller, design, _use(offer, design), views=seen.views, variants=seen.variants
        )
    )
    return DesignSeen(
        design_id=design.id,
        reference=design.reference,
        owner=design.owner.handle,
        verdict=seen.verdict,
        score=seen.score,
        pictures=seen.pictures,
        exact_copy=seen.exact_copy,
        disputed=seen.disputed,
        seller_is_owner=is_owner,
        licences=tuple(
            LicenceSeen(
                licence_id=standing.grant.id,
                breaches=standing.breaches,
                twin=standing.twin.reference if standing.twin else "",
                variant=standing.variant,
            )
            for standing in standings
        ),
        owner_suspended=design.owner.state != APPROVED,
        twin_certified=_is_twin_certified(session, design, seen, certified_id),
    )


def _is_twin_certified(session: Session, design: Design, seen: _Seen, certified_id: str | None) -> bool:
    """Return whether a certificate is about a twin of the design, or a design that fits as well."""
    if certified_id in {None, design.id}:
        return False
    twins = find_twins(session, design, Design.id == certified_id, views=seen.views)
    return certified_id in seen.variants or bool(twins)


def _use(offer: NewListing, design: Design) -> Use:
    return Use(
        design_id=design.id,
        collection=design.collection,
        territory=offer.territory,
        goods=offer.goods,
        marketplace=offer.channel,
        shop_id=offer.seller,
        on=offer.listed_on,
    )


def _certificate(session: Session, code: CodeRead, seller: Organisation | None) -> CertificateSeen:
    if code.found is None:
        return CertificateSeen(outcome="malformed" if code.outcome == "malformed" else "not_found")
    found, unit = code.found, code.found.unit
    failed = next((step.code for step in found.steps if step.state is State.FALSE), "")
    return CertificateSeen(
        outcome=found.outcome,
        failed=failed,
        design_id=unit.design_id,
        issuer=unit.handle,
        issuer_is_seller=seller is not None and unit.organisation_id == seller.id,
        right_at_issue=had_right_at_issue(session, unit),
        clone_reasons=tuple(sorted(caution.code for caution in found.cautions if caution.code in COPIED)),
        is_suspended=unit.issuer_suspended or unit.owner_suspended,
    )
