"""Tables of organisations, their API keys, and the stored responses to requests with an Idempotency-Key."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.storage.entity import Entity


class Organisation(Entity):
    """A member of authcheck.

    `handle` is a short, unique, public name like `acme`. `roles` are some of brand, licensee, marketplace,
    agent. `salt` is that of the name's hash in the ledger, None for a member of an earlier release.
    """

    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    handle: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[str]]
    created_at: Mapped[datetime]
    salt: Mapped[str | None] = mapped_column(String(32))


class ApiKey(Entity):
    """A key with which a program acts for an organisation. The table holds only the SHA-256 of the secret."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    label: Mapped[str] = mapped_column(String(200))
    secret_sha256: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    organisation: Mapped["Organisation"] = relationship(lazy="raise")


class IdempotencyRecord(Entity):
    """The first response to a POST with an Idempotency-Key, kept for 24 hours."""

    __tablename__ = "idempotency_records"

    principal: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(index=True)
