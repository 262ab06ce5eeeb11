"""Questions about hits: which listings show a brand's designs, in groups of one picture, and at what price.

A brand reads of a marketplace's listing what every buyer sees, and the verdict about its own design. It never
reads what else the marketplace has told us: units sold, stock, rank, search.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.cases import hits
from authcheck.cases.notice_tables import Hit
from authcheck.cases.stages import Stage, has_stage
from authcheck.cases.states import SUSPECT
from authcheck.cases.tables import PictureCluster
from authcheck.errors import NotTrue
from authcheck.ids import fold, normal_id
from authcheck.licences.codes import normal_shop
from authcheck.licences.parties import own_licences
from authcheck.listings.disclosure import disclose_reasons
from authcheck.listings.policies import ListingVerdict
from authcheck.listings.tables import Listing
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored

SUSPECT_VERDICTS = tuple(verdict for verdict in ListingVerdict if verdict in SUSPECT)
MOST_PRICES = 5_000  # of licensed listings, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which hits are wanted. None, () and "" name no limit.

    By default a listing that was suspect once and is licensed now is not wanted. `design` is an id or the
    owner's reference, `marketplace` a handle, `since` the first day of the listing. `groups` are values of
    `Hit.grouped_by`.
    """

    verdicts: tuple[str, ...] = SUSPECT_VERDICTS
    design: str = ""
    marketplace: str = ""
    seller: str = ""
    stage: Stage | None = None
    since: date | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Hits with one picture of one design. `examples` are the newest of them.

    `spread_bits` is the worst distance in the picture cluster, 0-256. It is None for a listing of an earlier
    release, whose picture is in no cluster.
    """

    key: str
    design: Design
    count: int
    sellers: int
    verdicts: dict[str, int]
    spread_bits: int | None
    examples: list[Hit]


def list_hits(
    session: Session,
    wanted: Filter,
    *,
    owner_id: str,
    after: str = "",
    limit: int = 50,
    newest_first: bool = False,
    unreported_first: bool = False,
    reach: Reach = WHOLE,
) -> Sequence[Hit]:
    """Return at most `limit` hits of a brand, by id from after `after`, with listing, design and case.

    With `newest_first` or `unreported_first` the newest come first, and those without a notice before.
    """
    query = _select_hits(_conditions(session, wanted, owner_id, reach)).limit(limit)
    if unreported_first:
        query = query.order_by(Hit.notice_id.is_not(None), Hit.id.desc())
    elif newest_first:
        query = query.order_by(Hit.id.desc())
    else:
        query = query.where(Hit.id > after).order_by(Hit.id)
    return session.scalars(query).all() if can_be_stored(after) else []


def count_hits(session: Session, wanted: Filter, *, owner_id: str, reach: Reach = WHOLE) -> int:
    """Return how many hits of a brand are wanted."""
    conditions = _conditions(session, wanted, owner_id, reach)
    return session.scalar(select(func.count(Hit.id)).where(*conditions)) or 0


def list_groups(
    session: Session,
    wanted: Filter,
    *,
    owner_id: str,
    before: str = "",
    limit: int = 24,
    examples: int = 3,
    reach: Reach = WHOLE,
) -> list[Group]:
    """Return at most `limit` groups of a brand's hits, the newest picture first, before the key `before`."""
    keys = select(Hit.grouped_by).distinct().order_by(Hit.grouped_by.desc()).limit(limit)
    keys = keys.where(Hit.grouped_by < before) if before else keys
    conditions = _conditions(session, wanted, owner_id, reach)
    names = session.scalars(keys.where(*conditions)).all() if can_be_stored(before) else []
    spreads = select(PictureCluster.id, PictureCluster.spread_bits).where(PictureCluster.id.in_(names))
    spread_bits = {key: bits for key, bits in session.execute(spreads)}  # noqa: C416 - rows are no pairs
    return [
        _read_group(session, key, conditions, examples=examples, spread_bits=spread_bits.get(key))
        for key in names
    ]


def _read_group(
    session: Session,
    key: str,
    conditions: Sequence[ColumnElement[bool]],
    *,
    examples: int,
    spread_bits: int | None,
) -> Group:
    is_in_group = (*conditions, Hit.grouped_by == key)
    newest = _select_hits(is_in_group).order_by(Hit.id.desc()).limit(examples)
    rows = list(session.scalars(newest))
    verdicts = select(Hit.verdict, func.count()).where(*is_in_group).group_by(Hit.verdict)
    counts = {verdict: count for verdict, count in session.execute(verdicts)}  # noqa: C416 - as above
    sellers = select(func.count(Hit.seller.distinct())).where(*is_in_group)
    return Group(
        key=key,
        design=rows[0].design,
        count=sum(counts.values()),
        sellers=session.scalar(sellers) or 0,
        verdicts=counts,
        spread_bits=spread_bits,
        examples=rows,
    )


def marketplaces_of(session: Session, owner_id: str) -> Sequence[str]:
    """Return the handles of the organisations that have handed in listings with a brand's designs."""
    ids = select(Hit.organisation_id).where(Hit.owner_id == owner_id).distinct()
    query = select(Organisation.handle).where(Organisation.id.in_(ids)).order_by(Organisation.handle)
    return session.scalars(query).all()


def licensed_medians(
    session: Session, owner_id: str, design_ids: Iterable[str]
) -> dict[tuple[str, str], Decimal]:
    """Return the median price of a brand's licensed listings, by design and currency."""
    query = (
        select(Hit.design_id, Listing.currency, Listing.price_amount)
        .join(Listing, Listing.id == Hit.listing_id)
        .where(Hit.owner_id == owner_id, Hit.design_id.in_(sorted(set(design_ids))))
        .where(Hit.verdict == ListingVerdict.LICENSED, Listing.price_amount.is_not(None))
        .order_by(Hit.id.desc())
        .limit(MOST_PRICES)
    )
    prices: dict[tuple[str, str], list[Decimal]] = {}
    for design_id, currency, amount in session.execute(query):
        if amount is not None:
            prices.setdefault((design_id, str(currency)), []).append(amount)
    return {key: median(amounts) for key, amounts in prices.items()}


def price_share(hit: Hit, medians: dict[tuple[str, str], Decimal]) -> Decimal | None:
    """Return the price as a share of the median of licensed listings, `0.47`. None without one of the two."""
    amount = hit.listing.price_amount
    usual = medians.get((hit.design_id, str(hit.listing.currency)))
    return None if amount is None or not usual else (amount / usual).quantize(Decimal("0.01"))


def reasons_of(
    session: Session, rows: Sequence[Hit], *, owner_id: str, reach: Reach = WHOLE
) -> dict[str, list[dict[str, Any]]]:
    """Return the reasons of each hit's verdict as the brand may read them, by the hit's id.

    They are about the hit's design alone: reasons about designs of others in the same picture are left out.
    """
    reasons = {hit.id: _reasons_about(hit) for hit in rows}
    named = {reason["params"].get("licence") for about in reasons.values() for reason in about}
    own = own_licences(session, owner_id, (licence for licence in named if licence), reach=reach)
    return {hit_id: disclose_reasons(about, own) for hit_id, about in reasons.items()}


def _reasons_about(hit: Hit) -> list[dict[str, Any]]:
    try:
        reasons = hits.about(hit.listing, hit.design_id).reasons
    except NotTrue:  # evidence of another release
        return []
    return [
        {"code": reason.code, "weight": reason.weight, "params": dict(reason.params)} for reason in reasons
    ]


def _select_hits(conditions: Iterable[ColumnElement[bool]]) -> Select[Hit]:
    return (
        select(Hit)
        .where(*conditions)
        .options(
            joinedload(Hit.listing),
            joinedload(Hit.design).joinedload(Design.owner),
            joinedload(Hit.case),
            joinedload(Hit.organisation),
        )
    )


def _conditions(session: Session, wanted: Filter, owner_id: str, reach: Reach) -> list[ColumnElement[bool]]:
    """Return the conditions of the brand's wall, of the reach and of the filter."""
    conditions = [
        Hit.owner_id == owner_id,
        reach.has_design(Hit.design_id),
        reach.has_territory(Hit.territory),
    ]
    if not can_be_stored(wanted.design, wanted.marketplace, wanted.seller, *wanted.groups):
        return [*conditions, false()]
    if wanted.verdicts:
        conditions.append(Hit.verdict.in_(wanted.verdicts))
    if wanted.groups:
        conditions.append(Hit.grouped_by.in_(wanted.groups))
    if wanted.since is not None:
        conditions.append(Hit.listed_on >= wanted.since)
    if wanted.seller:
        conditions.append(Hit.seller == normal_shop(wanted.seller))
    if wanted.design:
        conditions.append(_is_design(session, wanted.design, owner_id))
    if wanted.marketplace:
        handle = fold(wanted.marketplace).lower()
        found = session.scalar(select(Organisation.id).where(Organisation.handle == handle))
        conditions.append(Hit.organisation_id == (found or ""))
    if wanted.stage is not None:
        conditions.append(has_stage(wanted.stage))
    return conditions


def _is_design(session: Session, named: str, owner_id: str) -> ColumnElement[bool]:
    is_named = or_(Design.id == normal_id(named), Design.reference == named.strip())
    design_id = session.scalar(select(Design.id).where(Design.owner_id == owner_id, is_named).limit(1))
    return Hit.design_id == (design_id or "")
