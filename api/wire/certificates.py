"""Signing keys, batches and certificates, in JSON."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from authcheck.labels.codes import LONGEST_TEXT

from .forms import Text, Wire

Name = Annotated[str, StringConstraints(max_length=64)]
Reason = Literal["recalled", "stolen", "lost", "damaged", "copied", "mistake", "other"]


class BatchIn(Wire):
    """Units to certify: `count` units, or one for each of your own `serials`. At most 10,000."""

    design: Text = Field(max_length=200, description="The design, by id or by your reference.")
    gtin: Text = Field(max_length=40, examples=["4006381333931"])
    lot: Text = Field(max_length=40, description="1 to 20 characters of GS1's set.", examples=["L2026-11"])
    product: Text = Field(
        max_length=200, description="The product's name for buyers.", examples=["Kite shirt, M"]
    )
    count: int = Field(
        0,
        ge=0,
        lt=2**31,
        description="How many units. We draw their serial numbers, the codes of the labels.",
    )
    serials: list[Name] = Field(default_factory=list, description="Your own serial numbers.")
    pins: bool = Field(False, description="Make a PIN for each label's scratch-off panel.")
    licence: Text | None = Field(
        None, max_length=40, description="Id of your licence for this order. By default, one that covers it."
    )


class MeterOut(Wire):
    """Units certified under a licence, and its `cap`. `alerts` are the shares of the cap that are reached."""

    units: int
    cap: int | None
    share: float | None
    alerts: list[float]


class BatchOut(Wire):
    """Certificates that were issued together. `states` counts the unsigned, active and revoked ones."""

    id: str
    design: str
    reference: str
    gtin: str
    lot: str
    product: str
    count: int
    created_at: datetime
    states: dict[str, int]
    licence: str | None = Field(None, description="Id of the licence that the issuer used.")
    meter: MeterOut | None = Field(None, description="The licence's present use.")
    unprintable: str = Field(
        "", description="Letters of the product's or brand's name for which our labels have no font."
    )


class CertificateOut(Wire):
    """The certificate of one unit, for its issuer. `tx_id` is its ledger entry, null until it is signed."""

    id: str
    code: str
    batch: str
    number: int = Field(description="The unit's number in the batch, from 1.")
    design: str
    gtin: str
    lot: str
    serial: str
    product: str
    state: Literal["unsigned", "active", "revoked"]
    issued_at: datetime
    tx_id: str | None
    entry: int | None = Field(description="The number of its ledger entry.")
    revoked_at: datetime | None
    reason: str | None


class RevocationIn(Wire):
    """Certificates to revoke: by ids or codes, or a whole batch, or its units `first` to `last`."""

    certificates: list[Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]] = Field(
        default_factory=list, description="Ids, codes or addresses of labels, at most 10,000."
    )
    batch: Text | None = Field(None, max_length=40)
    first: int = Field(1, ge=1, lt=2**31)
    last: int | None = Field(None, ge=1, lt=2**31)
    reason: Reason


class RevocationOut(Wire):
    """How many certificates were revoked now, and how many were revoked before and stay unchanged."""

    revoked: int
    revoked_before: int


class SigningKeyIn(Wire):
    """A key to add. Without `public_key` it is made here and kept encrypted."""

    public_key: Text | None = Field(
        None, max_length=64, description="Of a key that you keep: raw Ed25519, base64url without padding."
    )


class SigningKeyOut(Wire):
    """A key that certificates are signed with.

    What it signed counts in entries from `first_entry` up to `end_entry`.
    """

    id: str
    kid: str
    public_key: str
    kept_here: bool
    created_at: datetime
    revoked_at: datetime | None
    first_entry: int
    end_entry: int | None


class WaitingOut(Wire):
    """Payloads that wait for a signature by your key `kid`, by the id of the credential."""

    kid: str
    at: datetime
    payloads: dict[str, str]


class SignaturesIn(Wire):
    """Signatures in base64url, by the id of the credential. `kid` and `at` are those of the payloads."""

    kid: Text = Field(max_length=300)
    at: datetime
    signatures: dict[str, Annotated[str, StringConstraints(max_length=100)]]


class SignedOut(Wire):
    """How many certificates became active."""

    signed: int
