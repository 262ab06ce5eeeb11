"""The second factor of a sign-in: codes of an authenticator app (TOTP, RFC 6238), and recovery codes.

The secret of the app is encrypted with the vault. A recovery code has 60 random bits, so its plain SHA-256
cannot be tried out.
"""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

import pyotp
from sqlalchemy.orm import object_session

from authcheck.config import Settings
from authcheck.errors import Conflict, Rejected
from authcheck.ids import check_code, fold, new_code, show_code
from authcheck.members.tables import Person
from authcheck.vault import Vault, load_vault

RECOVERY_CODES = 10
STEP_S = 30
STEPS_AROUND = 1  # phones' clocks are up to a minute wrong
APP_CODE = re.compile("[0-9]{6}")
BETWEEN_DIGITS = re.compile(r"[\s.-]+")
CHANGED_HERE = ("totp_secret", "totp_since", "totp_step", "recovery_sha256")


def open_vault(settings: Settings) -> Vault:
    """Return the vault that encrypts the secrets of second factors: the one of brands' keys and PINs.

    Raises BadSetting (`key.*`), StorageFailed.
    """
    return load_vault(settings.secrets_key, settings.keys_dir / "secrets")


def new_secret() -> str:
    """Return a new secret for an app: 160 random bits in base32."""
    return pyotp.random_base32()


def otpauth_url(person: Person, secret: str, issuer: str) -> str:
    """Return the address that an app reads from a QR code."""
    return _totp(secret).provisioning_uri(name=person.email, issuer_name=issuer)


def qr_svg(url: str) -> str:
    """Return a QR code as inline SVG without styles, black on its own white quiet zone.

    The page names the picture for people who do not see it.
    """
    import segno  # noqa: PLC0415 - 60 ms, and few pages show a QR code

    svg: str = segno.make_qr(url, error="m").svg_inline(
        scale=5, border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
    )
    return svg


def is_on(person: Person) -> bool:
    """Return whether a sign-in needs the second factor."""
    return person.totp_since is not None


def begin(person: Person, vault: Vault) -> str:
    """Store a new secret that waits for its first code, and return it. Raises Conflict (`factor.on`)."""
    _lock(person)
    if is_on(person):
        raise Conflict("The second factor is on. Turn it off first.", code="factor.on")
    secret = new_secret()
    person.totp_secret = vault.seal(secret.encode(), person.id)
    person.totp_step = None
    return secret


def pending_secret(person: Person, vault: Vault) -> str | None:
    """Return the secret that waits for its first code, or None. Raises NotTrue (`key.sealed`)."""
    return _open(person, vault) if not is_on(person) else None


def confirm(person: Person, vault: Vault, code: str, now: datetime) -> list[str]:
    """Turn the second factor on, and return the recovery codes. Show them now: only hashes are stored.

    Raises Rejected (`factor.code`), Conflict (`factor.on`, `factor.none`), NotTrue (`key.sealed`).
    """
    _lock(person)
    if is_on(person):
        raise Conflict("The second factor is on already.", code="factor.on")
    if person.totp_secret is None:
        raise Conflict("Begin with the QR code: turn the second factor on again.", code="factor.none")
    if not _accept_app_code(person, vault, _normal(code), now):
        raise Rejected(
            "This is not the code that the app shows now. Check the clock of the phone, wait for the next "
            "code and type it.",
            code="factor.code",
        )
    person.totp_since = now
    codes = [new_code() for _ in range(RECOVERY_CODES)]
    person.recovery_sha256 = [_hash(code) for code in codes]
    return [show_code(code) for code in codes]


def accept(person: Person, vault: Vault, code: str, now: datetime) -> bool:
    """Return whether a code of the app or a recovery code is right, and use it up.

    The row is locked until the transaction ends, so that two requests cannot use one code. Raises NotTrue
    (`key.sealed`) if the app's secret cannot be decrypted. Recovery codes work even then.
    """
    _lock(person)
    if not is_on(person):
        return False
    typed = _normal(code)
    if APP_CODE.fullmatch(typed):
        return _accept_app_code(person, vault, typed, now)
    return _accept_recovery_code(person, code)


def turn_off(person: Person) -> None:
    """Turn the second factor off, and forget its secret and recovery codes. Does nothing if it is off."""
    _lock(person)
    person.totp_secret = person.totp_since = person.totp_step = None
    person.recovery_sha256 = []


def _accept_app_code(person: Person, vault: Vault, code: str, now: datetime) -> bool:
    """Return whether a code is right for a step near `now`. Neither this step nor older ones work again."""
    secret = _open(person, vault)
    if secret is None or not APP_CODE.fullmatch(code):
        return False
    totp = _totp(secret)
    for steps in range(-STEPS_AROUND, STEPS_AROUND + 1):
        step = totp.timecode(now + timedelta(seconds=steps * STEP_S))
        is_new = person.totp_step is None or step > person.totp_step
        if is_new and hmac.compare_digest(totp.generate_otp(step), code):
            person.totp_step = step
            return True
    return False


def _accept_recovery_code(person: Person, code: str) -> bool:
    try:
        code_hash = _hash(check_code(code))
    except Rejected:
        return False
    if code_hash not in person.recovery_sha256:
        return False
    person.recovery_sha256 = [unused for unused in person.recovery_sha256 if unused != code_hash]
    return True


def _lock(person: Person) -> None:
    """Lock the stored row and read the second factor again, if the person is stored."""
    session = object_session(person)
    if session is not None and person not in session.new:
        session.flush()  # a refresh would forget changes that are not written
        session.refresh(person, CHANGED_HERE, with_for_update=True)


def _open(person: Person, vault: Vault) -> str | None:
    return vault.open(person.totp_secret, person.id).decode() if person.totp_secret else None


def _totp(secret: str) -> pyotp.TOTP:
    return pyotp.TOTP(secret, interval=STEP_S)


def _normal(code: str) -> str:
    return BETWEEN_DIGITS.sub("", fold(code[:64]))


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
