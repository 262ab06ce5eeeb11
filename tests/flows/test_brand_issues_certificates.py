"""Flow: a brand issues certificates. Each is signed, entered in the ledger and stored, or nothing happens."""

import hashlib
import threading
from datetime import timedelta
from typing import Any

import certificates_made as made
import make
import pytest
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey
from ledger_made import assert_log_sound
from log_made import DatabaseLog
from sqlalchemy import select

from authcheck.certificates import batches
from authcheck.certificates.pins import pin_of
from authcheck.certificates.tables import Batch
from authcheck.errors import AuthcheckError, Conflict, NotFound, NotTrue, Rejected
from authcheck.ids import check_code
from authcheck.members import organisations
from authcheck.proofs.trust import encode_base64url
from authcheck.registry import designs
from authcheck.vault import Vault
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


@pytest.fixture
def acme(workspace: Workspace) -> made.Brand:
    """A brand with a design and a key."""
    return made.brand(workspace)


def refused(brand: made.Brand, **words: Any) -> str:
    """The code with which an order is refused. The refused order leaves nothing behind."""
    before = made.entries(brand.work)
    with pytest.raises(AuthcheckError) as caught:
        brand.issue(**words)
    assert made.entries(brand.work) == before
    with brand.work.database.reading() as session:
        assert session.scalars(select(Batch)).all() == []
    return caught.value.code


def test_each_unit_gets_its_own_certificate(acme: made.Brand) -> None:
    """Each certificate has its own code, serial number and id. joserfc verifies it under the brand's key."""
    acme.issue()
    (key,), issued = acme.signing_keys(), acme.certificates()
    public = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(key.public_key)})
    assert len(issued) == 3
    for name in ("id", "code", "serial", "status_index", "entry_number", "jws"):
        assert len({getattr(one, name) for one in issued}) == 3
    for one in issued:
        assert one.jws is not None
        with pytest.warns(SecurityWarning, match="RFC 9864"):
            read = jws.deserialize_compact(one.jws, public, algorithms=["EdDSA"])
        assert read.headers() == {
            "alg": "EdDSA",
            "kid": "did:web:127.0.0.1%3A8000:brands:acme#key-1",
            "typ": "vc+jwt",
        }
        assert check_code(one.code) == one.serial


@pytest.mark.slow
def test_a_certificate_says_what_was_ordered(acme: made.Brand) -> None:
    """A certificate holds only the product, the design with its pictures' hashes and the place in the status list."""
    acme.issue()
    first = acme.certificates()[0]
    list_url = "http://127.0.0.1:8000/v1/status-lists/acme/0"
    assert made.payload(first.jws or "") == {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://www.w3.org/ns/credentials/undefined-terms/v2",
        ],
        "type": ["VerifiableCredential", "AuthenticityCertificate"],
        "id": f"urn:uuid:{first.id}",
        "issuer": "did:web:127.0.0.1%3A8000:brands:acme",
        "validFrom": "2026-11-23T12:00:00Z",
        "credentialSubject": {
            "type": "ProductUnit",
            "gtin": made.GTIN_14,
            "lot": "L1",
            "serial": first.serial,
            "product": "Kite shirt",
            "design": {
                "id": f"http://127.0.0.1:8000/v1/designs/{acme.design.id}",
                "reference": "KITE-1",
                "views": [hashlib.sha256(make.picture_bytes(0)).hexdigest()],
            },
        },
        "credentialStatus": {
            "id": f"{list_url}#0",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "0",
            "statusListCredential": list_url,
        },
    }


def test_the_ledger_holds_the_hash_and_nothing_that_a_copier_could_use(acme: made.Brand) -> None:
    """The ledger holds the SHA-256 of each certificate under its id, and no serial number, code, lot or GTIN."""
    acme.issue()
    kid = acme.signing_keys()[0].kid
    said = made.entries(acme.work, "cert.issue")
    for one, entry in zip(acme.certificates(), said, strict=True):
        digest = hashlib.sha256((one.jws or "").encode()).hexdigest()
        assert one.jws_sha256 == digest
        assert entry == {
            "at": "2026-11-23T12:00:00.000000Z",
            "h": f"sha256:{digest}",
            "id": f"urn:uuid:{one.id}",
            "iss": kid.partition("#")[0],
            "kid": kid,
            "number": one.entry_number,
            "t": "cert.issue",
            "v": 1,
        }
    assert not [
        entry for entry in map(str, said) if made.GTIN in entry or acme.certificates()[0].code in entry
    ]
    assert_log_sound(DatabaseLog(acme.work.database))


def test_an_empty_status_list_stands_after_each_batch(acme: made.Brand) -> None:
    """Each batch publishes one signed status list, newer than its certificates, with its hash in the ledger."""
    for number in (1, 2):
        acme.issue(f"r{number}")
        newest = acme.newest_list()
        entry = made.entries(acme.work, "statuslist.publish")[-1]
        assert (
            newest.entry_number == entry["number"] > max(one.entry_number or 0 for one in acme.certificates())
        )
        assert entry["h"] == f"sha256:{newest.jws_sha256}"
        assert entry["id"] == made.payload(newest.jws)["id"] == "http://127.0.0.1:8000/v1/status-lists/acme/0"
        assert acme.revoked_places() == []
        assert len(made.entries(acme.work, "statuslist.publish")) == number


def test_the_same_request_twice_issues_once(acme: made.Brand) -> None:
    """The same request returns the same batch, even days later.

    Another order under the same key is a conflict.
    """
    first = acme.issue()
    before = made.entries(acme.work)
    assert acme.issue(now=make.NOW + timedelta(days=9)).id == first.id
    with pytest.raises(Conflict) as caught:
        acme.issue(count=4)
    assert caught.value.code == "batch.request_key_used"
    assert made.entries(acme.work) == before


def test_the_same_request_from_two_threads_at_once_issues_once(acme: made.Brand) -> None:
    """Two threads with the same request get the same batch."""
    start, got = threading.Barrier(4), list[str]()

    def ask() -> None:
        start.wait(10)
        got.append(acme.issue(count=20).id)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert len(set(got)) == 1
    assert len(acme.certificates()) == len(made.entries(acme.work, "cert.issue")) == 20


def test_batches_of_two_threads_at_once_do_not_share_a_place(acme: made.Brand) -> None:
    """Batches of two threads give every certificate its own place in the status list and in the ledger."""
    threads = [threading.Thread(target=acme.issue, args=(f"r{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.status_index for one in acme.certificates()] == list(range(12))
    assert_log_sound(DatabaseLog(acme.work.database))


def test_request_keys_of_two_brands_are_apart(acme: made.Brand) -> None:
    """Two brands that use the same request key each get their own batch."""
    globex = made.brand(acme.work, "globex", seed=9)
    assert acme.issue().organisation_id != globex.issue().organisation_id


def test_anothers_design_is_not_there(acme: made.Brand) -> None:
    """An order for another brand's design gets the same answer as an order for an unknown design."""
    rival = made.brand(acme.work, "globex", seed=9)
    for design_id in (acme.design.id, "dsn_NOBODY", "x\0"):
        assert refused(rival, design_id=design_id) == "design.not_found"


def test_a_retired_design_is_certified_no_more(acme: made.Brand) -> None:
    """A retired or disputed design gets no certificates."""
    with acme.work.database.writing() as session:
        designs.retire(session, designs.get_design(session, acme.design.id), make.NOW)
    assert refused(acme) == "certificate.design_state"
    near = make.register(acme.work, "KITE-9", owner="globex", seed=50)
    copied = make.register(acme.work, "COPY", owner="acme", pictures=[make.picture_bytes(50, "BMP")])
    assert (near.status, copied.status) == ("registered", "disputed")
    assert refused(acme, design_id=copied.design.id) == "certificate.design_state"


def test_only_a_brand_issues(acme: made.Brand) -> None:
    """A marketplace cannot issue certificates, even though it is a member."""
    with acme.work.database.writing() as session:
        organisations.get_organisation(session, "acme").roles = ["marketplace"]
    assert refused(acme) == "organisation.not_brand"


def test_without_a_key_nothing_is_issued(acme: made.Brand) -> None:
    """No certificate is issued before a key is made on purpose. A revoked key signs nothing."""
    acme.revoke_key(acme.signing_keys()[0].kid)
    assert refused(acme) == "signing_key.none"


def test_a_vault_of_another_secret_opens_no_key(acme: made.Brand) -> None:
    """A database that was restored without its secret signs nothing, and the error says so."""
    stranger = made.Brand(acme.work, "acme", acme.design, Vault(b"x" * 32))
    assert refused(stranger) == "key.sealed"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"count": 0}, "batch.count"),
        ({"count": -1}, "batch.count"),
        ({"count": 10_001}, "batch.count"),
        ({"count": 1_000_000}, "batch.count"),
        ({"count": 2, "serials": ("S1",)}, "batch.serials"),
        ({"serials": ("S1", "S1")}, "batch.serials"),
        ({"serials": ("S 1",)}, "gs1.serial"),
        ({"serials": ("S1", "x" * 21)}, "gs1.serial"),
        ({"gtin": "4006381333930"}, "gs1.gtin"),
        ({"gtin": "400638133"}, "gs1.gtin"),
        ({"lot": ""}, "gs1.lot"),
        ({"lot": "L 1"}, "gs1.lot"),
        ({"lot": ".."}, "gs1.lot"),
        ({"lot": "批"}, "gs1.lot"),
        ({"product": " "}, "batch.product"),
        ({"product": "x" * 201}, "batch.product"),
        ({"product": "two\nlines"}, "batch.product"),
        ({"product": "\u202egnip"}, "batch.product"),
        ({"request_key": ""}, "batch.request_key"),
        ({"request_key": "a b"}, "batch.request_key"),
        ({"request_key": "x" * 201}, "batch.request_key"),
    ],
)
def test_what_cannot_be_ordered_is_refused(acme: made.Brand, words: dict[str, Any], code: str) -> None:
    """An invalid order is refused with its own code, and leaves nothing behind."""
    assert refused(acme, **words) == code


def test_a_brands_own_serial_numbers_stand_in_the_certificates(acme: made.Brand) -> None:
    """Certificates carry the brand's own serial numbers in order. The code on the label stays unguessable."""
    acme.issue(serials=("A-001", "A-002"), gtin="96385074", product="  风筝衫  ")
    first, second = acme.certificates()
    assert (first.serial, second.serial, first.gtin) == ("A-001", "A-002", "00000096385074")
    assert len(first.code) == 13
    assert made.payload(first.jws or "")["credentialSubject"]["product"] == "风筝衫"


def test_a_serial_number_is_certified_once(acme: made.Brand) -> None:
    """A serial number used twice in one lot is a conflict that names the number.

    In another lot it is another unit.
    """
    acme.issue(serials=("A-001", "A-002"))
    with pytest.raises(Conflict) as caught:
        acme.issue("r2", serials=("A-003", "A-002"))
    assert (caught.value.code, caught.value.params["serial"]) == ("certificate.serial_taken", "A-002")
    assert len(acme.certificates()) == 2
    acme.issue("r3", serials=("A-002",), lot="L2")


def test_pins_are_stored_sealed(acme: made.Brand) -> None:
    """Six-digit PINs are stored sealed.

    The database alone reveals no PIN, and a sealed PIN does not open in another row.
    """
    acme.issue(pins=True)
    units = acme.certificates()
    pins = [pin_of(acme.vault, one) for one in units]
    assert all(pin is not None and len(pin) == 6 and pin.isdecimal() for pin in pins)
    assert not [
        one for one, pin in zip(units, pins, strict=True) if (pin or "").encode() in (one.sealed_pin or b"")
    ]
    units[0].sealed_pin = units[1].sealed_pin
    with pytest.raises(NotTrue):
        pin_of(acme.vault, units[0])


def test_another_brands_batch_and_certificates_are_not_there(acme: made.Brand) -> None:
    """A brand cannot list, show or revoke another brand's batches and certificates."""
    batch = acme.issue()
    rival = made.brand(acme.work, "globex", seed=9)
    unit = acme.certificates()[0]
    with acme.work.database.reading() as session:
        assert (
            batches.list_certificates(session, rival.design.owner_id, batches.Filter(batch_id=batch.id)) == []
        )
        with pytest.raises(NotFound):
            batches.get_batch(session, batch.id, organisation_id=rival.design.owner_id)
        for name in (unit.id, unit.code):
            with pytest.raises(NotFound):
                batches.get_certificate(session, name, rival.design.owner_id)
            assert batches.get_certificate(session, name, acme.design.owner_id).id == unit.id


def test_the_whole_batch_or_nothing(acme: made.Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure at the end removes all rows and entries of the batch."""
    before = made.entries(acme.work)

    def fails(*_: object, **__: object) -> None:
        raise Rejected("the status list cannot be signed")

    monkeypatch.setattr("authcheck.certificates.status_lists.publish", fails)
    with pytest.raises(Rejected):
        acme.issue()
    assert made.entries(acme.work) == before
    assert acme.certificates() == []
