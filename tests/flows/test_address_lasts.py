"""Flow: an operator records the public address once, and moves it. Labels that were printed before stay good."""

from dataclasses import replace

import certificates_made as made
import licensees_made as licensees
import make
import pytest
import shops_made
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_attacks import findings
from licensees_made import Licensee

from authcheck.certificates import brand_signatures, publications, status_lists
from authcheck.certificates.batch_labels import labels_of
from authcheck.certificates.statements import did_of
from authcheck.certificates.tables import Batch
from authcheck.config import Settings
from authcheck.errors import Conflict, Rejected
from authcheck.ledger import addresses, publishing
from authcheck.ledger.tables import Address
from authcheck.lookups import lookup
from authcheck.lookups.lookup import LookUp
from authcheck.members import organisations
from authcheck.proofs import bundle
from authcheck.storage.opening import utc_now
from authcheck.storefronts import badges
from authcheck.workspace import Workspace

OLD, NEW, THIRD = "http://127.0.0.1:8000", "https://authcheck.example", "https://labels.example/auth"


def at(brand: made.Brand, url: str) -> made.Brand:
    """Return the brand as a process whose AUTHCHECK_PUBLIC_URL is `url` sees it."""
    settings = brand.work.settings.model_copy(update={"public_url": url})
    return replace(brand, work=replace(brand.work, settings=settings))


def move(brand: made.Brand, old: str, new: str) -> made.Brand:
    """Move the installation, and return the brand at its new address."""
    with brand.work.database.writing() as session:
        addresses.move(session, old, new, utc_now())
    return at(brand, new)


def look(brand: made.Brand, code: str) -> LookUp:
    """Look up a certificate."""
    return lookup.look_up(brand.work.database, brand.work.settings, code, make.NOW)


def offline(brand: made.Brand, found: LookUp) -> str:
    """Return the outcome of the offline verification of a look-up's bundle with today's trust file."""
    assert found.bundle is not None
    with brand.work.database.reading() as session:
        trust = publications.trust_of(session, brand.work.settings, make.NOW)
    return bundle.verify(found.bundle, trust, make.NOW).outcome


def outcomes(brand: made.Brand) -> set[tuple[str, str]]:
    """Return the outcomes of all certificates of a brand: of the look-up and of the offline proof."""
    found = [look(brand, unit.code) for unit in brand.certificates()]
    return {(one.outcome, offline(brand, one)) for one in found}


def test_attack_a_changed_setting_turns_no_label_red(acme: made.Brand) -> None:
    """In a process with another address, every genuine label stays good, and the ledger keeps its name."""
    acme.issue()
    other = at(acme, NEW)
    assert outcomes(other) == {("good", "good")}
    assert look(other, acme.certificates()[0].code).steps[3].detail == "Signed by 127.0.0.1:8000/ledger."
    other.revoke(acme.certificates()[0].code, now=utc_now())
    assert [look(other, unit.code).outcome for unit in acme.certificates()] == ["revoked", "good", "good"]
    assert findings(acme.work) == []


def test_attack_issuing_in_a_shell_without_the_variable(acme: made.Brand) -> None:
    """The order, the key and the labels are refused with both addresses and both ways out."""
    moved = move(acme, OLD, NEW)
    batch = moved.issue()
    for act in (lambda: acme.issue("another"), acme.add_key, lambda: labels(acme, batch)):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "address.differs"
        assert f"AUTHCHECK_PUBLIC_URL={NEW}" in str(refused.value)
        assert f"authcheck address move {NEW} {OLD}" in str(refused.value)
    assert [unit.state for unit in moved.certificates()] == ["active"] * 3


def labels(brand: made.Brand, batch: Batch) -> list[str]:
    """Return the addresses on the labels of a batch."""
    with brand.work.database.reading() as session:
        return [label.url for label in labels_of(session, brand.work.settings, batch)]


@pytest.mark.postgresql
def test_labels_of_before_and_after_a_move_are_good(acme: made.Brand) -> None:
    """Two moves in a row and a move back: each certificate is good, in each process, also offline."""
    acme.issue("one")
    brand = acme
    for number, (old, new) in enumerate([(OLD, NEW), (NEW, THIRD), (THIRD, OLD), (OLD, NEW)]):
        brand = move(brand, old, new)
        brand.issue(f"after-{number}", now=utc_now())
        assert outcomes(brand) == {("good", "good")}
    issuers = [made.payload(unit.jws or "")["issuer"] for unit in brand.certificates()[::3]]
    assert issuers == [did_of(url, "acme") for url in (OLD, NEW, THIRD, OLD, NEW)]
    assert outcomes(at(brand, OLD)) == {("good", "good")}
    assert findings(brand.work) == []
    said = made.entries(brand.work, "address.move")
    assert [(one["from"], one["id"], one["ledger"]) for one in said] == [
        (old, new, "127.0.0.1:8000/ledger")
        for old, new in ((OLD, NEW), (NEW, THIRD), (THIRD, OLD), (OLD, NEW))
    ]


def test_a_bundle_of_before_the_move_stays_good_offline(acme: made.Brand) -> None:
    """A proof and a trust file that a buyer keeps verify as before, and the proof verifies by the new trust file."""
    acme.issue()
    kept = look(acme, acme.certificates()[0].code).bundle
    assert kept is not None
    with acme.work.database.reading() as session:
        before = publications.trust_of(session, acme.work.settings, make.NOW)
    moved = move(acme, OLD, NEW)
    moved.issue("two")
    with acme.work.database.reading() as session:
        after = publications.trust_of(session, moved.work.settings, make.NOW)
    assert bundle.verify(kept, before, make.NOW).outcome == "good"
    assert bundle.verify(kept, after, make.NOW).outcome == "good"
    new = look(moved, moved.certificates()[-1].code).bundle
    assert new is not None
    assert bundle.verify(new, before, make.NOW).outcome == "unknown"  # it knows no key of the new issuer


def test_a_revocation_after_the_move_reaches_old_and_new_units(acme: made.Brand) -> None:
    """Each unit is revoked in the list that it names, under the issuer that it names."""
    acme.issue("one")
    moved = move(acme, OLD, NEW)
    moved.issue("two")
    old, new = moved.certificates()[0], moved.certificates()[-1]
    moved.revoke(old.code, new.code)
    for unit in (old, new):
        assert look(moved, unit.code).outcome == "revoked"
        assert offline(moved, look(moved, unit.code)) == "revoked"
    assert [look(moved, unit.code).outcome for unit in moved.certificates()].count("good") == 4
    lists = {one["id"] for one in made.entries(moved.work, "statuslist.publish")}
    assert lists == {f"{OLD}/v1/status-lists/acme/0", f"{NEW}/v1/status-lists/acme/1"}


def test_a_key_of_before_signs_after_the_move_and_a_new_key_signs_old_lists(acme: made.Brand) -> None:
    """A key has a name at each address. It can be revoked by each of its names."""
    acme.issue("one")
    moved = move(acme, OLD, NEW)
    first, second = moved.signing_keys()[0], moved.add_key(rotate=True)
    assert (first.kid, second.kid) == (f"{did_of(OLD, 'acme')}#key-1", f"{did_of(NEW, 'acme')}#key-2")
    moved.revoke(moved.certificates()[0].code)
    assert made.header(moved.newest_list().jws)["kid"] == f"{did_of(OLD, 'acme')}#key-2"
    assert look(moved, moved.certificates()[1].code).outcome == "good"
    revoked = moved.revoke_key(f"{did_of(OLD, 'acme')}#key-2")
    assert revoked.id == second.id
    assert moved.revoke_key(f"{did_of(NEW, 'acme')}#key-1").id == first.id


def test_a_brand_that_keeps_its_key_signs_both_sides_of_a_move(workspace: Workspace) -> None:
    """What waited at the old address is fetched first, under the old name of the key, then the rest."""
    own = Ed25519PrivateKey.generate()
    brand = made.brand(workspace, key=False)
    brand.add_key(own.public_key().public_bytes_raw())
    brand.issue("one")
    brand = move(brand, OLD, NEW)
    brand.issue("two")
    kids = []
    for _ in range(2):
        with brand.work.database.writing() as session:
            organisation = organisations.get_organisation(session, "acme")
            waiting = brand_signatures.find_waiting(session, organisation, make.NOW)
            kids.append(waiting.kid)
            signed = brand_signatures.sign(waiting, own)
            assert brand_signatures.accept(session, organisation, signed, make.NOW) == 3
    assert kids == [f"{did_of(url, 'acme')}#key-1" for url in (OLD, NEW)]
    assert outcomes(brand) == {("good", "good")}


def test_attack_signatures_under_the_name_of_another_address(workspace: Workspace) -> None:
    """Signatures for statements of the old address are refused under the key's new name."""
    own = Ed25519PrivateKey.generate()
    brand = made.brand(workspace, key=False)
    brand.add_key(own.public_key().public_bytes_raw())
    brand.issue("one")
    brand = move(brand, OLD, NEW)
    with brand.work.database.writing() as session:
        organisation = organisations.get_organisation(session, "acme")
        waiting = brand_signatures.find_waiting(session, organisation, make.NOW)
        renamed = brand_signatures.Waiting(f"{did_of(NEW, 'acme')}#key-1", waiting.at, waiting.payloads)
        with pytest.raises(Rejected) as refused:
            brand_signatures.accept(session, organisation, brand_signatures.sign(renamed, own), make.NOW)
    assert refused.value.code == "signatures.unknown"


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE addresses SET url = 'https://labels.example/auth' WHERE number = 1",
            "differs from its entries: id",
        ),
        (
            "UPDATE addresses SET url = 'https://labels.example/auth' WHERE number = 0",
            "is at no recorded address",
        ),
        ("UPDATE addresses SET origin = 'forged/ledger'", "differs from its entries: ledger"),
        ("UPDATE addresses SET entry_number = 0 WHERE number = 1", "is missing, but entry"),
        ("UPDATE addresses SET entry_number = 0 WHERE number = 0", "does not have exactly one entry"),
        ("DELETE FROM addresses WHERE number = 1", "is missing, but entry"),
        ("DELETE FROM addresses", "has the name 127.0.0.1:8000/ledger, which is not"),
        (
            "UPDATE batches SET address = 'https://authcheck.example' WHERE request_key = 'one'",
            "look-ups say that it is not true",
        ),
    ],
)
def test_attack_addresses_in_the_database(acme: made.Brand, statement: str, problem: str) -> None:
    """The audit names an address that was changed, added or deleted, and a batch that was moved to another."""
    acme.issue("one")
    moved = move(acme, OLD, NEW)
    moved.issue("two")
    publishing.publish(moved.work.database, moved.work.settings)
    assert findings(moved.work) == []
    said = findings(moved.work, statement)
    assert any(problem in one for one in said), said


def test_the_audit_finds_the_units_of_a_shell_without_the_variable(acme: made.Brand) -> None:
    """Units that an older release made under an address that no key names are not true. The audit names each."""
    acme.issue()
    with acme.work.database.writing() as session:
        session.execute(sa.update(Batch).values(address=NEW))
    said = findings(acme.work)
    assert len([one for one in said if "names the issuer" in one]) == len(said) == 3
    acme.revoke(*(unit.code for unit in acme.certificates()))
    assert findings(acme.work) == []
    assert made.payload(acme.newest_list().jws)["issuer"] == did_of(OLD, "acme")


def test_the_first_key_records_a_public_address(settings: Settings) -> None:
    """An address that others can reach needs no confirmation, and is recorded with the first key."""
    brand = made.brand(unrecorded(settings, NEW))
    with brand.work.database.reading() as session:
        (row,) = addresses.list_addresses(session)
    assert (row.url, row.origin, row.entry_number) == (NEW, "authcheck.example/ledger", None)
    assert made.payload((brand.issue().id and brand.certificates()[0].jws) or "")["issuer"] == did_of(
        NEW, "acme"
    )
    brand.work.database.dispose()


@pytest.mark.parametrize(
    "url", [OLD, "http://localhost:8000", "http://[::1]:9000", "http://shop.localhost", "http://0.0.0.0:80"]
)
def test_attack_keys_for_an_address_that_only_this_computer_reaches(settings: Settings, url: str) -> None:
    """The first key is refused at every door until somebody confirms such an address."""
    work = unrecorded(settings, url)
    with pytest.raises(Conflict) as refused:
        made.brand(work)
    assert (refused.value.code, url in str(refused.value)) == ("address.unconfirmed", True)
    with work.database.writing() as session:
        addresses.record_first(session, work.settings, make.NOW)
    made.brand(work, "globex", seed=1)
    work.database.dispose()


def unrecorded(settings: Settings, url: str) -> Workspace:
    """Return a workspace of a new installation whose AUTHCHECK_PUBLIC_URL is `url`."""
    work = Workspace.open(settings.model_copy(update={"public_url": url}))
    with work.database.writing() as session:
        session.execute(sa.delete(Address))
    return work


@pytest.mark.postgresql
def test_two_processes_record_one_address(settings: Settings) -> None:
    """The address of the first process counts. The second process is refused."""
    first, second = (
        unrecorded(settings, NEW),
        Workspace.open(settings.model_copy(update={"public_url": THIRD})),
    )
    with first.database.writing() as session:
        addresses.record_first(session, first.settings, make.NOW)
        if not first.database.is_embedded:  # SQLite has one writer at a time
            with second.database.reading() as other:
                assert addresses.find_current(other) is None
    with second.database.writing() as session:
        addresses.record_first(session, second.settings, make.NOW)
    with second.database.writing() as session, pytest.raises(Conflict) as refused:
        addresses.require(session, second.settings, make.NOW)
    assert refused.value.code == "address.differs"
    first.database.dispose()
    second.database.dispose()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (NEW, THIRD, "address.not_current"),
        (OLD, OLD, "address.not_current"),
        (OLD, "HTTP://127.0.0.1:8000/", "address.not_current"),
        (OLD, "authcheck.example", "address.url"),
        (OLD, "https://authcheck.example/?q=1", "address.url"),
        (OLD, "https://a.example/" + "x" * 200, "address.url"),
    ],
)
def test_moves_that_are_refused(acme: made.Brand, old: str, new: str, code: str) -> None:
    """A move goes from the current address to another address."""
    with pytest.raises((Conflict, Rejected)) as refused:
        move(acme, old, new)
    assert refused.value.code == code


def test_an_address_that_only_an_earlier_release_accepted_is_moved(settings: Settings) -> None:
    """The setting refuses such an address today, and `move` leads away from it."""
    old = "https://b\u00fccher.example/a b"
    work = unrecorded(settings, OLD)
    with work.database.writing() as session:
        session.add(Address(number=0, url=old, origin="b/ledger", since=make.NOW, entry_number=None))
    with work.database.writing() as session:
        assert addresses.move(session, old, "https://xn--bcher-kva.example", utc_now()).number == 1
    with work.database.reading() as session:
        assert addresses.addresses_of(session, settings).urls == ("https://xn--bcher-kva.example", old)
    work.database.dispose()


def test_nothing_to_move_before_the_first_key(settings: Settings) -> None:
    """Without a recorded address the operator sets the variable."""
    work = unrecorded(settings, OLD)
    with work.database.writing() as session, pytest.raises(Conflict) as refused:
        addresses.move(session, OLD, NEW, make.NOW)
    assert refused.value.code == "address.not_recorded"
    work.database.dispose()


def test_a_lost_ledger_goes_on_under_another_name(acme: made.Brand) -> None:
    """With `new_ledger` the next checkpoint has the new address's name, and labels of before stay good."""
    acme.issue()
    with acme.work.database.writing() as session:
        addresses.move(session, OLD, NEW, utc_now(), new_ledger=True)
    moved = at(acme, NEW)
    checkpoint = publishing.publish(moved.work.database, moved.work.settings)
    assert checkpoint.note.startswith("authcheck.example/ledger\n")
    assert outcomes(moved) == {("good", "good")}
    assert findings(moved.work) == []


def test_a_list_with_several_addresses_is_published_at_the_newest_recorded_one(acme: made.Brand) -> None:
    """Installations of before addresses were recorded have such lists. An address that no key names never counts."""
    acme.issue("one")
    acme.issue("two")
    move(acme, OLD, NEW)
    for url, expected in ((NEW, NEW), (THIRD, OLD)):
        with acme.work.database.writing() as session:
            session.execute(sa.update(Batch).where(Batch.request_key == "two").values(address=url))
            assert status_lists.address_of(session, acme.design.owner_id, 0) == expected


def test_a_badge_after_the_move_verifies(acme: made.Brand, printers: Licensee) -> None:
    """A badge names its issuer at the current address, and the key by its name there."""
    granted = licensees.licence(acme.work, "acme", "printers", designs=(acme.design.id,))
    moved = move(acme, OLD, NEW)
    with moved.work.database.writing() as session:
        holder = organisations.get_organisation(session, "printers")
        words = {"marketplace": "m.example", "shop_id": "1", "url": "https://m.example/1"}
        shop = shops_made.add(session, holder, **words, now=make.NOW)
        badge = badges.make_badge(
            session,
            moved.work.settings,
            moved.vault,
            storefront_id=shop.id,
            licence_id=granted.id,
            now=make.NOW,
        )
        trust = publications.trust_of(session, moved.work.settings, make.NOW)
    assert badges.verify_badge(badge, "https://m.example/1", trust, make.NOW).issuer == did_of(NEW, "acme")
