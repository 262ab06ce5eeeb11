"""Rate limits, and the identity of a client."""

import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import make
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from api.app import create_app
from api.counts import Allowance, SharedCounts, SlidingCounts
from api.rates import FAILED_KEYS_PER_MINUTE, Rates
from authcheck.config import Settings
from authcheck.errors import BadSetting, Unavailable

Headers = dict[str, str]
Start = Callable[..., TestClient]


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """A client from an address, of an app with few checks a minute: `start("203.0.113.9", trusted_proxies="...")`."""
    opened = []

    def make_client(peer: str = "203.0.113.9", **changes: object) -> TestClient:
        few = settings.model_copy(
            update={"public_checks_per_minute": 2, "key_requests_per_minute": 3, **changes}
        )
        client = TestClient(create_app(few), client=(peer, 4000))
        client.__enter__()
        opened.append(client)
        return client

    yield make_client
    for client in opened:
        client.__exit__(None, None, None)


def _check(client: TestClient, **headers: str) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        "/v1/checks", headers=sent, files={"image": ("a.png", make.picture_bytes())}
    ).status_code


@pytest.mark.slow
def test_the_public_is_limited_by_address(start: Start) -> None:
    """With a limit of two a minute, the third check gets 429 with the time to wait."""
    client = start()
    files = {"image": ("a.png", make.picture_bytes())}
    answers = [client.post("/v1/checks", files=files) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=1", "r=0", "r=0"]
    assert all(answer.headers["ratelimit-policy"] == '"public-checks";q=2;w=60' for answer in answers)
    assert answers[2].json()["code"] == "rate.exceeded"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 90  # half of two fades half a minute into the next


def test_a_key_is_limited_by_itself(start: Start) -> None:
    """A key's requests do not count against another key."""
    client = start()
    keys = [{"Authorization": f"Bearer {make.key(client.app.state.workspace, 'admin')}"} for _ in range(2)]  # type: ignore[attr-defined]
    assert [client.get("/v1/me", headers=keys[0]).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get("/v1/me", headers=keys[1]).status_code == 200


def test_wrong_keys_are_limited_by_address(start: Start) -> None:
    """After a number of wrong keys in a minute, further wrong keys of the address get 429."""
    client = start()
    wrong = {"Authorization": "Bearer ack_0_wrong"}
    codes = [client.get("/v1/me", headers=wrong).status_code for _ in range(FAILED_KEYS_PER_MINUTE + 1)]
    assert set(codes[:-1]) == {401}
    assert codes[-1] == 429


def test_wrong_keys_do_not_lock_a_good_key_of_the_same_address_out(start: Start) -> None:
    """A stranger in the same office guesses keys. The marketplace beside him goes on."""
    client = start()
    good = {"Authorization": f"Bearer {make.key(client.app.state.workspace, 'admin')}"}  # type: ignore[attr-defined]
    for _ in range(FAILED_KEYS_PER_MINUTE + 5):
        client.get("/v1/me", headers={"Authorization": "Bearer ack_0_wrong"})
    assert client.get("/v1/me", headers=good).status_code == 200


@pytest.mark.slow
def test_a_spoofed_forwarded_address_is_not_believed(start: Start) -> None:
    """Without a trusted proxy X-Forwarded-For is ignored, so invented addresses give no more checks."""
    client = start()
    assert [_check(client, X_Forwarded_For=f"198.51.100.{number}") for number in range(3)] == [201, 201, 429]


@pytest.mark.slow
def test_behind_a_trusted_proxy_each_client_counts_for_itself(start: Start) -> None:
    """The proxy's own entry is believed. Entries further left, written by the client, are not."""
    client = start("10.0.0.1", trusted_proxies="10.0.0.0/8, 192.0.2.7")
    assert [_check(client, X_Forwarded_For=f"198.51.100.{number}") for number in range(3)] == [201] * 3
    lying = [_check(client, X_Forwarded_For=f"6.6.6.{number}, 203.0.113.5, 192.0.2.7") for number in range(3)]
    assert lying == [201, 201, 429]


@pytest.mark.parametrize(
    ("peer", "counted_as"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
    ],
)
def test_an_address_is_counted_by_what_one_customer_holds(peer: str, counted_as: str) -> None:
    """An IPv4 address counts as one client, and so does an IPv6 /64."""
    request = Request({"type": "http", "headers": [], "client": (peer, 1)})
    assert Rates(Settings()).client(request) == counted_as


@pytest.mark.parametrize(
    ("forwarded", "counted_as"),
    [
        ("203.0.113.9:8080", "203.0.113.9"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ('"[2001:db8:1:2::9]:443"', "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("[::ffff:203.0.113.9]:1", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9:1, 10.0.0.1:99", "203.0.113.9"),
    ],
)
def test_a_proxy_may_write_brackets_and_ports(forwarded: str, counted_as: str) -> None:
    """Each client of such a proxy counts for itself."""
    headers = [(b"x-forwarded-for", forwarded.encode())]
    request = Request({"type": "http", "headers": headers, "client": ("10.0.0.1", 1)})
    assert Rates(Settings(trusted_proxies="10.0.0.1")).client(request) == counted_as


@pytest.mark.parametrize("forwarded", ["", "junk", "1.2.3.4.5", ",", "[]:1", "[", ":", "\u00fc"])
def test_a_forwarded_address_that_is_none_counts_as_one_client(forwarded: str) -> None:
    """An invalid address from a trusted proxy never raises, and all invalid addresses count as one client."""
    headers = [(b"x-forwarded-for", forwarded.encode("latin-1"))]
    request = Request({"type": "http", "headers": headers, "client": ("10.0.0.1", 1)})
    counted_as = Rates(Settings(trusted_proxies="10.0.0.1")).client(request)
    assert counted_as == "unknown" or ip_address(counted_as)


def test_a_trusted_proxy_must_be_an_address(settings: Settings) -> None:
    """A host name as trusted proxy stops the start, because it would silently match no address."""
    with pytest.raises(BadSetting) as caught:
        create_app(settings.model_copy(update={"trusted_proxies": "proxy.internal"}))
    assert "AUTHCHECK_TRUSTED_PROXIES" in str(caught.value)


def test_public_reads_have_an_allowance_of_their_own(start: Start) -> None:
    """Reading answers does not use up checks."""
    client = start()
    for _ in range(5):
        assert client.get("/v1/checks/chk_NOBODY").status_code == 404
    assert _check(client) == 201


def test_the_allowance_slides_over_the_turn_of_a_minute() -> None:
    """Ten requests at the end of a minute leave none at the start of the next.

    Each tenth of the next minute then allows one more request.
    """
    clock = [59.0]
    counts, allowance = SlidingCounts(lambda: clock[0]), Allowance("checks", 10)
    assert [counts.hit(allowance, "a")[0] for _ in range(11)] == [True] * 10 + [False]
    assert counts.hit(allowance, "b") == (True, 9, 1)
    passed = 0
    for second in range(60, 120):
        clock[0] = float(second)
        passed += sum(counts.hit(allowance, "a")[0] for _ in range(3))
    assert passed == 9


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 8))
def test_who_waits_as_long_as_told_may_ask_again(steps: list[float], limit: int) -> None:
    """A refused request passes after the named seconds. No minute ever holds two allowances."""
    clock, passed_at = [0.0], []
    counts, allowance = SlidingCounts(lambda: clock[0]), Allowance("checks", limit)
    for step in steps:
        clock[0] += step
        passed, _, wait_s = counts.hit(allowance, "a")
        if not passed:
            clock[0] += wait_s
            assert counts.hit(allowance, "a").is_allowed
        passed_at.append(clock[0])
    assert (
        all(sum(at - 60 < other <= at for other in passed_at) < 2 * limit for at in passed_at) or limit == 1
    )


def test_counting_keeps_two_minutes_and_no_thread() -> None:
    """A client is forgotten after two minutes, and no background thread cleans up."""
    threads, clock = set(threading.enumerate()), [0.0]
    counts, allowance = SlidingCounts(lambda: clock[0]), Allowance("checks", 10)
    for number in range(10_000):
        counts.hit(allowance, str(number))
    clock[0] = 120.0
    counts.hit(allowance, "a")
    assert set(threading.enumerate()) <= threads  # a thread of an earlier test may end meanwhile
    assert len(counts) == 1


def test_processes_that_share_a_file_share_the_allowance(tmp_path: Path) -> None:
    """Two processes count in one file: together they allow no more than one alone."""
    clock, allowance = [120.0], Allowance("checks", 10)
    first, second = (SharedCounts(tmp_path / "data" / "rates.db", lambda: clock[0]) for _ in range(2))
    hits = [counts.hit(allowance, "a") for counts in (first, second) * 6]
    assert [hit.is_allowed for hit in hits] == [True] * 10 + [False] * 2
    assert [hit.left for hit in hits] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert second.hit(allowance, "b").is_allowed
    clock[0] = 180.0 + 30
    assert [first.hit(allowance, "a").is_allowed for _ in range(6)] == [True] * 5 + [False]
    clock[0] = 360.0
    assert second.hit(allowance, "a").left == 9


@given(st.lists(st.floats(0, 30), min_size=1, max_size=20), st.integers(1, 8))
@settings_of_hypothesis(max_examples=20)
def test_shared_counts_decide_as_counts_in_memory(steps: list[float], limit: int) -> None:
    """The file is only another place for the same numbers."""
    clock, allowance = [0.0], Allowance("checks", limit)
    with TemporaryDirectory() as folder:
        shared = SharedCounts(Path(folder) / "rates.db", lambda: clock[0])
        alone = SlidingCounts(lambda: clock[0])
        for step in steps:
            clock[0] += step
            assert shared.hit(allowance, "a") == alone.hit(allowance, "a")


def test_a_file_that_cannot_be_used_stops_no_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The process then counts by itself, and the log says so once."""
    (tmp_path / "rates.db").write_bytes(b"no database" * 1000)
    counts = SharedCounts(tmp_path / "rates.db")
    allowed = [counts.hit(Allowance("checks", 2), "a").is_allowed for _ in range(3)]
    assert allowed == [True, True, False]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_server_of_several_processes_shares_its_counts(settings: Settings) -> None:
    """Two apps with the setting of two workers count as one."""
    several = settings.model_copy(update={"workers": 2, "public_checks_per_minute": 1})
    request = Request({"type": "http", "headers": [], "client": ("203.0.113.9", 1), "state": {}})
    first, second = Rates(several), Rates(several)
    first.count(first.public_checks, "a", request)
    with pytest.raises(Unavailable):
        second.count(second.public_checks, "a", request)
