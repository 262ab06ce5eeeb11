"""Orders of certificates."""

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Any

import rfc8785

from authcheck.errors import Rejected
from authcheck.ids import normal_id, tidy
from authcheck.labels.gs1 import check_gtin, check_lot, check_serial

MOST_UNITS = 10_000  # of one request
PRODUCT_CHARS = 200
MOST_SERIAL_BYTES = 1024 * 1024  # of a file of serial numbers
SERIAL_HEADERS = ("serial", "serials", "serial_number", "serial_numbers", "serial_no", "seriennummer")
REQUEST_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Order:
    """An order of certificates for units of one product that carry one design.

    Give either `count`, for random serial numbers, or the brand's own `serials`. The same `request_key` with
    the same order is the same request. With `pins`, each certificate gets a PIN for a scratch-off panel. A
    licensee may name the licence version that it issues under, `licence_id`.
    """

    design_id: str
    gtin: str
    lot: str
    product: str
    request_key: str
    count: int = 0
    serials: tuple[str, ...] = ()
    pins: bool = False
    licence_id: str | None = None

    def checked(self) -> "Order":
        """Return the order in canonical spelling. Raises Rejected (`batch.*`, `gs1.*`)."""
        if not REQUEST_KEY.fullmatch(self.request_key):
            raise Rejected(
                "The request key must have 1 to 200 visible ASCII characters.",
                code="batch.request_key",
                limit=200,
            )
        if self.serials and self.count not in {0, len(self.serials)}:
            raise Rejected(
                "The number of units differs from the number of serial numbers. Leave it out.",
                code="batch.serials",
            )
        count = self.count or len(self.serials)
        if not 1 <= count <= MOST_UNITS:
            raise Rejected(
                f"Order 1 to {MOST_UNITS:,} certificates in one request.",
                code="batch.count",
                limit=MOST_UNITS,
            )
        product = tidy(self.product)
        if not product or len(product) > PRODUCT_CHARS or not product.isprintable():
            raise Rejected(
                f"The product's name must have 1 to {PRODUCT_CHARS} printable characters.",
                code="batch.product",
                limit=PRODUCT_CHARS,
            )
        gtin, lot = check_gtin(self.gtin), check_lot(self.lot)
        serials = tuple(map(check_serial, self.serials))
        if len(set(serials)) < len(serials):
            raise Rejected("A serial number occurs twice in the order.", code="batch.serials")
        design_id = normal_id(self.design_id)
        licence_id = None if self.licence_id is None else normal_id(self.licence_id)
        order = replace(self, design_id=design_id, licence_id=licence_id)
        return replace(order, count=count, product=product, gtin=gtin, lot=lot, serials=serials)

    @property
    def sha256(self) -> str:
        """Return the hash that tells this order from another order with the same request key."""
        content: dict[str, Any] = {
            "count": self.count,
            "design": self.design_id,
            "gtin": self.gtin,
            "lot": self.lot,
            "pins": self.pins,
            "product": self.product,
            "serials": list(self.serials),
        }
        if self.licence_id is not None:
            content["licence"] = self.licence_id
        return hashlib.sha256(rfc8785.dumps(content)).hexdigest()
