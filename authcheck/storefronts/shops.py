"""Official shops: which organisation sells under which shop id on which marketplace.

Whoever adds a shop says it is his; nobody has looked. That is safe to say of one's own shop only: its listings are
judged by the licences of the organisation that claims it.
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
MOST_OPEN = 1000  # of one organisation


def normal_url(text: str) -> str:
    """A shop's address in its one spelling: host in small letters, no fragment, no closing slash.

    Raises Rejected (`storefront.url`) for anything that a buyer's browser should not be sent to.
    """
    parts = _split(text)
    host, port = (parts.hostname or "").rstrip("."), parts.port
    steps = parts.path.lower().replace("%2e", ".").split("/")
    if not host or {".", ".."} & set(steps):  # browsers take such steps, and arrive elsewhere
        raise _bad_url()
    host = f"[{host}]" if ":" in host else host
    place = host if port in {None, HTTPS_PORT} else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"https://{place}{parts.path.rstrip('/')}{query}"


def _split(text: str) -> SplitResult:
    """A plain https address. The characters are checked first: parsers leave some out that browsers read otherwise."""
    text = text.strip()
    plain = text.isascii() and text.isprintable() and not set(text) & set(' \\"<>^`{|}')
    try:
        parts = urlsplit(text if plain and len(text) <= URL_CHARS else "")
        whole = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError as error:
        raise _bad_url() from error
    if not whole or "@" in parts.netloc:
        raise _bad_url()
    return parts


def _bad_url() -> Rejected:
    return Rejected(
        f"A shop's address begins with https:// and has at most {URL_CHARS} characters of ASCII.",
        code="storefront.url",
        limit=URL_CHARS,
    )


def add(
    session: Session, organisation: Organisation, *, marketplace: str, shop_id: str, url: str, now: datetime
) -> Storefront:
    """List a shop as official; one that is so already gets the new address and keeps its id.

    Raises Rejected (`storefront.marketplace`, `storefront.shop`, `storefront.url`), Conflict (`storefront.taken` for a
    shop that another organisation lists, `storefront.too_many`).
    """
    marketplace = _checked(normal_marketplace(marketplace), MARKETPLACE_CHARS, "storefront.marketplace")
    if "/" in marketplace:  # a licence's channel is `marketplace/shop`
        raise Rejected("A marketplace's name has no slash.", code="storefront.marketplace")
    shop_id, url = _checked(shop_id.strip(), SHOP_CHARS, "storefront.shop"), normal_url(url)
    lock_ledger(session)  # the one row that all writers have: two who add the same shop take turns
    known = session.scalar(
        _open().where(Storefront.marketplace == marketplace, Storefront.shop_id == shop_id)
    )
    if known is not None and known.organisation_id != organisation.id:
        raise Conflict("Another organisation lists that shop.", code="storefront.taken")
    if known is not None:
        known.url = url
        return known
    own = select(func.count()).where(
        Storefront.organisation_id == organisation.id, Storefront.closed_at.is_(None)
    )
    if (session.scalar(own) or 0) >= MOST_OPEN:
        raise Conflict("There are too many shops already.", code="storefront.too_many", limit=MOST_OPEN)
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


def _checked(text: str, limit: int, code: str) -> str:
    if not text or len(text) > limit or not text.isprintable():
        raise Rejected(f"1 to {limit} printable characters are needed.", code=code, limit=limit)
    return text


def close(session: Session, organisation: Organisation, storefront_id: str, now: datetime) -> Storefront:
    """A shop is official no more; closing it again changes nothing.

    Raises NotFound (`storefront.not_found`), also for a shop of somebody else.
    """
    storefront = get_storefront(session, storefront_id)
    if storefront.organisation_id != organisation.id:
        raise _not_found(storefront_id)
    storefront.closed_at = storefront.closed_at or now
    return storefront


def get_storefront(session: Session, storefront_id: str) -> Storefront:
    """A shop, closed ones too, with its organisation. Raises NotFound (`storefront.not_found`)."""
    query = select(Storefront).options(joinedload(Storefront.organisation))
    found = (
        session.scalar(query.where(Storefront.id == storefront_id)) if can_be_stored(storefront_id) else None
    )
    if found is None:
        raise _not_found(storefront_id)
    return found


def _not_found(storefront_id: str) -> NotFound:
    return NotFound("No such shop is known.", code="storefront.not_found", storefront=storefront_id)


def list_storefronts(
    session: Session, organisation_id: str, *, after: str = "", limit: int | None = 50
) -> list[Storefront]:
    """At most `limit` shops of an organisation (None: all), by id, after the id `after`; closed ones too."""
    mine = select(Storefront).options(joinedload(Storefront.organisation))
    mine = mine.where(Storefront.organisation_id == organisation_id, Storefront.id > after)
    return list(session.scalars(mine.order_by(Storefront.id).limit(limit)))


def organisation_of(session: Session, marketplace: str, shop_id: str) -> Organisation | None:
    """Whose official shop that is; None for a stranger's."""
    marketplace, shop_id = normal_marketplace(marketplace), shop_id.strip()
    if not can_be_stored(marketplace, shop_id):
        return None
    whose = _open().where(Storefront.marketplace == marketplace, Storefront.shop_id == shop_id)
    found = session.scalar(whose.order_by(Storefront.id).limit(1))
    return None if found is None else found.organisation


def _open() -> Select[Storefront]:
    return (
        select(Storefront).options(joinedload(Storefront.organisation)).where(Storefront.closed_at.is_(None))
    )
