"""Flow: a marketplace hands in offers and learns for each offer whether this seller may sell it here."""

import dataclasses
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import make
import pytest
import shops_made
import units_made
from sqlalchemy import func, select

from authcheck.checks.tables import Check
from authcheck.errors import NotFound, Rejected
from authcheck.licences import agreements
from authcheck.licences.terms import Terms
from authcheck.listings import judging
from authcheck.listings.judging import Judged, NewListing
from authcheck.listings.tables import Listing, ListingPicture
from authcheck.members import organisations
from authcheck.members.tables import Organisation
from authcheck.storefronts import shops as storefronts
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

DAY = date(2026, 11, 23)
SHOP = {"marketplace": "bigmarket", "shop_id": "kites"}


def member(work: Workspace, handle: str, *roles: str) -> str:
    """The id of a member, created if it is missing."""
    with work.database.writing() as session:
        found = organisations.find_organisation(session, handle)
        return (
            found
            or organisations.create_organisation(
                session, handle=handle, name=handle, roles=roles, now=make.NOW
            )
        ).id


def shop(work: Workspace, handle: str, shop_id: str = "kites") -> None:
    """List an official shop on bigmarket for the member of that handle."""
    with work.database.writing() as session:
        owner = organisations.get_organisation(session, handle)
        shops_made.add(
            session,
            owner,
            marketplace="bigmarket",
            shop_id=shop_id,
            url=f"https://bigmarket.example/{shop_id}",
            now=make.NOW,
        )


def licence(work: Workspace, design_id: str, *, owner: str = "acme", **words: Any) -> str:
    """An accepted licence of `kiteco`. Keywords replace its terms."""
    member(work, "kiteco", "licensee")
    terms = Terms(**{"designs": (design_id,), "starts_on": date(2026, 1, 1), **words})
    with work.database.writing() as session:
        licensee = organisations.get_organisation(session, "kiteco")
        offered = agreements.offer(
            session, organisations.get_organisation(session, owner), licensee, terms, make.NOW
        )
    with work.database.writing() as session:
        return agreements.accept(
            session, organisations.get_organisation(session, "kiteco"), offered.id, make.NOW
        ).id


def offer(**words: Any) -> NewListing:
    """An offer of the shop kites in Germany. Keywords replace its fields."""
    fields: dict[str, Any] = {
        "reference": "L-1", "seller": "kites", "channel": "bigmarket", "territory": "DE", "goods": (25,), "listed_on": DAY,
    }  # fmt: skip
    return NewListing(**{**fields, **words})


def ask(work: Workspace, *pictures: bytes, organisation_id: str | None = None, **words: Any) -> Judged:
    """Hand in an offer with these pictures, by default one picture of the design of seed 1."""
    named = [(f"{place}.jpg", data) for place, data in enumerate(pictures or [copy(1)])]
    return judging.check_listing(
        work, offer(**words), named, organisation_id=organisation_id, source="api", now=make.NOW
    )


def copy(seed: int) -> bytes:
    """A photo-like copy of the design of that seed."""
    return make.picture_bytes(seed, "JPEG", quality=70)


def codes(judged: Judged) -> list[str]:
    """The codes of a verdict's reasons."""
    return [reason.code for reason in judged.decision.reasons]


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """The id of acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


def test_a_stranger_has_no_right(workspace: Workspace, kite: str) -> None:
    """The verdict names the design and says that we have no licence. The listing is stored with its check."""
    judged = ask(workspace)
    assert (judged.listing.verdict, judged.listing.design_id) == ("unlicensed_use", kite)
    assert "listing.no_licence" in codes(judged)
    with workspace.database.reading() as session:
        stored = judging.get_listing(session, judged.listing.id)
        assert [one.check.design_id for one in stored.pictures] == [kite]
        assert judging.decide_again(stored) == judged.decision


def test_the_brands_own_photo_is_named_as_such(workspace: Workspace, kite: str) -> None:
    """The registered bytes are named as an exact copy, and give no right."""
    judged = ask(workspace, make.picture_bytes(1))
    assert judged.listing.verdict == "unlicensed_use"
    assert "image.exact_copy" in codes(judged)
    assert judged.listing.design_id == kite


def test_the_owners_shop_sells_its_own(workspace: Workspace, kite: str) -> None:
    """The storefronts decide whose shop it is. The marketplace's name may be spelled otherwise."""
    shop(workspace, "acme")
    assert ask(workspace, channel=" BigMarket ").listing.verdict == "licensed"
    assert ask(workspace, seller="kites2").listing.verdict == "unlicensed_use"
    assert kite


@pytest.mark.slow
def test_a_licensee_sells_within_its_terms(workspace: Workspace, kite: str) -> None:
    """An offer within the terms is licensed, and the verdict names the licence."""
    licence_id = licence(workspace, kite, territories=("DE", "FR"), goods=(25,))
    shop(workspace, "kiteco")
    judged = ask(workspace)
    assert (judged.listing.verdict, judged.listing.licence_id) == ("licensed", licence_id)


@pytest.mark.parametrize(
    ("terms", "code", "params"),
    [
        ({"territories": ("FR", "IT")}, "licence.territory", {"territory": "DE", "allowed": "FR, IT"}),
        ({"ends_on": DAY - timedelta(days=12)}, "licence.lapsed", {"days": 12, "ended": "2026-11-11"}),
        ({"starts_on": DAY + timedelta(days=3)}, "licence.not_started", {"days": 3, "starts": "2026-11-26"}),
        ({"channels": ("othermarket",)}, "licence.channel", None),
        ({"goods": (28,)}, "licence.goods", None),
    ],
)
def test_a_broken_term_is_told_with_its_numbers(
    workspace: Workspace, kite: str, terms: dict[str, Any], code: str, params: dict[str, Any] | None
) -> None:
    """The verdict names the broken term and its numbers."""
    licence(workspace, kite, **terms)
    shop(workspace, "kiteco")
    judged = ask(workspace)
    assert judged.listing.verdict == "licence_breach"
    (told,) = [reason for reason in judged.decision.reasons if reason.code == code]
    assert (params or {}).items() <= dict(told.params).items()


def test_a_design_of_each_picture_counts(workspace: Workspace, kite: str) -> None:
    """A right to one of the shown designs gives no right to another."""
    licence(workspace, kite)
    shop(workspace, "kiteco")
    other = make.register(workspace, "REF-2", owner="globex", seed=2).design.id
    judged = ask(workspace, copy(1), copy(2))
    assert (judged.listing.verdict, judged.listing.design_id) == ("unlicensed_use", other)


@pytest.mark.slow
def test_nothing_known_is_none(workspace: Workspace, kite: str) -> None:
    """Without a registered design nobody has to act."""
    judged = ask(workspace, copy(7))
    assert (judged.listing.verdict, judged.decision.severity) == ("none", "none")
    assert judged.listing.design_id != kite


def test_an_unreadable_picture_does_not_stop_the_rest(workspace: Workspace, kite: str) -> None:
    """An unreadable picture is reported with its code and place.

    Without any readable picture there is no verdict.
    """
    judged = ask(workspace, b"not a picture", copy(1), b"")
    assert (judged.listing.verdict, judged.listing.design_id) == ("unlicensed_use", kite)
    assert [(one.place, one.code) for one in judged.unreadable] == [
        (0, "image.unreadable"),
        (2, "image.empty"),
    ]
    assert [one.place for one in judged.listing.pictures] == [1]
    with pytest.raises(Rejected) as caught:
        ask(workspace, b"not a picture", b"", reference="L-2")
    assert caught.value.code == "listing.pictures"
    with workspace.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Listing)) == 1


@pytest.mark.parametrize("pictures", [0, 13])
def test_one_to_twelve_pictures(workspace: Workspace, pictures: int) -> None:
    """An offer without pictures, or with more than twelve, is refused before any picture is read."""
    with pytest.raises(Rejected) as caught:
        judging.check_listing(
            workspace,
            offer(),
            [("a", b"")] * pictures,
            organisation_id=None,
            source="api",
            now=make.NOW,
        )
    assert caught.value.code == "listing.pictures"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"reference": " "}, "listing.reference"),
        ({"reference": "x" * 201}, "listing.reference"),
        ({"reference": "a\0b"}, "listing.reference"),
        ({"seller": ""}, "listing.seller"),
        ({"seller": "\u202enip"}, "listing.seller"),
        ({"channel": "x" * 65}, "listing.channel"),
        ({"territory": "Atlantis"}, "listing.territory"),
        ({"territory": "EU"}, "listing.territory"),
        ({"channel": "market.example/4711"}, "listing.channel"),
        ({"territory": "*"}, "listing.territory"),
        ({"goods": (0,)}, "listing.goods"),
        ({"goods": (46,)}, "listing.goods"),
        ({"certificate_code": "x" * 501}, "listing.certificate"),
        ({"certificate_code": "https://other.example/c/NEN5292JFEZ68"}, "listing.certificate"),
        ({"certificate_code": "\0"}, "listing.certificate"),
    ],
)
def test_what_cannot_be_an_offer_is_refused(workspace: Workspace, words: dict[str, Any], code: str) -> None:
    """Each invalid field is refused with its own code."""
    with pytest.raises(Rejected) as caught:
        ask(workspace, **words)
    assert caught.value.code == code


def test_an_offer_has_one_spelling() -> None:
    """Blanks, capitals and repeated classes do not make another offer."""
    untidy = offer(channel=" BigMarket", territory="de", goods=(28, 25, 25), price=" 19.90  eur ")
    tidy = untidy.checked()
    assert (tidy.channel, tidy.territory, tidy.goods, tidy.price) == (
        "bigmarket",
        "DE",
        (25, 28),
        "19.90 EUR",
    )
    assert tidy.checked() == tidy == dataclasses.replace(tidy)


@pytest.mark.slow
def test_the_same_reference_again_replaces(workspace: Workspace, kite: str) -> None:
    """The same reference with new pictures gets a new verdict under the same id.

    Another asker's reference is another listing.
    """
    market, rival = (
        member(workspace, "bigmarket", "marketplace"),
        member(workspace, "othermarket", "marketplace"),
    )
    first = ask(workspace, copy(7), copy(8), organisation_id=market)
    again = ask(workspace, organisation_id=market, territory="FR")
    other = ask(workspace, organisation_id=rival)
    assert (first.again, again.again, other.again) == (False, True, False)
    assert first.listing.id == again.listing.id != other.listing.id
    assert (again.listing.verdict, again.listing.territory) == ("unlicensed_use", "FR")
    with workspace.database.reading() as session:
        kept = select(func.count()).select_from(ListingPicture)
        assert session.scalar(kept.where(ListingPicture.listing_id == first.listing.id)) == 1
        assert session.scalar(select(func.count()).select_from(Check)) == 4  # checks are never deleted
        with pytest.raises(NotFound):
            judging.get_listing(session, first.listing.id, organisation_id=rival)
        assert [one.id for one in judging.list_listings(session, organisation_id=rival)] == [other.listing.id]
        assert judging.list_listings(session, organisation_id=rival, verdict="none") == []
        assert judging.list_listings(session, organisation_id=rival, seller="nobody") == []
    assert kite


def test_an_evidence_copy_is_kept(workspace: Workspace, kite: str) -> None:
    """A moderator can later look at the picture of a finding."""
    judged = ask(workspace)
    check = judged.listing.pictures[0].check
    assert workspace.copies.has(check.picture_sha256, check.asked_at, make.NOW)
    assert kite


@pytest.fixture
def certified(workspace: Workspace) -> tuple[str, str]:
    """Acme, which keeps its key, owns the design of seed 4 and certified a unit.

    Gives the design's id and the code.
    """
    design_id = units_made.brand_with_key(workspace)
    return design_id, units_made.issue(workspace, design_id)[0].code


def test_a_good_certificate_of_the_owner(workspace: Workspace, certified: tuple[str, str]) -> None:
    """A certificate for the shown design in the owner's shop is licensed."""
    _, code = certified
    shop(workspace, "acme")
    judged = ask(workspace, copy(4), certificate_code=code.lower())
    assert judged.listing.verdict == "licensed"
    assert judged.listing.certificate_code == code
    assert "certificate.good" in codes(judged)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("7XK294QMV0HT", "certificate.malformed"), ("0000000000000", "certificate.not_found"),
     ("x" * 64, "certificate.malformed")],
)  # fmt: skip
def test_a_code_that_is_none_is_told(
    workspace: Workspace, certified: tuple[str, str], text: str, reason: str
) -> None:
    """An invented code is a verdict about the seller, not an error of the marketplace."""
    shop(workspace, "acme")
    judged = ask(workspace, copy(4), certificate_code=text)
    assert judged.listing.verdict == "certificate_invalid"
    assert reason in codes(judged)
    assert certified


def test_a_revoked_certificate_is_invalid(workspace: Workspace, certified: tuple[str, str]) -> None:
    """A revoked certificate is invalid, even in the owner's shop."""
    design_id, _ = certified
    unit = units_made.issue(workspace, design_id, request_key="two", lot="L-2")[0]
    units_made.revoke(workspace, unit)
    shop(workspace, "acme")
    judged = ask(workspace, copy(4), certificate_code=unit.code)
    assert judged.listing.verdict == "certificate_invalid"
    assert "certificate.revoked" in codes(judged)


def test_a_certificate_of_another_design_does_not_help(
    workspace: Workspace, certified: tuple[str, str]
) -> None:
    """A good certificate of another design does not help."""
    make.register(workspace, "REF-9", seed=9)
    shop(workspace, "acme")
    judged = ask(workspace, copy(9), certificate_code=certified[1])
    assert judged.listing.verdict == "certificate_mismatch"
    assert "certificate.other_design" in codes(judged)


def test_the_verdict_of_the_day_stays_explained(workspace: Workspace, kite: str) -> None:
    """A stored listing gives the same verdict again, even after licences and shops change."""
    licence(workspace, kite)
    shop(workspace, "kiteco")
    judged = ask(workspace)
    with workspace.database.writing() as session:
        shops = storefronts.list_storefronts(session, member_id(session, "kiteco"))
        storefronts.close(session, organisations.get_organisation(session, "kiteco"), shops[0].id, make.NOW)
    with workspace.database.reading() as session:
        stored = judging.get_listing(session, judged.listing.id)
        assert judging.decide_again(stored) == judged.decision
    assert ask(workspace, reference="L-2").listing.verdict == "unlicensed_use"


def member_id(session: Any, handle: str) -> str:
    """The id of the member of that handle."""
    found: Organisation = organisations.get_organisation(session, handle)
    return found.id


def test_the_command_answers_people_and_programs(
    cli: Any, workspace: Workspace, kite: str, tmp_path: Path
) -> None:
    """The command exits with 1 when somebody has to act, and prints the verdict, the reasons and their sources."""
    (tmp_path / "a.jpg").write_bytes(copy(1))
    words = ("--shop", "kites", "--marketplace", "bigmarket", "--territory", "DE")
    done = cli("check-listing", tmp_path / "a.jpg", *words, "--goods", "25", "--reference", "L-1")
    assert done.code == 1
    assert done.out.startswith("unlicensed_use  L-1  kites on bigmarket in DE")
    done = cli(
        "check-listing", "--json", tmp_path / "a.jpg", *words, "--reference", "L-1", "--on", "2026-11-01"
    )
    (told,) = done.objects
    assert (told["verdict"], told["design"], told["again"]) == ("unlicensed_use", kite, True)
    assert cli("listings", "show", told["id"]).out.startswith("unlicensed_use")
    assert [one["id"] for one in cli("listings", "list", "--json").objects] == [told["id"]]
    assert cli("listings", "list", "--verdict", "nonsense").code == 2
    assert cli("listings", "show", "lst_nothing").code == 2
    assert workspace


@pytest.mark.slow
def test_the_command_says_when_it_cannot_tell(cli: Any, workspace: Workspace, tmp_path: Path) -> None:
    """Exit status: 0 for no finding, 2 for an invalid day, 3 for an unreadable picture without another finding."""
    (tmp_path / "a.jpg").write_bytes(copy(7))
    words = ("--shop", "kites", "--marketplace", "bigmarket", "--territory", "DE")
    assert cli("check-listing", tmp_path / "a.jpg", *words).code == 0
    done = cli("check-listing", tmp_path / "a.jpg", tmp_path / "none.jpg", *words)
    assert (done.code, "[file.missing]" in done.err) == (3, True)
    assert cli("check-listing", tmp_path / "none.jpg", *words).code == 3
    assert cli("check-listing", tmp_path / "a.jpg", *words, "--on", "tomorrow").code == 2
    assert cli("check-listing", tmp_path / "a.jpg", *words, "--goods", "shirts").code == 2
    assert workspace
