"""Flow: a brand keeps its keys here or itself, rotates and revokes them.

Tests say what each key may still sign.
"""

import json
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import certificates_made as made
import make
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_made import assert_log_sound, key_of
from log_made import DatabaseLog
from sqlalchemy import select, update

from authcheck.certificates import brand_signatures
from authcheck.certificates.brand_signatures import Signatures, Waiting, find_waiting, sign
from authcheck.certificates.signature_files import read_waiting, summarise, waiting_json
from authcheck.certificates.tables import Certificate, SigningKey
from authcheck.errors import AuthcheckError, Conflict, NotTrue, Rejected
from authcheck.members import organisations
from authcheck.proofs.credential import Credential
from authcheck.registry import designs
from authcheck.workspace import Workspace

OWN = key_of(7)
SMALL_ORDER = (  # encodings of the eight points whose order divides 8, two of them in a second spelling
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "00" * 32,
    "00" * 31 + "80",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
)
LATER = make.NOW + timedelta(hours=1)


def public(key: Ed25519PrivateKey) -> bytes:
    """The public half of a key."""
    return key.public_key().public_bytes_raw()


@pytest.fixture
def keeper(workspace: Workspace) -> made.Brand:
    """A brand that keeps its own key. Three issued certificates wait for its signature."""
    brand = made.brand(workspace, key=False)
    brand.add_key(public(OWN))
    brand.issue()
    return brand


def waiting(brand: made.Brand) -> Waiting:
    """The statements that wait for the brand's signature."""
    with brand.work.database.reading() as session:
        organisation = organisations.get_organisation(session, brand.handle)
        return find_waiting(session, organisation, make.NOW)


def hand_in(brand: made.Brand, given: Signatures) -> int:
    """Hand in the brand's signatures."""
    with brand.work.database.writing() as session:
        organisation = organisations.get_organisation(session, brand.handle)
        return brand_signatures.accept(session, organisation, given, LATER)


def refused(brand: made.Brand, given: Signatures) -> str:
    """The code with which signatures are refused. Refused signatures change nothing."""
    before = made.entries(brand.work)
    with pytest.raises(AuthcheckError) as caught:
        hand_in(brand, given)
    assert made.entries(brand.work) == before
    assert {one.state for one in brand.certificates()} == {"unsigned"}
    return caught.value.code


def test_the_private_key_never_comes_here(keeper: made.Brand) -> None:
    """Before the brand signs, there is no certificate: no JWS, no entry, no status list."""
    assert [key.secret for key in keeper.signing_keys()] == [None]
    assert {(one.state, one.jws, one.entry_number) for one in keeper.certificates()} == {
        ("unsigned", None, None)
    }
    assert made.entries(keeper.work, "cert.issue") == made.entries(keeper.work, "statuslist.publish") == []


def test_what_the_brand_signs_becomes_active(keeper: made.Brand) -> None:
    """Certificates and their status list verify under the brand's key, and the ledger holds their hashes."""
    given = sign(waiting(keeper), OWN)
    assert len(given.signatures) == 4
    assert hand_in(keeper, given) == 3
    for one in keeper.certificates():
        assert one.state == "active"
        assert Credential.read(one.jws or "").verify(public(OWN)) is None
        assert made.header(one.jws or "")["kid"] == keeper.signing_keys()[0].kid
    assert Credential.read(keeper.newest_list().jws).verify(public(OWN)) is None
    assert len(made.entries(keeper.work, "cert.issue")) == 3
    assert waiting(keeper).payloads == {}
    assert_log_sound(DatabaseLog(keeper.work.database))


def test_signatures_handed_in_twice_count_once(keeper: made.Brand) -> None:
    """The second hand-in of the same signatures changes nothing, even from two threads at once."""
    given = sign(waiting(keeper), OWN)
    threads = [threading.Thread(target=hand_in, args=(keeper, given)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before = made.entries(keeper.work)
    assert hand_in(keeper, given) == 0
    assert made.entries(keeper.work) == before
    assert len([entry for entry in before if entry["t"] == "cert.issue"]) == 3


def test_a_revocation_waits_for_the_brand_too(keeper: made.Brand) -> None:
    """The ledger records a revocation at once. The status list follows when the brand has signed it."""
    hand_in(keeper, sign(waiting(keeper), OWN))
    keeper.revoke(keeper.certificates()[1].code, now=make.NOW + timedelta(minutes=1))
    assert keeper.revoked_places() == []
    found = waiting(keeper)
    assert list(found.payloads) == ["http://127.0.0.1:8000/v1/status-lists/acme/0"]
    assert hand_in(keeper, sign(found, OWN)) == 0
    assert keeper.revoked_places() == [1]
    assert waiting(keeper).payloads == {}


def test_a_list_signed_before_a_revocation_hides_nothing(keeper: made.Brand) -> None:
    """A status list that was fetched before a revocation is refused when it is handed in afterwards."""
    hand_in(keeper, sign(waiting(keeper), OWN))
    keeper.issue("r2")
    stale = sign(waiting(keeper), OWN)
    keeper.revoke(keeper.certificates()[0].code)
    with pytest.raises(NotTrue) as caught:
        hand_in(keeper, stale)
    assert caught.value.code == "certificate.signature"
    assert keeper.revoked_places() == []
    assert hand_in(keeper, sign(waiting(keeper), OWN)) == 3
    assert keeper.revoked_places() == [0]


def test_signatures_that_do_not_fit_are_refused(keeper: made.Brand) -> None:
    """Swapped, mangled, missing or future signatures are refused, and those of another key or payload."""
    found = waiting(keeper)
    given = sign(found, OWN)
    first, second, *_, listed = given.signatures
    swapped = {**given.signatures, first: given.signatures[second], second: given.signatures[first]}
    changed = {name: text.replace("Kite shirt", "Gold watch") for name, text in found.payloads.items()}
    without = {name: one for name, one in given.signatures.items() if name != listed}
    stranger = {**given.signatures, "urn:uuid:0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b": given.signatures[first]}
    for attempt, code in (
        (sign(found, key_of(8)), "certificate.signature"),
        (sign(replace(found, payloads=changed), OWN), "certificate.signature"),
        (replace(given, signatures=swapped), "certificate.signature"),
        (replace(given, signatures={**given.signatures, first: ""}), "certificate.signature"),
        (
            replace(given, signatures={**given.signatures, first: given.signatures[first] + "="}),
            "certificate.signature",
        ),
        (replace(given, at=make.NOW - timedelta(days=1)), "certificate.signature"),
        (replace(given, at=LATER + timedelta(seconds=1)), "signatures.time"),
        (replace(given, signatures=without), "signatures.list_missing"),
        (replace(given, signatures=stranger), "signatures.unknown"),
        (replace(given, signatures={"x": "y"}), "signatures.unknown"),
        (replace(given, signatures={}), "signatures.count"),
        (replace(given, signatures=dict.fromkeys(map(str, range(20_000)), "")), "signatures.count"),
        (replace(given, kid="did:web:127.0.0.1%3A8000:brands:globex#key-1"), "certificate.key"),
    ):
        assert refused(keeper, attempt) == code


def test_nobody_signs_for_another_brand(keeper: made.Brand) -> None:
    """A rival that keeps its own key can neither see nor sign our certificates."""
    rival = made.brand(keeper.work, "globex", seed=9, key=False)
    theirs = rival.add_key(public(key_of(9)))
    assert waiting(rival).payloads == {}
    given = sign(replace(waiting(keeper), kid=theirs.kid), key_of(9))
    with pytest.raises(Rejected) as caught:
        hand_in(rival, given)
    assert caught.value.code == "signatures.unknown"
    assert refused(keeper, given) == "certificate.key"


def test_a_revoked_key_signs_nothing_more(keeper: made.Brand) -> None:
    """Signatures of a key that was revoked after the fetch are refused.

    The next key signs the waiting statements.
    """
    given = sign(waiting(keeper), OWN)
    keeper.revoke_key(given.kid)
    keeper.add_key(public(key_of(8)))
    assert refused(keeper, given) == "certificate.key"
    assert hand_in(keeper, sign(waiting(keeper), key_of(8))) == 3


def test_a_design_retired_meanwhile_is_certified_no_more(keeper: made.Brand) -> None:
    """Signatures for a design that was retired meanwhile are refused, and the certificates no longer wait."""
    given = sign(waiting(keeper), OWN)
    with keeper.work.database.writing() as session:
        designs.retire(session, designs.get_design(session, keeper.design.id), make.NOW)
    assert refused(keeper, given) == "certificate.design_state"
    assert waiting(keeper).payloads == {}


def test_a_brand_whose_key_is_kept_here_has_nothing_to_sign(workspace: Workspace) -> None:
    """A brand whose key is kept here is told that it has nothing to sign."""
    with pytest.raises(Conflict) as caught:
        waiting(made.brand(workspace))
    assert caught.value.code == "signing_key.kept_here"


def test_a_kept_private_key_is_encrypted_for_its_place(workspace: Workspace) -> None:
    """The stored private key is encrypted, and one brand's stored key does not open as another brand's key."""
    acme, globex = made.brand(workspace), made.brand(workspace, "globex", seed=9)
    (mine,), (theirs,) = acme.signing_keys(), globex.signing_keys()
    opened = acme.vault.open(mine.secret or b"", f"signing key {mine.kid}")
    assert public(Ed25519PrivateKey.from_private_bytes(opened)) == mine.public_key
    assert opened not in (mine.secret or b"")
    with workspace.database.writing() as session:
        changed = update(SigningKey).where(SigningKey.id == mine.id)
        session.execute(changed.values(secret=theirs.secret))
    with pytest.raises(NotTrue):
        acme.issue()


def test_keys_are_entries_and_count_by_their_place(workspace: Workspace) -> None:
    """A key is valid from its entry key.add to its entry key.revoke.

    Statements that it signed in this span stay valid.
    """
    acme = made.brand(workspace)
    acme.issue()
    old = acme.signing_keys()[0]
    new = acme.add_key(rotate=True)
    acme.issue("r2")
    old, new = acme.signing_keys()
    (added, added_too), (ended,) = made.entries(workspace, "key.add"), made.entries(workspace, "key.revoke")
    assert (old.added_at_entry, new.added_at_entry) == (added["number"], added_too["number"])
    assert (old.revoked_at_entry, new.revoked_at_entry) == (ended["number"], None)
    assert (added["id"], added["kid"], ended["id"]) == (old.id, old.kid, old.id)
    assert (old.kid[-6:], new.kid[-6:]) == ("#key-1", "#key-2")
    for one in acme.certificates():
        key = old if one.status_index < 3 else new
        assert made.header(one.jws or "")["kid"] == key.kid
        assert key.added_at_entry <= (one.entry_number or 0)
        assert key.revoked_at_entry is None or (one.entry_number or 0) < key.revoked_at_entry


def test_revoking_a_key_twice_changes_nothing(workspace: Workspace) -> None:
    """A second revocation, by kid or by id, does not move the end of the key."""
    acme = made.brand(workspace)
    first = acme.revoke_key(acme.signing_keys()[0].kid)
    before = made.entries(workspace)
    assert acme.revoke_key(first.id).revoked_at_entry == first.revoked_at_entry
    assert made.entries(workspace) == before


def test_nobody_ends_anothers_key(workspace: Workspace) -> None:
    """Another brand cannot find the key, neither by kid nor by id."""
    acme, globex = made.brand(workspace), made.brand(workspace, "globex", seed=9)
    for name in (acme.signing_keys()[0].kid, acme.signing_keys()[0].id):
        with pytest.raises(AuthcheckError) as caught:
            globex.revoke_key(name)
        assert caught.value.code == "signing_key.not_found"


def test_no_certificate_is_entered_after_the_revocation_of_its_key(workspace: Workspace) -> None:
    """Issuing and revoking race. Every certificate's entry is within the span of its key."""
    acme = made.brand(workspace)

    def issue(number: int) -> None:
        with suppress(Conflict):
            acme.issue(f"r{number}")

    threads = [threading.Thread(target=issue, args=(number,)) for number in range(6)]
    threads.insert(3, threading.Thread(target=acme.revoke_key, args=(acme.signing_keys()[0].kid,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (end,) = [key.revoked_at_entry for key in acme.signing_keys()]
    assert end is not None
    assert all((one.entry_number or 0) < end for one in acme.certificates())


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (b"short", "signing_key.public_key"),
        (public(OWN), "signing_key.known"),
        *[(bytes.fromhex(point), "signing_key.public_key") for point in SMALL_ORDER],
    ],
)
def test_a_public_key_that_proves_nothing_is_refused(keeper: made.Brand, key: bytes, code: str) -> None:
    """A text that is no key, a key that was in use, or a key of small order (RFC 8032 s5.1.7) is refused."""
    with pytest.raises(AuthcheckError) as caught:
        keeper.add_key(key)
    assert caught.value.code == code


def test_a_revoked_key_does_not_come_back_under_a_new_name(keeper: made.Brand) -> None:
    """A revoked key cannot be registered again, because a thief could then sign with it."""
    keeper.revoke_key(keeper.signing_keys()[0].kid)
    with pytest.raises(Conflict) as caught:
        keeper.add_key(public(OWN))
    assert caught.value.code == "signing_key.known"


def test_what_is_not_of_its_own_brand_is_not_signed(keeper: made.Brand, tmp_path: Path) -> None:
    """The offline signer refuses a statement of another brand, or under a false name, in the server's file."""
    found = waiting(keeper)
    path = tmp_path / "waiting.json"
    path.write_text(waiting_json(found))
    assert summarise(read_waiting(path)) == {
        f"Kite shirt, GTIN {made.GTIN_14}, lot L1, design KITE-1": 3,
        "status list http://127.0.0.1:8000/v1/status-lists/acme/0": 1,
    }
    name, payload = next(iter(found.payloads.items()))
    foreign = {**json.loads(payload), "issuer": "did:web:127.0.0.1%3A8000:brands:globex"}
    for payloads in ({name: json.dumps(foreign)}, {"urn:uuid:other": payload}, {name: "[]"}, {name: "no"}):
        with pytest.raises(NotTrue) as caught:
            summarise(replace(found, payloads=payloads))
        assert caught.value.code == "certificate.payload"


@pytest.mark.slow
def test_the_errand_on_the_command_line(cli: Any, workspace: Workspace, tmp_path: Path) -> None:
    """The commands make a key, register its public half, issue, fetch, sign offline and hand in.

    Only the brand reads the key file.
    """
    make.register(workspace, "KITE-1")
    own, unsigned, signed = (tmp_path / name for name in ("own.key", "waiting.json", "signed.json"))
    public_key = cli("signing-keys", "make", own).out.strip()
    assert oct(own.stat().st_mode)[-3:] == "600"
    kid = cli("signing-keys", "create", "--org", "acme", "--public-key", public_key).out.strip()
    ordered = ("--design", "KITE-1", "--gtin", made.GTIN, "--lot", "L1", "--product", "Kite", "--count", "2")
    batch = cli("certificates", "issue", "--org", "acme", *ordered).out.strip()
    assert cli("certificates", "waiting", "--org", "acme", "--out", unsigned).code == 0
    done = cli("certificates", "sign", unsigned, "--key", f"file:{own}", "--out", signed)
    assert (done.code, "2 x Kite, GTIN" in done.err) == (0, True)
    done = cli("certificates", "submit", signed, "--org", "acme")
    assert (done.code, done.err) == (0, "2 certificates became active.\n")
    listed = cli("certificates", "list", "--org", "acme", "--batch", batch, "--json").objects
    assert {one["state"] for one in listed} == {"active"}
    assert [key["kid"] for key in cli("signing-keys", "list", "--org", "acme", "--json").objects] == [kid]
    with workspace.database.reading() as session:
        assert len(session.scalars(select(Certificate)).all()) == 2


def test_a_file_that_is_none_is_refused(cli: Any, tmp_path: Path) -> None:
    """A file that is missing, not JSON, of another version, or without texts is refused."""
    path = tmp_path / "x.json"
    for text in (
        None,
        "no",
        "{}",
        '{"v":2,"kid":"k","at":"2026-11-23T12:00:00.000000Z","payloads":{}}',
        "[" * 99_999,
    ):
        if text is not None:
            path.write_text(text)
        done = cli("certificates", "sign", path, "--key", "env:NONE")
        assert (done.code, "[signatures.file]" in done.err) == (2, True)
