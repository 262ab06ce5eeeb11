"""The appointment of an agent as a brand writes it: references of designs, names of countries.

The room `members` keeps appointments, and knows neither designs nor countries.
"""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy.orm import Session

from authcheck.errors import Rejected
from authcheck.licences.codes import EVERYWHERE, checked_country, normal_territories
from authcheck.members import appointments
from authcheck.members.appointments import MOST_DESIGNS
from authcheck.members.tables import Appointment, Organisation
from authcheck.registry.design_names import find_own_id


def appoint(
    session: Session,
    client: Organisation,
    agent: Organisation,
    *,
    scopes: Iterable[str],
    designs: Iterable[str] = (),
    territories: Iterable[str] = (),
    ends_on: date,
    now: datetime,
) -> Appointment:
    """Appoint an agent as `appointments.appoint` does, after reading designs and territories.

    `designs` are ids or references of the client's own designs. `territories` are countries, `EU`, or `*`. An
    empty list means all. Raises NotFound (`design.not_found`), also for another owner's design, Rejected
    (`appointment.territory`), and as `appointments.appoint`.
    """
    names = list(dict.fromkeys(designs))
    if len(names) > MOST_DESIGNS:
        raise appointments.too_many_designs_error()
    return appointments.appoint(
        session,
        client,
        agent,
        scopes=scopes,
        designs=[find_own_id(session, client, name) for name in names],
        territories=read_territories(territories),
        ends_on=ends_on,
        now=now,
    )


def read_territories(texts: Iterable[str]) -> list[str]:
    """Return the ISO 3166-1 codes that these texts name, [] for all. Raises Rejected."""
    codes: set[str] = set()
    for text in texts:
        codes.update(normal_territories(text) or [checked_country(text, error_code="appointment.territory")])
    if EVERYWHERE in codes and len(codes) > 1:
        raise Rejected("Name countries, or * alone for all.", code="appointment.territory", territory="*")
    return sorted(codes - {EVERYWHERE})
