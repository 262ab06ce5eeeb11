"""What goes over the wire of keys, batches and certificates, in JSON."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .forms import Text, Wire

Name = Annotated[str, StringConstraints(max_length=64)]
Reason = Literal["recalled", "stolen", "lost", "damaged", "copied", "mistake", "other"]


class BatchIn(Wire):
    """Units to issue certificates for: `count` of them, or one for each of your own `serials`; at most 10,000."""

    design: Text = Field(max_length=40, description="Id of your design.")
    gtin: Text = Field(max_length=14, examples=["4006381333931"])
    lot: Text = Field(max_length=20, description="1 to 20 of GS1's characters.", examples=["L2026-11"])
    product: Text = Field(
        max_length=200, description="What buyers are told it is.", examples=["Kite shirt, M"]
    )
    count: int = Field(0, ge=0, lt=2**31, description="Serial numbers are drawn: the labels' codes.")
    serials: list[Name] = Field(default_factory=list, description="Your own serial numbers.")
    pins: bool = Field(False, description="Make a PIN for each label's scratch-off panel.")
    licence: Text | None = Field(
        None, max_length=40, description="A licence of yours to issue under; else one that covers the order."
    )


class MeterOut(Wire):
    """Units certified under a licence against its `cap`; `alerts` are the shares of it that are reached."""

    units: int
    cap: int | None
    share: float | None
    alerts: list[float]


class BatchOut(Wire):
    """Certificates that were issued together; `states` says how many are unsigned, active and revoked."""

    id: str
    design: str
    reference: str
    gtin: str
    lot: str
    product: str
    count: int
    created_at: datetime
    states: dict[str, int]
    licence: str | None = Field(None, description="The licence that its issuer stands on.")
    meter: MeterOut | None = Field(None, description="How that licence's meter stands now.")


class CertificateOut(Wire):
    """One unit's certificate, as its issuer sees it. `tx_id` is its entry in the ledger, null until it is signed."""

    id: str
    code: str
    batch: str
    number: int = Field(description="Its place in the batch, from 1.")
    design: str
    gtin: str
    lot: str
    serial: str
    product: str
    state: Literal["unsigned", "active", "revoked"]
    issued_at: datetime
    tx_id: str | None
    entry: int | None = Field(description="Its entry's number in the ledger.")
    revoked_at: datetime | None
    reason: str | None


class RevocationIn(Wire):
    """Certificates to revoke: by ids or codes, or a batch, or its units `first` to `last`."""

    certificates: list[Name] = Field(default_factory=list, description="Ids or codes, at most 10,000.")
    batch: Text | None = Field(None, max_length=40)
    first: int = Field(1, ge=1, lt=2**31)
    last: int | None = Field(None, ge=1, lt=2**31)
    reason: Reason


class RevocationOut(Wire):
    """What became of it: so many were revoked now, so many had been before and stay as they are."""

    revoked: int
    revoked_before: int


class SigningKeyIn(Wire):
    """A key to add. Without `public_key` it is made here and kept encrypted."""

    public_key: Text | None = Field(
        None, max_length=64, description="Of a key that you keep: raw Ed25519, base64url without padding."
    )


class SigningKeyOut(Wire):
    """A key that certificates are signed with. What it signed counts in entries from `first_entry` up to `end_entry`."""

    id: str
    kid: str
    public_key: str
    kept_here: bool
    created_at: datetime
    revoked_at: datetime | None
    first_entry: int
    end_entry: int | None


class WaitingOut(Wire):
    """What waits for a signature by your key `kid`: payloads by the id of the credential."""

    kid: str
    at: datetime
    payloads: dict[str, str]


class SignaturesIn(Wire):
    """Signatures (base64url) by the id of the credential; `kid` and `at` as they were given with the payloads."""

    kid: Text = Field(max_length=300)
    at: datetime
    signatures: dict[str, Annotated[str, StringConstraints(max_length=100)]]


class SignedOut(Wire):
    """How many certificates became active."""

    signed: int
