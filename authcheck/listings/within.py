"""The listings within an agent's reach: those of its designs, in its territories."""

from sqlalchemy import ColumnElement, and_

from authcheck.errors import Conflict
from authcheck.licences.subjects import outside_territory_error
from authcheck.listings.offers import NewListing
from authcheck.listings.tables import Listing
from authcheck.members.reach import Reach


def is_within(reach: Reach) -> ColumnElement[bool]:
    """Return the condition that a listing's design and territory are within reach."""
    return and_(reach.has_design(Listing.design_id), reach.has_territory(Listing.territory))


def refuse_outside(new: NewListing, reach: Reach) -> None:
    """Raise Conflict (`appointment.outside`) for an offer in a territory that is not within reach."""
    if not reach.covers_territory(new.territory):
        raise outside_territory_error(new.territory)


def refuse_replacing(listing: Listing, reach: Reach) -> None:
    """Raise Conflict (`listing.reference_taken`) unless a caller with this reach may replace a listing.

    A listing without a design shows no design of the brand, so only its territory must be within reach.
    """
    has_design = listing.design_id is None or reach.covers_design(listing.design_id)
    if not has_design or not reach.covers_territory(listing.territory):
        raise Conflict(
            f"The brand uses the reference {listing.reference!r} for another listing. Choose another one.",
            code="listing.reference_taken",
            reference=listing.reference,
        )
