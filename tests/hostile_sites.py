"""Web and name servers on this machine that answer as an attacker's, or an honest member's, would."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.rdatatype
import dns.resolver
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from authcheck.proofs.outside.addresses import Address
from authcheck.proofs.outside.pages import Pages
from authcheck.proofs.outside.resolving import Names

Answer = bytes | Callable[[ssl.SSLSocket], None]
LOOPBACK = ipaddress.ip_address("127.0.0.1")


def respond(body: bytes = b"", status: str = "200 OK", headers: str = "") -> bytes:
    """Return a whole response of HTTP/1.1."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def write_certificate(folder: Path, *hosts: str) -> Path:
    """Write a certificate that signs itself and its key as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "site.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


@contextmanager
def serving_site(pem: Path, answers: Mapping[str, Answer], asked: list[bytes] | None = None) -> Iterator[int]:
    """Serve answers by path over TLS, and yield the port. `asked` collects the requests."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    is_over = threading.Event()

    def answer(plain: socket.socket) -> None:
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                request = connection.recv(65536)
                if asked is not None:
                    asked.append(request)
                given = answers.get(request.split(b" ")[1].decode(), respond(status="404 Not Found"))
                if callable(given):
                    given(connection)
                else:
                    connection.sendall(given)
        except OSError:
            return

    def serve() -> None:
        while not is_over.is_set():
            try:
                plain, _ = listener.accept()
            except TimeoutError:
                continue
            plain.settimeout(5)
            threading.Thread(target=answer, args=[plain], daemon=True).start()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        is_over.set()
        server.join(timeout=5)
        listener.close()


def drip(connection: ssl.SSLSocket) -> None:
    """Send an answer a byte at a time, without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.05)


def drip_headers(connection: ssl.SSLSocket) -> None:
    """Send headers a byte at a time, without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.05)


class FakeNames(Names):
    """Names whose addresses and texts are given. Each question takes the next answer, and the last one stays."""

    def __init__(
        self, addresses: Mapping[str, list[list[str]]], texts: Mapping[str, list[str]] | None = None
    ) -> None:
        object.__setattr__(self, "answers", {name: list(given) for name, given in addresses.items()})
        object.__setattr__(self, "texts", dict(texts or {}))

    answers: dict[str, list[list[str]]]
    texts: dict[str, list[str]]

    def find_addresses(self, name: str) -> list[Address]:
        """Return the next answer for a name."""
        given = self.answers.get(name, [[]])
        chosen = given.pop(0) if len(given) > 1 else given[0]
        return [ipaddress.ip_address(text) for text in chosen]

    def read_txt(self, name: str) -> list[str]:
        """Return the texts of a name."""
        return self.texts.get(name, [])


def pages_of(port: int, pem: Path, names: Names, **words: object) -> Pages:
    """Return a reader that may reach this machine at one port, and trusts one certificate."""

    def make_context() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(pem))

    given: dict[str, object] = {"may_reach": lambda address: address == LOOPBACK, "timeout_s": 1.0, **words}
    return Pages(names=names, port=port, make_context=make_context, **given)  # type: ignore[arg-type]


@contextmanager
def serving_names(
    records: Mapping[str, list[str]], *, silent: bool = False
) -> Iterator[Callable[[], dns.resolver.Resolver]]:
    """Serve TXT records over UDP on this machine, and yield a maker of resolvers that ask there."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(0.1)
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            try:
                data, sender = server.recvfrom(4096)
            except TimeoutError:
                continue
            query = dns.message.from_wire(data)
            if silent:
                continue
            response = dns.message.make_response(query)
            question = query.question[0]
            texts = records.get(question.name.to_text().rstrip("."))
            if texts is None:
                response.set_rcode(3)
            elif question.rdtype == dns.rdatatype.TXT and texts:
                response.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", "TXT", texts))
            server.sendto(response.to_wire(), sender)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    def make() -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.getsockname()[1]
        return resolver

    try:
        yield make
    finally:
        is_over.set()
        thread.join(timeout=5)
        server.close()
