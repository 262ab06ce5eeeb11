"""E-mail: what the service sends, through an SMTP server or, by default, to the operator's terminal."""

import smtplib
import ssl
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Protocol, TextIO

from authcheck.config import Settings
from authcheck.errors import Rejected, Unavailable
from authcheck.files.setting_places import SmtpServer, read_smtp_url

TIMEOUT_S = 10.0  # for each step of the conversation
SUBJECT_CHARS = 200
RULE = "-" * 72
REASONS: tuple[tuple[type[Exception], str], ...] = (
    (smtplib.SMTPAuthenticationError, "it refused our name or password"),
    (smtplib.SMTPRecipientsRefused, "it refused the address of the reader"),
    (smtplib.SMTPNotSupportedError, "it lacks STARTTLS, sign-in or international addresses"),
    (smtplib.SMTPResponseException, "it answered with an error code"),
    (smtplib.SMTPServerDisconnected, "it ended the connection, or did not answer in time"),
    (ssl.SSLError, "its certificate or its encryption cannot be trusted"),
    (TimeoutError, "it did not answer in time"),
)


@dataclass(frozen=True, slots=True)
class Mail:
    """A plain-text mail to one address, in the language of its reader."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """A way to send mails."""

    def send(self, mail: Mail) -> None:
        """Send one mail. Raises Unavailable (`mail.failed`), Rejected (`mail.address`)."""


@dataclass(frozen=True, slots=True)
class ConsoleMailer:
    """Prints each mail to standard error, so that the operator of a trial can open its link."""

    stream: TextIO | None = None

    def send(self, mail: Mail) -> None:
        """Print one mail, without characters that would steer the terminal."""
        lines = [
            RULE,
            "This mail was NOT sent, because AUTHCHECK_SMTP_URL is not set. Hand it to its reader yourself.",
            f"To: {_one_line(mail.to)}",
            f"Subject: {_one_line(mail.subject)}",
            "",
            *(_one_line(line) for line in mail.text.splitlines()),
            RULE,
        ]
        print("\n".join(lines), file=self.stream or sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """Sends mails through an SMTP server, whose certificate is verified."""

    server: SmtpServer
    sender: str
    timeout_s: float = TIMEOUT_S
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    def send(self, mail: Mail) -> None:
        """Send one mail. Raises Unavailable (`mail.failed`), Rejected (`mail.address`)."""
        message = write_message(mail, self.sender, datetime.now(UTC))
        server = self.server
        try:
            with self._connect() as connection:
                if server.security == "starttls":
                    connection.starttls(context=self.context)  # raises unless the server offers it
                if server.user:
                    connection.login(server.user, server.password)
                connection.send_message(message, self.sender, [mail.to])
        except (OSError, ValueError) as error:  # SMTPException is an OSError, UnicodeError a ValueError
            place = f"{server.host}:{server.port}"
            raise Unavailable(
                f"The mail server {place} did not take the mail: {_describe_failure(error)}. "
                "Try again later. Operator: check AUTHCHECK_SMTP_URL and the log of the mail server.",
                code="mail.failed",
                server=place,
            ) from error

    def _connect(self) -> smtplib.SMTP:
        server = self.server
        our_name = self.sender.rpartition("@")[2]  # smtplib would ask name servers for the machine's own name
        if server.security == "tls":
            return smtplib.SMTP_SSL(
                server.host, server.port, our_name, timeout=self.timeout_s, context=self.context
            )
        return smtplib.SMTP(server.host, server.port, our_name, timeout=self.timeout_s)


def open_mailer(settings: Settings) -> Mailer:
    """Return the mailer that the settings describe: an SMTP server, or the terminal without one."""
    if settings.smtp_url is None or settings.mail_from is None:
        return ConsoleMailer()
    return SmtpMailer(read_smtp_url(settings.smtp_url), settings.mail_from)


def write_message(mail: Mail, sender: str, now: datetime) -> EmailMessage:
    """Return the message as it travels. Names with line breaks cannot add headers or addressees.

    Raises Rejected (`mail.address`) unless `mail.to` is exactly one address.
    """
    try:
        reader = Address(addr_spec=mail.to)
    except (ValueError, IndexError) as error:
        raise Rejected(
            "We cannot send a mail to this address. Check how it is written.", code="mail.address"
        ) from error
    message = EmailMessage()
    message["From"] = sender
    message["To"] = reader
    message["Subject"] = _one_line(mail.subject)[:SUBJECT_CHARS]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office replies (RFC 3834)
    message.set_content(mail.text)
    return message


def _one_line(text: str) -> str:
    """Return a text without line breaks and other characters that steer headers or a terminal."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def _describe_failure(error: Exception) -> str:
    """Return the reason in a few words. The server's own words may quote what we sent, the password too."""
    reasons = (reason for kind, reason in REASONS if isinstance(error, kind))
    return next(reasons, "it cannot be reached")
