"""A brand's signing keys, and the signatures of brands that keep theirs."""

from collections.abc import Callable

from fastapi import APIRouter

from authcheck.certificates import brand_signatures, signing_keys, status_lists
from authcheck.certificates.brand_signatures import Signatures
from authcheck.certificates.signing_keys import open_vault, read_public_key
from authcheck.certificates.tables import SigningKey
from authcheck.errors import Rejected
from authcheck.ledger import publishing
from authcheck.members.api_keys import Principal
from authcheck.members.tables import Organisation
from authcheck.proofs.trust import encode_base64url
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import CertificatesIssuer, WorkspaceDep
from ..wire.certificates import SignaturesIn, SignedOut, SigningKeyIn, SigningKeyOut, WaitingOut
from ..wire.forms import Page

router = APIRouter(prefix="/v1", tags=["certificates"])


@router.get("/signing-keys")
def list_signing_keys(caller: CertificatesIssuer, workspace: WorkspaceDep) -> Page[SigningKeyOut]:
    """Your signing keys, oldest first, revoked ones too: all of them, on one page."""
    with workspace.database.reading() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        found = signing_keys.list_keys(session, organisation)
    return Page(items=[_key_out(key) for key in found], next=None)


@router.post("/signing-keys", status_code=201)
def create_signing_key(
    caller: CertificatesIssuer, body: SigningKeyIn, workspace: WorkspaceDep
) -> SigningKeyOut:
    """Add a key, which signs from now on; the others stay."""
    return _added(caller, body, workspace, signing_keys.create_key)


@router.post("/signing-keys/rotate", status_code=201)
def rotate_signing_key(
    caller: CertificatesIssuer, body: SigningKeyIn, workspace: WorkspaceDep
) -> SigningKeyOut:
    """Add a key and end all others; certificates that those have signed stay good."""
    return _added(caller, body, workspace, signing_keys.rotate)


@router.post("/signing-keys/{key_id}/revoke")
def revoke_signing_key(caller: CertificatesIssuer, key_id: str, workspace: WorkspaceDep) -> SigningKeyOut:
    """End a key, for good. Doing it again changes nothing."""
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        key = signing_keys.revoke_key(session, organisation, key_id, utc_now())
    publishing.publish(workspace.database, workspace.settings)
    return _key_out(key)


@router.get("/signatures/waiting")
def show_waiting(caller: CertificatesIssuer, workspace: WorkspaceDep) -> WaitingOut:
    """What waits for a signature by the key that you keep: 10,000 certificates at most, and status lists.

    What is signed is `BASE64URL(header).BASE64URL(payload)` with the header `{"alg":"Ed25519","kid":KID,"typ":"vc+jwt"}`.
    """
    with workspace.database.reading() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        found = brand_signatures.find_waiting(session, workspace.settings, organisation, utc_now())
    return WaitingOut(kid=found.kid, at=found.at, payloads=dict(found.payloads))


@router.post("/signatures")
def accept_signatures(caller: CertificatesIssuer, body: SignaturesIn, workspace: WorkspaceDep) -> SignedOut:
    """Hand in signatures: their certificates become active. Those that are so already stay as they are."""
    if body.at.tzinfo is None:
        raise Rejected("A time needs its zone.", code="signatures.time")
    given = Signatures(body.kid, body.at, body.signatures)
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        signed = brand_signatures.accept(session, workspace.settings, organisation, given, utc_now())
    publishing.publish(workspace.database, workspace.settings)
    return SignedOut(signed=signed)


def _added(
    caller: Principal, body: SigningKeyIn, workspace: Workspace, add: Callable[..., SigningKey]
) -> SigningKeyOut:
    given = None if body.public_key is None else read_public_key(body.public_key)
    vault, settings, now = open_vault(workspace.settings), workspace.settings, utc_now()
    with workspace.database.writing() as session:
        organisation = session.get_one(Organisation, caller.organisation_id)
        key = add(session, organisation, vault, settings=settings, now=now, public_key=given)
        status_lists.catch_up(session, settings, organisation, vault, now=now)
    publishing.publish(workspace.database, settings)
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
