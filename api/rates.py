"""Rate limits: the number of recent requests per client address or API key, counted in this process."""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Lock

from starlette.requests import HTTPConnection

from authcheck.config import Settings
from authcheck.errors import BadSetting, Unavailable

WINDOW_S = 60
FAILED_KEYS_PER_MINUTE = 30
# Reads of the public per allowed check: a client reads the answer again and its previews.
PUBLIC_READS_PER_CHECK = 10
SHARED_PREFIX_BITS = 64  # the IPv6 network of one customer


@dataclass(frozen=True)
class Allowance:
    """The allowed number of requests per minute. `name` appears in the RateLimit headers."""

    name: str
    per_minute: int


class SlidingCounts:
    """The number of requests of each client in about the last 60 s.

    The number is the count of this minute plus a share of the count of the last minute. The share is the part
    of the last minute that is within the last 60 s, so that no client gets twice the allowance around the
    turn of a minute. The memory holds the clients of two minutes. No thread has to clean the memory.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s, self._lock = now_s, Lock()
        self._minute = 0
        self._this: Counter[tuple[str, str]] = Counter()
        self._last: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        """Return the number of clients in memory."""
        return len(self._this.keys() | self._last.keys())

    def hit(self, allowance: Allowance, who: str) -> tuple[bool, int, int]:
        """Count a request if it is allowed.

        Return whether the request is allowed, the number of requests left, and the seconds until more are
        allowed.
        """
        with self._lock:
            is_allowed, left, wait_s = self._look(allowance, who)
            if is_allowed:
                self._this[allowance.name, who] += 1
            return is_allowed, left - is_allowed, wait_s

    def test(self, allowance: Allowance, who: str) -> tuple[bool, int]:
        """Return whether a request is allowed, and the seconds until more are allowed. Count nothing."""
        with self._lock:
            is_allowed, _, wait_s = self._look(allowance, who)
            return is_allowed, wait_s

    def _look(self, allowance: Allowance, who: str) -> tuple[bool, int, int]:
        """Return whether a request is allowed, the requests left, and the seconds until more are allowed."""
        minute, elapsed_s = divmod(self._now_s(), WINDOW_S)
        if minute != self._minute:
            self._last = self._this if minute == self._minute + 1 else Counter()
            self._this, self._minute = Counter(), int(minute)
        limit, this, last = (
            allowance.per_minute,
            self._this[allowance.name, who],
            self._last[allowance.name, who],
        )
        left = math.floor(limit - this - last * (1 - elapsed_s / WINDOW_S))
        if left > 0:
            return True, left, math.ceil(WINDOW_S - elapsed_s)
        # The next request is allowed when the share of the older count has become small enough.
        older, newer, start_s = (last, this, 0) if this < limit else (this, 0, WINDOW_S)
        free_s = start_s + WINDOW_S * (1 - (limit - 1 - newer) / older) if older else WINDOW_S
        return False, 0, max(1, math.ceil(free_s - elapsed_s))


@dataclass
class Rates:
    """The allowances and counters of one process."""

    settings: Settings
    _counts: SlidingCounts = field(init=False)

    def __post_init__(self) -> None:
        """Create the counters. Raises BadSetting when a trusted proxy is not an address."""
        self._counts = SlidingCounts()
        proxies = self.settings.trusted_proxies.split(",")
        self._proxies = [_parse_network(proxy) for proxy in proxies if proxy.strip()]
        self.public_checks = Allowance("public-checks", self.settings.public_checks_per_minute)
        self.public_reads = Allowance(
            "public-reads", PUBLIC_READS_PER_CHECK * self.settings.public_checks_per_minute
        )
        self.public_drawings = Allowance("public-drawings", self.settings.public_checks_per_minute)
        self.key_requests = Allowance("key-requests", self.settings.key_requests_per_minute)
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

    def refuse_guessing(self, who: str) -> None:
        """Raise Unavailable (`rate.exceeded`) when an address recently sent too many wrong keys."""
        is_allowed, reset_s = self._counts.test(self.failed_keys, who)
        if not is_allowed:
            raise _exceeded_error(self.failed_keys, reset_s)

    def count_wrong_key(self, who: str) -> None:
        """Count a wrong key of an address."""
        self._counts.hit(self.failed_keys, who)

    def client(self, request: HTTPConnection) -> str:
        """Return the client address for counting: an IPv4 address, or the /64 network of an IPv6 address.

        X-Forwarded-For is read from its end, and only as long as each hop is a trusted proxy. The client can
        forge every entry further left.
        """
        peer = request.client.host if request.client else ""
        hops = [
            hop.strip() for value in request.headers.getlist("x-forwarded-for") for hop in value.split(",")
        ]
        while hops and self._is_trusted(peer):
            peer = hops.pop()
        return _shared_prefix(peer)

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


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address without its zone, or None. An IPv4-mapped IPv6 address becomes its IPv4 address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _shared_prefix(text: str) -> str:
    """Return an IPv4 address, the /64 network of an IPv6 address, or `unknown`."""
    address = _parse_address(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, SHARED_PREFIX_BITS), strict=False))
    return str(address or "unknown")
