"""Who is asking, by address, and how often; counted in this process."""

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
PUBLIC_READS_PER_CHECK = (
    10  # a public check may be followed by this many reads: the answer again, its preview
)
SHARED_PREFIX_BITS = 64  # what one IPv6 customer holds


@dataclass(frozen=True)
class Allowance:
    """So many requests a minute; `name` stands in the RateLimit headers."""

    name: str
    per_minute: int


class SlidingCounts:
    """How often each has asked in about the last minute: this minute's count, and of the last one's what still weighs.

    A share of the last minute counts as large as the part of it that lies within 60 s: nobody gets twice the allowance
    around the turn of a minute. Memory is what two minutes of askers take; no thread sweeps it.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s, self._lock = now_s, Lock()
        self._minute = 0
        self._this: Counter[tuple[str, str]] = Counter()
        self._last: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        """How many askers are remembered."""
        return len(self._this.keys() | self._last.keys())

    def hit(self, allowance: Allowance, who: str) -> tuple[bool, int, int]:
        """Count a request unless it is one too many: whether it may pass, how many more may, seconds until more may."""
        with self._lock:
            passed, left, wait_s = self._look(allowance, who)
            if passed:
                self._this[allowance.name, who] += 1
            return passed, left - passed, wait_s

    def test(self, allowance: Allowance, who: str) -> tuple[bool, int]:
        """Whether a request would pass, and seconds until more may; counts nothing."""
        with self._lock:
            passed, _, wait_s = self._look(allowance, who)
            return passed, wait_s

    def _look(self, allowance: Allowance, who: str) -> tuple[bool, int, int]:
        minute, into_s = divmod(self._now_s(), WINDOW_S)
        if minute != self._minute:
            self._last = self._this if minute == self._minute + 1 else Counter()
            self._this, self._minute = Counter(), int(minute)
        limit, this, last = (
            allowance.per_minute,
            self._this[allowance.name, who],
            self._last[allowance.name, who],
        )
        left = math.floor(limit - this - last * (1 - into_s / WINDOW_S))
        if left > 0:
            return True, left, math.ceil(WINDOW_S - into_s)
        # When the older of the two counts has faded far enough for one request more.
        older, newer, start_s = (last, this, 0) if this < limit else (this, 0, WINDOW_S)
        free_s = start_s + WINDOW_S * (1 - (limit - 1 - newer) / older) if older else WINDOW_S
        return False, 0, max(1, math.ceil(free_s - into_s))


@dataclass
class Rates:
    """The counters of one process."""

    settings: Settings
    _counts: SlidingCounts = field(init=False)

    def __post_init__(self) -> None:
        """Raise BadSetting for a trusted proxy that is no address."""
        self._counts = SlidingCounts()
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
        allowed, left, reset_s = self._counts.hit(allowance, who)
        # draft-ietf-httpapi-ratelimit-headers-10: structured fields, policies named by strings
        request.state.rate_headers = {
            "RateLimit-Policy": f'"{allowance.name}";q={allowance.per_minute};w={WINDOW_S}',
            "RateLimit": f'"{allowance.name}";r={left};t={reset_s}',
        }
        if not allowed:
            raise _exceeded(allowance, reset_s)

    def refuse_guessing(self, who: str) -> None:
        """Raise Unavailable (`rate.exceeded`) for an address that sent too many wrong keys this minute."""
        allowed, reset_s = self._counts.test(self.failed_keys, who)
        if not allowed:
            raise _exceeded(self.failed_keys, reset_s)

    def count_wrong_key(self, who: str) -> None:
        """Note that an address sent a key that is not known."""
        self._counts.hit(self.failed_keys, who)

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
