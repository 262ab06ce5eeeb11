"""Addresses of shops in one spelling, and only those that a buyer's browser may be sent to."""

from urllib.parse import SplitResult, urlsplit

from authcheck.errors import Rejected
from authcheck.ids import fold
from authcheck.licences.codes import BEFORE_HOST
from authcheck.proofs.outside.names import is_mixed

URL_CHARS = 500
HTTPS_PORT = 443


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
    text = fold(text)
    text = text if BEFORE_HOST.match(text) is None else to_ascii_host(text)
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(' \\"<>^`{|}')
    try:
        parts = urlsplit(text if is_plain and len(text) <= URL_CHARS else "")
        is_complete = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError as error:
        raise _bad_url_error() from error
    if not is_complete or "@" in parts.netloc:
        raise _bad_url_error()
    return parts


def to_ascii_host(text: str) -> str:
    """Return an address with its international host name in ASCII: `https://xn--...`."""
    scheme, separator, rest = text.partition("://")
    end = next((place for place, char in enumerate(rest) if char in "/?#"), len(rest))
    host = rest[:end]
    if any(map(is_mixed, host.split("."))):
        return text
    try:
        return f"{scheme}{separator}{host if host.isascii() else host.encode('idna').decode()}{rest[end:]}"
    except UnicodeError:
        return text


def _bad_url_error() -> Rejected:
    return Rejected(
        f"A shop's address must begin with https:// and have at most {URL_CHARS} ASCII characters.",
        code="storefront.url",
        limit=URL_CHARS,
    )
