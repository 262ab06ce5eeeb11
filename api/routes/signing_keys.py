"""Endpoints of signing keys, and of signatures by brands that keep their own keys."""

from collections.abc import Callable

from fastapi import APIRouter

from authcheck.certificates import brand_signatures, signing_keys, status_lists
from authcheck.certificates.brand_signatures import Signatures
from authcheck.certificates.signing_keys import open_vault, read_public_key
from authcheck.certificates.tables import SigningKey
from authcheck.errors import Rejected
from authcheck.ledger import publishing
from authcheck.members.principals import Principal
from authcheck.members.tables import Organisation
from authcheck.proofs.trust import encode_base64url
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import CertificatesIssuer, CertificatesReader, KeyFirst, WorkspaceDep
from ..wire.certificates import SignaturesIn, SignedOut, SigningKeyIn, SigningKeyOut, WaitingOut
from ..wire.forms import Page

router = APIRouter(route_class=KeyFirst, prefix="/v1", tags=["certificates"])


@router.get("/signing-keys")
def list_signing_keys(caller: CertificatesReader, workspace: WorkspaceDep) -> Page[SigningKeyOut]:
    """List all your signing keys on one page, oldest first. Includes revoked keys."""
    with workspace.database.reading() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        keys = signing_keys.list_keys(session, organisation)
    return Page(items=[_key_out(key) for key in keys], next=None)


@router.post("/signing-keys", status_code=201)
def create_signing_key(
    caller: CertificatesIssuer, body: SigningKeyIn, workspace: WorkspaceDep
) -> SigningKeyOut:
    """Add a key that signs from now on. The other keys stay."""
    return _add_key(caller, body, workspace, signing_keys.create_key)


@router.post("/signing-keys/rotate", status_code=201)
def rotate_signing_key(
    caller: CertificatesIssuer, body: SigningKeyIn, workspace: WorkspaceDep
) -> SigningKeyOut:
    """Add a key and end all other keys. Certificates with their signatures stay good."""
    return _add_key(caller, body, workspace, signing_keys.rotate)


@router.post("/signing-keys/{key_id}/revoke")
def revoke_signing_key(caller: CertificatesIssuer, key_id: str, workspace: WorkspaceDep) -> SigningKeyOut:
    """Revoke a key permanently. A repetition changes nothing."""
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        key = signing_keys.revoke_key(session, organisation, key_id, utc_now())
    publishing.publish_recorded(workspace.database, workspace.settings)
    return _key_out(key)


@router.get("/signatures/waiting")
def show_waiting(caller: CertificatesIssuer, workspace: WorkspaceDep) -> WaitingOut:
    """Return the statements that wait for your own key: at most 10,000 certificates, and status lists.

    Sign `BASE64URL(header).BASE64URL(payload)` with the header `{"alg":"EdDSA","kid":KID,"typ":"vc+jwt"}`.
    """
    with workspace.database.reading() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        waiting = brand_signatures.find_waiting(session, organisation, utc_now())
    return WaitingOut(kid=waiting.kid, at=waiting.at, payloads=dict(waiting.payloads))


@router.post("/signatures")
def accept_signatures(caller: CertificatesIssuer, body: SignaturesIn, workspace: WorkspaceDep) -> SignedOut:
    """Submit signatures. Their certificates become active. Active certificates do not change."""
    if body.at.tzinfo is None:
        raise Rejected(
            "The time has no time zone. Use 2026-11-23T12:00:00Z, for example.", code="signatures.time"
        )
    signatures = Signatures(body.kid, body.at, body.signatures)
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        count = brand_signatures.accept(session, organisation, signatures, utc_now())
    publishing.publish_recorded(workspace.database, workspace.settings)
    return SignedOut(signed=count)


def _add_key(
    caller: Principal, body: SigningKeyIn, workspace: Workspace, add: Callable[..., SigningKey]
) -> SigningKeyOut:
    brand_key = None if body.public_key is None else read_public_key(body.public_key)
    vault, settings, now = open_vault(workspace.settings), workspace.settings, utc_now()
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        key = add(session, organisation, vault, settings=settings, now=now, public_key=brand_key)
        status_lists.catch_up(session, organisation, vault, now=now)
    publishing.publish_recorded(workspace.database, settings)
    return _key_out(key)


def _key_out(key: SigningKey) -> SigningKeyOut:
    return SigningKeyOut(
        id=key.id,
        kid=key.kid,
        public_key=encode_base64url(key.public_key),
        kept_here=key.secret is not None,
        created_at=key.created_at,
        revoked_at=key.revoked_at,
        first_entry=key.added_at_entry,
        end_entry=key.revoked_at_entry,
    )
