"""One English sentence for each reason code, with its numbers: what the terminal shows of a verdict.

Pages say the same without distances and without a licence's terms, which only its parties may read, in both
languages: `reason.*` in `api/locales/`.
"""

from collections.abc import Mapping
from typing import Any

SENTENCES = {
    "image.exact_copy": "the very file that was registered",
    "image.near_copy": "{distance_bits} of {of_bits} bits differ ({family})",
    "image.design_found": "{points} points line up with the registered design",
    "image.partial_copy": "partial copy: {percent} % of the design is visible",
    "image.redrawn": "parts and colours differ: it may be a redrawing",
    "image.several_designs": "{designs} designs in the picture",
    "image.inverted": "light and dark swapped",
    "image.mirrored": "mirrored",
    "image.rotated": "turned by {angle_deg} degrees",
    "image.part": "compared by its {window} part",
    "image.also_near": "similar to {designs} more designs",
    "design.variant_unclear": "{designs} more designs of this owner fit as well: which one cannot be told",
    "image.animated": "animated: only the first frame was compared",
    "image.first_page": "several pages: only the first page that shows something was compared",
    "design.later_copy": "a later picture that shows or resembles this design is in sight: {design}",
    "design.later_claim": "{design} of {owner} was registered later with the same or a similar picture",
    "design.owner_suspended": "the design's owner is suspended here, so it accuses nobody",
    "design.disputed": "the design's ownership is disputed",
    "listing.owner_sells": "the seller owns the design",
    "listing.licensed": "a licence covers this seller, place, goods and day",
    "listing.no_licence": "the seller has no licence for the design",
    "listing.near_own": "similar to a design that the seller may use",
    "listing.lookalike": "similar to the design, not the same: a person should look",
    "listing.seller_unknown": "no member lists this shop as its own",
    "listing.nothing_found": "no registered design was found: this does not tell whether it is genuine",
    "listing.pictures_unreadable": "{pictures} pictures could not be read",
    "listing.twin": "the licence names {twin}, the same art of the same owner",
    "listing.variant": "the licence names {twin} of the same owner, which fits the pictures as well",
    "listing.shop_near": "no member lists this shop, but one lists {shop}: compare the ids",
    "listing.shop_claimed": "the seller's shop is claimed, not proved: its right may be another's",
    "listing.price_unread": "the price could not be read: {price}",
    "licence.not_accepted": "a licence was offered, but not yet accepted",
    "licence.accepted_later": "the licence was accepted {days} days after the listing, on {accepted}",
    "licence.revoked": "the licence was revoked {days} days before",
    "licence.superseded": "the licence was replaced by a later version {days} days before",
    "licence.lapsed": "the licence lapsed {days} days before, on {ended}",
    "licence.not_started": "the licence begins {days} days later, on {starts}",
    "licence.other_design": "the licence is about other designs",
    "licence.territory": "territory {territory} not in {allowed}",
    "licence.goods": "goods {goods} not in {allowed}",
    "licence.channel": "channel {channel} not in {allowed}",
    "licence.over_cap": "{units:,} of {cap:,} units",
    "certificate.good": "the certificate is good",
    "certificate.issuer_suspended": "the issuer of the certificate, or the owner of its design, is suspended",
    "certificate.revoked": "the certificate was revoked",
    "certificate.not_true": "the certificate is not valid",
    "certificate.not_found": "we have no such certificate",
    "certificate.malformed": "the certificate's code is not one of ours",
    "certificate.cannot_tell": "we cannot tell now whether the certificate is valid",
    "certificate.other_design": "the certificate belongs to another design",
    "certificate.other_issuer": "the certificate was issued by {issuer}, neither owner nor licensee",
    "certificate.no_right_at_issue": "the certificate was issued without a right to the design",
    "certificate.clone": "the certificate's label was scanned in ways impossible for one unit",
}

ONE = (  # a number that may be 1, the words for one, and the words for several
    ("days", "{days} day", "{days} days"),
    ("designs", "{designs} more design of this owner fits", "{designs} more designs of this owner fit"),
    ("designs", "{designs} more design", "{designs} more designs"),
)


def reason_sentence(code: str, params: Mapping[str, Any]) -> str:
    """Return the sentence of a reason. A code of a later release is shown as it is."""
    sentence = SENTENCES.get(code, code)
    for name, one, several in ONE:
        if params.get(name) == 1:
            sentence = sentence.replace(several, one)
    return sentence.format_map(params)
