"""The page of one licence: both sides, its acts, its versions, and figures that add up."""

import re
from datetime import timedelta

import licences_made as made
import make
import pytest
import shops_made
import units_made as units
from licence_visits import SignIn, visitors, words_of
from starlette.testclient import TestClient

from authcheck.certificates import signing_keys
from authcheck.licences import agreements
from authcheck.licences.tables import Licence
from authcheck.members import organisations
from authcheck.storage.opening import utc_now
from authcheck.storefronts import shops
from authcheck.workspace import Workspace

TODAY = utc_now().date()
DAY = timedelta(days=1)


@pytest.fixture
def visit(client: TestClient, workspace: Workspace) -> SignIn:
    """Return a function that opens the browser of a person."""
    return visitors(client, workspace)


@pytest.fixture
def koi(workspace: Workspace) -> str:
    """Return the id of a design of acme."""
    return make.register(workspace, "KOI", title="Koi & pond", seed=1).design.id


@pytest.mark.slow
def test_an_offer_is_read_accepted_and_revoked(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """Each side sees its acts, the other side's acts are refused, and a revocation needs the typed handle."""
    licence = made.licence(workspace, designs=(koi,), accepted=False, cap=30)
    path = f"/licences/{licence.id}"
    mei, maker = visit(), visit("maker", "licensee", "licensee")
    assert "Withdraw the offer" in words_of(mei.get(path))
    assert "Accept Decline" in words_of(maker.get(path))
    assert mei.post(f"{path}/answer", answer="accept").status_code == 404
    assert maker.post(f"{path}/answer", answer="perhaps").status_code == 400
    assert maker.post(f"{path}/answer", answer="accept").headers["location"] == f"{path}?notice=accepted"
    again = maker.post(f"{path}/answer", answer="decline")
    assert (again.status_code, "answered or revoked in the meantime" in again.text) == (409, True)
    page = words_of(mei.get(path))
    assert "Licence given to maker" in page
    assert "In force" in page
    assert re.search(r"\d+ Offered .* [0-9a-f]{64}", page)
    for fields in ({"handle": "", "reason": "unpaid"}, {"handle": "acme", "reason": "unpaid"}):
        refused = mei.post(f"{path}/revoke", **fields)
        assert (refused.status_code, "licence.confirmation" in refused.text) == (422, True)
        assert '<option value="unpaid" selected>' in refused.text
    assert mei.post(f"{path}/revoke", handle="maker", reason="bored").status_code == 422
    assert maker.post(f"{path}/revoke", handle="maker", reason="unpaid").status_code == 404
    assert mei.post(f"{path}/revoke", handle=" Maker ", reason="unpaid").status_code == 303
    page = words_of(maker.get(path))
    assert "Revoked. Reason: not paid." in page
    assert "This licence is revoked. Offer a new one." in words_of(mei.get(path))


@pytest.mark.slow
def test_a_role_that_looks_is_told_why_it_may_not_act(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """An analyst sees the locked buttons with the reason, and the forms refuse it all the same."""
    licence = made.licence(workspace, designs=(koi,), accepted=False)
    ana = visit(role="analyst")
    page = ana.get(f"/licences/{licence.id}")
    assert words_of(page).count("Your role may only look.") == 3
    assert f'action="/licences/{licence.id}' not in page.text
    for act in ("answer", "withdraw", "revoke"):
        assert ana.post(f"/licences/{licence.id}/{act}", answer="accept", handle="maker").status_code == 403
    stranger = visit("globex", "licensing")
    assert stranger.get(f"/licences/{licence.id}").status_code == 404
    assert stranger.post(f"/licences/{licence.id}/revoke", handle="maker", reason="unpaid").status_code == 404


@pytest.mark.slow
def test_versions_say_what_changed(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """The history names each changed field with both values. A withdrawn offer leaves the version in force."""
    first = made.licence(workspace, designs=(koi,), territories=("DE",), cap=10)
    acme = made.organisation(workspace, "acme")
    with workspace.database.writing() as session:
        newer = agreements.amend(
            session, acme, first.id, made.terms(designs=(koi,), territories=("DE", "FR"), cap=25), utc_now()
        )
    mei = visit()
    page = mei.get(f"/licences/{first.id}")
    words = words_of(page)
    assert "A newer version waits for an answer." in words
    assert "Countries Germany France and Germany" in words
    assert "Units at most 10 units at most 25 units" in words
    assert mei.post(f"/licences/{newer.id}/withdraw").status_code == 303
    assert mei.post(f"/licences/{newer.id}/withdraw").status_code == 409
    assert "Not accepted" in words_of(mei.get(f"/licences/{newer.id}"))
    with workspace.database.reading() as session:
        kept = session.get_one(Licence, first.id)
        assert (kept.superseded_at, kept.revoked_at) == (None, None)


@pytest.mark.slow
def test_the_numbers_of_a_licence_add_up(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """The batches of the page add up to the meter, and only their issuer reads products and lots."""
    make.confirm_address(workspace.database)
    licence = made.licence(workspace, designs=(koi,), cap=40, channels=("market.example",))
    maker_id = made.organisation(workspace, "maker").id
    vault = signing_keys.open_vault(workspace.settings)
    with workspace.database.writing() as session:
        maker = organisations.get_organisation(session, "maker")
        signing_keys.create_key(session, maker, vault, settings=workspace.settings, now=make.NOW)
        acme = organisations.get_organisation(session, "acme")
        signing_keys.create_key(session, acme, vault, settings=workspace.settings, now=make.NOW)
        for shop in ("1", "2"):
            place = "market.example" if shop == "1" else "bazaar.example"
            shops_made.add(
                session, maker, marketplace=place, shop_id=shop, url=f"https://{place}/{shop}", now=make.NOW
            )
    for number, count in enumerate((3, 4)):
        units.issue(
            workspace, koi, handle="maker", lot=f"L-{number}", product="Shirt", request_key=str(number),
            count=count, licence_id=licence.id, now=utc_now(),
        )  # fmt: skip
    mei, maker = visit(), visit("maker", "licensee", "licensee")
    path = f"/licences/{licence.id}"
    owners, makers = mei.get(path), maker.get(path)
    for page in (owners, makers):
        counts = re.findall(r'class="number" data-label="Units">(\d+)</td>', page.text)
        assert sum(map(int, counts)) == 7
        assert "7 of 40 issued (18%)" in words_of(page)
        assert "market.example/1" in page.text
        assert "bazaar.example/2" not in page.text
    assert "batches so far: 2, units: 7), and badges (shops: 1)" in words_of(owners)
    assert "Too few units were issued" in words_of(owners)
    assert ("Shirt" in owners.text, "Shirt" in makers.text) == (False, True)
    acme = made.organisation(workspace, "acme")
    with workspace.database.writing() as session:
        newer = agreements.amend(session, acme, licence.id, made.terms(designs=(koi,), cap=50), utc_now())
    assert "shops: 1)" in words_of(mei.get(f"/licences/{newer.id}"))  # those of the version in force
    (badge,) = re.findall(rf'href="({path}/badge\?shop=[^"]+)"', makers.text)
    shown = maker.get(badge)
    assert re.search(r">eyJ[\w.-]+</textarea>", shown.text)
    assert mei.get(badge).status_code == 404
    with workspace.database.writing() as session:
        (second,) = [row.id for row in shops.list_storefronts(session, maker_id) if row.shop_id == "2"]
    refused = maker.get(f"{path}/badge?shop={second}")
    assert (refused.status_code, "There is no badge now." in words_of(refused)) == (404, True)


@pytest.mark.slow
def test_a_licensee_reads_why_an_offer_cannot_be_accepted(
    visit: SignIn, workspace: Workspace, koi: str
) -> None:
    """An exclusive licence of somebody else is in the way. The licensee does not learn whose it is."""
    offered = made.licence(workspace, designs=(koi,), accepted=False)
    rival = made.licence(workspace, licensee="sewer", designs=(koi,), exclusive=True)
    page = visit("maker", "licensee", "licensee").post(f"/licences/{offered.id}/answer", answer="accept")
    assert page.status_code == 409
    assert "Ask the owner for other terms." in page.text
    assert rival.id not in page.text
    assert "sewer" not in page.text
