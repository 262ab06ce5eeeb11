"""Listings judged again because of the scans of the label that their seller names."""

from dataclasses import asdict, replace
from datetime import datetime

from authcheck.listings.evidence import Evidence
from authcheck.listings.policies import CURRENT_LISTING_POLICY
from authcheck.listings.rules import decide
from authcheck.listings.tables import Listing


def judge_by_scans(listing: Listing, clone_reasons: tuple[str, ...], now: datetime) -> bool:
    """Decide a listing again from its stored evidence, with what the scans say now.

    Return whether the scans say something else than before. The pictures and the licence are not looked at
    again. Raises NotTrue (`listing.evidence`).
    """
    evidence = Evidence.from_json(listing.evidence)
    if evidence.certificate is None or evidence.certificate.clone_reasons == clone_reasons:
        return False
    certificate = replace(evidence.certificate, clone_reasons=clone_reasons)
    evidence = replace(evidence, certificate=certificate)
    decision = decide(evidence, CURRENT_LISTING_POLICY)
    listing.evidence = evidence.to_json()
    listing.policy, listing.decided_at = CURRENT_LISTING_POLICY.name, now
    listing.verdict = decision.code.value
    listing.reasons = [asdict(reason) for reason in decision.reasons]
    listing.design_id, listing.licence_id = decision.design_id, decision.licence_id
    return True
