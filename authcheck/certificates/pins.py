"""PINs under a label's scratch-off panel."""

import secrets

from authcheck.certificates.tables import Certificate
from authcheck.vault import Vault

PIN_DIGITS = 6


def _new_pin() -> bytes:
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}".encode()


def pin_purpose(certificate_id: str) -> str:
    """What a PIN is sealed for in the vault."""
    return f"pin of {certificate_id}"


def pin_of(vault: Vault, certificate: Certificate) -> str | None:
    """The PIN under a label's scratch-off panel; None without one. Raises NotTrue (`key.sealed`)."""
    sealed = certificate.sealed_pin
    return None if sealed is None else vault.open(sealed, pin_purpose(certificate.id)).decode()
