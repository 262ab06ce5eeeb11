"""PINs under the scratch-off panel of a label."""

import secrets

from authcheck.certificates.tables import Certificate
from authcheck.vault import Vault

PIN_DIGITS = 6


def new_pin() -> bytes:
    """Return a random PIN as ASCII digits: `b"049213"`."""
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}".encode()


def pin_purpose(certificate_id: str) -> str:
    """Return the purpose that binds a sealed PIN to its certificate in the vault."""
    return f"pin of {certificate_id}"


def pin_of(vault: Vault, certificate: Certificate) -> str | None:
    """Return the PIN of a certificate, None without a PIN. Raises NotTrue (`key.sealed`)."""
    sealed = certificate.sealed_pin
    return None if sealed is None else vault.open(sealed, pin_purpose(certificate.id)).decode()
