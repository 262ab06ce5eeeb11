"""Who may issue certificates for a design: its owner, or a licensee within his terms, as they stand under the lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.meters import units_issued
from authcheck.certificates.orders import Order
from authcheck.certificates.tables import Batch, Certificate
from authcheck.errors import Conflict, NotFound
from authcheck.licences import grants as licence_grants
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Breach, Grant, Use, breaches
from authcheck.members.tables import Organisation
from authcheck.registry.designs import get_design
from authcheck.registry.tables import Design


@dataclass(frozen=True, slots=True)
class Right:
    """That certificates may be issued for `design`: under `licence_id`, or None by its owner."""

    design: Design
    licence_id: str | None = None


def lock_right(session: Session, organisation: Organisation, order: Order, now: datetime) -> Right:
    """The right to issue what is ordered, kept from changing until this transaction ends; ask under `lock_organisation`.

    An owner needs no licence. Of a licensee's own licences the one is taken that the order names, or else the one that
    covers it. Raises NotFound (`design.not_found`, `licence.not_found`), Conflict (`certificate.no_licence`,
    `certificate.licence_breach`, `certificate.design_state`).
    """
    design = _find_design(session, order.design_id)
    if order.licence_id is None and design is not None and design.owner_id == organisation.id:
        _lock_design(session, design)
        return Right(design)
    grants = _grants(session, organisation, design, order.licence_id)
    if design is None or not grants:
        raise _nothing(organisation, order)
    rows = _lock_chains(session, grants)
    _lock_design(session, design)
    standing = [licence_grants.grant_of(session, rows[grant.id], units=units_issued) for grant in grants]
    judged = [(_broken(grant, design, order.count, now), grant) for grant in standing]
    broken, grant = min(judged, key=lambda one: len(one[0]))
    if broken:
        raise _outside(grant, broken)
    return Right(design, grant.id)


def lock_standing(
    session: Session, organisation: Organisation, batches: Sequence[Batch], now: datetime
) -> dict[str, Design]:
    """By batch id its design, if the right it was ordered under stands still; kept so until this transaction ends.

    A licence's newest version counts. Raises NotFound (`design.not_found`), Conflict (`certificate.licence_breach`,
    `certificate.design_state`).
    """
    grants = {batch.id: _newest(session, batch.licence_id) for batch in batches if batch.licence_id}
    rows = _lock_chains(session, grants.values())
    designs = {}
    for batch in batches:
        known = grants.get(batch.id)
        owner_id = None if known else organisation.id
        designs[batch.id] = design = get_design(session, batch.design_id, owner_id=owner_id)
        _lock_design(session, design)
        if known:
            grant = licence_grants.grant_of(session, rows[known.id], units=units_issued)
            if broken := _broken(grant, design, 0, now):
                raise _outside(grant, broken)
    return designs


def without_right(session: Session, organisation: Organisation, now: datetime) -> list[str]:
    """Ids of an organisation's batches that wait for signatures, though their licence covers them no more."""
    unsigned = select(Certificate.batch_id).where(
        Certificate.organisation_id == organisation.id, Certificate.state == "unsigned"
    )
    licensed = select(Batch).where(Batch.licence_id.is_not(None), Batch.id.in_(unsigned))
    grants: dict[str, Grant] = {}
    lost = []
    for batch in session.scalars(licensed):
        licence_id = batch.licence_id or ""
        if licence_id not in grants:
            grants[licence_id] = _newest(session, licence_id)
        if _broken(grants[licence_id], get_design(session, batch.design_id), 0, now):
            lost.append(batch.id)
    return lost


def _find_design(session: Session, design_id: str) -> Design | None:
    try:
        return get_design(session, design_id)
    except NotFound:
        return None


def _grants(
    session: Session, organisation: Organisation, design: Design | None, licence_id: str | None
) -> list[Grant]:
    """The licences of an organisation that may cover a design; unlike a name of its collection, its owner is unique."""
    if licence_id is not None:
        licence = licence_grants.get_licence(session, licence_id, organisation_id=organisation.id)
        if licence.licensee_id != organisation.id:
            raise NotFound(f"No licence {licence_id!r} of yours is known.", code="licence.not_found")
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


def _lock_chains(session: Session, grants: Iterable[Grant]) -> dict[str, Licence]:
    """Lock these licences and those they stand on, in one order for all; by id, the rows as they are now."""
    series = sorted({link.series for grant in grants for link in licence_grants.chain_of(grant)})
    return {row.id: row for one in series for row in licence_grants.lock_series(session, one)}


def _lock_design(session: Session, design: Design) -> None:
    """Keep a design as it is. Raises Conflict (`certificate.design_state`)."""
    columns = select(Design.state, Design.collection).where(Design.id == design.id)
    # As it stands under the lock: somebody may have changed it since it was read.
    now = session.execute(columns.with_for_update(key_share=True)).one()
    if now.state != "registered" or now.collection != design.collection:
        state = now.state if now.state != "registered" else "changed"
        raise Conflict(
            f"{design.reference} is {state}: no certificates are issued for it.",
            code="certificate.design_state",
            state=state,
        )


def _newest(session: Session, licence_id: str) -> Grant:
    return licence_grants.grant_of(session, _newest_row(session, licence_id), units=units_issued)


def _newest_row(session: Session, licence_id: str) -> Licence:
    return licence_grants.in_force(session, licence_grants.get_licence(session, licence_id))


def _broken(grant: Grant, design: Design, units: int, now: datetime) -> tuple[Breach, ...]:
    """The terms that so many units more would break."""
    ends = [link.revoked_at for link in licence_grants.chain_of(grant)] + [grant.superseded_at]
    # What was ended is over, though this clock be behind or `now` be from before midnight and the wait for the lock.
    on = max([now, *(end for end in ends if end is not None)]).astimezone(UTC).date()
    use = Use(design_id=design.id, collection=design.collection, on=on, units=units)
    return breaches(grant, use)


def _nothing(organisation: Organisation, order: Order) -> Conflict | NotFound:
    """The same for a design that is not there and for one that is somebody else's."""
    if "brand" in organisation.roles:
        return NotFound(
            f"No design {order.design_id!r} is known.", code="design.not_found", design=order.design_id
        )
    return Conflict(
        f"{organisation.handle} has no licence for the design {order.design_id!r}.",
        code="certificate.no_licence",
        design=order.design_id,
    )


def _outside(grant: Grant, broken: Sequence[Breach]) -> Conflict:
    words = "; ".join(
        f"{one.code} {', '.join(f'{name} {value}' for name, value in one.params.items())}".strip()
        for one in broken
    )
    return Conflict(
        f"Licence {grant.id} does not cover this: {words}.",
        code="certificate.licence_breach",
        licence=grant.id,
        breach=broken[0].code,
        breaches=", ".join(one.code for one in broken),
        **broken[0].params,
    )
