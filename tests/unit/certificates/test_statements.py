"""Credentials: their names, the only spelling that is signed, and status lists."""

import pytest
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey
from ledger_made import key_of
from make import NOW

from authcheck.certificates.statements import Signer, did_of, did_web, list_payload, signing_input, to_json
from authcheck.proofs.credential import PLACES, Credential, is_revoked
from authcheck.proofs.trust import encode_base64url

KID = "did:web:authcheck.example:brands:acme#key-1"


@pytest.mark.parametrize(
    ("public_url", "did"),
    [
        ("https://authcheck.example", "did:web:authcheck.example:brands:acme"),
        ("http://127.0.0.1:8000", "did:web:127.0.0.1%3A8000:brands:acme"),
        ("https://shop.example/proofs/v2", "did:web:shop.example:proofs:v2:brands:acme"),
    ],
)
def test_a_brands_did_leads_to_its_document(public_url: str, did: str) -> None:
    """A brand's DID is spelled as did:web asks: a port's colon is escaped, and colons separate path steps."""
    assert did_of(public_url, "acme") == did


def test_the_operators_did_is_the_host() -> None:
    """The operator's document is at /.well-known/did.json."""
    assert did_web("https://authcheck.example") == "did:web:authcheck.example"


def test_what_is_signed_here_and_offline_is_what_joserfc_signs() -> None:
    """Header and payload have one spelling: the service, offline signing and joserfc sign the same bytes."""
    key = key_of(1)
    payload = to_json({"id": "urn:uuid:1", "product": '风筝 "衫" \\ </script>'})
    by_hand = signing_input(KID, payload)
    made = Signer(KID, key).sign(payload)
    assert made == f"{by_hand}.{encode_base64url(key.sign(by_hand.encode()))}"
    private = {
        "x": encode_base64url(key.public_key().public_bytes_raw()),
        "d": encode_base64url(key.private_bytes_raw()),
    }
    header = {"alg": "EdDSA", "kid": KID, "typ": "vc+jwt"}
    whole = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", **private})
    with pytest.warns(SecurityWarning, match="RFC 9864"):
        assert made == jws.serialize_compact(header, payload, whole, algorithms=["EdDSA"])


def test_joserfc_reads_what_was_signed() -> None:
    """The library joserfc verifies our signature with the public key alone, and not with another key."""
    signed = Signer(KID, key_of(1)).sign(b'{"id":"x"}')
    public = OKPKey.import_key(
        {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(key_of(1).public_key().public_bytes_raw())}
    )
    with pytest.warns(SecurityWarning, match="RFC 9864"):
        found = jws.deserialize_compact(signed, public, algorithms=["EdDSA"])
    assert (found.payload, found.headers()["typ"]) == (b'{"id":"x"}', "vc+jwt")


@pytest.mark.parametrize("places", [[], [0], [7, 8], [PLACES - 1], [0, 1, 1000, PLACES - 1]])
def test_a_status_list_has_the_bits_of_what_is_revoked(places: list[int]) -> None:
    """The first place is the leftmost bit. All other bits are clear. The same list has the same bytes."""
    made = list_payload("https://authcheck.example", "acme", 3, places, NOW)
    assert made == list_payload("https://authcheck.example", "acme", 3, places, NOW)
    read = Credential.read(Signer(KID, key_of(1)).sign(made))
    assert read.id == "https://authcheck.example/v1/status-lists/acme/3"
    looked_at = {0, 1, 6, 7, 8, 9, 999, 1000, PLACES - 2, PLACES - 1}
    assert [place for place in sorted(looked_at) if is_revoked(read, place)] == places
