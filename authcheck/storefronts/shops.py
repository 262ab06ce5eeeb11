"""Official shops: which organisation sells under which shop id on which marketplace.

An organisation claims a shop and nobody verifies the claim. A false claim gains nothing: the listings of the
shop are then judged by the licences of the organisation that claims it.
"""

from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import new_id
from authcheck.ledger.journal import lock_ledger
from authcheck.licences.codes import MARKETPLACE_CHARS, SHOP_CHARS, normal_marketplace
from authcheck.members.tables import Organisation
from authcheck.storage.parameters import can_be_stored
from authcheck.storefronts.tables import Storefront

URL_CHARS = 500
HTTPS_PORT = 443
MOST_OPEN = 1000  # open shops of one organisation


def normal_url(text: str) -> str:
    """Return a shop's address in its one spelling: host in lower case, no fragment, no slash at the end.

    `HTTPS://Shop.Example:443/a/#x` becomes `https://shop.example/a`. Raises Rejected (`storefront.url`) for
    an address that a buyer's browser should not be sent to.
    """
    parts = _split_url(text)
    host, port = (parts.hostname or "").rstrip("."), parts.port
    steps = parts.path.lower().replace("%2e", ".").split("/")
    if not host or {".", ".."} & set(steps):  # browsers follow such steps to another address
        raise _bad_url_error()
    host = f"[{host}]" if ":" in host else host
    place = host if port in {None, HTTPS_PORT} else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"https://{place}{parts.path.rstrip('/')}{query}"


def _split_url(text: str) -> SplitResult:
    """Split a plain https address.

    Check its characters first: Python's parser drops some that browsers keep.
    """
    text = text.strip()
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(' \\"<>^`{|}')
    try:
        parts = urlsplit(text if is_plain and len(text) <= URL_CHARS else "")
        is_complete = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError as error:
        raise _bad_url_error() from error
    if not is_complete or "@" in parts.netloc:
        raise _bad_url_error()
    return parts


def _bad_url_error() -> Rejected:
    return Rejected(
        f"A shop's address must begin with https:// and have at most {URL_CHARS} ASCII characters.",
        code="storefront.url",
        limit=URL_CHARS,
    )


def add(
    session: Session, organisation: Organisation, *, marketplace: str, shop_id: str, url: str, now: datetime
) -> Storefront:
    """List a shop as official. A shop that is listed already gets the new address and keeps its id.

    Raises Rejected (`storefront.marketplace`, `storefront.shop`, `storefront.url`), Conflict
    (`storefront.taken` for a shop that another organisation lists, `storefront.too_many`).
    """
    marketplace = _checked(normal_marketplace(marketplace), MARKETPLACE_CHARS, "storefront.marketplace")
    if "/" in marketplace:  # a licence's channel is `marketplace/shop`
        raise Rejected("A marketplace's name must not have a slash.", code="storefront.marketplace")
    shop_id, url = _checked(shop_id.strip(), SHOP_CHARS, "storefront.shop"), normal_url(url)
    lock_ledger(session)  # two transactions that add the same shop take turns at this row
    listed = session.scalar(
        _open_shops().where(Storefront.marketplace == marketplace, Storefront.shop_id == shop_id)
    )
    if listed is not None and listed.organisation_id != organisation.id:
        raise Conflict("Another organisation has listed this shop.", code="storefront.taken")
    if listed is not None:
        listed.url = url
        return listed
    _refuse_too_many(session, organisation)
    storefront = Storefront(
        id=new_id("shp", now),
        organisation_id=organisation.id,
        marketplace=marketplace,
        shop_id=shop_id,
        url=url,
        created_at=now,
        organisation=organisation,
    )
    session.add(storefront)
    session.flush()
    return storefront


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


def close(session: Session, organisation: Organisation, storefront_id: str, now: datetime) -> Storefront:
    """Close a shop: it is no longer official. Closing it again changes nothing.

    Raises NotFound (`storefront.not_found`), also for a shop of another organisation.
    """
    storefront = get_storefront(session, storefront_id, organisation_id=organisation.id)
    storefront.closed_at = storefront.closed_at or now
    return storefront


def get_storefront(session: Session, storefront_id: str, *, organisation_id: str | None = None) -> Storefront:
    """Return a shop, open or closed, with its organisation.

    With `organisation_id`, only a shop of that organisation. The database compares the owner: a shop of
    another organisation takes the same time as no shop. Raises NotFound (`storefront.not_found`).
    """
    query = select(Storefront).where(Storefront.id == storefront_id)
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
    session: Session, organisation_id: str, *, after: str = "", limit: int | None = 50
) -> list[Storefront]:
    """Return at most `limit` shops of an organisation (None: all) after the id `after`, in the order of ids.

    Includes closed shops.
    """
    shops = select(Storefront).options(joinedload(Storefront.organisation))
    shops = shops.where(Storefront.organisation_id == organisation_id, Storefront.id > after)
    return list(session.scalars(shops.order_by(Storefront.id).limit(limit)))


def organisation_of(session: Session, marketplace: str, shop_id: str) -> Organisation | None:
    """Return the organisation that lists a shop as its own, or None."""
    marketplace, shop_id = normal_marketplace(marketplace), shop_id.strip()
    if not can_be_stored(marketplace, shop_id):
        return None
    listed = _open_shops().where(Storefront.marketplace == marketplace, Storefront.shop_id == shop_id)
    storefront = session.scalar(listed.order_by(Storefront.id).limit(1))
    return None if storefront is None else storefront.organisation


def _open_shops() -> Select[Storefront]:
    return (
        select(Storefront).options(joinedload(Storefront.organisation)).where(Storefront.closed_at.is_(None))
    )
