"""The pages of people in the head of every page: which of them a person may open, in their order."""

from authcheck.members.organisations import APPROVED
from authcheck.members.permissions import Resource, Right
from authcheck.members.sessions import SignedIn

BRAND, LICENSEE, MARKETPLACE = "brand", "licensee", "marketplace"
PAGES: tuple[tuple[str, str, tuple[str, ...], Resource], ...] = (
    # address, key of its name, the kinds of organisation that have it, what a person must be able to read
    ("/designs", "designs.title", (BRAND,), Resource.DESIGNS),
    ("/licences", "licences.title", (BRAND, LICENSEE), Resource.LICENCES),
    ("/certificates", "batches.title", (BRAND, LICENSEE), Resource.CERTIFICATES),
    ("/scans", "scans.title", (BRAND, LICENSEE), Resource.SCANS),
    ("/cases", "cases.title", (MARKETPLACE,), Resource.CASES),
    ("/hits", "hits.title", (BRAND,), Resource.LISTINGS),
    ("/notices", "notices.title", (BRAND,), Resource.NOTICES),
)


def pages_of(signed_in: SignedIn) -> dict[str, str]:
    """Return the pages that a person may open: address -> key of its name."""
    principal, organisation = signed_in.principal, signed_in.organisation
    pages: dict[str, str] = {}
    if principal is not None and organisation is not None:
        kinds = set(organisation.roles)
        pages = {"/today": "today.title"} | {
            path: key
            for path, key, have_it, resource in PAGES
            if kinds & set(have_it) and principal.may(resource, Right.READ)
        }
        manages = principal.may(Resource.ORGANISATIONS, Right.READ)
        if manages:
            pages["/organisations"] = "organisations.title"
            pages["/rights"] = "rights_review.title"
        if principal.may(Resource.DISPUTES, Right.DECIDE):
            pages["/disputes"] = "disputes.title"
        if manages or principal.may(Resource.PEOPLE, Right.READ):
            pages["/people"] = "people.title"
        if organisation.state != APPROVED and principal.may(Resource.PEOPLE, Right.READ):
            pages = {"/organisation": "own.title"} | pages
    return {**pages, "/account": "account.title"}
