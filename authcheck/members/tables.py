"""Tables of organisations, people, their sessions and links, appointed agents, API keys, stored responses.

Domains and applications of organisations are in `standing_tables`.
"""

from datetime import date, datetime
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
    agent, operator. `salt` is that of the name's hash in the ledger, None for a member of an earlier release.
    `contact_url` and `contact_email` are how buyers reach a brand, or "". `state` is applied, approved,
    refused or suspended, since `state_since`, with `state_reason` of the operator or "". `approved_at` is the
    time of the ledger entry by which the organisation became a member, None before.
    """

    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    handle: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[str]]
    created_at: Mapped[datetime]
    salt: Mapped[str | None] = mapped_column(String(32))
    # Never null: older rows were filled in, but SQLite adds no NOT NULL column to a table with rows.
    contact_url: Mapped[str] = mapped_column(String(300), nullable=True)
    contact_email: Mapped[str] = mapped_column(String(254), nullable=True)
    state: Mapped[str] = mapped_column(String(10), nullable=True)
    state_reason: Mapped[str] = mapped_column(String(500), nullable=True)
    state_since: Mapped[datetime] = mapped_column(nullable=True)
    approved_at: Mapped[datetime | None]


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
    used_at: Mapped[datetime | None]

    organisation: Mapped["Organisation"] = relationship(lazy="raise")


class Person(Entity):
    """A person with an account. `email` is in its one spelling, see `people.normal_email`.

    `totp_secret` is the sealed secret of the second factor. The factor is on since `totp_since`; until then a
    secret waits for its first code. `totp_step` is the last time step whose code was used. `recovery_sha256`
    are the hashes of the unused recovery codes. `language` is the tag of the language of the
    last sign-in, or None.
    """

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(255))
    totp_secret: Mapped[bytes | None]
    totp_since: Mapped[datetime | None]
    totp_step: Mapped[int | None]
    recovery_sha256: Mapped[list[str]]
    language: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class Membership(Entity):
    """A person's roles in an organisation. `roles` are names of `permissions.Role`."""

    __tablename__ = "memberships"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), primary_key=True, index=True)
    roles: Mapped[list[str]]
    since: Mapped[datetime]

    person: Mapped["Person"] = relationship(lazy="raise")
    organisation: Mapped["Organisation"] = relationship(lazy="raise")


class WebSession(Entity):
    """A browser that a person is signed in with. The table holds only the SHA-256 of the cookie's token.

    The person acts for `organisation_id`, and with `appointment_id` as an agent for the appointment's client.
    With `awaits_code`, the password was right and the code of the second factor is still missing.
    """

    __tablename__ = "web_sessions"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"))
    appointment_id: Mapped[str | None] = mapped_column(ForeignKey("appointments.id"))
    awaits_code: Mapped[bool]
    browser: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class OneTimeLink(Entity):
    """A link that works once: an invitation, a new password, or the set-up of the first account.

    The table holds only the SHA-256 of the link's secret. An invitation has `organisation_id` and `roles`. A
    link for a new password has `person_id`.
    """

    __tablename__ = "one_time_links"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(10))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    roles: Mapped[list[str]]
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class FailedSignIns(Entity):
    """The recent failed sign-ins of one account or one client address. `bucket` is a keyed hash of it."""

    __tablename__ = "failed_sign_ins"

    bucket: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)


class Appointment(Entity):
    """An agent's right to act for a client: which scopes, designs and territories, until which day.

    `scopes` are names of `permissions.SCOPES`. An empty list of designs (ids) or of territories means all.
    `ends_on` is the last day. `salt` is that of the terms' hash in the ledger.
    """

    __tablename__ = "appointments"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    scopes: Mapped[list[str]]
    designs: Mapped[list[str]]
    territories: Mapped[list[str]]
    ends_on: Mapped[date]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    salt: Mapped[str] = mapped_column(String(32))

    client: Mapped["Organisation"] = relationship(foreign_keys=[client_id], lazy="raise")
    agent: Mapped["Organisation"] = relationship(foreign_keys=[agent_id], lazy="raise")


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
