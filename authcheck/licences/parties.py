"""The parties of a licence: its owner and its licensee. Only they read its terms, its end and its id.

Third parties, such as a marketplace, learn whether a use is covered. If it is not, they learn the kind of
term that the use breaks, which is the code of the breach, without its numbers.
"""

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.errors import Rejected
from authcheck.licences.grants import chain_of, is_within
from authcheck.licences.subjects import are_terms_within
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Breach, Grant
from authcheck.members.reach import WHOLE, Reach
from authcheck.storage.parameters import in_chunks

TOMORROW = timedelta(days=1)  # the day has begun already somewhere east of UTC


def own_licences(
    session: Session, organisation_id: str, licence_ids: Iterable[str], *, reach: Reach = WHOLE
) -> frozenset[str]:
    """Return the ids of those licence versions within reach that the organisation gave or got."""
    is_party = or_(Licence.owner_id == organisation_id, Licence.licensee_id == organisation_id)
    own: set[str] = set()
    for chunk in in_chunks(sorted(set(licence_ids))):
        own |= set(
            session.scalars(select(Licence.id).where(Licence.id.in_(chunk), is_party, is_within(reach)))
        )
    return frozenset(own)


def own_links(grant: Grant, organisation_id: str, *, reach: Reach = WHOLE) -> frozenset[str]:
    """Return the ids of those licences of a chain within reach that the organisation gave or got."""
    links = [link for link in chain_of(grant) if are_terms_within(link.terms, reach)]
    return frozenset(link.id for link in links if organisation_id in {link.owner_id, link.licensee_id})


def as_read_with(own: Collection[str], breach: Breach) -> Breach:
    """Return a breach as the party of the licences `own` may read it.

    A breach of another licence keeps only its code. In a chain of sublicences, each link has its own parties.
    """
    return breach if breach.licence_id in own else Breach(breach.code)


def refuse_future(day: date, today: date, *, error_code: str) -> None:
    """Raise Rejected (`error_code`) for a day after tomorrow.

    With answers about any day in the future, a third party could find the last day of a licence.
    """
    if day > today + TOMORROW:
        raise Rejected("You can ask about today, tomorrow and days in the past.", code=error_code)
