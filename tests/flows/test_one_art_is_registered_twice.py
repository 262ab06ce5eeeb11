"""Flow: an owner registers one art several times, and a licence for any of these twins counts."""

import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import certificates_made as made
import licences_made
import licensees_made
import make
import pytest
import shops_made
from PIL import Image, ImageDraw, ImageEnhance
from sqlalchemy import select

from authcheck.errors import Conflict
from authcheck.licences import agreements
from authcheck.licences.tables import Licence
from authcheck.listings import judging
from authcheck.listings.disclosure import disclose
from authcheck.listings.judging import Judged, NewListing
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.registry.tables import Design
from authcheck.registry.twins import find_twins
from authcheck.storefronts import sellers
from authcheck.workspace import Workspace

pytestmark = pytest.mark.slow
DAY = date(2026, 11, 23)
PRINT = make.picture_bytes(51)


def rendered(image: Image.Image, image_format: str = "JPEG", **options: Any) -> bytes:
    """Return a picture as a file's bytes."""
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def framed(image: Image.Image) -> Image.Image:
    """Return the picture on white paper with margins."""
    paper = Image.new("RGB", (image.width * 6 // 5, image.height * 6 // 5), "white")
    paper.paste(image, (image.width // 10, image.height // 10))
    return paper


def altered(image: Image.Image) -> Image.Image:
    """Return a sister: the same art with other letters in its middle."""
    sister = image.copy()
    ImageDraw.Draw(sister).rectangle((130, 110, 190, 136), fill="black", outline="white", width=3)
    return sister


WEB = rendered(make.picture(51).resize((240, 192)), quality=80)
TWINS = {
    "web": WEB,
    "cmyk": rendered(make.picture(51).convert("CMYK"), quality=90),
    "framed": rendered(framed(make.picture(51)), "PNG"),
    "brighter": rendered(make.picture(51).point(lambda value: min(255, value + 8)), quality=85),
    "turned": rendered(make.picture(51).transpose(Image.Transpose.ROTATE_270).resize((200, 250))),
    "upside down": rendered(make.picture(51).transpose(Image.Transpose.ROTATE_180), quality=85),
    "mirrored": rendered(make.picture(51).transpose(Image.Transpose.FLIP_LEFT_RIGHT), "PNG"),
    "transposed": rendered(framed(make.picture(51).transpose(Image.Transpose.TRANSPOSE)), "PNG"),
}
SISTERS = {
    "altered": rendered(altered(make.picture(51))),
    "recoloured": rendered(Image.merge("RGB", make.picture(51).split()[::-1])),
    "turned sister": rendered(altered(make.picture(51)).transpose(Image.Transpose.ROTATE_90)),
    "other": make.picture_bytes(52),
}


@pytest.fixture
def pair(workspace: Workspace) -> tuple[Design, Design]:
    """Return two twins of acme: a print file and its version for the web. kiteco has a shop."""
    make.confirm_address(workspace.database)
    print_file = make.register(workspace, "PRINT", pictures=[PRINT]).design
    web = make.register(workspace, "WEB", pictures=[WEB]).design
    kiteco = licences_made.organisation(workspace, "kiteco")
    with workspace.database.writing() as session:
        words = {"marketplace": "bigmarket", "shop_id": "kites", "url": "https://bigmarket.example/kites"}
        shops_made.add(session, kiteco, **words, now=make.NOW)
    return print_file, web


def licence(work: Workspace, *covered: Design, **words: Any) -> Licence:
    """Return an accepted licence of kiteco for these designs."""
    return licences_made.licence(work, licensee="kiteco", designs=tuple(one.id for one in covered), **words)


def ask(work: Workspace, picture: bytes = PRINT, **words: Any) -> Judged:
    """Check a listing of kiteco's shop."""
    fields: dict[str, Any] = {"reference": "L", "seller": "kites", "channel": "bigmarket", "territory": "DE"}
    offer = NewListing(**{**fields, "listed_on": DAY, **words})
    return judging.check_listing(
        work, offer, [("a.png", picture)], organisation_id=None, source="cli", now=make.NOW
    )


def reasons(judged: Judged) -> list[str]:
    """Return the codes of the reasons."""
    return [reason.code for reason in judged.decision.reasons]


@pytest.mark.parametrize("kind", TWINS)
def test_a_twin_shows_the_same_art(workspace: Workspace, kind: str) -> None:
    """Size, format, colour space, plain margins and a little light do not make another art."""
    first = make.register(workspace, "PRINT", pictures=[PRINT]).design
    registered = make.register(workspace, "OTHER", pictures=[TWINS[kind]])
    assert registered.twin == "PRINT"
    with workspace.database.reading() as session:
        assert [twin.reference for twin in find_twins(session, first, Design.id.is_not(None))] == ["OTHER"]


@pytest.mark.parametrize("kind", SISTERS)
def test_a_sister_is_no_twin(workspace: Workspace, pair: tuple[Design, Design], kind: str) -> None:
    """A licence for another art of the family does not cover this art."""
    sister = make.register(workspace, "SISTER", pictures=[SISTERS[kind]])
    assert sister.twin == ""
    licence(workspace, sister.design)
    assert ask(workspace).decision.code == "unlicensed_use"


@pytest.mark.parametrize("paler", [0.0, 0.4], ids=["grey", "pale"])
def test_a_grey_version_accuses_nobody(
    workspace: Workspace, pair: tuple[Design, Design], paler: float
) -> None:
    """A check compares lightness and may name the coloured design. It is no twin where no check has looked."""
    picture = rendered(ImageEnhance.Color(make.picture(51)).enhance(paler), quality=90)
    grey = make.register(workspace, "GREY", pictures=[picture])
    assert grey.twin == ""
    agreed = licence(workspace, grey.design)
    judged = ask(workspace, picture)
    assert (judged.decision.code, judged.decision.licence_id) == ("licensed", agreed.id)
    with workspace.database.reading() as session:
        print_file = designs.get_design(session, pair[0].id)
        words: dict[str, Any] = {"marketplace": "bigmarket", "shop_id": "kites", "territory": "DE"}
        assert not sellers.may_sell(session, print_file, **words, on=DAY).allowed


@pytest.mark.parametrize("kind", ["upside down", "mirrored", "turned"])
def test_a_turned_twin_accuses_nobody(workspace: Workspace, pair: tuple[Design, Design], kind: str) -> None:
    """A check names the upright design for the turned picture, too. The licence for the turned one counts."""
    turned = make.register(workspace, "TURNED", pictures=[TWINS[kind]]).design
    agreed = licence(workspace, turned)
    for picture in (PRINT, TWINS[kind]):
        judged = ask(workspace, picture)
        assert (judged.decision.code, judged.decision.licence_id) == ("licensed", agreed.id)


@pytest.mark.postgresql
@pytest.mark.parametrize("picture", [PRINT, WEB], ids=["print", "web"])
@pytest.mark.parametrize("named", [0, 1])
def test_a_licence_for_either_counts(
    workspace: Workspace, pair: tuple[Design, Design], named: int, picture: bytes
) -> None:
    """Whichever twin answers, the licence for one of them covers the sale. It is named when it is the other's."""
    agreed = licence(workspace, pair[named])
    judged = ask(workspace, picture)
    assert (judged.decision.code, judged.decision.licence_id) == ("licensed", agreed.id)
    assert ("listing.twin" in reasons(judged)) == (judged.decision.design_id != pair[named].id)
    assert judging.decide_again(judged.listing) == judged.decision
    with workspace.database.reading() as session:
        for handle, may_read in (("acme", True), ("kiteco", True), ("bigmarket", False)):
            reader = licences_made.organisation(workspace, handle, "marketplace")
            told = disclose(session, [judged.listing], reader.id)[judged.listing.id].reasons
            twins = [reason["params"] for reason in told if reason["code"] == "listing.twin"]
            assert all(("twin" in params) == may_read == ("licence" in params) for params in twins)


def test_the_licence_that_counts_is_named(workspace: Workspace, pair: tuple[Design, Design]) -> None:
    """A lapsed licence for the design does not hide a valid licence for its twin, nor the other way round."""
    lapsed = licence(workspace, pair[0], ends_on=date(2026, 5, 1))
    assert reasons(ask(workspace)) == ["licence.lapsed"]
    valid = licence(workspace, pair[1], territories=("DE",))
    judged = ask(workspace)
    assert (judged.decision.code, judged.decision.licence_id) == ("licensed", valid.id)
    elsewhere = ask(workspace, territory="FR")
    assert (elsewhere.decision.code, elsewhere.decision.licence_id) == ("licence_breach", lapsed.id)


def test_three_twins_and_a_retired_one(workspace: Workspace, pair: tuple[Design, Design]) -> None:
    """The licence for a twin that its owner has retired since counts by the pictures that the twin had."""
    third = make.register(workspace, "FRAMED", pictures=[TWINS["framed"]]).design
    agreed = licence(workspace, third)
    with workspace.database.writing() as session:
        designs.retire(session, designs.get_design(session, third.id), make.NOW)
    for picture in (PRINT, WEB):
        judged = ask(workspace, picture)
        assert (judged.decision.code, judged.decision.licence_id) == ("licensed", agreed.id)


def test_another_owners_picture_is_no_twin(workspace: Workspace, pair: tuple[Design, Design]) -> None:
    """A copyist's licence for a disputed copy of the art says nothing about the art."""
    copy = make.register(workspace, "COPY", owner="globex", pictures=[TWINS["cmyk"]])
    assert (copy.status, copy.twin) == ("disputed", "")
    licences_made.licence(workspace, owner="globex", licensee="kiteco", designs=(copy.design.id,))
    assert "listing.no_licence" in reasons(ask(workspace))


def test_an_offer_that_waits_says_so(workspace: Workspace, pair: tuple[Design, Design]) -> None:
    """An open offer is no licence. A licence accepted after the day of the listing says how many days after."""
    waiting = licence(workspace, pair[1], accepted=False)
    judged = ask(workspace)
    assert (judged.decision.code, reasons(judged)[1:3]) == (
        "unlicensed_use",
        ["listing.no_licence", "licence.not_accepted"],
    )
    kiteco = licences_made.organisation(workspace, "kiteco")
    with workspace.database.writing() as session:
        agreements.accept(session, kiteco, waiting.id, make.NOW)
    later = ask(workspace, listed_on=DAY - timedelta(2))
    (reason, twin) = later.decision.reasons
    assert (later.decision.code, reason.code, twin.code) == (
        "licence_breach",
        "licence.accepted_later",
        "listing.twin",
    )
    assert (reason.params["days"], reason.params["accepted"]) == (2, "2026-11-23")


def test_an_exclusive_licence_for_a_twin_accuses_no_other_licensee(
    workspace: Workspace, pair: tuple[Design, Design]
) -> None:
    """The owner made both promises, so the seller with a licence for the other twin is licensed."""
    licences_made.licence(workspace, licensee="rivalco", designs=(pair[0].id,), exclusive=True)
    agreed = licence(workspace, pair[1])
    judged = ask(workspace)
    assert (judged.decision.code, judged.decision.licence_id) == ("licensed", agreed.id)


def test_a_disputed_twin_changes_nothing_about_an_undisputed_design(workspace: Workspace) -> None:
    """A stranger's picture between two twins makes the later one disputed. The first one stays the owner's."""
    first = make.register(workspace, "PRINT", pictures=[PRINT]).design
    assert make.register(workspace, "COPY", owner="globex", pictures=[TWINS["cmyk"]]).status == "disputed"
    later = make.register(workspace, "WEB", pictures=[WEB])
    kiteco = licences_made.organisation(workspace, "kiteco")
    with workspace.database.writing() as session:
        words = {"marketplace": "bigmarket", "shop_id": "kites", "url": "https://bigmarket.example/kites"}
        shops_made.add(session, kiteco, **words, now=make.NOW)
    licence(workspace, later.design)
    judged = ask(workspace)
    assert (judged.decision.code, judged.decision.design_id) == ("licensed", first.id)


def test_a_declined_offer_is_nothing(workspace: Workspace, pair: tuple[Design, Design]) -> None:
    """A declined offer is not told as one that waits."""
    offered = licence(workspace, pair[0], accepted=False)
    kiteco = licences_made.organisation(workspace, "kiteco")
    with workspace.database.writing() as session:
        agreements.decline(session, kiteco, offered.id, make.NOW)
    assert "licence.not_accepted" not in reasons(ask(workspace))


def test_the_shop_may_sell_it_too(workspace: Workspace, pair: tuple[Design, Design]) -> None:
    """The question about the shop has the same answer as the listing."""
    licence(workspace, pair[1])
    with workspace.database.reading() as session:
        design = designs.get_design(session, pair[0].id)
        words: dict[str, Any] = {"marketplace": "bigmarket", "shop_id": "kites", "territory": "DE"}
        answer = sellers.may_sell(session, design, **words, on=DAY)
    assert answer.allowed
    assert [standing.twin.reference for standing in answer.licences if standing.twin] == ["WEB"]


def test_certificates_are_issued_for_either(workspace: Workspace) -> None:
    """A licensee of one twin issues certificates for the other, and they are no mismatch on a listing."""
    acme = made.brand(workspace, "acme")
    twin = make.register(workspace, "TWIN", pictures=[rendered(make.picture(0), quality=90)]).design
    sister = make.register(workspace, "SISTER", pictures=[rendered(altered(make.picture(0)))]).design
    printers = licensees_made.licensee(workspace, acme.design)
    agreed = licensees_made.licence(workspace, "acme", "printers", designs=(twin.id,))
    batch = printers.issue()
    assert (batch.design_id, batch.licence_id) == (acme.design.id, agreed.id)
    with pytest.raises(Conflict) as refused:
        printers.issue("r2", design_id=sister.id)
    assert refused.value.code == "certificate.no_licence"
    with workspace.database.writing() as session:
        seller = organisations.get_organisation(session, "printers")
        words = {"marketplace": "bigmarket", "shop_id": "kites", "url": "https://bigmarket.example/kites"}
        shops_made.add(session, seller, **words, now=make.NOW)
    code = printers.certificates()[0].code
    with workspace.database.reading() as session:
        assert session.scalar(select(Design.state).where(Design.id == twin.id)) == "registered"
    judged = ask(workspace, rendered(make.picture(0), quality=90), certificate_code=code)
    assert judged.decision.code == "licensed", judged.decision


def test_an_import_names_the_twin(cli: Any, workspace: Workspace, tmp_path: Path) -> None:
    """The import's report names the owner's earlier design with the same art, in the same table too."""
    for name, data in (("A.png", PRINT), ("B.jpg", WEB), ("C.png", make.picture_bytes(9))):
        (tmp_path / name).write_bytes(data)
    result = cli("designs", "import", str(tmp_path), "--org", "acme")
    assert "near your design A" in result.out
    assert result.out.count("near your design") == 1
