"""Flow: marketplaces write shops, prices and certificates in their own ways, and no seller pays for it."""

from datetime import date
from pathlib import Path
from typing import Any

import certificates_made as made
import licences_made
import make
import pytest
import shops_made

from authcheck.errors import Rejected
from authcheck.ids import normal_id
from authcheck.licences import grants
from authcheck.listings import judging
from authcheck.listings.judging import Judged, NewListing
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.storefronts import sellers, shops
from authcheck.storefronts.tables import Storefront
from authcheck.workspace import Workspace

pytestmark = pytest.mark.slow
DAY = date(2026, 11, 23)


@pytest.fixture
def acme(workspace: Workspace) -> made.Brand:
    """Return acme with a design and a certificate. kiteco has the shop 0042 and a licence for that shop."""
    make.confirm_address(workspace.database)
    brand = made.brand(workspace, "acme")
    brand.issue()
    kiteco = licences_made.organisation(workspace, "kiteco")
    with workspace.database.writing() as session:
        words = {
            "marketplace": "market.example",
            "shop_id": "0042",
            "url": "https://market.example/shop/0042",
        }
        shops_made.add(session, kiteco, **words, now=make.NOW)
    channels = ("market.example/0042",)
    licences_made.licence(workspace, licensee="kiteco", designs=(brand.design.id,), channels=channels)
    return brand


def ask(work: Workspace, **words: Any) -> Judged:
    """Check a listing of the shop 0042."""
    fields: dict[str, Any] = {
        "reference": "L",
        "seller": "0042",
        "channel": "market.example",
        "territory": "DE",
    }
    offer = NewListing(**{**fields, "listed_on": DAY, **words})
    return judging.check_listing(
        work, offer, [("a.png", make.picture_bytes())], organisation_id=None, source="cli", now=make.NOW
    )


@pytest.mark.parametrize(
    "words",
    [
        {"channel": "https://www.Market.example/"},
        {"channel": "WWW.MARKET.EXAMPLE."},
        {"seller": "@0042"},
        {"seller": "00\u200b42 "},
        {"seller": "https://market.example/shop/0042/"},
        {"seller": "http://www.market.example/shop/0042"},
        {"territory": "Deutschland"},
        {"price": "19,90 EUR"},
        {"price": "cheap"},
    ],
)
def test_a_spelling_costs_no_licence(workspace: Workspace, acme: made.Brand, words: dict[str, Any]) -> None:
    """The shop is known and its licence covers it, however the offer is written."""
    judged = ask(workspace, **words)
    assert judged.decision.code == "licensed", judged.decision


@pytest.mark.postgresql
@pytest.mark.parametrize("shop", ["42", "00042"])
def test_a_lost_zero_accuses_nobody(workspace: Workspace, acme: made.Brand, shop: str) -> None:
    """The near shop is named, and a person decides."""
    judged = ask(workspace, seller=shop)
    assert judged.decision.code == "lookalike"
    near = next(reason for reason in judged.decision.reasons if reason.code == "listing.shop_near")
    assert near.params["shop"] == "0042"
    assert judging.decide_again(judged.listing) == judged.decision
    assert ask(workspace, seller="43").decision.code == "unlicensed_use"
    assert ask(workspace, seller="%42").decision.code == "unlicensed_use"


def test_an_unread_price_is_named(workspace: Workspace, acme: made.Brand) -> None:
    """The listing is checked and the price is in the reasons."""
    judged = ask(workspace, price="about $20")
    (unread,) = [reason for reason in judged.decision.reasons if reason.code == "listing.price_unread"]
    assert (unread.params["price"], judged.listing.price) == ("about $20", None)


def test_a_certificate_may_be_a_labels_address(workspace: Workspace, acme: made.Brand) -> None:
    """The code is stored in its one spelling. An address of another service is refused, not unknown."""
    code = acme.certificates()[0].code
    for text in (code.lower(), f"HTTP://127.0.0.1:8000/C/{code}", f"<http://127.0.0.1:8000/c/{code}/>"):
        judged = ask(workspace, certificate_code=text)
        assert (judged.decision.code, judged.listing.certificate_code) == ("licensed", code)
    with pytest.raises(Rejected, match=r"other\.example") as refused:
        ask(workspace, certificate_code=f"https://other.example/c/{code}")
    assert refused.value.code == "listing.certificate"


@pytest.mark.postgresql
def test_shops_of_earlier_releases_are_found(workspace: Workspace, acme: made.Brand) -> None:
    """A shop that was stored as it was typed is still its member's shop."""
    kiteco = licences_made.organisation(workspace, "kiteco")
    fields = {"organisation_id": kiteco.id, "url": "https://market.example/k", "created_at": make.NOW}
    with workspace.database.writing() as session:
        session.add(Storefront(id="shp_1", marketplace="www.market.example", shop_id="@kites", **fields))
    with workspace.database.reading() as session:
        found = shops.find_shop(session, "market.example", "kites")
        assert found is not None
        assert found.organisation.handle == "kiteco"
        words: dict[str, Any] = {
            "marketplace": "https://market.example",
            "shop_id": "@0042",
            "territory": "de",
        }
        assert sellers.may_sell(session, acme.design, **words, on=DAY).allowed
        assert organisations.get_organisation(session, "Kiteco\u200b").id == kiteco.id


def test_the_command_line_reads_values_as_they_are_written(
    cli: Any, workspace: Workspace, acme: made.Brand
) -> None:
    """Days, counts and lists of an offer are read, and a day with two meanings is refused."""
    words = ("--org", "ACME", "--to", "kiteco", "--design", acme.design.reference)
    told = cli(
        "licences",
        "offer",
        *words,
        "--starts",
        "1.12.2026",
        "--cap",
        "1,000",
        "--territories",
        "EU;CH",
        "--json",
    )
    (licence,) = told.objects
    assert (licence["terms"]["starts_on"], licence["terms"]["cap"]) == ("2026-12-01", 1000)
    assert len(licence["terms"]["territories"]) == 28
    odd = cli("licences", "offer", *words, "--ends", "11/12/2026")
    assert (odd.code, "11/12/2026" in odd.err, "[licence.period]" in odd.err) == (2, True, True)
    assert cli("licences", "offer", *words, "--cap", "1,5").code == 2
    code = acme.certificates()[0].code
    assert cli("lookup", f"http://127.0.0.1:8000/c/{code}").code == 0
    assert "[code.foreign]" in cli("lookup", f"https://other.example/c/{code}").err


def test_a_word_of_a_list_may_have_capitals_and_blanks(
    cli: Any, workspace: Workspace, tmp_path: Path
) -> None:
    """Kinds, roles, states, verdicts, reasons and handles are read as a keyboard capitalises them."""
    (tmp_path / "kite.png").write_bytes(make.picture_bytes())
    said = [
        ("designs", "import", str(tmp_path / "kite.png"), "--org", "Acme", "--kind", " Logo"),
        ("designs", "list", "--org", "ACME", "--state", "Registered"),
        ("organisations", "add", "Kiteco", "--role", "Licensee"),
        ("licences", "offer", "--org", "acme", "--to", "kiteco", "--design", "kite"),
        ("licences", "list", "--org", "Acme", "--role", "OWNER"),
        ("listings", "list", "--verdict", "Unlicensed use"),
        ("certificates", "list", "--org", "acme", "--state", "Active "),
        ("keys", "create", "--org", "acme", "--scope", "Listings:Check"),
    ]
    assert [(words[:2], cli(*words).code) for words in said] == [(words[:2], 0) for words in said]
    with workspace.database.reading() as session:
        assert designs.find_design(session, "acme", "kite").kind == "logo"
        (licence,) = grants.all_licences(session, organisations.get_organisation(session, "acme").id)
    revoked = cli("licences", "revoke", licence.id, "--org", "acme", "--reason", "Unpaid", "--yes")
    assert revoked.code == 0
    assert "[setting.role]" in cli("licences", "list", "--org", "acme", "--role", "licensor").err


def test_ids_are_read_as_a_phone_types_them(workspace: Workspace, acme: made.Brand) -> None:
    """An id has capitals after its prefix, whatever the keyboard makes of it."""
    with workspace.database.reading() as session:
        typed = f" {acme.design.id.capitalize()}."
        assert designs.get_design(session, typed).id == acme.design.id
        words: dict[str, Any] = {"marketplace": "market.example", "shop_id": "42", "territory": "DE"}
        answer = sellers.may_sell(session, acme.design, **words, on=DAY)
    assert (answer.near_shop, answer.reasons) == ("0042", ("listing.seller_unknown", "listing.shop_near"))
    assert normal_id("anything else") == "anything else"


def test_a_references_accent_may_be_written_in_two_ways(workspace: Workspace) -> None:
    """A Mac writes an accent as a character of its own. It is the same reference."""
    design = make.register(workspace, "CAFE\u0301").design
    assert design.reference == "CAF\u00c9"
    with workspace.database.reading() as session:
        for reference in ("CAF\u00c9", "CAFE\u0301", "CAF\u200b\u00c9"):
            assert designs.find_design(session, "Acme", reference).id == design.id
