"""A page that a member names is read safely, whatever the member's server and name servers answer."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_sites import FakeNames, drip, drip_headers, pages_of, respond, serving_site, write_certificate

from authcheck.errors import AuthcheckError, Rejected, Unavailable
from authcheck.proofs.outside.pages import Pages

HERE = {"brand.com": [["127.0.0.1"]]}
HUGE = respond(b"x" * 20_000)
ANSWERS: dict[str, Any] = {
    "/": respond(b"hello"),
    "/a?b=c": respond(b"with a query"),
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "/redirect": respond(status="302 Found", headers="Location: https://127.0.0.1/admin\r\n"),
    "/not-modified": respond(status="304 Not Modified"),
    "/error": respond(b"sorry", "500 Internal Server Error"),
    "/huge": HUGE,
    "/endless": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4000\r\n" + b"x" * 0x4000 + b"\r\n",
    "/drip": drip,
    "/drip-headers": drip_headers,
    "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhello",
    "/nonsense": b"\x00\x01\x02 no http at all\r\n\r\n",
    "/many-headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5_000 + b"\r\n",
    "/silent": lambda _: time.sleep(3),
    "/closed": lambda connection: connection.close(),
}


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate for brand.com."""
    return write_certificate(tmp_path_factory.mktemp("site"), "brand.com")


@pytest.fixture(scope="module")
def asked() -> list[bytes]:
    """Return the requests that the site got."""
    return []


@pytest.fixture(scope="module")
def port(pem: Path, asked: list[bytes]) -> Iterator[int]:
    """Serve the site."""
    with serving_site(pem, ANSWERS, asked) as served:
        yield served


def test_a_page_is_read(port: int, pem: Path, asked: list[bytes]) -> None:
    """The body comes back. The request names the host, and asks for no compression."""
    pages = pages_of(port, pem, FakeNames(HERE))
    assert pages.read("https://brand.com") == b"hello"
    assert pages.read("https://BRAND.com/a?b=c#d") == b"with a query"
    assert pages.read("https://brand.com:443/chunked") == b"hello"
    head = asked[0].decode().lower()
    assert "host: brand.com" in head
    assert "accept-encoding: identity" in head
    assert "cookie" not in head


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/redirect", "page.redirect"),
        ("/not-modified", "page.redirect"),
        ("/error", "page.status"),
        ("/missing", "page.status"),
        ("/huge", "page.too_large"),
        ("/endless", "page.too_large"),
        ("/drip", "page.timeout"),
        ("/drip-headers", "page.timeout"),
        ("/silent", "page.timeout"),
        ("/short", "page.unreachable"),
        ("/nonsense", "page.unreachable"),
        ("/many-headers", "page.unreachable"),
        ("/closed", "page.unreachable"),
    ],
)
def test_a_bad_answer_is_named_and_ends(port: int, pem: Path, path: str, code: str) -> None:
    """Redirects, errors, large, endless, slow and damaged answers end in time, with a code."""
    pages = pages_of(port, pem, FakeNames(HERE), most_bytes=16_000)
    begun_at = time.monotonic()
    with pytest.raises(Unavailable) as refused:
        pages.read(f"https://brand.com{path}")
    assert refused.value.code == code
    assert time.monotonic() - begun_at < 3


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["8.8.8.8", "127.0.0.1"],
        ["2606:4700::1111", "fe80::1"],
    ],
)
def test_private_addresses_are_never_asked(
    port: int, pem: Path, asked: list[bytes], addresses: list[str]
) -> None:
    """A name that leads into our own network is refused, also when only one of its addresses does."""
    before = len(asked)
    with pytest.raises(Unavailable) as refused:
        Pages(FakeNames({"brand.com": [addresses]}), port=port).read("https://brand.com/")
    assert (refused.value.code, len(asked)) == ("page.private", before)


def test_the_name_servers_are_asked_once(port: int, pem: Path) -> None:
    """An attacker's second answer, a private address, is never asked for: the first one is connected to."""
    names = FakeNames({"brand.com": [["127.0.0.1"], ["10.0.0.1"]]})
    assert pages_of(port, pem, names).read("https://brand.com/") == b"hello"
    assert names.answers["brand.com"] == [["10.0.0.1"]], "one answer was used"


@pytest.mark.parametrize(
    "url",
    [
        "http://brand.com/",
        "https://brand.com:8443/",
        "https://user:password@brand.com/",
        "ftp://brand.com/",
        "file:///etc/passwd",
        "https://",
        "https://brand.com/\r\nX: y",
        "https://brand.com/ a",
        "https://brand.com:99999/",
        "https://[::1",
        "//brand.com/",
        "gopher://brand.com/",
        "https://brand.com\\@127.0.0.1/",
    ],
)
def test_an_unusual_address_is_refused(url: str) -> None:
    """Other schemes, ports, passwords and characters that could end a header are refused before any question."""
    with pytest.raises(Rejected) as refused:
        Pages(FakeNames({})).read(url)
    assert refused.value.code == "page.address"


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest"],
)
def test_a_number_for_a_host_is_judged_too(url: str) -> None:
    """A written address needs no name server, and gets no exception."""
    with pytest.raises(Unavailable) as refused:
        Pages(FakeNames({})).read(url)
    assert refused.value.code == "page.private"


@pytest.mark.parametrize(
    "url", ["https://2130706433/", "https://127.1/", "https://0x7f.1/", "https://nobody.com/"]
)
def test_a_name_without_an_address_is_not_asked(url: str) -> None:
    """Forms that other programs read as numbers are names to us, and nobody has them."""
    with pytest.raises(Unavailable) as refused:
        Pages(FakeNames({})).read(url)
    assert refused.value.code == "page.unreachable"


def test_another_names_certificate_is_no_proof(port: int, pem: Path) -> None:
    """A server that has no certificate for the name, or one that nobody trusts, is refused."""
    names = FakeNames({"other.com": [["127.0.0.1"]], **HERE})
    codes = []
    for pages, host in (
        (pages_of(port, pem, names), "other.com"),
        (Pages(names, lambda _: True, port), "brand.com"),
    ):
        with pytest.raises(AuthcheckError) as refused:
            pages.read(f"https://{host}/")
        codes.append(refused.value.code)
    assert codes == ["page.certificate", "page.certificate"]


def test_nobody_listens(pem: Path) -> None:
    """A host without a server is told as that."""
    with serving_site(pem, {}) as free:
        pass
    with pytest.raises(Unavailable) as refused:
        pages_of(free, pem, FakeNames(HERE)).read("https://brand.com/")
    assert refused.value.code == "page.unreachable"
