"""What a brand tells buyers about a product: a text and pictures, shown with each of its labels.

And how buyers reach the brand. None of this is certified or in the ledger: the page says whose words these
are.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch, ProductPage, ProductPicture
from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import new_id, tidy
from authcheck.labels.gs1 import check_gtin
from authcheck.members.people import normal_email
from authcheck.members.tables import Organisation
from authcheck.storage.parameters import can_be_stored

TEXT_CHARS = 1_000
MOST_PICTURES = 3
URL_CHARS = 300
SIDE_PX = 960  # of a picture
KEEPS_KEY = {"key_share": True}  # a lock that lets others refer to the organisation


@dataclass(frozen=True, slots=True)
class ProductInfo:
    """What a brand tells about a product: its text, and the ids of its pictures."""

    text: str = ""
    pictures: tuple[str, ...] = ()


def require_product(session: Session, organisation_id: str, text: str) -> str:
    """Return the GTIN of a product that the organisation has issued certificates for, as 14 digits.

    Raises NotFound (`product.not_found`).
    """
    try:
        gtin = check_gtin(text)
    except Rejected:
        gtin = ""
    own = exists().where(Batch.organisation_id == organisation_id, Batch.gtin == gtin)
    if not session.scalar(select(own)):
        raise NotFound("You have no certificates for a product with this GTIN.", code="product.not_found")
    return gtin


def find_product_info(session: Session, organisation_id: str, gtin: str) -> ProductInfo:
    """Return what a brand tells about a product, empty for nothing."""
    of_product = (ProductPicture.organisation_id == organisation_id, ProductPicture.gtin == gtin)
    text = session.scalar(
        select(ProductPage.text).where(
            ProductPage.organisation_id == organisation_id, ProductPage.gtin == gtin
        )
    )
    pictures = session.scalars(select(ProductPicture.id).where(*of_product).order_by(ProductPicture.id))
    return ProductInfo(text or "", tuple(pictures))


def set_text(session: Session, organisation_id: str, gtin: str, text: str, now: datetime) -> None:
    """Replace the text about a product. Raises Rejected (`product.text`), NotFound (`product.not_found`)."""
    gtin = require_product(session, organisation_id, gtin)
    lines = [tidy(line) for line in text.splitlines()]
    text = "\n".join(lines).strip()
    if len(text) > TEXT_CHARS or not all(line.isprintable() for line in lines):
        raise Rejected(
            f"Write at most {TEXT_CHARS} printable characters.", code="product.text", limit=TEXT_CHARS
        )
    page = session.get(ProductPage, (organisation_id, gtin)) or ProductPage(
        organisation_id=organisation_id, gtin=gtin
    )
    page.text, page.said_at = text, now
    session.add(page)


def add_picture(session: Session, organisation_id: str, gtin: str, data: bytes, now: datetime) -> None:
    """Add a picture of a product, a JPEG that we have drawn anew. The same picture again changes nothing.

    Raises Conflict (`product.pictures`), NotFound (`product.not_found`).
    """
    gtin = require_product(session, organisation_id, gtin)
    session.get_one(Organisation, organisation_id, with_for_update=KEEPS_KEY)
    sha256 = hashlib.sha256(data).hexdigest()
    hashes = session.scalars(
        select(ProductPicture.sha256).where(
            ProductPicture.organisation_id == organisation_id, ProductPicture.gtin == gtin
        )
    ).all()
    if sha256 in hashes:
        return
    if len(hashes) >= MOST_PICTURES:
        raise Conflict(
            f"A product has at most {MOST_PICTURES} pictures. Remove one first.",
            code="product.pictures",
            limit=MOST_PICTURES,
        )
    session.add(
        ProductPicture(
            id=new_id("pic", now), organisation_id=organisation_id, gtin=gtin, sha256=sha256, data=data
        )
    )


def remove_picture(session: Session, organisation_id: str, gtin: str, picture_id: str) -> None:
    """Remove a picture of a product. Raises NotFound (`product.not_found`, `product.picture_not_found`)."""
    gtin = require_product(session, organisation_id, gtin)
    own = delete(ProductPicture).where(
        ProductPicture.id == picture_id,
        ProductPicture.organisation_id == organisation_id,
        ProductPicture.gtin == gtin,
    )
    count = session.execute(own).rowcount if can_be_stored(picture_id) else 0  # type: ignore[attr-defined]
    if not count:
        raise picture_not_found_error()


def get_picture(session: Session, picture_id: str) -> bytes:
    """Return a picture of any product, a JPEG. Raises NotFound (`product.picture_not_found`)."""
    query = select(ProductPicture.data).where(ProductPicture.id == picture_id)
    data = session.scalar(query) if can_be_stored(picture_id) else None
    if data is None:
        raise picture_not_found_error()
    return data


def picture_not_found_error() -> NotFound:
    """Return the error for a picture that is not there, or that another brand's product has."""
    return NotFound("We have no such picture.", code="product.picture_not_found")


def set_contact(session: Session, organisation_id: str, url: str, email: str) -> None:
    """Say how buyers reach a brand. Empty texts say nothing.

    Raises Rejected (`organisation.url`, and `person.email` as `people.normal_email`).
    """
    url = url.strip()
    if url and not _is_web_address(url):
        raise Rejected(
            f"Write a web address of at most {URL_CHARS} characters that begins with https://.",
            code="organisation.url",
            limit=URL_CHARS,
        )
    organisation = session.get_one(Organisation, organisation_id, with_for_update=KEEPS_KEY)
    organisation.contact_url = url
    organisation.contact_email = normal_email(email) if email.strip() else ""


def _is_web_address(url: str) -> bool:
    """Return whether a text is an https address of a host with a name, without a user or a port."""
    try:
        parts = urlsplit(url)
        is_named = parts.hostname is not None and parts.netloc.lower() == parts.hostname
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(" \"'<>\\`{}|^")
    return parts.scheme == "https" and is_named and "." in parts.netloc and is_plain and len(url) <= URL_CHARS
