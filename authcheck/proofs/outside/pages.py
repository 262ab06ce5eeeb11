"""A page of the public internet that a member names, read so that the reading harms nobody.

1. The address is https at the usual port, without a name or password in it.
2. Our own question to the name servers gives the addresses. One address that is not public refuses all of
   them: the name's owner could send us to either.
3. The connection goes to the address that was judged. A second question to the name servers, which could be
   answered otherwise ("DNS rebinding"), is never asked.
4. The server proves by its certificate that it has the name.
5. Redirects are not followed. The time for all of it, and the bytes, are limited.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import SplitResult, urlsplit

from authcheck.errors import Rejected, Unavailable
from authcheck.proofs.outside.addresses import Address, is_public
from authcheck.proofs.outside.resolving import Names

HTTPS_PORT = 443
TIMEOUT_S = 10.0  # for the whole reading
CONNECT_TIMEOUT_S = 4.0  # for each address
MOST_ADDRESSES = 2
MOST_BYTES = 2 * 1024**2  # pages of large marketplaces have more than a megabyte
OK, REDIRECTS = 200, range(300, 400)
USER_AGENT = "authcheck (proof of domains and shops)"


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of the public internet. Tests read from this machine by another `may_reach` and `port`."""

    names: Names = field(default_factory=Names)
    may_reach: Callable[[Address], bool] = is_public
    port: int = HTTPS_PORT
    make_context: Callable[[], ssl.SSLContext] = ssl.create_default_context
    timeout_s: float = TIMEOUT_S
    most_bytes: int = MOST_BYTES

    def read(self, url: str) -> bytes:
        """Return the body of the page at a public https address.

        Raises Rejected (`page.address`), Unavailable: `page.private`, `page.unreachable`, `page.certificate`,
        `page.timeout`, `page.redirect`, `page.status`, `page.too_large`, `dns.*`.
        """
        parts = _split(url)
        host = parts.hostname or ""
        ends_at = monotonic() + self.timeout_s
        connection = self._connect(host, self._judge(host), ends_at)
        # A server may send a byte now and then. Each wait is short, so only a clock over all ends that.
        watch = threading.Timer(max(ends_at - monotonic(), 0.01), _end, [connection])
        watch.daemon = True
        watch.start()
        try:
            body = self._ask(connection, parts, host)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if monotonic() >= ends_at or isinstance(error, TimeoutError):
                raise _timeout_error(host) from error
            raise Unavailable(
                f"{host} ended the connection, or its answer cannot be read.", code="page.unreachable"
            ) from error
        finally:
            watch.cancel()
            connection.close()
        if monotonic() >= ends_at:  # the end of the connection can look like the end of an answer
            raise _timeout_error(host)
        return body

    def _judge(self, host: str) -> list[Address]:
        """Return the addresses of a host, if all of them may be reached."""
        try:
            addresses: list[Address] = [ipaddress.ip_address(host)]
        except ValueError:
            addresses = self.names.find_addresses(host)
        if not addresses:
            raise Unavailable(f"The name {host} has no address.", code="page.unreachable")
        if not all(map(self.may_reach, addresses)):
            raise Unavailable(
                f"{host} leads to an address that is not on the public internet. We do not go there.",
                code="page.private",
            )
        return addresses[:MOST_ADDRESSES]

    def _connect(self, host: str, addresses: list[Address], ends_at: float) -> ssl.SSLSocket:
        for address in addresses:
            wait_s = min(CONNECT_TIMEOUT_S, max(ends_at - monotonic(), 0.01))
            try:
                plain = socket.create_connection((str(address), self.port), wait_s)
            except OSError:
                continue
            try:
                return self.make_context().wrap_socket(plain, server_hostname=host)
            except ssl.SSLCertVerificationError as error:
                plain.close()
                raise Unavailable(
                    f"The certificate of {host} is not valid for this name.", code="page.certificate"
                ) from error
            except OSError:
                plain.close()
        raise Unavailable(f"{host} cannot be reached by https.", code="page.unreachable")

    def _ask(self, connection: ssl.SSLSocket, parts: SplitResult, host: str) -> bytes:
        client = http.client.HTTPSConnection(host, self.port)
        client.sock = connection
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close"}
        client.request("GET", path, headers=headers)
        with closing(client), client.getresponse() as response:
            return self._read(response, host)

    def _read(self, response: http.client.HTTPResponse, host: str) -> bytes:
        if response.status in REDIRECTS:
            raise Unavailable(
                f"{host} sends us on to another address. We do not follow it: name that address instead.",
                code="page.redirect",
            )
        if response.status != OK:
            raise Unavailable(
                f"{host} answered with status {response.status}.", code="page.status", status=response.status
            )
        body = response.read(self.most_bytes + 1)
        if len(body) > self.most_bytes:
            raise Unavailable(
                f"The page has more than {self.most_bytes // 1024} KB.",
                code="page.too_large",
                limit_kb=self.most_bytes // 1024,
            )
        if response.length:  # bytes that were announced and did not come
            raise ValueError("the answer ended before its announced end")
        return body


def _split(url: str) -> SplitResult:
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(' \\"<>^`{|}')
    try:
        parts = urlsplit(url if is_plain else "")
        is_usual = parts.scheme == "https" and parts.hostname and parts.port in {None, HTTPS_PORT}
    except ValueError as error:
        raise _bad_address_error() from error
    if not is_usual or "@" in parts.netloc:
        raise _bad_address_error()
    return parts


def _end(connection: ssl.SSLSocket) -> None:
    """End a connection whose time is over, so that a waiting reader is woken."""
    with suppress(OSError):  # it may have ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def _bad_address_error() -> Rejected:
    return Rejected(
        "We read only addresses that begin with https://, without a port and without a password.",
        code="page.address",
    )


def _timeout_error(host: str) -> Unavailable:
    return Unavailable(f"{host} did not answer in time.", code="page.timeout")
