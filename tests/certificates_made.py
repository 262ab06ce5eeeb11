"""Builders that tests of certificates share: a brand with a key and a design, orders, and the stored rows."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import make
from log_made import DatabaseLog
from sqlalchemy import select

from authcheck.certificates import issuing, revoking, signing_keys, status_lists
from authcheck.certificates.batches import Selection
from authcheck.certificates.orders import Order
from authcheck.certificates.revoking import Revoked
from authcheck.certificates.tables import Batch, Certificate, SigningKey, StatusList
from authcheck.members import organisations
from authcheck.proofs.credential import Credential, is_revoked
from authcheck.registry.tables import Design
from authcheck.tlog.entries import read_body
from authcheck.vault import Vault
from authcheck.workspace import Workspace

GTIN = "4006381333931"
GTIN_14 = "04006381333931"


@dataclass(frozen=True)
class Brand:
    """A brand at work in a workspace."""

    work: Workspace
    handle: str
    design: Design
    vault: Vault

    def order(self, request_key: str = "r1", **words: Any) -> Order:
        """Return an order of three units. Keyword arguments replace its fields."""
        given = {"design_id": self.design.id, "gtin": GTIN, "lot": "L1", "product": "Kite shirt", **words}
        count = {} if "serials" in words or "count" in words else {"count": 3}
        return Order(request_key=request_key, **{**given, **count})

    def issue(self, request_key: str = "r1", *, now: datetime = make.NOW, **words: Any) -> Batch:
        """Issue the certificates of an order."""
        with self.work.database.writing() as session:
            organisation = organisations.get_organisation(session, self.handle)
            order = self.order(request_key, **words)
            return issuing.issue(session, self.vault, self.work.settings, organisation, order, now)

    def revoke(
        self, *names: str, reason: str = "recalled", now: datetime = make.NOW, **words: Any
    ) -> Revoked:
        """Revoke certificates by codes or ids, or by the other fields of `Selection`."""
        with self.work.database.writing() as session:
            return revoking.revoke(
                session,
                self.vault,
                self.work.settings,
                organisations.get_organisation(session, self.handle),
                Selection(certificates=names, **words),
                reason=reason,
                now=now,
            )

    def add_key(self, public_key: bytes | None = None, *, rotate: bool = False) -> SigningKey:
        """Add a signing key."""
        add = signing_keys.rotate if rotate else signing_keys.create_key
        with self.work.database.writing() as session:
            organisation = organisations.get_organisation(session, self.handle)
            settings, vault = self.work.settings, self.vault
            key = add(session, organisation, vault, settings=settings, now=make.NOW, public_key=public_key)
            status_lists.catch_up(session, organisation, vault, now=make.NOW)
            return key

    def revoke_key(self, kid: str) -> SigningKey:
        """Revoke a signing key."""
        with self.work.database.writing() as session:
            organisation = organisations.get_organisation(session, self.handle)
            return signing_keys.revoke_key(session, organisation, kid, make.NOW)

    def signing_keys(self) -> list[SigningKey]:
        """Return the brand's signing keys."""
        with self.work.database.reading() as session:
            return signing_keys.list_keys(session, organisations.get_organisation(session, self.handle))

    def certificates(self) -> Sequence[Certificate]:
        """Return the brand's certificates in the order of their status indices."""
        with self.work.database.reading() as session:
            owned = select(Certificate).where(Certificate.organisation_id == self.design.owner_id)
            return session.scalars(owned.order_by(Certificate.status_index)).all()

    def newest_list(self, number: int = 0) -> StatusList:
        """Return the newest status list."""
        with self.work.database.reading() as session:
            versions = select(StatusList).where(
                StatusList.organisation_id == self.design.owner_id, StatusList.number == number
            )
            return session.scalars(versions.order_by(StatusList.entry_number.desc())).first()  # type: ignore[return-value]

    def revoked_places(self) -> list[int]:
        """Return those of the first 100 places that the newest status list marks as revoked."""
        found = Credential.read(self.newest_list().jws)
        return [place for place in range(100) if is_revoked(found, place)]


def brand(work: Workspace, handle: str = "acme", *, key: bool = True, seed: int = 0) -> Brand:
    """Return a brand with a registered design and, by default, a key that the service keeps."""
    design = make.register(work, "KITE-1", owner=handle, seed=seed).design
    made = Brand(work, handle, design, signing_keys.open_vault(work.settings))
    if key:
        made.add_key()
    return made


def entries(work: Workspace, kind: str = "") -> list[dict[str, Any]]:
    """Return the ledger's entries in order, optionally of one type only."""
    store = DatabaseLog(work.database)
    said = [{**read_body(text), "number": number} for number, text in enumerate(store.entries(0, 100_000))]
    return [one for one in said if kind in {"", one["t"]}]


def payload(jws: str) -> dict[str, Any]:
    """Return the payload of a JWS."""
    return _part(jws, 1)


def header(jws: str) -> dict[str, Any]:
    """Return the header of a JWS."""
    return _part(jws, 0)


def _part(jws: str, number: int) -> dict[str, Any]:
    text = jws.split(".")[number]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found
