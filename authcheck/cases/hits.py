"""Hits: the listings that show a brand's designs, noted when a listing is stored.

A hit tells the owner of a design what every buyer sees of a listing, and the verdict about this design. Hits
are of listings that a marketplace or the owner itself has handed in. What another brand or a licensee checks
for itself is no hit.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from authcheck.cases import clusters
from authcheck.cases.notice_tables import BuyerReport, Hit, NoticeRow
from authcheck.cases.stages import WITHDRAWN_CODE
from authcheck.checks.tables import Check
from authcheck.errors import NotTrue
from authcheck.ids import new_id
from authcheck.listings.evidence import Evidence
from authcheck.listings.policies import ListingVerdict, listing_policy_named
from authcheck.listings.rules import Decision, decide
from authcheck.listings.tables import Listing
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.parameters import in_chunks

FRESH = {"synchronize_session": "fetch"}  # rows in the session get the new values, too


def note(session: Session, listing: Listing, checks: Sequence[Check], now: datetime) -> None:
    """Write the hits of a listing, in the transaction that stores it, and remove those that are over.

    A hit that stays keeps its case and its notice. The designs are taken in the order of their ids, as
    `clusters.join` demands.
    """
    owners = _owners_who_may_see(session, listing)
    before = {hit.design_id: hit for hit in _hits_of(session, listing)}
    seen = set()
    for design_id in sorted(owners):
        decision = about(listing, design_id)
        if decision.code is ListingVerdict.NONE:
            continue
        seen.add(design_id)
        hit = before.get(design_id) or Hit(id=new_id("hit", now), listing_id=listing.id, design_id=design_id)
        hit.owner_id, hit.organisation_id = owners[design_id], str(listing.organisation_id)
        hit.channel, hit.seller, hit.territory = listing.channel, listing.seller, listing.territory
        hit.listed_on, hit.verdict = listing.listed_on, decision.code
        shown = next((check for check in checks if clusters.shows(check, design_id)), None)
        hit.cluster_id = clusters.join(session, shown, design_id, now).cluster_id if shown else None
        hit.grouped_by = hit.cluster_id or listing.id
        session.add(hit)
    over = sorted(before.keys() - seen)
    if over:
        session.execute(delete(Hit).where(Hit.listing_id == listing.id, Hit.design_id.in_(over)))
    session.flush()


def about(listing: Listing, design_id: str) -> Decision:
    """Return the verdict on a listing as far as it concerns one design.

    Raises NotTrue (`listing.evidence`) and BadSetting (`policy.unknown`) for a listing of another release.
    """
    return decide(Evidence.from_json(listing.evidence), listing_policy_named(listing.policy), about=design_id)


def set_case(session: Session, listing_id: str, design_id: str, case_id: str) -> None:
    """Note the newest case about a listing and a design."""
    _set(session, listing_id, design_id, case_id=case_id)


def set_notice(session: Session, listing_id: str, design_id: str, notice_id: str) -> None:
    """Note the newest notice about a listing and a design."""
    _set(session, listing_id, design_id, notice_id=notice_id)


def reported_as(session: Session, case_id: str) -> set[tuple[str, str]]:
    """Return the listings of a case that somebody reports, each with its verdict at that time."""
    by_brands = select(NoticeRow.listing_id, NoticeRow.verdict).where(
        NoticeRow.case_id == case_id, NoticeRow.code.is_distinct_from(WITHDRAWN_CODE)
    )
    by_buyers = select(BuyerReport.listing_id, BuyerReport.verdict).where(BuyerReport.case_id == case_id)
    return {
        (str(listing_id), str(verdict))
        for reports in (by_brands, by_buyers)
        for listing_id, verdict in session.execute(reports)
    }


def move(session: Session, listing_ids: Collection[str], *, of_case_id: str, to_case_id: str) -> None:
    """Let the hits and the notices of these listings follow another case."""
    for chunk in in_chunks(sorted(listing_ids)):
        for rows in (Hit, NoticeRow, BuyerReport):
            is_moved = rows.case_id == of_case_id, rows.listing_id.in_(chunk)
            session.execute(
                update(rows).where(*is_moved).values(case_id=to_case_id).execution_options(**FRESH)
            )


def _set(session: Session, listing_id: str, design_id: str, **ids: str) -> None:
    rows = update(Hit).where(Hit.listing_id == listing_id, Hit.design_id == design_id)
    session.execute(rows.values(**ids).execution_options(**FRESH))


def _hits_of(session: Session, listing: Listing) -> Sequence[Hit]:
    return session.scalars(select(Hit).where(Hit.listing_id == listing.id)).all()


def _owners_who_may_see(session: Session, listing: Listing) -> dict[str, str]:
    """Return the owner of each design in the pictures who may see the listing, by the design's id."""
    if listing.organisation_id is None:
        return {}
    try:
        design_ids = [design.design_id for design in Evidence.from_json(listing.evidence).designs]
    except NotTrue:  # evidence of another release: the listing's own verdict names one design at most
        return {}
    if not design_ids:
        return {}
    organisation = session.get_one(Organisation, listing.organisation_id)
    is_offered_to_all = "marketplace" in organisation.roles
    query = select(Design.id, Design.owner_id).where(Design.id.in_(design_ids))
    return {
        design_id: owner_id
        for design_id, owner_id in session.execute(query)
        if is_offered_to_all or owner_id == organisation.id
    }
