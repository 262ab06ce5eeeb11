"""Flow: a licensee issues certificates within its licence, and never beyond the licence, even in races."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import certificates_made as made
import licensees_made as licensees
import make
import pytest
import sqlalchemy as sa
from ledger_made import key_of
from licensees_made import Licensee

from authcheck.certificates import brand_signatures
from authcheck.certificates.brand_signatures import Signatures, sign
from authcheck.certificates.orders import Order
from authcheck.certificates.tables import Batch
from authcheck.errors import AuthcheckError, Conflict
from authcheck.licences.tables import Licence
from authcheck.lookups.lookup import look_up
from authcheck.members import organisations
from authcheck.registry import designs

pytestmark = pytest.mark.postgresql

OWN = key_of(7)
DAY = timedelta(days=1)


def refused(issuer: made.Brand, **words: Any) -> AuthcheckError:
    """The code with which an order is refused. The refused order leaves nothing behind."""
    before = made.entries(issuer.work)
    with pytest.raises(AuthcheckError) as caught:
        issuer.issue(words.pop("request_key", "refused"), **words)
    assert made.entries(issuer.work) == before
    return caught.value


def breach(issuer: made.Brand, **words: Any) -> dict[str, Any]:
    """The numbers of the licence breach for which an order is refused."""
    error = refused(issuer, **words)
    assert (error.code, type(error)) == ("certificate.licence_breach", Conflict)
    return error.params


def hand_in(keeper: Licensee, given: Signatures) -> int:
    """Hand in a licensee's signatures."""
    with keeper.work.database.writing() as session:
        organisation = organisations.get_organisation(session, keeper.handle)
        return brand_signatures.accept(session, organisation, given, make.NOW)


def test_a_certificate_names_the_licence_it_stands_on(
    printers: Licensee, license_it: Callable[..., Licence]
) -> None:
    """The licensee's key signs the certificate. A look-up finds it good and compares the row with it."""
    licence = license_it(cap=9)
    batch = printers.issue()
    unit = printers.certificates()[0]
    said = made.payload(unit.jws or "")
    assert batch.licence_id == licence.id == said["credentialSubject"]["licence"]
    assert said["issuer"].endswith(":brands:printers")
    found = look_up(printers.work.database, printers.work.settings, unit.code, make.NOW)
    assert found.outcome == "good"
    with printers.work.database.writing() as session:
        session.execute(sa.update(Batch).where(Batch.id == batch.id).values(licence_id=None))
    found = look_up(printers.work.database, printers.work.settings, unit.code, make.NOW)
    assert (found.outcome, found.steps[0].code) == ("not_true", "certificate.changed")


def test_an_owner_needs_no_licence(acme: made.Brand, license_it: Callable[..., Licence]) -> None:
    """An owner's certificates name no licence and count towards no cap."""
    licence = license_it(cap=1)
    assert acme.issue().licence_id is None
    assert "licence" not in made.payload(acme.certificates()[0].jws or "")["credentialSubject"]
    assert refused(acme, licence_id=licence.id).code == "licence.not_found"


def test_an_order_without_a_licence_is_the_request_it_was() -> None:
    """The hash of an order without a licence is the same as before licences existed.

    An order with a licence is another request.
    """
    order = Order("dsn_1", made.GTIN_14, "L1", "Kite shirt", "r1", count=3)
    assert order.sha256 == "cb3dc20483394d7d266758e5901605930a42f87f3d699e331afbfd51b860ae91"
    assert replace(order, licence_id="lic_1").sha256 != order.sha256


def test_without_a_licence_nothing_is_issued(printers: Licensee, acme: made.Brand) -> None:
    """Without an accepted licence the order is refused, whether the design exists or not."""
    for design_id in (acme.design.id, "dsn_NOBODY", "x\0"):
        assert refused(printers, design_id=design_id).code == "certificate.no_licence"
    offer = licensees.licence(acme.work, "acme", "printers", accepted=False, designs=(acme.design.id,))
    assert refused(printers).code == "certificate.no_licence"
    assert breach(printers, licence_id=offer.id)["breach"] == "licence.not_accepted"


def test_anothers_licence_is_not_there(
    printers: Licensee, acme: made.Brand, license_it: Callable[..., Licence]
) -> None:
    """A licensee cannot use another licensee's licence or an unknown licence id."""
    licence = license_it()
    other = licensees.licensee(acme.work, acme.design, "weavers")
    for licence_id in (licence.id, "lic_NOBODY", "x\0"):
        assert refused(other, licence_id=licence_id).code == "licence.not_found"
    assert refused(other).code == "certificate.no_licence"


def test_a_licence_of_a_stranger_is_none(printers: Licensee, acme: made.Brand) -> None:
    """A rival cannot license acme's design, even through a collection of the same name."""
    rival = made.brand(acme.work, "globex", seed=9)
    with acme.work.database.writing() as session:
        for design in (acme.design, rival.design):
            designs.get_design(session, design.id).collection = "Kites"
    licence = licensees.licence(acme.work, "globex", "printers", collections=("Kites",))
    assert refused(printers).code == "certificate.no_licence"
    assert refused(printers, licence_id=licence.id).code == "certificate.no_licence"
    assert printers.issue(design_id=rival.design.id).licence_id == licence.id


def test_the_cap_is_the_end(printers: Licensee, license_it: Callable[..., Licence]) -> None:
    """All orders together stay within the cap. The refusal has the numbers.

    A repeated request counts once.
    """
    licence = license_it(cap=5)
    assert breach(printers, count=6)["units"] == 6
    first = printers.issue(count=4)
    params = breach(printers, count=2)
    assert (params["breach"], params["units"], params["cap"]) == ("licence.over_cap", 6, 5)
    assert (params["licence"], params["breaches"]) == (licence.id, "licence.over_cap")
    printers.issue("r2", count=1)
    assert printers.issue(count=4).id == first.id
    assert breach(printers, count=1)["units"] == 6
    assert printers.units() == 5


def test_a_revoked_unit_was_made_all_the_same(printers: Licensee, license_it: Callable[..., Licence]) -> None:
    """A revoked unit still counts towards the cap."""
    license_it(cap=3)
    batch = printers.issue()
    printers.revoke(batch_id=batch.id)
    assert breach(printers, count=1)["units"] == 4


def test_outside_period_and_designs_nothing_is_issued(
    printers: Licensee, acme: made.Brand, license_it: Callable[..., Licence]
) -> None:
    """Orders before the first day, after the last day or for another design are refused.

    The last day is included.
    """
    today = make.NOW.date()
    licence = license_it(now=make.NOW - 9 * DAY, starts_on=today, ends_on=today)
    printers.issue()
    assert breach(printers, now=make.NOW - DAY)["breach"] == "licence.not_started"
    lapsed = breach(printers, now=make.NOW + DAY)
    assert (lapsed["breach"], lapsed["days"], lapsed["ended"]) == ("licence.lapsed", 1, today.isoformat())
    other = make.register(acme.work, "KITE-2", owner="acme", seed=77).design
    assert refused(printers, design_id=other.id).code == "certificate.no_licence"
    assert breach(printers, design_id=other.id, licence_id=licence.id)["breach"] == "licence.other_design"


def test_of_two_licences_the_one_is_taken_that_covers_the_order(
    printers: Licensee, license_it: Callable[..., Licence]
) -> None:
    """The order uses the licence that covers it, unless the licensee names a licence."""
    small, large = license_it(cap=2), license_it(cap=10)
    assert printers.issue(count=5).licence_id == large.id
    assert printers.issue("r2", count=2, licence_id=small.id).licence_id == small.id
    assert breach(printers, count=1, licence_id=small.id)["cap"] == 2


@pytest.mark.slow
def test_a_meter_runs_over_all_versions(
    printers: Licensee, acme: made.Brand, license_it: Callable[..., Licence]
) -> None:
    """Units count over all versions of a licence.

    A higher cap adds only the difference, and the old version is over.
    """
    first = license_it(cap=10)
    printers.issue(count=10)
    assert printers.meter(first).alerts == (0.8, 0.95, 1.0)
    words: dict[str, Any] = {"designs": (acme.design.id,), "cap": 12}
    second = licensees.amend(acme.work, "acme", "printers", first.id, **words)
    assert breach(printers, count=3)["units"] == 13
    assert breach(printers, count=1, licence_id=first.id)["breach"] == "licence.superseded"
    assert printers.issue("r2", count=2).licence_id == second.id
    assert printers.meter(first) == printers.meter(second)
    assert (printers.meter(first).units, printers.meter(first).cap) == (12, 12)


def test_a_sublicence_ends_with_what_it_stands_on(
    printers: Licensee, acme: made.Brand, license_it: Callable[..., Licence]
) -> None:
    """A sublicensee can issue for the owner's design until the owner revokes the parent licence."""
    licence = license_it(sublicensing=True)
    weavers = licensees.licensee(acme.work, acme.design, "weavers")
    below = licensees.licence(
        acme.work, "printers", "weavers", parent_id=licence.id, designs=(acme.design.id,)
    )
    assert weavers.issue().licence_id == below.id
    licensees.revoke(acme.work, "acme", licence.id)
    assert breach(weavers)["breach"] == "licence.revoked"


def test_a_sublicensee_does_not_read_the_cap_above(
    acme: made.Brand, license_it: Callable[..., Licence]
) -> None:
    """An order that exceeds the upper licence's cap is refused for the quantity, without cap and units."""
    licence = license_it(sublicensing=True, cap=8713)
    weavers = licensees.licensee(acme.work, acme.design, "weavers")
    licensees.licence(
        acme.work, "printers", "weavers", parent_id=licence.id, designs=(acme.design.id,), cap=8713
    )
    error = refused(weavers, count=8714)
    assert (error.params["units"], error.params["cap"]) == (8714, 8713)  # of its own licence
    narrower = licensees.amend(
        acme.work, "acme", "printers", licence.id, designs=(acme.design.id,), sublicensing=True, cap=5
    )
    error = refused(weavers, count=6)
    assert error.params["breaches"] == "licence.over_cap"
    assert {"units", "cap"}.isdisjoint(error.params)
    assert narrower.id not in f"{error} {error.params}"
    assert "cap 5" not in str(error)


def test_a_revocation_counts_at_once_whatever_the_clocks(
    printers: Licensee, acme: made.Brand, license_it: Callable[..., Licence]
) -> None:
    """An order that waited while the owner revoked is refused, even when it is dated before the revocation."""
    licence = license_it()
    licensees.revoke(acme.work, "acme", licence.id, make.NOW + DAY)
    assert breach(printers, now=make.NOW)["breach"] == "licence.revoked"


def test_a_revoked_licence_signs_nothing_that_waits(
    printers: Licensee, acme: made.Brand, license_it: Callable[..., Licence]
) -> None:
    """After a revocation, waiting orders of a licensee that keeps its key cannot be signed.

    Their signatures are refused.
    """
    keeper = licensees.licensee(acme.work, acme.design, "weavers", key=False)
    keeper.add_key(OWN.public_key().public_bytes_raw())
    licence = licensees.licence(acme.work, "acme", "weavers", designs=(acme.design.id,), cap=5)
    keeper.issue(count=3)
    assert breach(keeper, count=3)["units"] == 6  # a waiting order counts
    waiting = keeper.waiting()
    assert sum(name.startswith("urn:") for name in waiting.payloads) == 3
    licensees.revoke(acme.work, "acme", licence.id)
    assert not any(name.startswith("urn:") for name in keeper.waiting().payloads)
    before = made.entries(acme.work)
    with pytest.raises(Conflict) as caught:
        hand_in(keeper, sign(waiting, OWN))
    assert (caught.value.code, caught.value.params["breach"]) == (
        "certificate.licence_breach",
        "licence.revoked",
    )
    assert made.entries(acme.work) == before


def test_what_waits_is_signed_under_the_version_that_came_after(acme: made.Brand, printers: Licensee) -> None:
    """An amended licence lets earlier orders be signed."""
    keeper = licensees.licensee(acme.work, acme.design, "weavers", key=False)
    keeper.add_key(OWN.public_key().public_bytes_raw())
    words: dict[str, Any] = {"designs": (acme.design.id,), "ends_on": date(2027, 12, 31)}
    licence = licensees.licence(acme.work, "acme", "weavers", **words)
    keeper.issue()
    licensees.amend(acme.work, "acme", "weavers", licence.id, **words, cap=9)
    assert hand_in(keeper, sign(keeper.waiting(), OWN)) == 3
