"""Rate limits: the allowed numbers of requests per client address or API key."""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import HTTPConnection

from authcheck.config import Settings
from authcheck.errors import BadSetting, Unavailable

from .counts import WINDOW_S, Allowance, Counts, SharedCounts, SlidingCounts

FAILED_KEYS_PER_MINUTE = 30
MAILS_PER_MINUTE = 10  # that one address may cause
INVITATIONS_PER_MINUTE = 60  # of one organisation
# Reads of the public per allowed check: a client reads the answer again and its previews.
PUBLIC_READS_PER_CHECK = 10
REPORTS_PER_MINUTE = 5  # of one client
SHARED_PREFIX_BITS = 64  # the IPv6 network of one customer
COUNTS_FILE = "rates.db"  # in the data folder
# A proxy may add the port: `203.0.113.9:4711`, `[2001:db8::1]:4711`.
HOP = re.compile(r"\[([^\]]*)\](?::\d*)?|([^:]*):\d+")


@dataclass
class Rates:
    """The allowances, and the counts of this process or of all processes of this machine."""

    settings: Settings
    _counts: Counts = field(init=False)

    def __post_init__(self) -> None:
        """Create the counters. Raises BadSetting when a trusted proxy is not an address."""
        shared = self.settings.workers > 1
        self._counts = SharedCounts(self.settings.data_dir / COUNTS_FILE) if shared else SlidingCounts()
        proxies = self.settings.trusted_proxies.split(",")
        self._proxies = [_parse_network(proxy) for proxy in proxies if proxy.strip()]
        self.public_checks = Allowance("public-checks", self.settings.public_checks_per_minute)
        self.public_reads = Allowance(
            "public-reads", PUBLIC_READS_PER_CHECK * self.settings.public_checks_per_minute
        )
        self.public_reports = Allowance("public-reports", REPORTS_PER_MINUTE)
        self.public_drawings = Allowance("public-drawings", self.settings.public_checks_per_minute)
        self.key_requests = Allowance("key-requests", self.settings.key_requests_per_minute)
        self.mails = Allowance("mails", MAILS_PER_MINUTE)
        self.invitations = Allowance("invitations", INVITATIONS_PER_MINUTE)
        self.failed_keys = Allowance("failed-keys", FAILED_KEYS_PER_MINUTE)

    def count(self, allowance: Allowance, who: str, request: HTTPConnection) -> None:
        """Count one request, and set the RateLimit headers that the middleware sends.

        Raises Unavailable (`rate.exceeded`).
        """
        is_allowed, left, reset_s = self._counts.hit(allowance, who)
        # draft-ietf-httpapi-ratelimit-headers-10: structured fields, policies have strings as names
        request.state.rate_headers = {
            "RateLimit-Policy": f'"{allowance.name}";q={allowance.per_minute};w={WINDOW_S}',
            "RateLimit": f'"{allowance.name}";r={left};t={reset_s}',
        }
        if not is_allowed:
            raise _exceeded_error(allowance, reset_s)

    def client(self, request: HTTPConnection) -> str:
        """Return the client address for counting: an IPv4 address, or the /64 network of an IPv6 address."""
        address = self.address(request)
        if isinstance(address, IPv6Address):
            return str(ip_network((address, SHARED_PREFIX_BITS), strict=False))
        return str(address or "unknown")

    def address(self, request: HTTPConnection) -> IPv4Address | IPv6Address | None:
        """Return the whole client address, or None. It is personal data: never store it.

        X-Forwarded-For is read from its end, and only as long as each hop is a trusted proxy. The client can
        forge every entry further left.
        """
        peer = request.client.host if request.client else ""
        hops = [
            hop.strip() for value in request.headers.getlist("x-forwarded-for") for hop in value.split(",")
        ]
        while hops and self._is_trusted(peer):
            peer = _without_port(hops.pop())
        return _parse_address(peer)

    def comes_from_proxy(self, request: HTTPConnection) -> bool:
        """Return whether a trusted proxy sends this request itself, so that its own headers count."""
        return request.client is not None and self._is_trusted(request.client.host)

    def _is_trusted(self, peer: str) -> bool:
        address = _parse_address(peer)
        return address is not None and any(address in network for network in self._proxies)


def _exceeded_error(allowance: Allowance, reset_s: int) -> Unavailable:
    return Unavailable(
        f"You may send {allowance.per_minute} requests per minute. Try again in {reset_s} s.",
        code="rate.exceeded",
        retry_after_s=reset_s,
    )


def _parse_network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        raise BadSetting(
            f"AUTHCHECK_TRUSTED_PROXIES: {text.strip()!r} is not an IP address or network. Use 10.0.0.0/8,"
            " for example.",
            name="AUTHCHECK_TRUSTED_PROXIES",
        ) from None


def _without_port(hop: str) -> str:
    """Return the address of an entry of X-Forwarded-For, without brackets, quotes and a port."""
    text = hop.strip('"')
    found = HOP.fullmatch(text)
    return (found[1] or found[2] or "") if found else text


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address without its zone, or None. An IPv4-mapped IPv6 address becomes its IPv4 address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
