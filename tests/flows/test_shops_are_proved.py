"""Flow: an organisation claims a shop, and the shop's page, its marketplace or the operator proves the claim."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import licences_made
import make
import pytest

from authcheck.errors import AuthcheckError, Conflict, Forbidden, Unavailable
from authcheck.listings import judging
from authcheck.listings.judging import NewListing
from authcheck.members import domains, organisations, standing
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storefronts import official, proving, shops
from authcheck.storefronts.tables import Storefront
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
MARKET, HANDLE, URL = "bigmarket.com", "bigmarket", "https://bigmarket.com/kites"
NOW = make.NOW


class Page:
    """An internet of one page."""

    def __init__(self, body: str | AuthcheckError = "") -> None:
        self.body = body

    def read_txt(self, _name: str) -> Sequence[str]:
        """Return no records."""
        return ()

    def read_page(self, _url: str) -> bytes:
        """Return the page."""
        if isinstance(self.body, AuthcheckError):
            raise self.body
        return self.body.encode()


def claim(work: Workspace, handle: str = "kiteco", **words: Any) -> Storefront:
    """Let an organisation claim the shop."""
    member = licences_made.organisation(work, handle)
    with work.database.writing() as session:
        given = {"marketplace": MARKET, "shop_id": "kites", "url": URL, "now": NOW, **words}
        return shops.add(session, member, **given)


def look(work: Workspace, shop: Storefront, page: Page, *, now: Any = NOW) -> Storefront:
    """Look at the shop's page and note what was found."""
    with work.database.reading() as session:
        proofs = proving.texts_to_find(session, shop)
    finding = proving.look(page, shop.url, proofs)
    with work.database.writing() as session:
        noted = proving.note(session, shop.id, finding, now)
        assert noted is not None
        return noted


def proof_of(work: Workspace, shop: Storefront) -> str:
    """Return how and how well the shop is proved."""
    with work.database.reading() as session:
        row = session.get_one(Storefront, shop.id)
        return f"{row.proof} {row.proved_by} {row.problem}".strip()


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>Kites! PROOF</p>", "proved page"),
        ("PROOF", "proved page"),
        ("", "claimed  storefront.missing"),
        ("authcheck-shop=of-somebody-else", "claimed  storefront.missing"),
        ("OK for everything", "claimed  storefront.missing"),
        (Unavailable("", code="page.redirect"), "claimed  page.redirect"),
        (Unavailable("", code="page.private"), "claimed  page.private"),
        (Unavailable("", code="page.too_large"), "claimed  page.too_large"),
    ],
)
def test_the_page_proves_the_shop(workspace: Workspace, page: str | AuthcheckError, expected: str) -> None:
    """The page shows the organisation's own text, or the shop stays claimed and says what was seen."""
    shop = claim(workspace)
    body = page.replace("PROOF", proving.proof_of(shop)) if isinstance(page, str) else page
    look(workspace, shop, Page(body))
    assert proof_of(workspace, shop) == expected


def test_of_two_who_show_their_texts_the_first_keeps_the_shop(workspace: Workspace) -> None:
    """Two organisations may claim a shop. A page with both texts changes nothing, one with the newer moves it."""
    first, second = claim(workspace), claim(workspace, "rivalco")
    assert first.id != second.id
    look(workspace, first, Page(proving.proof_of(first)))
    both = Page(f"{proving.proof_of(first)} {proving.proof_of(second)}")
    look(workspace, second, both)
    assert (proof_of(workspace, first), proof_of(workspace, second)) == (
        "proved page",
        "claimed  storefront.shared",
    )
    with pytest.raises(Conflict) as taken:
        claim(workspace, "thirdco")
    assert taken.value.code == "storefront.taken"
    look(workspace, second, Page(proving.proof_of(second)))
    assert (proof_of(workspace, first), proof_of(workspace, second)) == (
        "lost page storefront.missing",
        "proved page",
    )
    with workspace.database.reading() as session:
        found = shops.find_shop(session, MARKET, "kites")
        assert found is not None
        assert found.organisation.handle == "rivalco"


def test_a_lost_text_costs_the_proof_after_three_days(workspace: Workspace) -> None:
    """A page that fails for a day costs nothing. Another address has to be proved again."""
    shop = claim(workspace)
    look(workspace, shop, Page(proving.proof_of(shop)))
    look(workspace, shop, Page(Unavailable("", code="page.timeout")), now=NOW + timedelta(days=2))
    assert proof_of(workspace, shop) == "proved page page.timeout"
    look(workspace, shop, Page(), now=NOW + timedelta(days=4))
    assert proof_of(workspace, shop) == "lost page storefront.missing"
    look(workspace, shop, Page(proving.proof_of(shop)), now=NOW + timedelta(days=5))
    with workspace.database.reading() as session:
        assert [row.id for row in proving.find_due(session, NOW + timedelta(days=7), 9)] == [shop.id]
    claim(workspace, url="https://shops.bigmarket.com/?shop=Kites")
    assert proof_of(workspace, shop) == "claimed"


def marketplace(
    work: Workspace, handle: str = HANDLE, *, roles: Sequence[str] = ("marketplace",), domain: str = ""
) -> str:
    """Make a marketplace that has proved a domain, and return its handle."""
    with work.database.writing() as session:
        member = organisations.create_organisation(session, handle=handle, name=handle, roles=roles, now=NOW)
        if domain:
            row = domains.add(session, member, domain, NOW)
            domains.note(session, row.id, domains.Finding("dns"), NOW)
    return handle


def confirm(work: Workspace, shop: Storefront, handle: str | None, *, takes_back: bool = False) -> None:
    """Let a marketplace, or the operator, confirm the shop."""
    with work.database.writing() as session:
        row = session.get_one(Storefront, shop.id)
        by = organisations.get_organisation(session, handle) if handle else None
        if takes_back:
            proving.deny(session, row, by, NOW)
        else:
            proving.confirm(session, row, by, NOW)


def test_the_marketplace_knows_best(workspace: Workspace) -> None:
    """Its word ends the proof of a page, and no page ends its word."""
    first, second = claim(workspace), claim(workspace, "rivalco")
    look(workspace, second, Page(proving.proof_of(second)))
    confirm(workspace, first, marketplace(workspace, domain=MARKET))
    assert (proof_of(workspace, first), proof_of(workspace, second)) == (
        "proved marketplace",
        "lost page storefront.shared",
    )
    look(workspace, second, Page(proving.proof_of(second)), now=NOW + timedelta(days=9))
    look(workspace, first, Page(), now=NOW + timedelta(days=9))
    assert proof_of(workspace, first).startswith("proved marketplace")
    with pytest.raises(Conflict) as taken:
        confirm(workspace, second, None)
    assert taken.value.code == "storefront.taken"
    confirm(workspace, first, HANDLE, takes_back=True)
    assert proof_of(workspace, first) == "lost marketplace storefront.denied"
    confirm(workspace, second, None)
    assert proof_of(workspace, second) == "proved operator"


def test_no_page_and_no_new_claim_ends_a_denial(workspace: Workspace) -> None:
    """A shop that its marketplace denies stays denied until the marketplace or the operator confirms it."""
    shop = claim(workspace)
    look(workspace, shop, Page(proving.proof_of(shop)))
    confirm(workspace, shop, marketplace(workspace, domain=MARKET), takes_back=True)
    look(workspace, shop, Page(proving.proof_of(shop)))
    assert proof_of(workspace, shop) == "lost marketplace storefront.denied"
    with workspace.database.writing() as session:
        member = organisations.get_organisation(session, "kiteco")
        shops.close(session, member, shop.id, NOW)
    again = claim(workspace)
    assert again.id != shop.id
    look(workspace, again, Page(proving.proof_of(again)))
    assert proof_of(workspace, again) == "lost marketplace storefront.denied"
    confirm(workspace, again, None)
    assert proof_of(workspace, again) == "proved operator"


@pytest.mark.parametrize(
    ("market", "shop_id", "url", "is_read"),
    [
        (MARKET, "kites", "https://bigmarket.com/kites", True),
        (MARKET, "kites", "https://www.bigmarket.com/shop/Kites/home", True),
        (MARKET, "kites", "https://kites.bigmarket.com/", True),
        (MARKET, "4711", "https://shops.bigmarket.com/view?user=4711&lang=en", True),
        (MARKET, "kites & co", "https://bigmarket.com/kites%20%26%20co", True),
        (HANDLE, "kites", "https://bigmarket.com/kites", True),  # its marketplace has proved the domain
        (MARKET, "kites", "https://counterfeits.com/kites", False),
        (MARKET, "kites", "https://bigmarket.com.counterfeits.com/kites", False),
        (MARKET, "kites", "https://notbigmarket.com/kites", False),
        (MARKET, "kites", "https://counterfeits.com/bigmarket.com/kites", False),
        (MARKET, "kites", "https://bigmarket.com/kites-of-others", False),
        (MARKET, "kites", "https://bigmarket.com/#kites", False),
        (MARKET, "kites", "https://bigmarket.com/", False),
        ("othermarket", "kites", "https://bigmarket.com/kites", False),
        ("plainbrand", "kites", "https://bigmarket.com/kites", False),
    ],
)
def test_only_the_shops_page_on_the_marketplace_proves_it(
    workspace: Workspace, market: str, shop_id: str, url: str, *, is_read: bool
) -> None:
    """A claimant who shows the text on a page of its own has proved nothing, and that page is not read."""
    marketplace(workspace, domain="bigmarket.com")
    marketplace(workspace, "othermarket")
    marketplace(workspace, "plainbrand", roles=("brand",), domain="plain.com")
    shop = claim(workspace, marketplace=market, shop_id=shop_id, url=url)
    look(workspace, shop, Page(proving.proof_of(shop)))
    assert proof_of(workspace, shop) == ("proved page" if is_read else "claimed  storefront.elsewhere")


def test_a_new_address_has_to_be_proved_again(workspace: Workspace) -> None:
    """Buyers are sent to the address. A look at the old one, under way, does not prove the new one."""
    shop = claim(workspace)
    confirm(workspace, shop, None)
    found = proving.Finding(URL, frozenset([proving.proof_of(shop)]))
    claim(workspace, url="https://counterfeits.com/kites")
    with workspace.database.writing() as session:
        proving.note(session, shop.id, found, NOW)
    assert proof_of(workspace, shop) == "claimed"


@pytest.mark.parametrize(("handle", "roles"), [("othermarket", ("marketplace",)), (HANDLE, ("brand",))])
def test_only_the_own_marketplace_confirms(workspace: Workspace, handle: str, roles: Sequence[str]) -> None:
    """Neither another marketplace, nor an organisation that only has the name."""
    shop = claim(workspace, marketplace=HANDLE)
    for takes_back in (False, True):
        with pytest.raises(Forbidden) as refused:
            confirm(
                workspace,
                shop,
                handle if takes_back else marketplace(workspace, handle, roles=roles),
                takes_back=takes_back,
            )
        assert refused.value.code == "storefront.not_yours"


def test_a_marketplace_is_known_by_its_proved_domain(workspace: Workspace) -> None:
    """A shop on market.com is confirmed by the marketplace that proved market.com."""
    shop = claim(workspace, marketplace="market.com")
    handle = marketplace(workspace, "the-market")
    with pytest.raises(Forbidden):
        confirm(workspace, shop, handle)
    with workspace.database.writing() as session:
        row = domains.add(session, organisations.get_organisation(session, handle), "market.com", NOW)
        domains.note(session, row.id, domains.Finding("dns"), NOW)
    confirm(workspace, shop, handle)
    assert proof_of(workspace, shop) == "proved marketplace"


Act = Callable[[Workspace, Storefront], None]


def suspend(work: Workspace, shop: Storefront) -> None:
    """Confirm the shop, and suspend its organisation."""
    confirm(work, shop, None)
    with work.database.writing() as session:
        standing.suspend(session, session.get_one(Organisation, shop.organisation_id), "why", now=NOW)


STATES: dict[str, Act] = {
    "suspended": suspend,
    "claimed": lambda _work, _shop: None,
    "proved": lambda work, shop: confirm(work, shop, None),
    "lost": lambda work, shop: (confirm(work, shop, None), confirm(work, shop, None, takes_back=True))[0],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "right", "verdict", "reason"),
    [
        ("proved", "owner", "licensed", "listing.owner_sells"),
        ("claimed", "owner", "lookalike", "listing.shop_claimed"),
        ("lost", "owner", "lookalike", "listing.shop_claimed"),
        ("proved", "licence", "licensed", "listing.licensed"),
        ("claimed", "licence", "lookalike", "listing.shop_claimed"),
        ("lost", "licence", "lookalike", "listing.shop_claimed"),
        ("suspended", "owner", "none", "design.owner_suspended"),
        ("suspended", "licence", "lookalike", "listing.shop_claimed"),
        ("proved", "none", "unlicensed_use", "listing.no_licence"),
        ("claimed", "none", "unlicensed_use", "listing.no_licence"),
        ("lost", "none", "unlicensed_use", "listing.no_licence"),
    ],
)
def test_only_a_proved_shop_clears_a_listing(
    workspace: Workspace, state: str, right: str, verdict: str, reason: str
) -> None:
    """A claim of somebody with a right goes to a person. Without a right the claim changes nothing."""
    design: Design = make.register(workspace, "KITE", seed=1).design
    shop = claim(workspace, "acme" if right == "owner" else "kiteco")
    if right == "licence":
        licences_made.licence(workspace, licensee="kiteco", designs=(design.id,))
    STATES[state](workspace, shop)
    offer = NewListing(
        reference="L", seller="kites", channel=MARKET, territory="DE", listed_on=date(2026, 11, 23)
    )
    pictures = [("a.jpg", make.picture_bytes(1, "JPEG", quality=80))]
    judged = judging.check_listing(workspace, offer, pictures, organisation_id=None, source="cli", now=NOW)
    assert (judged.decision.code, judged.decision.reasons[0].code) == (verdict, reason)
    with workspace.database.reading() as session:
        shown = official.who_may_sell(session, design, territory="DE", on=date(2026, 11, 23)).shops
    assert [one.shop_id for one in shown] == (["kites"] if verdict == "licensed" else [])


def test_the_commands_prove_and_confirm(
    cli: Callable[..., Any], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command prints what the page must show, and says when it does."""
    shop = claim(workspace)
    page = Page(Unavailable("", code="page.unreachable"))
    monkeypatch.setattr("authcheck.terminal.commands.storefronts.Internet", lambda: page)
    missing = cli("storefronts", "prove", shop.id, "--org", "kiteco")
    assert (missing.code, missing.out.strip(), "[page.unreachable]" in missing.err) == (
        1,
        proving.proof_of(shop),
        True,
    )
    page.body = proving.proof_of(shop)
    assert "is proved" in cli("storefronts", "prove", shop.id, "--org", "kiteco").err
    assert "proved" in cli("storefronts", "list", "--org", "kiteco").out
    assert "is lost now" in cli("storefronts", "confirm", shop.id, "--withdraw").err
