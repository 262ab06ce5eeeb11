"""Official shops: which organisation sells under which shop id on which marketplace.

An organisation claims a shop. The claim clears no listing until the shop is proved, see `proving`. Several
organisations may claim a shop, and one can have it proved.
"""

import secrets
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import new_id, normal_id
from authcheck.ledger.journal import lock_ledger
from authcheck.licences.codes import (
    BEFORE_HOST,
    MARKETPLACE_CHARS,
    SHOP_CHARS,
    is_shop_address,
    loose_shop,
    normal_marketplace,
    normal_shop,
    refuse_rounded,
    spellings_of,
)
from authcheck.members.organisations import APPROVED
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation
from authcheck.storage.parameters import can_be_stored
from authcheck.storefronts.addresses import normal_url
from authcheck.storefronts.tables import Storefront

CLAIMED, PROVED, LOST = "claimed", "proved", "lost"
DENIED = "storefront.denied"  # the problem of a shop that its marketplace or the operator denies
PROVED_FIRST = (Storefront.proof != PROVED, Storefront.id)
MOST_OPEN = 1000  # open shops of one organisation


def add(
    session: Session, organisation: Organisation, *, marketplace: str, shop_id: str, url: str, now: datetime
) -> Storefront:
    """Claim a shop. A shop that the organisation claims already gets the new address and keeps its id.

    Another address has to be proved again. Raises Rejected (`storefront.marketplace`, `storefront.shop`,
    `storefront.url`), Conflict (`storefront.taken` for a shop that another organisation has proved,
    `storefront.too_many`).
    """
    marketplace = _checked(normal_marketplace(marketplace), MARKETPLACE_CHARS, "storefront.marketplace")
    if "/" in marketplace:  # a licence's channel is `marketplace/shop`
        raise Rejected("A marketplace's name must not have a slash.", code="storefront.marketplace")
    shop_id, url = _checked(normal_shop(shop_id), SHOP_CHARS, "storefront.shop"), normal_url(url)
    refuse_rounded(shop_id, error_code="storefront.shop")
    if is_shop_address(shop_id):
        raise Rejected(
            f"{shop_id!r} is an address. Write the shop's id on the marketplace.", code="storefront.shop"
        )
    lock_ledger(session)  # two transactions that add the same shop take turns at this row
    if listed := _find_own_claim(session, organisation, marketplace, shop_id):
        if listed.url != url and listed.proof == PROVED:  # buyers are sent to the address that was proved
            listed.proof, listed.proved_by = CLAIMED, ""
        listed.url = url
        return listed
    _refuse_too_many(session, organisation)
    denied_by = _find_denial(session, organisation, marketplace, shop_id)
    storefront = _describe(organisation, marketplace, shop_id, url, denied_by=denied_by, now=now)
    session.add(storefront)
    session.flush()
    return storefront


def _describe(
    organisation: Organisation, marketplace: str, shop_id: str, url: str, *, denied_by: str, now: datetime
) -> Storefront:
    return Storefront(
        id=new_id("shp", now),
        organisation_id=organisation.id,
        marketplace=marketplace,
        shop_id=shop_id,
        url=url,
        created_at=now,
        proof=LOST if denied_by else CLAIMED,
        proved_by=denied_by,
        code=secrets.token_urlsafe(24),
        problem=DENIED if denied_by else "",
        organisation=organisation,
    )


def _find_own_claim(
    session: Session, organisation: Organisation, marketplace: str, shop_id: str
) -> Storefront | None:
    """Return the organisation's claim of a shop, or None.

    Raises Conflict (`storefront.taken`) when another organisation has proved the shop.
    """
    claims = session.scalars(_shops_called(marketplace, shop_id).order_by(Storefront.id)).all()
    if any(claim.proof == PROVED and claim.organisation_id != organisation.id for claim in claims):
        raise Conflict("Another organisation has proved that this shop is its own.", code="storefront.taken")
    return next((claim for claim in claims if claim.organisation_id == organisation.id), None)


def _find_denial(session: Session, organisation: Organisation, marketplace: str, shop_id: str) -> str:
    """Return who denied the organisation's last claim of a shop, "" for nobody.

    To close a denied shop and to claim it again changes nothing.
    """
    last = (
        select(Storefront)
        .where(
            Storefront.organisation_id == organisation.id,
            Storefront.marketplace.in_(spellings_of(marketplace)),
            Storefront.shop_id == shop_id,
        )
        .order_by(Storefront.id.desc())
        .limit(1)
    )
    row = session.scalar(last)
    return row.proved_by if row is not None and row.problem == DENIED else ""


def _refuse_too_many(session: Session, organisation: Organisation) -> None:
    open_shops = select(func.count()).where(
        Storefront.organisation_id == organisation.id, Storefront.closed_at.is_(None)
    )
    if (session.scalar(open_shops) or 0) >= MOST_OPEN:
        raise Conflict(
            f"You have {MOST_OPEN} open shops already. Close some first.",
            code="storefront.too_many",
            limit=MOST_OPEN,
        )


def _checked(text: str, limit: int, code: str) -> str:
    if not text or len(text) > limit or not text.isprintable():
        raise Rejected(f"Write 1 to {limit} printable characters.", code=code, limit=limit)
    return text


def close(
    session: Session,
    organisation: Organisation,
    storefront_id: str,
    now: datetime,
    *,
    reach: Reach = WHOLE,
) -> Storefront:
    """Close a shop: it is no longer official. Closing it again changes nothing.

    Raises NotFound (`storefront.not_found`), also for a shop of another organisation.
    """
    storefront = get_storefront(session, storefront_id, organisation_id=organisation.id, reach=reach)
    storefront.closed_at = storefront.closed_at or now
    return storefront


def get_storefront(
    session: Session, storefront_id: str, *, organisation_id: str | None = None, reach: Reach = WHOLE
) -> Storefront:
    """Return a shop, open or closed, with its organisation. It is within the whole reach only.

    With `organisation_id`, only a shop of that organisation. The database compares the owner: a shop of
    another organisation takes the same time as no shop. Raises NotFound (`storefront.not_found`).
    """
    storefront_id = normal_id(storefront_id)
    query = select(Storefront).where(Storefront.id == storefront_id, reach.is_whole())
    if organisation_id is not None:
        query = query.where(Storefront.organisation_id == organisation_id)
    query = query.options(joinedload(Storefront.organisation))
    storefront = session.scalar(query) if can_be_stored(storefront_id) else None
    if storefront is None:
        raise NotFound(
            f"We have no shop with the id {storefront_id!r}.",
            code="storefront.not_found",
            storefront=storefront_id,
        )
    return storefront


def list_storefronts(
    session: Session,
    organisation_id: str,
    *,
    after: str = "",
    limit: int | None = 50,
    reach: Reach = WHOLE,
) -> list[Storefront]:
    """Return at most `limit` shops of an organisation (None: all) after the id `after`, in the order of ids.

    Includes closed shops. They are within the whole reach only.
    """
    shops = select(Storefront).options(joinedload(Storefront.organisation)).where(reach.is_whole())
    shops = shops.where(Storefront.organisation_id == organisation_id, Storefront.id > after)
    return list(session.scalars(shops.order_by(Storefront.id).limit(limit)))


def find_shop(session: Session, marketplace: str, shop_id: str) -> Storefront | None:
    """Return the open shop with this id on a marketplace, or None. The shop's address is read as its id.

    Of several claims, return the proved one, else the oldest.
    """
    marketplace, shop_id = normal_marketplace(marketplace), normal_shop(shop_id)
    if not can_be_stored(marketplace, shop_id):
        return None
    if is_shop_address(shop_id):
        return session.scalar(_shops_at(marketplace, shop_id).order_by(*PROVED_FIRST).limit(1))
    return session.scalar(_shops_called(marketplace, shop_id).order_by(*PROVED_FIRST).limit(1))


def is_official(shop: Storefront) -> bool:
    """Return whether a shop clears listings: open, proved, and of an organisation that is approved."""
    return shop.closed_at is None and shop.proof == PROVED and shop.organisation.state == APPROVED


def find_near_shop(session: Session, marketplace: str, shop_id: str) -> str | None:
    """Return the id of an open shop of the marketplace that is written almost like an unknown id, or None.

    A spreadsheet drops the zeros before a number, and a keyboard changes the case of letters.
    """
    marketplace, loose = normal_marketplace(marketplace), loose_shop(normal_shop(shop_id))
    if not can_be_stored(marketplace, loose):
        return None
    ids = select(Storefront.shop_id).where(
        Storefront.closed_at.is_(None),
        Storefront.marketplace.in_(spellings_of(marketplace)),
        func.lower(Storefront.shop_id).like(f"%{_escape_like(loose)}", escape="\\"),
    )
    return next(
        (id_ for id_ in session.scalars(ids.order_by(Storefront.id)) if loose_shop(id_) == loose), None
    )


def _escape_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


def _shops_called(marketplace: str, shop_id: str) -> Select[Storefront]:
    """Return the query for open shops with this id, also in the spellings of earlier releases."""
    return _open_shops().where(
        Storefront.marketplace.in_(spellings_of(marketplace)),
        Storefront.shop_id.in_([shop_id, f"@{shop_id}"]),
    )


def _shops_at(marketplace: str, address: str) -> Select[Storefront]:
    """Return the query for the open shops of a marketplace at this address, with or without `www.`."""
    bare = BEFORE_HOST.sub("", address, count=1)
    bare = bare[4:] if bare.lower().startswith("www.") else bare
    try:
        urls = [normal_url(f"https://{host}{bare}") for host in ("", "www.")]
    except Rejected:
        urls = []
    return _open_shops().where(
        Storefront.marketplace.in_(spellings_of(marketplace)), Storefront.url.in_(urls)
    )


def _open_shops() -> Select[Storefront]:
    return (
        select(Storefront).options(joinedload(Storefront.organisation)).where(Storefront.closed_at.is_(None))
    )
