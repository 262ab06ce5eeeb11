"""Typed, pasted and scanned texts that should lead to the page of a label."""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, quote, unquote, urlsplit

from authcheck.errors import Rejected
from authcheck.ids import check_code, show_code
from authcheck.labels.codes import LabelText, find_label, is_address, unwrap
from authcheck.labels.gs1 import CODE_ATTRIBUTE, link_path
from authcheck.lookups import units

SHORT_LINK = re.compile(r"/c/([^/]+)/?", re.IGNORECASE)


def path_of(text: str, urls: Sequence[str]) -> str:
    """Return the path of the page of a label. `urls` are the public addresses of this service.

    A code with a slip in an address of ours leads to the page that names the slip. Raises NotFound
    (`certificate.not_found`) for a text that is no code, Rejected (`code.foreign`) for an address of another
    service.
    """
    value = unwrap(text)
    if not is_address(value):
        try:
            return f"/c/{show_code(check_code(value))}"
        except Rejected as error:
            raise units.unknown_unit_error() from error
    label = find_label(value, urls)
    if label is not None:
        return label_path(label)
    try:
        parts = _split(value)
    except ValueError as error:  # a malformed address
        raise units.unknown_unit_error() from error
    short_link = SHORT_LINK.fullmatch(parts.path)
    if parts.netloc.lower() not in {urlsplit(url).netloc.lower() for url in urls}:
        raise Rejected("This address belongs to another service.", code="code.foreign", value=value[:80])
    if short_link is None:
        raise units.unknown_unit_error()
    return f"/c/{quote(unquote(short_link[1]), safe='')}"


def label_path(label: LabelText) -> str:
    """Return the path of the page of a label: its GS1 Digital Link if it has the numbers, else its code's."""
    if label.gtin is None or label.serial is None:
        return f"/c/{show_code(label.code or '')}"
    link = link_path(label.gtin, label.lot, label.serial)
    return (
        link if label.code is None or units.is_code(label.serial) else f"{link}?{CODE_ATTRIBUTE}={label.code}"
    )


def host_in(text: str) -> str:
    """Return the host of an address in a text, as plain text, "" without one."""
    try:
        return _split(unwrap(text)).hostname or ""
    except ValueError:
        return ""


def _split(value: str) -> SplitResult:
    return urlsplit(value if "://" in value else f"https://{value}")
