"""The right to issue certificates for a design: the owner has it, and a licensee within the licence's terms.

All checks read rows under locks.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from authcheck.certificates.meters import units_issued
from authcheck.certificates.orders import Order
from authcheck.certificates.tables import Batch, Certificate
from authcheck.errors import Conflict, NotFound
from authcheck.licences import grants as licence_grants
from authcheck.licences.parties import as_read_with, own_links
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Breach, Grant, Use, breaches
from authcheck.licences.twins import licensed_twins
from authcheck.members.tables import Organisation
from authcheck.registry.designs import get_design
from authcheck.registry.tables import Design
from authcheck.registry.twins import find_twins
from authcheck.storage.parameters import can_be_stored


@dataclass(frozen=True, slots=True)
class Right:
    """The right to issue certificates for `design`, under the licence `licence_id` or as its owner (None)."""

    design: Design
    licence_id: str | None = None


def lock_right(session: Session, organisation: Organisation, order: Order, now: datetime) -> Right:
    """Return the right to issue this order, locked until this transaction ends.

    Call it under `lock_organisation`. An owner needs no licence. For a licensee, use the licence that the
    order names. Otherwise use a licence of this licensee that covers the order, for the design or for its
    twin. Raises NotFound (`design.not_found`, `licence.not_found`), Conflict
    (`certificate.no_licence`, `certificate.licence_breach`, `certificate.design_state`).
    """
    design = _find_design(session, organisation, order)
    if order.licence_id is None and design is not None and design.owner_id == organisation.id:
        _lock_design(session, design)
        return Right(design)
    grants = _find_grants(session, organisation, design, order.licence_id)
    if order.licence_id is None and design is not None:
        grants += _find_twin_grants(session, organisation, design, known={grant.id for grant in grants})
    if design is None or not grants:
        raise _no_licence_error(organisation, order)
    rows = _lock_chains(session, grants)
    _lock_design(session, design)
    locked = licence_grants.grants_of(session, [rows[grant.id] for grant in grants], units=units_issued)
    judged = [(_breaches_of(session, grant, design, order.count, now), grant) for grant in locked]
    broken, grant = min(judged, key=lambda breaches_and_grant: len(breaches_and_grant[0]))
    if broken:
        raise _breach_error(grant, broken)
    return Right(design, grant.id)


def lock_standing(
    session: Session, organisation: Organisation, batches: Sequence[Batch], now: datetime
) -> dict[str, Design]:
    """Return each batch's design by batch id, if its right still exists.

    Lock the right until this transaction ends. The newest accepted version of the licence decides. Raises
    NotFound (`design.not_found`), Conflict (`certificate.licence_breach`, `certificate.design_state`).
    """
    grants = {batch.id: _newest_grant(session, batch.licence_id) for batch in batches if batch.licence_id}
    rows = _lock_chains(session, grants.values())
    designs = {}
    for batch in batches:
        ordered_under = grants.get(batch.id)
        owner_id = None if ordered_under else organisation.id
        designs[batch.id] = design = get_design(session, batch.design_id, owner_id=owner_id)
        _lock_design(session, design)
        if ordered_under:
            grant = licence_grants.grant_of(session, rows[ordered_under.id], units=units_issued)
            if broken := _breaches_of(session, grant, design, 0, now):
                raise _breach_error(grant, broken)
    return designs


def without_right(session: Session, organisation: Organisation, now: datetime) -> list[str]:
    """Return the ids of an organisation's unsigned batches whose licence no longer covers them."""
    unsigned = select(Certificate.batch_id).where(
        Certificate.organisation_id == organisation.id, Certificate.state == "unsigned"
    )
    licensed = select(Batch).where(Batch.licence_id.is_not(None), Batch.id.in_(unsigned))
    grants: dict[str, Grant] = {}
    batch_ids = []
    for batch in session.scalars(licensed):
        licence_id = batch.licence_id or ""
        if licence_id not in grants:
            grants[licence_id] = _newest_grant(session, licence_id)
        if _breaches_of(session, grants[licence_id], get_design(session, batch.design_id), 0, now):
            batch_ids.append(batch.id)
    return batch_ids


def _find_design(session: Session, organisation: Organisation, order: Order) -> Design | None:
    """Return the order's design if the organisation owns it or holds a licence for a design of its owner.

    One statement decides, so a stranger's design takes the same time as no design. If the order names a
    licence, that licence decides later, and any design is returned.
    """
    if not can_be_stored(order.design_id):
        return None
    licensed = aliased(Design)
    names_licensed = or_(
        and_(LicenceSubject.kind == "design", LicenceSubject.value == licensed.id),
        and_(LicenceSubject.kind == "collection", LicenceSubject.value == licensed.collection),
    )
    held = (
        exists()
        .where(LicenceSubject.licence_id == Licence.id, Licence.licensee_id == organisation.id)
        .where(Licence.accepted_at.is_not(None), names_licensed, licensed.owner_id == Design.owner_id)
    )
    query = select(Design.id).where(Design.id == order.design_id)
    if order.licence_id is None:
        query = query.where(or_(Design.owner_id == organisation.id, held))
    design_id = session.scalar(query)
    return get_design(session, design_id) if design_id is not None else None


def _find_grants(
    session: Session, organisation: Organisation, design: Design | None, licence_id: str | None
) -> list[Grant]:
    """Return the licences of an organisation that may cover a design.

    Compare owners too: two owners may use the same name for different collections.
    """
    if licence_id is not None:
        licence = licence_grants.get_licence(session, licence_id, organisation_id=organisation.id)
        if licence.licensee_id != organisation.id:
            raise NotFound(f"You hold no licence with the id {licence_id!r}.", code="licence.not_found")
        grants = [licence_grants.grant_of(session, licence, units=units_issued)]
    elif design is not None:
        grants = licence_grants.grants_for(
            session, design=design, licensee_id=organisation.id, units=units_issued
        )
    else:
        grants = []
    return [
        grant
        for grant in grants
        if design is not None and licence_grants.root_of(grant).owner_id == design.owner_id
    ]


def _find_twin_grants(
    session: Session, organisation: Organisation, design: Design, *, known: Collection[str]
) -> list[Grant]:
    """Return the licences of an organisation for the design's twins, without the `known` ids."""
    grants = {
        grant.id: grant
        for twin in licensed_twins(session, design, organisation.id)
        for grant in licence_grants.grants_for(
            session, design=twin, licensee_id=organisation.id, units=units_issued
        )
    }
    return [grant for licence_id, grant in grants.items() if licence_id not in known]


def _lock_chains(session: Session, grants: Iterable[Grant]) -> dict[str, Licence]:
    """Lock these licences and their parents, and return the current rows by id.

    All callers lock in the same order, so no deadlock arises.
    """
    all_series = sorted({link.series for grant in grants for link in licence_grants.chain_of(grant)})
    return {row.id: row for series in all_series for row in licence_grants.lock_series(session, series)}


def _lock_design(session: Session, design: Design) -> None:
    """Lock a design against changes. Raises Conflict (`certificate.design_state`)."""
    columns = select(Design.state, Design.collection).where(Design.id == design.id)
    # Read the state under the lock: another transaction may have changed the design since.
    current = session.execute(columns.with_for_update(key_share=True)).one()
    if current.state != "registered" or current.collection != design.collection:
        state = current.state if current.state != "registered" else "changed"
        raise Conflict(
            f"Design {design.reference} is {state}, so no certificates can be issued for it.",
            code="certificate.design_state",
            state=state,
        )


def _newest_grant(session: Session, licence_id: str) -> Grant:
    return licence_grants.grant_of(session, _newest_version(session, licence_id), units=units_issued)


def _newest_version(session: Session, licence_id: str) -> Licence:
    return licence_grants.in_force(session, licence_grants.get_licence(session, licence_id))


def _named_design(session: Session, grant: Grant, design: Design) -> Design:
    """Return the design that a licence names: the ordered design, or else its twin, if there is one."""
    terms = grant.terms
    if design.id in terms.designs or design.collection in terms.collections:
        return design
    named = or_(Design.id.in_(terms.designs), Design.collection.in_(terms.collections))
    return next(iter(find_twins(session, design, named)), design)


def _breaches_of(
    session: Session, grant: Grant, design: Design, units: int, now: datetime
) -> tuple[Breach, ...]:
    """Return the terms that this many more units would break."""
    end_times = [link.revoked_at for link in licence_grants.chain_of(grant)] + [grant.superseded_at]
    # A licence that has ended must count as ended, even if this clock is slow, or if midnight passed
    # during the wait for the lock.
    on = max([now, *(end for end in end_times if end is not None)]).astimezone(UTC).date()
    named = _named_design(session, grant, design)
    use = Use(design_id=named.id, collection=named.collection, on=on, units=units)
    return breaches(grant, use)


def _no_licence_error(organisation: Organisation, order: Order) -> Conflict | NotFound:
    """Return the same error for a missing design and another owner's design.

    The asker must not learn which of the two it is.
    """
    if "brand" in organisation.roles:
        return NotFound(
            f"We have no design with the id {order.design_id!r}.",
            code="design.not_found",
            design=order.design_id,
        )
    return Conflict(
        f"{organisation.handle} has no licence for the design {order.design_id!r}.",
        code="certificate.no_licence",
        design=order.design_id,
    )


def _breach_error(grant: Grant, broken: Sequence[Breach]) -> Conflict:
    """Return the error with the numbers of the issuer's licence. Of a parent, only the kind of term."""
    broken = [as_read_with(own_links(grant, grant.licensee_id), breach) for breach in broken]
    reasons = "; ".join(
        f"{breach.code} {', '.join(f'{name} {value}' for name, value in breach.params.items())}".strip()
        for breach in broken
    )
    return Conflict(
        f"Licence {grant.id} does not cover this order: {reasons}.",
        code="certificate.licence_breach",
        licence=grant.id,
        breach=broken[0].code,
        breaches=", ".join(breach.code for breach in broken),
        **broken[0].params,
    )
