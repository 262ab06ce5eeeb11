"""Who is asking, by address, and how often; counted in this process, over a moving minute."""

import math
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import HTTPConnection

from authcheck.config import Settings
from authcheck.errors import BadSetting, Unavailable

WINDOW_S = 60
FAILED_KEYS_PER_MINUTE = 30
PUBLIC_READS_PER_CHECK = (
    10  # a public check may be followed by this many reads: the answer again, its preview
)
SHARED_PREFIX_BITS = 64  # what one IPv6 customer holds


@dataclass(frozen=True)
class Allowance:
    """So many requests a minute; `name` stands in the RateLimit headers."""

    name: str
    per_minute: int


@dataclass
class Rates:
    """The counters of one process."""

    settings: Settings
    _limiter: MovingWindowRateLimiter = field(init=False)

    def __post_init__(self) -> None:
        """Raise BadSetting for a trusted proxy that is no address."""
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._proxies = [_network(text) for text in self.settings.trusted_proxies.split(",") if text.strip()]
        self.public_checks = Allowance("public-checks", self.settings.public_checks_per_minute)
        self.public_reads = Allowance(
            "public-reads", PUBLIC_READS_PER_CHECK * self.settings.public_checks_per_minute
        )
        self.public_drawings = Allowance("public-drawings", self.settings.public_checks_per_minute)
        self.key_requests = Allowance("key-requests", self.settings.key_requests_per_minute)
        self.failed_keys = Allowance("failed-keys", FAILED_KEYS_PER_MINUTE)

    def count(self, allowance: Allowance, who: str, request: HTTPConnection) -> None:
        """Count one request, and leave the RateLimit headers for middleware to send.

        Raises Unavailable (`rate.exceeded`).
        """
        item = RateLimitItemPerMinute(allowance.per_minute, namespace=allowance.name)
        allowed = self._limiter.hit(item, who)
        stats = self._limiter.get_window_stats(item, who)
        reset_s = max(1, math.ceil(stats.reset_time - time.time()))
        # draft-ietf-httpapi-ratelimit-headers-10: structured fields, policies named by strings
        request.state.rate_headers = {
            "RateLimit-Policy": f'"{allowance.name}";q={allowance.per_minute};w={WINDOW_S}',
            "RateLimit": f'"{allowance.name}";r={stats.remaining};t={reset_s}',
        }
        if not allowed:
            raise _exceeded(allowance, reset_s)

    def refuse_guessing(self, who: str) -> None:
        """Raise Unavailable (`rate.exceeded`) for an address that sent too many wrong keys this minute."""
        item = RateLimitItemPerMinute(self.failed_keys.per_minute, namespace=self.failed_keys.name)
        if not self._limiter.test(item, who):
            reset_at = self._limiter.get_window_stats(item, who).reset_time
            raise _exceeded(self.failed_keys, max(1, math.ceil(reset_at - time.time())))

    def count_wrong_key(self, who: str) -> None:
        """Note that an address sent a key that is not known."""
        item = RateLimitItemPerMinute(self.failed_keys.per_minute, namespace=self.failed_keys.name)
        self._limiter.hit(item, who)

    def client(self, request: HTTPConnection) -> str:
        """The address to count by: an IPv4 address, or the /64 of an IPv6 one.

        X-Forwarded-For is read from its end, and only as far as each hop is a trusted proxy: what stands further left
        anybody may have written.
        """
        peer = request.client.host if request.client else ""
        hops = [
            hop.strip() for value in request.headers.getlist("x-forwarded-for") for hop in value.split(",")
        ]
        while hops and self._trusted(peer):
            peer = hops.pop()
        return _prefix(peer)

    def _trusted(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and any(address in network for network in self._proxies)


def _exceeded(allowance: Allowance, reset_s: int) -> Unavailable:
    return Unavailable(
        f"More than {allowance.per_minute} requests in a minute; ask again in {reset_s} s.",
        code="rate.exceeded",
        retry_after_s=reset_s,
    )


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        raise BadSetting(
            f"AUTHCHECK_TRUSTED_PROXIES: {text.strip()!r} is no address or network.",
            name="AUTHCHECK_TRUSTED_PROXIES",
        ) from None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _prefix(text: str) -> str:
    address = _address(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, SHARED_PREFIX_BITS), strict=False))
    return str(address or "unknown")
