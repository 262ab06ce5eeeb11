"""Signing in with an e-mail address and a password, and then with the code of the second factor."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from authcheck.config import Settings
from authcheck.errors import Forbidden, Rejected
from authcheck.ids import fold
from authcheck.members import failures, passwords, second_factor, sessions
from authcheck.members.failures import Bucket
from authcheck.members.people import EMAIL_CHARS, find_person, normal_email
from authcheck.members.tables import Person
from authcheck.storage.database import Database
from authcheck.vault import load_secret

DEVICE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a browser sends to sign in: `client` is its address, `device` the cookie of an earlier sign-in.

    `language` is the tag of the page's language.
    """

    email: str
    password: str
    client: str
    browser: str
    device: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """A new session: the tokens for two cookies, and whether it awaits the code of the second factor."""

    token: str
    device: str
    person_id: str
    awaits_code: bool


def limits_secret(settings: Settings) -> bytes:
    """Return the key of the hashes in the table of failed sign-ins. Raises BadSetting (`key.*`)."""
    installation_secret = load_secret(settings.secrets_key, settings.keys_dir / "secrets")
    return hmac.digest(installation_secret, b"authcheck sign-ins", "sha256")


def sign_in(database: Database, settings: Settings, attempt: Attempt, now: datetime) -> Entered:
    """Begin a session for the right password.

    Known and unknown addresses get the same words after the same work. Raises Forbidden (`sign_in.wrong`,
    `sign_in.disabled` when the password is right), Unavailable (`sign_in.wait`, `password.busy`).
    """
    secret, email = limits_secret(settings), _address_of(attempt.email)
    with database.writing() as session:
        person = find_person(session, email)
        bucket = _bucket_of(attempt, person, email, secret)
        failures.count_attempt(session, failures.address(attempt.client), secret, now)
        failures.count_attempt(session, bucket, secret, now)
    if person is None:
        passwords.waste_time(attempt.password)
        raise _wrong_error()
    verified = passwords.verify(attempt.password, person.password_hash)
    if not verified.is_right:
        raise _wrong_error()
    with database.writing() as session:
        current = session.get_one(Person, person.id, with_for_update=True)
        if current.password_hash != person.password_hash:  # changed since we compared it
            raise _wrong_error()
        failures.forget(session, bucket, secret)
        failures.take_back(session, failures.address(attempt.client), secret)
        if current.disabled_at is not None:
            raise Forbidden(
                "This account is closed. Ask an admin of your organisation.", code="sign_in.disabled"
            )
        current.password_hash = verified.new_hash or current.password_hash
        awaits_code = current.totp_since is not None
        _, token = sessions.begin(
            session,
            current,
            browser=attempt.browser,
            now=now,
            language=attempt.language,
            awaits_code=awaits_code,
        )
    return Entered(token, make_device(person.id, secret), person.id, awaits_code)


def enter_code(database: Database, settings: Settings, token: str, code: str, now: datetime) -> str:
    """Finish a sign-in with a code of the second factor, or a recovery code. Return the session's new token.

    Raises Forbidden (`auth.session` when the password is too long ago, `sign_in.code` for a wrong code),
    Unavailable (`sign_in.wait`).
    """
    secret = limits_secret(settings)
    vault = second_factor.open_vault(settings)
    with database.writing() as session:
        waiting = sessions.find(session, token, settings, now, awaits_code=True)
        if waiting is None:
            raise sessions.session_over_error()
        failures.count_attempt(session, failures.code(waiting.person.id), secret, now)
    with database.writing() as session:
        waiting = sessions.find(session, token, settings, now, awaits_code=True)
        if waiting is None:
            raise sessions.session_over_error()
        person = session.get_one(Person, waiting.person.id, with_for_update=True, populate_existing=True)
        if not second_factor.accept(person, vault, code, now):
            raise Forbidden("This code is wrong or was used already. Use the next code.", code="sign_in.code")
        failures.forget(session, failures.code(person.id), secret)
        waiting.row.awaits_code = False
        return sessions.renew(session, waiting.row, now)


def confirm_password(
    database: Database, settings: Settings, person: Person, password: str, now: datetime
) -> None:
    """Raise Rejected (`password.wrong`) unless a signed-in person knows the present password.

    Raises Unavailable (`sign_in.wait`, `password.busy`).
    """
    secret, bucket = limits_secret(settings), failures.present_password(person.id)
    with database.writing() as session:
        failures.count_attempt(session, bucket, secret, now)
    if not passwords.verify(password, person.password_hash).is_right:
        raise Rejected("This is not your present password.", code="password.wrong")
    with database.writing() as session:
        failures.forget(session, bucket, secret)


def make_device(person_id: str, secret: bytes) -> str:
    """Return the cookie that remembers a browser in which this person has signed in."""
    nonce = secrets.token_urlsafe(DEVICE_BYTES)
    return f"{nonce}.{_device_mac(person_id, nonce, secret)}"


def _bucket_of(attempt: Attempt, person: Person | None, email: str, secret: bytes) -> Bucket:
    """Return the bucket of the browser if it has signed in to this account before, else of the account."""
    nonce, _, mac = attempt.device.partition(".")
    person_id = person.id if person else ""
    is_known = hmac.compare_digest(mac.encode(), _device_mac(person_id, nonce, secret).encode())
    return failures.device(person_id, nonce) if is_known and person else failures.account(email)


def _device_mac(person_id: str, nonce: str, secret: bytes) -> str:
    return hmac.new(secret, f"known device\n{person_id}\n{nonce}".encode(), "sha256").hexdigest()


def _address_of(text: str) -> str:
    """Return the address in its one spelling. A text that is no address is that of an unknown account."""
    try:
        return normal_email(text)
    except Rejected:
        return fold(text[:EMAIL_CHARS]).replace("\x00", "").encode("utf-8", "replace").decode()


def _wrong_error() -> Forbidden:
    return Forbidden("The e-mail address or the password is wrong.", code="sign_in.wrong")
