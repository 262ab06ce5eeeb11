"""Flow: a brand revokes certificates. The rows, one entry each and a new status list change together."""

import threading
from datetime import timedelta

import certificates_made as made
import make
import pytest
from ledger_made import assert_log_sound
from log_made import DatabaseLog

from authcheck.errors import AuthcheckError, Conflict
from authcheck.workspace import Workspace


@pytest.fixture
def acme(workspace: Workspace) -> made.Brand:
    """A brand that has issued five certificates."""
    brand = made.brand(workspace)
    brand.issue(count=5)
    return brand


def states(brand: made.Brand) -> str:
    """The first letter of each certificate's state."""
    return "".join(one.state[0] for one in brand.certificates())


@pytest.mark.parametrize("name", ["id", "code"])
def test_one_is_revoked_by_its_id_or_code(acme: made.Brand, name: str) -> None:
    """The certificate, the ledger and the status list in force show the revocation.

    All other certificates stay good.
    """
    unit = acme.certificates()[2]
    done = acme.revoke(getattr(unit, name), reason="stolen")
    assert (done.now, done.before, states(acme), acme.revoked_places()) == (1, 0, "aaraa", [2])
    revoked = acme.certificates()[2]
    (entry,) = made.entries(acme.work, "cert.revoke")
    assert (revoked.revocation_reason, revoked.revoked_at) == ("stolen", make.NOW)
    assert revoked.revoked_entry_number == entry.pop("number")
    assert entry == {
        "at": "2026-11-23T12:00:00.000000Z",
        "id": f"urn:uuid:{unit.id}",
        "iss": "did:web:127.0.0.1%3A8000:brands:acme",
        "reason": "stolen",
        "t": "cert.revoke",
        "v": 1,
    }
    assert acme.newest_list().entry_number > revoked.revoked_entry_number
    assert revoked.jws == unit.jws
    assert_log_sound(DatabaseLog(acme.work.database))


def test_a_range_and_a_batch_are_revoked_at_once(acme: made.Brand) -> None:
    """A range counts from 1 and includes both ends.

    A batch revokes its remaining certificates and no others.
    """
    batch = acme.issue("r2", count=4)
    assert acme.revoke(batch_id=batch.id, first=2, last=3).now == 2
    assert states(acme) == "aaaaaarra"
    lists = len(made.entries(acme.work, "statuslist.publish"))
    done = acme.revoke(batch_id=batch.id)
    assert (done.now, done.before, states(acme)) == (2, 2, "aaaaarrrr")
    assert acme.revoked_places() == [5, 6, 7, 8]
    assert len(made.entries(acme.work, "statuslist.publish")) == lists + 1


def test_revoking_twice_changes_nothing(acme: made.Brand) -> None:
    """A second revocation keeps the first reason, time and entry. The ledger does not grow."""
    unit = acme.certificates()[0]
    acme.revoke(unit.code, reason="lost")
    before, ledger = acme.certificates()[0].revoked_entry_number, made.entries(acme.work)
    again = acme.revoke(unit.code, unit.id, reason="recalled", now=make.NOW + timedelta(days=1))
    assert (again.now, again.before) == (0, 1)
    assert acme.certificates()[0].revoked_entry_number == before
    assert acme.certificates()[0].revocation_reason == "lost"
    assert made.entries(acme.work) == ledger


def test_revoking_from_two_threads_at_once_revokes_once(acme: made.Brand) -> None:
    """Two threads that revoke at once write one entry for each certificate."""
    codes = [one.code for one in acme.certificates()]
    threads = [threading.Thread(target=acme.revoke, args=codes) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made.entries(acme.work, "cert.revoke")) == 5
    assert acme.revoked_places() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"reason": "because"}, "certificate.reason"),
        ({"batch_id": None}, "certificate.selection"),
        ({"first": 0}, "certificate.selection"),
        ({"first": 3, "last": 2}, "certificate.selection"),
        ({"last": 6}, "certificate.selection"),
        ({"batch_id": "bat_NOBODY"}, "batch.not_found"),
    ],
)
def test_what_cannot_be_revoked_is_refused(acme: made.Brand, words: dict[str, object], code: str) -> None:
    """An unknown reason, an empty request, an invalid range and an unknown batch are refused."""
    batch = acme.issue(count=5)
    before = made.entries(acme.work)
    with pytest.raises(AuthcheckError) as caught:
        acme.revoke(**{"batch_id": batch.id, **words})  # type: ignore[arg-type]
    assert (caught.value.code, made.entries(acme.work)) == (code, before)


def test_of_a_list_with_a_stranger_in_it_none_is_revoked(acme: made.Brand) -> None:
    """One unknown code, mistyped code or code of another brand is named in the refusal, and nothing is revoked."""
    rival = made.brand(acme.work, "globex", seed=9)
    rival.issue()
    theirs = rival.certificates()[0]
    mine = acme.certificates()[0].code
    for name, code in (
        (theirs.code, "certificate.not_found"),
        (theirs.id, "certificate.not_found"),
        ("0000000000000", "certificate.not_found"),
        ("nonsense", "code.malformed"),
        ("x\0", "code.malformed"),
    ):
        with pytest.raises(AuthcheckError) as caught:
            acme.revoke(mine, name)
        assert caught.value.code == code
    batch = theirs.batch_id
    with pytest.raises(AuthcheckError):
        acme.revoke(batch_id=batch)
    assert (states(acme), states(rival)) == ("aaaaa", "aaa")


def test_it_needs_no_key_to_revoke(acme: made.Brand) -> None:
    """A brand without a valid key can still revoke. The status list is published with the next key."""
    acme.revoke_key(acme.signing_keys()[0].kid)
    acme.revoke(acme.certificates()[1].code)
    assert (states(acme), acme.revoked_places()) == ("araaa", [])
    acme.add_key()
    assert acme.revoked_places() == [1]


def test_the_second_list_begins_where_the_first_ends(
    acme: made.Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places count within a list. A batch across two lists publishes both.

    A revocation publishes only the list it touches.
    """
    for module in ("status_lists", "statements"):
        monkeypatch.setattr(f"authcheck.certificates.{module}.PLACES", 8)
    acme.issue("r2", count=5)
    urls = [made.payload(one.jws or "")["credentialStatus"] for one in acme.certificates()]
    assert [url["statusListCredential"][-1] for url in urls[5:]] == ["0", "0", "0", "1", "1"]
    assert [url["statusListIndex"] for url in urls[5:]] == ["5", "6", "7", "0", "1"]
    assert len(made.entries(acme.work, "statuslist.publish")) == 3
    acme.revoke(acme.certificates()[9].code)
    assert made.entries(acme.work, "statuslist.publish")[-1]["id"].endswith("/1")


def test_unsigned_certificates_are_not_revoked(workspace: Workspace) -> None:
    """A unit that its brand never signed has no certificate to revoke."""
    brand = made.brand(workspace, key=False)
    brand.add_key(b"k" * 32)
    brand.issue()
    with pytest.raises(Conflict) as caught:
        brand.revoke(brand.certificates()[0].code)
    assert caught.value.code == "certificate.unsigned"
