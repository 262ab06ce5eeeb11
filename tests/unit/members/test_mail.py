"""Mail: what reaches a real SMTP server, how it is encrypted, and what a failure says."""

import io
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import make
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from authcheck.config import Settings, load
from authcheck.errors import BadSetting, Rejected, Unavailable
from authcheck.files.setting_places import SmtpServer, read_smtp_url
from authcheck.members.mail import ConsoleMailer, Mail, SmtpMailer, open_mailer

SENDER = "authcheck@maison-iris.example"
PASSWORD = "p@ss/w%rd:#1"  # noqa: S105 - of a server that lives for one test
MAIL = Mail(
    "jana@maison-iris.example", "邀请 Invitation", "你好\n\nhttps://authcheck.example/l/" + "x" * 90 + "\n"
)


class Inbox:
    """The mails that a server took."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        self.envelopes.append(envelope)
        return "250 OK"

    def message(self) -> EmailMessage:
        """Return the only mail."""
        (envelope,) = self.envelopes
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a certificate for localhost that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(make.NOW - timedelta(days=3650))
        .not_valid_after(make.NOW + timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("mail") / "server.pem"
    path.write_bytes(made.public_bytes(pem) + private)
    return path


class MailServer(Controller):
    """A mail server on a free port of this machine."""

    def __init__(self, inbox: Inbox, **options: Any) -> None:
        super().__init__(inbox, hostname="127.0.0.1", port=0, **options)

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # it connects to itself
        super()._trigger_server()


Serve = Callable[..., tuple[Inbox, int]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts a mail server on a free port, and stops it after the test."""
    servers: list[MailServer] = []

    def start(**options: Any) -> tuple[Inbox, int]:
        server = MailServer(options.pop("inbox", Inbox()), **options)
        server.start()
        servers.append(server)
        return server.handler, server.port

    yield start
    for server in servers:
        server.stop()


def server_context(certificate: Path) -> ssl.SSLContext:
    """Return the server's side of an encrypted connection."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def failure(mailer: SmtpMailer) -> str:
    """Return what a failed sending says, after a look for the password in it."""
    with pytest.raises(Unavailable) as caught:
        mailer.send(MAIL)
    assert caught.value.code == "mail.failed"
    assert f"{mailer.server.host}:{mailer.server.port}" in str(caught.value)
    assert PASSWORD not in f"{caught.value} {caught.value.params} {mailer!r}"
    return str(caught.value)


def test_a_mail_arrives_as_it_was_written(serve: Serve) -> None:
    """Chinese subjects and texts, and links longer than a line, survive the way."""
    inbox, port = serve()
    open_mailer(Settings(smtp_url=f"smtp://localhost:{port}", mail_from=SENDER)).send(MAIL)
    message = inbox.message()
    assert (message["To"], message["From"], message["Subject"]) == (MAIL.to, SENDER, MAIL.subject)
    assert message.get_content().replace("\r\n", "\n") == MAIL.text
    assert message.get_content_type() == "text/plain"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@maison-iris.example>")
    assert message["Date"]
    assert (inbox.envelopes[0].mail_from, inbox.envelopes[0].rcpt_tos) == (SENDER, [MAIL.to])


def test_names_cannot_add_headers_or_readers(serve: Serve) -> None:
    """A name with line breaks, which somebody typed, stays in its line."""
    inbox, port = serve()
    name = "Jana\r\nBcc: thief@evil.example\r\n\r\nOther text\x00\u2028X-Evil: 1"
    mailer = SmtpMailer(SmtpServer("localhost", port, "none"), SENDER)
    mailer.send(
        Mail(MAIL.to, f"Invitation from {name}", f"{name} invites you.\r\n.\r\nMAIL FROM:<a@b.c>\r\n")
    )
    message = inbox.message()
    assert set(message) & {"Bcc", "X-Evil"} == set()
    assert message["Subject"].startswith("Invitation from Jana Bcc: thief@evil.example Other text")
    assert inbox.envelopes[0].rcpt_tos == [MAIL.to]
    assert "MAIL FROM" in message.get_content()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "jana",
        "a@b.c, d@e.f",
        "a@b.c\r\nBcc: d@e.f",
        "Jana <a@b.c>",
        "a@b.c\0",
        "a@\ud800.c",
        "用户@例子.中国",
    ],
)
def test_only_one_plain_address_gets_a_mail(serve: Serve, address: str) -> None:
    """A text that is not one address is refused before any server hears of it."""
    inbox, port = serve()
    with pytest.raises(Rejected) as caught:
        SmtpMailer(SmtpServer("localhost", port, "none"), SENDER).send(Mail(address, "a", "b"))
    assert caught.value.code == "mail.address"
    assert inbox.envelopes == []


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mails_travel_encrypted_and_signed_in(serve: Serve, certificate: Path, security: Any) -> None:
    """The user and the password, reach only a server whose certificate is right."""
    tried: list[tuple[bytes, bytes]] = []

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        tried.append((data.login, data.password))
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    tls: dict[str, Any] = (
        {"ssl_context": server_context(certificate), "auth_require_tls": False}
        if security == "tls"
        else {"tls_context": server_context(certificate), "require_starttls": True, "auth_required": True}
    )
    inbox, port = serve(authenticator=check, **tls)
    context = ssl.create_default_context(cafile=certificate)
    server = SmtpServer("localhost", port, security, "jana", PASSWORD)
    SmtpMailer(server, SENDER, context=context).send(MAIL)
    assert inbox.message()["Subject"] == MAIL.subject
    assert tried == [(b"jana", PASSWORD.encode())]

    stranger = SmtpMailer(server, SENDER)  # does not know the certificate
    assert "certificate" in failure(stranger)
    assert len(tried) == 1
    wrong = SmtpMailer(SmtpServer("localhost", port, security, "jana", "other"), SENDER, context=context)
    assert "refused our name or password" in failure(wrong)


def test_nothing_is_sent_before_encryption(serve: Serve) -> None:
    """A server without STARTTLS, or one between us and it that hides it, gets neither password nor mail."""
    inbox, port = serve()
    mailer = SmtpMailer(SmtpServer("localhost", port, "starttls", "jana", PASSWORD), SENDER)
    assert "lacks STARTTLS" in failure(mailer)
    assert inbox.envelopes == []


def test_a_server_that_fails_is_named(serve: Serve) -> None:
    """A server that refuses, or is not there, is named with what to do."""

    class Full(Inbox):
        async def handle_RCPT(self, *_: Any) -> str:  # noqa: N802
            return "452 full"

    inbox, port = serve(inbox=Full())
    assert "refused the address of the reader" in failure(
        SmtpMailer(SmtpServer("localhost", port, "none"), SENDER)
    )
    assert inbox.envelopes == []
    with socket.create_server(("localhost", 0)) as server:
        free_port = server.getsockname()[1]
    assert "cannot be reached" in failure(SmtpMailer(SmtpServer("localhost", free_port, "none"), SENDER))


def test_a_server_that_says_nothing_costs_a_few_seconds(serve: Serve) -> None:
    """A server that accepts the connection and stays silent does not hold a thread."""
    with socket.create_server(("localhost", 0)) as silent:
        server = SmtpServer("localhost", silent.getsockname()[1], "none", "jana", PASSWORD)
        assert "did not answer in time" in failure(SmtpMailer(server, SENDER, timeout_s=0.05))


def test_without_a_server_mails_are_printed() -> None:
    """An operator of a trial reads the link on the terminal, and no name steers the terminal."""
    stream = io.StringIO()
    assert open_mailer(Settings()) == ConsoleMailer()
    ConsoleMailer(stream).send(
        Mail("a@b.c", "Hi\x1b[2J\nBcc: x", "line 1\x1b]0;x\x07\nhttps://a.example/l/abc")
    )
    text = stream.getvalue()
    assert "NOT sent" in text
    assert "https://a.example/l/abc\n" in text
    assert "\x1b" not in text
    assert "\nBcc" not in text


def test_mails_are_printed_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output stays free for what a command answers."""
    ConsoleMailer().send(MAIL)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 587, "starttls")),
        ("smtps://mail.example", SmtpServer("mail.example", 465, "tls")),
        (
            "smtp://u%40x:p%2F%3A%23@mail.example:25/",
            SmtpServer("mail.example", 25, "starttls", "u@x", "p/:#"),
        ),
        ("smtp://localhost:1025", SmtpServer("localhost", 1025, "none")),
        ("smtp://[::1]:1025", SmtpServer("::1", 1025, "none")),
        ("smtp://127.0.0.2:1025", SmtpServer("127.0.0.2", 1025, "none")),
        ("smtp://10.0.0.1", SmtpServer("10.0.0.1", 587, "starttls")),
        ("smtp://localhost.evil.example", SmtpServer("localhost.evil.example", 587, "starttls")),
    ],
)
def test_addresses_of_servers_are_read(url: str, server: SmtpServer) -> None:
    """Only a server on this machine may go without encryption."""
    assert read_smtp_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://mail.example:99999",
        "smtp://mail.example:0",
        "smtp://u:hunter2@mail.example/path",
        "smtp://u:hunter2#1@mail.example",
        "smtp://u:hunter2?x@mail.example",
        "smtp://u@mail.example",
        "smtp://:hunter2@mail.example",
        "smtp://u:hunter2@mail example",
        "smtp://u:hunter2@[::1",
        "smtp://u:hunter2%C3%A9@mail.example",
    ],
)
def test_bad_addresses_of_servers_stop_the_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The refusal names the setting and says how to write it, and quotes no password."""
    monkeypatch.setenv("AUTHCHECK_MAIL_FROM", SENDER)
    monkeypatch.setenv("AUTHCHECK_SMTP_URL", url)
    with pytest.raises(BadSetting, match=r"^AUTHCHECK_SMTP_URL: ") as caught:
        load()
    assert "hunter2" not in str(caught.value)


def test_a_server_needs_a_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a sender, a mail server stops the start: otherwise the first invitation would fail."""
    monkeypatch.setenv("AUTHCHECK_SMTP_URL", "smtp://u:hunter2@mail.example")
    with pytest.raises(BadSetting, match="AUTHCHECK_MAIL_FROM"):
        load()
    monkeypatch.setenv("AUTHCHECK_MAIL_FROM", SENDER)
    assert "hunter2" not in f"{load()!r}"


@pytest.mark.parametrize(
    "sender", ["authcheck", "a b@c.d", "A <a@b.c>", "a@b.c,d@e.f", "a@", "@b.c", "a@b.c\nX: y"]
)
def test_bad_senders_stop_the_start(monkeypatch: pytest.MonkeyPatch, sender: str) -> None:
    """The sender is one plain address."""
    monkeypatch.setenv("AUTHCHECK_MAIL_FROM", sender)
    with pytest.raises(BadSetting, match=r"^AUTHCHECK_MAIL_FROM: "):
        load()
