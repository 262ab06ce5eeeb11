"""A licensee with a key and licences of a brand's designs, for tests and for processes that race each other."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import certificates_made as made
import make
from sqlalchemy import func, select

from authcheck.certificates import brand_signatures, issuing, signing_keys
from authcheck.certificates.brand_signatures import Waiting
from authcheck.certificates.meters import Meter, meter_of
from authcheck.certificates.tables import Batch, Certificate
from authcheck.config import Settings
from authcheck.errors import Conflict, DatabaseBusy
from authcheck.licences import agreements
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.members import organisations
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

STARTS = date(2026, 1, 1)
YEAR = timedelta(days=365)
PAUSE_S = 0.03  # SQLite's waiting writers retry at intervals: a writer that never pauses starves them


@dataclass(frozen=True)
class Licensee(made.Brand):
    """A licensee at work in a workspace. `design` belongs to the owner."""

    def certificates(self) -> Sequence[Certificate]:
        """Return the licensee's certificates in the order of their status indices."""
        with self.work.database.reading() as session:
            organisation = organisations.get_organisation(session, self.handle)
            own = select(Certificate).where(Certificate.organisation_id == organisation.id)
            return session.scalars(own.order_by(Certificate.status_index)).all()

    def units(self) -> int:
        """Return the number of certificates of the design, from all issuers."""
        with self.work.database.reading() as session:
            counted = select(func.count()).select_from(Certificate)
            return session.scalar(counted.where(Certificate.design_id == self.design.id)) or 0

    def meter(self, licence: Licence) -> Meter:
        """Return the meter of a licence."""
        with self.work.database.reading() as session:
            return meter_of(session, self.work.settings, licence.id)

    def waiting(self, now: datetime = make.NOW) -> Waiting:
        """Return the batches that wait for the licensee's signature."""
        with self.work.database.reading() as session:
            organisation = organisations.get_organisation(session, self.handle)
            return brand_signatures.find_waiting(session, organisation, now)


def licensee(work: Workspace, design: Design, handle: str = "printers", *, key: bool = True) -> Licensee:
    """Return a licensee, by default with a key that the service keeps."""
    with work.database.writing() as session:
        organisations.create_organisation(
            session, handle=handle, name=handle, roles=["licensee"], now=make.NOW - YEAR
        )
    found = Licensee(work, handle, design, signing_keys.open_vault(work.settings))
    if key:
        found.add_key()
    return found


def licence(
    work: Workspace,
    owner: str,
    to: str,
    *,
    now: datetime = make.NOW,
    parent_id: str | None = None,
    accepted: bool = True,
    **words: Any,
) -> Licence:
    """Return a licence from one organisation to another. Keyword arguments replace its terms."""
    terms = Terms(**{"starts_on": STARTS, **words})
    with work.database.writing() as session:
        giver, taker = (organisations.get_organisation(session, handle) for handle in (owner, to))
        offered = agreements.offer(session, giver, taker, terms, now, parent_id=parent_id)
    if not accepted:
        return offered
    with work.database.writing() as session:
        return agreements.accept(session, organisations.get_organisation(session, to), offered.id, now)


def amend(
    work: Workspace, owner: str, to: str, licence_id: str, *, now: datetime = make.NOW, **words: Any
) -> Licence:
    """Amend a licence with other terms and accept the amendment."""
    terms = Terms(**{"starts_on": STARTS, **words})
    with work.database.writing() as session:
        offered = agreements.amend(
            session, organisations.get_organisation(session, owner), licence_id, terms, now
        )
    with work.database.writing() as session:
        return agreements.accept(session, organisations.get_organisation(session, to), offered.id, now)


def revoke(work: Workspace, owner: str, licence_id: str, now: datetime = make.NOW) -> Licence:
    """Revoke a licence as its owner."""
    with work.database.writing() as session:
        organisation = organisations.get_organisation(session, owner)
        return agreements.revoke(session, organisation, licence_id, agreements.REASONS[0], now)


def issue_until_refused(settings: Settings, handle: str, design_id: str, name: str, count: int) -> list[str]:
    """Order this many units again and again until an order is refused. Return the codes of the refusal."""
    work = Workspace.open(settings)
    vault = signing_keys.open_vault(settings)
    try:
        for number in range(200):  # a race that never ends is a failure, not a wait
            time.sleep(PAUSE_S)
            order = made.Brand.order(
                made.Brand(work, handle, Design(id=design_id), vault), f"{name}-{number}", count=count
            )
            try:
                with work.database.writing() as session:
                    organisation = organisations.get_organisation(session, handle)
                    issuing.issue(session, vault, settings, organisation, order, make.NOW)
            except DatabaseBusy:
                continue
            except Conflict as error:
                return str(error.params["breaches"]).split(", ")
        return ["never refused"]
    finally:
        work.database.dispose()


def issue_in_a_process(settings: Settings, handle: str, design_id: str, name: str, count: int) -> None:
    """Run `issue_until_refused`. The process fails unless the cap or a revocation refuses the order."""
    codes = issue_until_refused(settings, handle, design_id, name, count)
    if not {"licence.over_cap", "licence.revoked"} & set(codes):
        raise AssertionError(codes)


def batches_under(work: Workspace, series: str) -> Sequence[Batch]:
    """Return the batches issued under all versions of a licence."""
    with work.database.reading() as session:
        versions = select(Licence.id).where(Licence.series == series)
        return session.scalars(select(Batch).where(Batch.licence_id.in_(versions))).all()
