"""Who scans: the same phone is one, two phones are two, programs are nobody, and a header may lie."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from types import SimpleNamespace

import pytest
from places_made import BERLIN, write_places
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from api import cookies
from api.app import create_app
from api.rates import Rates
from api.scanners import Origin, Scanners, keep_phone, origin_of
from authcheck.config import Settings
from authcheck.errors import BadSetting
from authcheck.scans.places import NOWHERE, Place

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.1 Mobile/15E148 Safari/604.1"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; 23127PN0CC) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
    " Mobile Safari/537.36"
)
WECHAT = f"{ANDROID} MicroMessenger/8.0.50.2701(0x28003253) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN"
HOME, TRAIN = "203.0.113.9", "198.51.100.9"
Visit = Callable[..., tuple[Origin, str]]


@pytest.fixture
def scanners(settings: Settings) -> Scanners:
    """Of an installation without a file of places."""
    return Scanners.open(settings, Rates(settings))


def request_from(
    scanners: Scanners, settings: Settings, peer: str, headers: Sequence[tuple[str, str]]
) -> Request:
    """Return a request that an app with these scanners gets from this peer."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    state = SimpleNamespace(workspace=SimpleNamespace(settings=settings), scanners=scanners)
    app = SimpleNamespace(state=state)
    return Request({"type": "http", "headers": raw, "client": (peer, 4000), "app": app})


@pytest.fixture
def visit(scanners: Scanners, settings: Settings) -> Visit:
    """A visit: `visit(HOME, WECHAT, cookie="...")` returns its origin, and the cookie that the phone has then."""

    def go(peer: str = HOME, browser: str = IPHONE, cookie: str = "", **words: str) -> tuple[Origin, str]:
        headers = {"user-agent": browser, "accept-language": "zh-CN"}
        headers |= {name.replace("_", "-"): value for name, value in words.items()}
        headers |= {"cookie": f"{cookies.PHONE}={cookie}"} if cookie else {}
        request, response = request_from(scanners, settings, peer, list(headers.items())), Response()
        origin = origin_of(request)
        keep_phone(request, response, origin)
        sent = response.headers.get("set-cookie", "").partition(";")[0].partition("=")[2]
        return origin, sent or cookie

    return go


def test_a_phone_is_the_same_after_a_reload(visit: Visit) -> None:
    """The first visit has no cookie yet, and is the same phone as the second, also in another network."""
    first, cookie = visit()
    again, kept = visit(cookie=cookie)
    on_the_way, _ = visit(TRAIN, cookie=cookie)
    assert first.visitor == again.visitor == on_the_way.visitor
    assert first.network == again.network != on_the_way.network
    assert kept == cookie  # it is not made anew, so it ends after 400 days
    assert len(first.visitor) == len(first.network) == 32


def test_a_retry_without_an_answer_is_the_same_phone(visit: Visit) -> None:
    """The phone lost the network before the answer, and with it the cookie."""
    assert visit()[0] == visit()[0]


def test_a_private_window_of_another_browser_is_a_phone_of_its_own(visit: Visit) -> None:
    """A private window has no cookie. In its own network, it is the browser that it is."""
    first, cookie = visit(browser=WECHAT)
    private, _ = visit(browser=IPHONE)
    assert private.visitor == visit(browser=IPHONE)[0].visitor != first.visitor
    assert visit(browser=WECHAT)[0].visitor == visit(browser=WECHAT, cookie=cookie)[0].visitor


def test_two_phones_of_a_family_are_two(visit: Visit) -> None:
    """They share their network, not their browser, or not their language."""
    seen = [visit(browser=IPHONE)[0], visit(browser=ANDROID)[0], visit(accept_language="en-US")[0]]
    assert len({origin.visitor for origin in seen}) == 3
    assert len({origin.network for origin in seen}) == 1


def test_wechat_on_another_connection_is_the_same_phone(visit: Visit) -> None:
    """Its browser names the kind of connection, which changes while a phone moves."""
    mobile = WECHAT.replace("NetType/WIFI", "NetType/5G")
    assert visit(browser=WECHAT)[0].visitor == visit(browser=mobile)[0].visitor


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("203.0.113.9", "203.0.113.200", True),
        ("203.0.113.9", "203.0.112.9", False),
        ("203.0.113.9", "::ffff:203.0.113.9", True),
        ("2001:db8:7:1::9", "2001:db8:7:2::8", True),
        ("2001:db8:7:1::9", "2001:db8:8:1::9", False),
        ("testclient", "", True),
    ],
)
def test_a_network_is_a_neighbourhood(visit: Visit, first: str, second: str, is_one: bool) -> None:
    """The hash is of 256 IPv4 addresses, or of an IPv6 /48, so that no hash stands for one household."""
    networks = {visit(peer)[0].network for peer in (first, second)}
    assert (len(networks) == 1) is is_one


@pytest.mark.parametrize(
    "cookie",
    [
        "x",
        "\uff43\uff4f\uff4f".encode().decode("latin-1"),
        "a" * 10_000,
        "=" * 40,
        "A" * 59,
        "\xff\xfe",
        "0",
        "____",
    ],
)
def test_a_cookie_that_we_did_not_make_is_none(visit: Visit, cookie: str) -> None:
    """Invented cookies make no new phones, and long ones are not read."""
    origin, kept = visit(cookie=cookie)
    assert origin == visit()[0]
    assert kept != cookie


def test_a_cookie_of_another_installation_is_none(visit: Visit, tmp_path: Path) -> None:
    """Each installation has its own key, so two operators cannot compare their visitors."""
    elsewhere = Settings(data_dir=tmp_path / "elsewhere")
    other = Scanners.open(elsewhere, Rates(elsewhere))
    origin, cookie = visit()
    headers = [("user-agent", IPHONE), ("accept-language", "zh-CN"), ("cookie", f"{cookies.PHONE}={cookie}")]
    there = other.origin(request_from(other, elsewhere, HOME, headers))
    assert {there.visitor, there.network}.isdisjoint({origin.visitor, origin.network})


def test_nothing_of_the_person_is_in_the_result(visit: Visit, scanners: Scanners) -> None:
    """No address, browser, language or cookie can be read from an origin, or from how it is shown in a log."""
    origin, cookie = visit(browser=WECHAT)
    text = f"{astuple(origin)!r} {origin!r}"
    for secret in (HOME, "203.0.113", "Mozilla", "MicroMessenger", "zh", cookie):
        assert secret not in text
    assert scanners._hash_key.hex() not in repr(scanners)
    assert repr(scanners._hash_key) not in repr(scanners)
    assert origin.visitor not in cookie
    assert visit(browser=WECHAT)[1] != cookie  # two cookies of one phone cannot be compared


@pytest.mark.parametrize(
    "browser",
    [
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "WhatsApp/2.23.20.0 A",
        "TelegramBot (like TwitterBot)", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Slack-ImgProxy (+https://api.slack.com/robots)", "LinkedInBot/1.0 (compatible; Mozilla/5.0)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "Twitterbot/1.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "SkypeUriPreview",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "my_bot_7",
        "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider)",
        "curl/8.5.0", "python-requests/2.31.0", "Python/3.11 aiohttp/3.9", "Go-http-client/2.0", "okhttp/4.12.0", "",
    ],
)  # fmt: skip
def test_programs_are_no_persons(visit: Visit, browser: str) -> None:
    """A link in a chat is fetched by the chat's servers. They get no cookie."""
    origin, cookie = visit(browser=browser)
    assert not origin.is_person
    assert cookie == ""


@pytest.mark.parametrize(
    "browser",
    [
        IPHONE, ANDROID, WECHAT, f"{ANDROID} Telegram-Android/11.3.3 (Xiaomi 23127PN0CC; Android 14; SDK 34; HIGH)",
        ANDROID.replace("23127PN0CC", "CUBOT_X19"), ANDROID.replace("23127PN0CC", "CUBOT X30"),
        ANDROID.replace("Chrome/", "HeadlessChrome/"), f"{IPHONE} [FBAN/FBIOS;FBAV/480.0]", "testclient",
        f"{ANDROID} Instagram 350.0 Android", f"{IPHONE} AliApp(DingTalk/7.6.0)", f"{ANDROID} WhatsApp/2.24",
    ],
)  # fmt: skip
def test_browsers_inside_apps_are_persons(visit: Visit, browser: str) -> None:
    """The apps whose servers fetch previews also have browsers, in which people look labels up."""
    origin, cookie = visit(browser=browser)
    assert origin.is_person
    assert cookie


@pytest.mark.parametrize(
    ("name", "value", "is_person"),
    [
        ("sec_purpose", "prefetch", False), ("sec_purpose", "prefetch;prerender", False), ("purpose", "prefetch", False),
        ("x_moz", "prefetch", False), ("x_purpose", "preview", False), ("sec_purpose", "Prefetch", False),
        ("purpose", "", True), ("sec_purpose", "none", True),
    ],
)  # fmt: skip
def test_a_page_loaded_in_advance_is_seen_by_nobody(
    visit: Visit, name: str, value: str, is_person: bool
) -> None:
    """Browsers load pages that a person may open next, and say so."""
    assert visit(**{name: value})[0].is_person is is_person


def find_place(settings: Settings, *values: str, peer: str = "10.0.0.1", client: str = HOME) -> Place:
    """Return the place of a client behind the proxy `peer`, which sends these values of the header."""
    headers = [("cf-ipcountry", value) for value in values] + [("x-forwarded-for", client)]
    scanners = Scanners.open(settings, Rates(settings))
    return scanners.origin(request_from(scanners, settings, peer, headers)).place


@pytest.fixture
def behind_proxy(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with both sources of places."""
    path = write_places(tmp_path / "places.mmdb", {"203.0.113.0/24": BERLIN})
    changes = {"trusted_proxies": "10.0.0.0/8", "place_header": "CF-IPCountry", "places_file": path}
    return settings.model_copy(update=changes)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        (["CN"], Place("CN")),
        ([" CN-GD "], Place("CN", "CN-GD")),
        ([], Place("DE", "DE-BE", "52,13")),
        (["XX"], NOWHERE),
        (["T1"], NOWHERE),
        (["cn"], NOWHERE),
        (["China"], NOWHERE),
        ([""], NOWHERE),
        (["CN-"], NOWHERE),
        (["CN, US"], NOWHERE),
        (["CN", "US"], NOWHERE),
        (["\xef\xbc\xa3\xef\xbc\xae"], NOWHERE),
        (["CN" * 5000], NOWHERE),
    ],
)
def test_a_trusted_proxy_names_the_place(behind_proxy: Settings, values: list[str], place: Place) -> None:
    """The header comes before the file. A value that names no country says that nothing is known."""
    assert find_place(behind_proxy, *values) == place


def test_a_header_from_nobody_trusted_is_ignored(behind_proxy: Settings) -> None:
    """A rival cannot choose the place of a scan: the file knows the address from which it came."""
    assert find_place(behind_proxy, "CN", peer=HOME) == Place("DE", "DE-BE", "52,13")
    assert find_place(behind_proxy, "CN", peer=TRAIN, client=HOME) == NOWHERE
    assert find_place(behind_proxy, "CN", peer="testclient") == NOWHERE


def test_without_settings_every_place_is_unknown(settings: Settings) -> None:
    """A header that no setting names is not read."""
    assert find_place(settings.model_copy(update={"trusted_proxies": "10.0.0.1"}), "CN") == NOWHERE


def test_a_header_without_a_proxy_stops_the_start(settings: Settings) -> None:
    """The setting would do nothing, and nobody would notice."""
    for proxies in ("", " , "):
        changed = settings.model_copy(update={"place_header": "CF-IPCountry", "trusted_proxies": proxies})
        with pytest.raises(BadSetting, match="AUTHCHECK_TRUSTED_PROXIES"):
            Scanners.open(changed, Rates(changed))


def test_a_wrong_file_of_places_stops_the_server(settings: Settings, tmp_path: Path) -> None:
    """The operator learns it at the start, not from scans without places."""
    app = create_app(settings.model_copy(update={"places_file": tmp_path / "none.mmdb"}))
    with pytest.raises(BadSetting, match="AUTHCHECK_PLACES_FILE"), TestClient(app):
        pass


def test_the_cookie_is_for_our_pages_only(settings: Settings, scanners: Scanners) -> None:
    """Scripts cannot read it, other sites cannot send it with a form, and it ends after 400 days."""
    https, response = settings.model_copy(update={"public_url": "https://verify.example"}), Response()
    request = request_from(scanners, https, HOME, [("user-agent", IPHONE)])
    keep_phone(request, response, origin_of(request))
    value, *attributes = response.headers["set-cookie"].split("; ")
    assert value.startswith("__Host-authcheck_phone=")
    assert {attribute.lower() for attribute in attributes} == {
        "httponly", "secure", "samesite=lax", "path=/", "max-age=34560000",
    }  # fmt: skip
