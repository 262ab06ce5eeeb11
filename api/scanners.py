"""Who scans a label, without personal data: keyed hashes of a phone and a network, and a coarse place.

The key is derived from the installation's secret, which is not in the database. So a copy of the database
reveals nobody, and nobody can try addresses out. Addresses, browsers' names and cookies are never stored.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_network
from typing import Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from starlette.requests import Request
from starlette.responses import Response

from authcheck.config import Settings
from authcheck.errors import BadSetting, NotTrue
from authcheck.proofs.trust import decode_base64url, encode_base64url
from authcheck.scans.place_files import PlaceFile
from authcheck.scans.places import NOWHERE, Place, is_country
from authcheck.vault import SECRET_BYTES, Vault, load_secret

from . import cookies
from .rates import Rates

HASH_HEX = 32
PREFIX_BITS = {4: 24, 6: 48}  # of the network of a shop, a home or a town's mobile phones
CONTEXT = "authcheck scans"  # of the derived keys and of the sealed cookie
PLACE = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")
# WeChat's browser names the kind of its connection, which changes while a phone moves.
CONNECTION_KIND = re.compile(r"NetType/\S+")
# Programs that fetch pages for previews, search engines and scripts. CUBOT is a brand of phones.
FETCHERS = re.compile(
    r"(?<!cu)bot(?:\b|_)|crawler|spider|preview\b|facebookexternalhit|facebookcatalog|meta-external|"
    r"slack-imgproxy|embedly|iframely|google-inspectiontool|googleother|lighthouse|"
    r"^(?:whatsapp|curl|wget|python|aiohttp|httpx|go-http-client|okhttp|java|libwww|axios|node|undici|ruby|php)"
    r"\b",
    re.IGNORECASE,
)
EARLY = ("sec-purpose", "purpose", "x-purpose", "x-moz")  # headers of a page that nobody has opened yet
EARLY_VALUE = re.compile(r"\b(?:prefetch|prerender|preview)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a scan comes from.

    `visitor` and `network` are keyed hashes, 32 hexadecimal digits. `visitor` stands for one browser on one
    phone. `is_person` is False for link previews, crawlers and pages that a browser loads in advance.
    """

    visitor: str
    network: str
    place: Place
    is_person: bool


@dataclass(frozen=True, slots=True)
class Scanners:
    """The keys, the file of places and the trusted proxies that tell where scans come from."""

    _rates: Rates
    _places: PlaceFile
    _place_header: str | None
    _hash_key: bytes = field(repr=False)
    _vault: Vault = field(repr=False)

    @classmethod
    def open(cls, settings: Settings, rates: Rates) -> Self:
        """Open the file of places and derive the keys.

        Raises BadSetting (`places.*`, `key.*`, `setting.invalid` for a header of places that no proxy of
        ours sends), StorageFailed.
        """
        if settings.place_header and not settings.trusted_proxies.strip(" ,"):
            raise BadSetting(
                "AUTHCHECK_PLACE_HEADER: the header counts only in requests from a trusted proxy. Name the"
                " proxy in AUTHCHECK_TRUSTED_PROXIES.",
                name="AUTHCHECK_PLACE_HEADER",
            )
        places = PlaceFile.open(settings.places_file)
        secret = load_secret(settings.secrets_key, settings.keys_dir / "secrets")
        keys = HKDF(SHA256(), 2 * SECRET_BYTES, salt=None, info=CONTEXT.encode()).derive(secret)
        vault = Vault(keys[SECRET_BYTES:])
        return cls(rates, places, settings.place_header, keys[:SECRET_BYTES], vault)

    def origin(self, request: Request) -> Origin:
        """Return where a request comes from. The same phone gets the same visitor again.

        A phone without our cookie is known by its network and its browser, so that a request it repeats is
        not a second phone, and neither is its private window. Phones of one model in one network then count
        as one: too few phones raise no false suspicion.
        """
        address = self._rates.address(request)
        bits = PREFIX_BITS[6 if isinstance(address, IPv6Address) else 4]
        prefix = str(ip_network((address, bits), strict=False)) if address else "unknown"
        browser = CONNECTION_KIND.sub("", request.headers.get("user-agent", ""))
        language = request.headers.get("accept-language", "")
        visitor = self._read_phone(request) or self._hash("phone", prefix, browser, language)
        return Origin(visitor, self._hash("network", prefix), self._find_place(request), is_person(request))

    def keep_phone(self, request: Request, response: Response, origin: Origin) -> None:
        """Give a person's phone the cookie by which it stays the same visitor in another network.

        The cookie holds the visitor, encrypted with a random nonce. Nobody can make one, or compare two.
        """
        if origin.is_person and not self._read_phone(request):
            sealed = self._vault.seal(bytes.fromhex(origin.visitor), CONTEXT)
            cookies.keep(
                request, response, cookies.PHONE, encode_base64url(sealed), max_age_s=cookies.DEVICE_S
            )

    def sign(self, *texts: str) -> str:
        """Return a signature of texts of ours, which only this installation can make."""
        return self._hash("signed", *texts)

    def _read_phone(self, request: Request) -> str:
        """Return the visitor in our cookie, or "" without a cookie that we made."""
        try:
            sealed = decode_base64url(cookies.read(request, cookies.PHONE))
            return self._vault.open(sealed, CONTEXT).hex()
        except (ValueError, NotTrue):
            return ""

    def _hash(self, *texts: str) -> str:
        message = "\n".join(texts).encode("utf-8", "replace")  # no header holds the end of a line
        return hmac.new(self._hash_key, message, hashlib.sha256).hexdigest()[:HASH_HEX]

    def _find_place(self, request: Request) -> Place:
        """Return the place that a trusted proxy names, else the place of the address in the file.

        A header that another client of the proxy may have added is there twice: then nothing is known.
        """
        if self._place_header and self._rates.comes_from_proxy(request):
            values = request.headers.getlist(self._place_header)
            if values:
                return _read_place(values[0]) if len(values) == 1 else NOWHERE
        address = self._rates.address(request)
        return self._places.find(address) if address else NOWHERE


def origin_of(request: Request) -> Origin:
    """Return where a request comes from, see `Scanners.origin`."""
    scanners: Scanners = request.app.state.scanners
    return scanners.origin(request)


def keep_phone(request: Request, response: Response, origin: Origin) -> None:
    """Give a person's phone its cookie, see `Scanners.keep_phone`."""
    scanners: Scanners = request.app.state.scanners
    scanners.keep_phone(request, response, origin)


def is_person(request: Request) -> bool:
    """Return whether a person seems to have opened the page. Programs can pretend to be a person."""
    browser = request.headers.get("user-agent", "")
    is_early = any(EARLY_VALUE.search(value) for name in EARLY for value in request.headers.getlist(name))
    return bool(browser) and not is_early and not FETCHERS.search(browser)


def _read_place(text: str) -> Place:
    match = PLACE.fullmatch(text.strip())
    if match is None or not is_country(match[1]):
        return NOWHERE
    return Place(match[1], match[0] if match[2] else "")
