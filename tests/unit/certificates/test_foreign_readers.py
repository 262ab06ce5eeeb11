"""Credentials in the hands of software that we did not write. The decisions are in docs/adr/0035."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from joserfc import jws as joserfc_jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jws as jwcrypto_jws
from ledger_made import key_of
from npm_made import run_script

from authcheck.certificates.statements import (
    Product,
    ProductUnit,
    Signer,
    certificate_payload,
    did_of,
    lists_url,
    to_json,
)
from authcheck.errors import NotTrue
from authcheck.proofs.credential import Credential
from authcheck.proofs.trust import encode_base64url

URL = "https://authcheck.example"
DID = did_of(URL, "acme")
KID = f"{DID}#key-1"
SCRIPT = Path(__file__).parents[2] / "foreign_readers.mjs"
PRODUCT = Product(
    issuer=DID,
    public_url=URL,
    lists_url=lists_url(URL, "acme"),
    gtin="04006381333931",
    lot="L7",
    name='Mug "风筝"',
    design_id="dsn_1Example",
    design_reference="AC-007",
    views=["a" * 64, "b" * 64],
    issued="2026-11-30T12:00:00Z",
    licence="lic_2Example",
)
PAYLOAD = certificate_payload(PRODUCT, ProductUnit("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "S-1", 5))
JWK = {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(key_of(1).public_key().public_bytes_raw())}
TOKEN = Signer(KID, key_of(1)).sign(PAYLOAD)


def signed_as(algorithm: str, payload: bytes = PAYLOAD) -> str:
    """Return a credential whose header names this algorithm, as certificates before December 2026 do."""
    header = to_json({"alg": algorithm, "kid": KID, "typ": "vc+jwt"})
    signed = f"{encode_base64url(header)}.{encode_base64url(payload)}"
    return f"{signed}.{encode_base64url(key_of(1).sign(signed.encode()))}"


OLDER = signed_as("Ed25519")


def test_pyjwt_reads_a_certificate() -> None:
    """PyJWT finds the algorithm from our published key. It refuses the newer name of the same algorithm."""
    read = jwt.decode(TOKEN, jwt.PyJWK(JWK), algorithms=["EdDSA"], options={"verify_aud": False})
    assert read == json.loads(PAYLOAD)
    with pytest.raises(jwt.InvalidAlgorithmError):
        jwt.decode(OLDER, jwt.PyJWK(JWK), algorithms=["EdDSA", "Ed25519"])


@pytest.mark.parametrize("token", [TOKEN, OLDER], ids=["today", "older"])
def test_jwcrypto_reads_a_certificate(token: str) -> None:
    """The library jwcrypto verifies certificates of today and older ones."""
    read = jwcrypto_jws.JWS()
    read.deserialize(token)
    read.verify(jwcrypto_jwk.JWK(**JWK))
    assert read.payload == PAYLOAD


def test_joserfc_reads_a_certificate() -> None:
    """The library joserfc verifies both, and warns that RFC 9864 deprecates the name that we sign under."""
    key = OKPKey.import_key(JWK)
    assert joserfc_jws.deserialize_compact(OLDER, key, algorithms=["Ed25519"]).payload == PAYLOAD
    with pytest.warns(SecurityWarning, match="RFC 9864"):
        assert joserfc_jws.deserialize_compact(TOKEN, key, algorithms=["EdDSA"]).payload == PAYLOAD


def test_we_read_older_certificates() -> None:
    """The algorithm's newer name stays valid, and a design's id without an address."""
    older = json.loads(PAYLOAD)
    older["credentialSubject"]["design"]["id"] = "dsn_1Example"
    for credential in (Credential.read(TOKEN), Credential.read(signed_as("Ed25519", to_json(older)))):
        credential.verify(key_of(1).public_key().public_bytes_raw())
        assert credential.design_id == "dsn_1Example"


@pytest.mark.parametrize("claim", ["vc", "vp"])
def test_a_second_credential_inside_is_refused(claim: str) -> None:
    """Readers of VC 1.1 take the claim `vc` for the credential, and we would read another one beside it."""
    token = Signer(KID, key_of(1)).sign(to_json({**json.loads(PAYLOAD), claim: {"issuer": "did:web:other"}}))
    with pytest.raises(NotTrue) as refused:
        Credential.read(token)
    assert refused.value.code == "certificate.malformed"


@pytest.fixture(scope="module")
def told(node_modules: Path) -> Any:
    """Return what the readers in Node say."""
    method = {"id": KID, "type": "JsonWebKey", "controller": DID, "publicKeyJwk": JWK}
    damaged = f"{TOKEN[:-4]}{'AAAA' if TOKEN[-4:] != 'AAAA' else 'BBBB'}"
    tokens = {"today": TOKEN, "older": OLDER, "damaged": damaged}
    question = {"tokens": tokens, "method": method, "payload": json.loads(PAYLOAD)}
    return run_script(node_modules, SCRIPT, question)


def test_readers_in_node_verify_a_certificate(told: Any) -> None:
    """The libraries jose and did-jwt verify certificates of today and older ones, and refuse a damaged one."""
    for token in ("today", "older"):
        assert told["told"][token] == {"jose": "verified", "did-jwt": "verified"}
    assert "verified" not in told["told"]["damaged"].values()


def test_linked_data_loses_no_fact(told: Any) -> None:
    """In safe mode a JSON-LD processor refuses terms without a meaning. Each fact of ours becomes a statement."""
    quads = told["quads"]
    facts = ["04006381333931", "L7", "S-1", "AC-007", "a" * 64, "b" * 64, "lic_2Example", "Mug"]
    assert [fact for fact in facts if fact not in quads] == []
    assert f"<{URL}/v1/designs/dsn_1Example>" in quads
    assert f"<{DID}>" in quads
