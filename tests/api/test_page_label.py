"""The page of a label in a browser without JavaScript: every outcome, every reason, every wrong code."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import licences_made
import pytest
import units_made as units
from label_pages import GOOD, WITH_PROOF, html
from starlette.testclient import TestClient

from api.app import create_app
from api.i18n import LANGUAGES
from api.pages import label_view
from api.pages.render import STATIC
from authcheck.certificates.tables import Certificate
from authcheck.config import Settings
from authcheck.errors import Unavailable
from authcheck.licences import agreements
from authcheck.lookups import lookup
from authcheck.lookups.advice import Caution
from authcheck.lookups.lookup import LookUp
from authcheck.members import organisations
from authcheck.proofs.bundle import STEPS, State, Step
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

HTML = {"accept": "text/html,*/*;q=0.8"}
CAUTIONS = [
    Caution("scans.places", {"phones": 3, "places": 2, "days": 4}),
    Caution("scans.travel", {"phones": 2, "hours": 1, "km": 1200}),
    Caution("scans.repeat", {"phones": 40, "days": 1}),
    Caution("scans.off_market", {"phones": 1}),
    Caution("scans.after_sale", {"phones": 2}),
    Caution("scans.after_claim", {"phones": 1}),
    Caution("scans.past_date", {"date": "2026-10-31"}),
    *(Caution("scans.blocked", {"reason": reason}) for reason in label_view.BLOCKED),
    Caution("scans.inactive"),
    Caution("certificate.no_right_at_issue"),
    Caution("certificate.issuer_suspended"),
    Caution("certificate.owner_suspended"),
    Caution("scans.of_tomorrow", {"phones": 7}),
]


@pytest.fixture
def unit(workspace: Workspace) -> Certificate:
    """A certificate of acme."""
    return units.issue(workspace, units.brand_with_key(workspace))[0]


def reasons_of(page: str) -> list[str]:
    """The reasons on a page."""
    section = page.partition("Why this answer</h2>")[2].partition("</ul>")[0]
    return re.findall(r"<li>(.*?)</li>", section)


@pytest.mark.parametrize("caution", CAUTIONS, ids=lambda caution: caution.code)
def test_a_caution_makes_be_careful_with_its_reason(caution: Caution) -> None:
    """Each caution has a sentence with its figures in both languages, and the page is no longer `Verified`."""
    page = html(replace(GOOD, cautions=(caution,)))
    assert "<h1>Be careful</h1>" in page
    assert 'class="answer label careful"' in page
    reasons = reasons_of(page)
    assert reasons[0] == label_view.caution_sentence(LANGUAGES["en"], caution, "Acme")
    assert reasons[1].startswith("The code itself is real")
    chinese = label_view.caution_sentence(LANGUAGES["zh-Hans"], caution, "Acme")
    assert re.search("[\u4e00-\u9fff]", chinese)
    assert chinese in html(replace(GOOD, cautions=(caution,)), "zh-Hans")
    for sentence in (reasons[0], chinese):
        assert not re.search(r"%\(|\b1 (phones|days|hours)\b|certificate\.", sentence)


def test_figures_are_in_words() -> None:
    """Numbers, days and dates read as people write them."""
    say = {
        tag: [str(label_view.caution_sentence(LANGUAGES[tag], one, "Acme")) for one in CAUTIONS]
        for tag in LANGUAGES
    }
    assert "on 3 phones in 2 places within 4 days" in say["en"][0]
    assert "1,200 km apart within 1 hour." in say["en"][1]
    assert "on 1 phone in countries where Acme" in say["en"][3]
    assert "31 Oct 2026" in say["en"][6]
    assert "2026年10月31日" in say["zh-Hans"][6]
    assert say["en"][7] == "This item is reported as stolen."
    assert "does not fit one item" in say["en"][-1]


def test_at_most_three_reasons_the_weightiest_first() -> None:
    """With many cautions, three are told, and what is good is not among them."""
    page = html(replace(GOOD, cautions=tuple(CAUTIONS)))
    assert reasons_of(page) == [
        str(label_view.caution_sentence(LANGUAGES["en"], caution, "Acme")) for caution in CAUTIONS[:3]
    ]


def test_a_good_label_names_what_was_checked_and_no_more() -> None:
    """A step that is off or open is no reason. The page says that a label can be copied."""
    page = html(WITH_PROOF)
    assert "<h1>Verified</h1>" in page
    assert "A label can be copied, so check the item too." in page
    assert len(reasons_of(page)) == 3
    open_list = tuple(
        replace(step, state=State.UNKNOWN) if step.name == "status" else step for step in GOOD.steps
    )
    assert "newest list of cancelled codes does not have it" not in html(replace(GOOD, steps=open_list))
    assert "verified in your browser" not in page.split("<verified-here")[0].lower()


@pytest.mark.parametrize("name", STEPS)
def test_what_is_false_is_named(name: str) -> None:
    """Each failed step has its sentence, and nothing good stands beside it."""
    steps = tuple(
        Step(step, State.FALSE if step == name else State.UNKNOWN, "x", "bundle.entry") for step in STEPS
    )
    for tag, heading in (("en", "Be careful"), ("zh-Hans", "请谨慎")):
        page = html(replace(GOOD, outcome="not_true", steps=steps, bundle=None), tag)
        assert f"<h1>{heading}</h1>" in page
        failed = LANGUAGES[tag].gettext(
            f"certificate.failed.{'list' if name == 'status' else name}", brand="Acme"
        )
        assert failed in page
    assert "owns its design" not in html(replace(GOOD, outcome="not_true", steps=steps, bundle=None))


@pytest.mark.parametrize("name", ["signature", "witnesses", "key", "status"])
def test_what_is_open_is_named(name: str) -> None:
    """A step that could not be checked says why the page cannot tell."""
    steps = tuple(Step(step, State.UNKNOWN if step == name else State.TRUE, "x", "") for step in STEPS)
    page = html(replace(GOOD, outcome="unknown", steps=steps))
    assert "<h1>We cannot tell</h1>" in page
    assert reasons_of(page) == [str(LANGUAGES["en"].gettext(f"certificate.open.{name}", brand="Acme"))]


def test_changed_rows_are_told(client: TestClient, workspace: Workspace, unit: Certificate) -> None:
    """Somebody edits the product in the database: the page says that our records differ from what was signed."""
    with workspace.database.writing() as session:
        session.get_one(Certificate, unit.id).lot = "L-9"
    page = client.get(f"/c/{unit.code}", headers=HTML).text
    assert "<h1>Be careful</h1>" in page
    assert "differently from what acme has signed" in page


@pytest.mark.slow
def test_who_made_it_under_which_right(client: TestClient, workspace: Workspace) -> None:
    """The page names the owner of the design, or the licence, and says when the licence has ended since."""
    design = units.brand_with_key(workspace)
    (own, _) = units.issue(workspace, design)
    licence = licences_made.licence(workspace, designs=(design,), licensee="maker", ends_on=date(2999, 1, 1))
    own_design = units.brand_with_key(workspace, "maker")
    assert own_design
    (made, _) = units.issue(workspace, design, handle="maker", licence_id=licence.id, lot="L-2")
    assert "acme made this item and owns its design." in client.get(f"/c/{own.code}").text
    page = client.get(f"/c/{made.code}").text
    assert "maker made this item under a licence of acme." in page
    assert "The licence has ended since" not in page
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "Acme")
        agreements.revoke(session, acme, licence.id, "agreed", utc_now())
    page = client.get(f"/c/{made.code}").text
    assert "The licence has ended since" in page
    assert "<h1>Verified</h1>" in page


def test_a_revoked_label_gives_day_and_reason(
    client: TestClient, workspace: Workspace, unit: Certificate
) -> None:
    """The first reason is the revocation, and the first advice is not to buy."""
    units.revoke(workspace, unit, "recalled")
    page = client.get(f"/c/{unit.code}").text
    assert "recalls these items" in reasons_of(page)[0]
    assert 'action="/c"' in page
    assert "Do not buy because of this label." in page.split("What to do now")[1].split("</li>")[0]


@pytest.mark.parametrize(("lang", "words"), [("en", "Did you mean"), ("zh-Hans", "您要找的是不是")])
def test_a_typing_error_is_named(client: TestClient, lang: str, words: str) -> None:
    """The page of a code with a slip proposes codes as links, whether they exist or not, and has the box."""
    page = client.get(f"/c/7XK294QMVDHT3?lang={lang}", headers=HTML)
    assert page.status_code == 404
    assert words in page.text
    assert f'href="/c/7XK2-94QM-V0HT3?way=typed&amp;lang={lang}"' in page.text
    assert 'value="7XK294QMVDHT3"' in page.text
    assert f'<input type="hidden" name="lang" value="{lang}">' in page.text


def test_proposals_do_not_depend_on_the_database(client: TestClient, unit: Certificate) -> None:
    """A slip of a code that exists and a slip of one that does not get pages alike."""

    def shape(code: str) -> str:
        page = client.get(f"/c/{code[:-1]}{'2' if code[-1] == 'Z' else 'Z'}", headers=HTML).text
        return re.sub(r"<code>.*?</code>|value=\".*?\"|href=\".*?\"|<span>.*?</span>", "", page)

    assert set(re.findall("<h1>.*?</h1>", shape(unit.code) + shape("7XK294QMV0HT3"))) == {
        "<h1>Check the code</h1>"
    }


@pytest.mark.parametrize(
    ("path", "status", "heading", "shown"),
    [
        ("/c/7xk294qmv0ht3", 404, "Unknown code", "7XK2-94QM-V0HT3"),
        ("/c/%22%3E%3Cscript%3E", 404, "Unknown code", "&#34;&gt;&lt;script&gt;"),
        ("/c/" + "x" * 400, 404, "Unknown code", "x" * 64),
        ("/c?code=%E2%80%AEABC", 404, "Unknown code", "ABC"),
        ("/c", 200, "Look up a label", ""),
        ("/c/", 200, "Look up a label", ""),
        ("/c?code=https://evil.example/c/7XK294QMV0HT3", 422, "Not a label of ours", "evil.example"),
        (
            "/c?code=https://evil.example/c/7XK294QMV0HT3&way=scanner",
            422,
            "Not a label of ours",
            "It leads to evil.example.",
        ),
        ("/c?code=https://[/c/7XK294QMV0HT3", 404, "Unknown code", ""),
        ("/c?code=http://127.0.0.1:8000/nothing", 404, "Unknown code", ""),
        ("/c?code=http://127.0.0.1:8000/c/7XK294QMVDHT3", 404, "Check the code", "7XK2-94QM-V0HT3"),
        ("/c?code=http://127.0.0.1:8000/01/04006381333931/10/L/21/77", 403, "Enter the code", ""),
        ("/01/04006381333931", 403, "Enter the code", ""),
        ("/01/04006381333931/21/77", 403, "Enter the code", ""),
        ("/01/04006381333931/10/L-1", 403, "Enter the code", ""),
    ],
)
def test_every_wrong_address_has_a_page_with_a_box(
    client: TestClient, path: str, status: int, heading: str, shown: str
) -> None:
    """A browser gets words and a box for the code, with what was looked up. A program gets a problem."""
    page = client.get(path, headers=HTML)
    assert page.status_code == status
    assert f"<h1>{heading}</h1>" in page.text
    assert shown in page.text
    assert 'class="typed-code"' in page.text
    assert 'href="https://evil' not in page.text
    assert "noindex" in page.text
    if path.startswith("/c?code=http://127"):
        return  # a program is led on, too
    program = client.get(path, headers={"accept": "application/json"})
    assert program.headers["content-type"] == "application/problem+json"


def test_the_box_leads_to_the_page(client: TestClient, unit: Certificate) -> None:
    """A typed code, a code in small letters and a pasted address lead to the page, in the same language."""
    typed = (unit.code, f" {unit.code.lower()} ", f"HTTP://127.0.0.1:8000/C/{unit.code}", f"tel:{unit.code}")
    for text in typed:
        sent = client.get(
            "/c", params={"code": text, "lang": "zh-Hans"}, headers=HTML, follow_redirects=False
        )
        assert sent.status_code == 303
        shown = f"{unit.code[:4]}-{unit.code[4:8]}-{unit.code[8:]}"
        assert sent.headers["location"] == f"/c/{shown}?way=typed&lang=zh-Hans"
    assert "<h1>验证通过</h1>" in client.get(sent.headers["location"], headers=HTML).text


def test_a_link_without_a_lot_finds_the_unit_by_its_code(client: TestClient, unit: Certificate) -> None:
    """GS1 allows links without a lot. The code is needed all the same, and the other numbers must be right."""
    page = client.get(f"/01/{unit.gtin}/21/{unit.serial}", headers=HTML)
    assert "<h1>Verified</h1>" in page.text
    assert client.get(f"/01/{unit.gtin}/21/77?c={unit.code}", headers=HTML).status_code == 404
    assert client.get(f"/01/00000000000017/21/{unit.serial}", headers=HTML).status_code == 404


def test_a_ledger_out_of_reach_says_nothing_about_the_label(
    client: TestClient, unit: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says when to try again, with a button for it, and that this says nothing about the label."""

    def refuse(*_arguments: object) -> LookUp:
        raise Unavailable("no", code="ledger.behind", retry_after_s=30)

    monkeypatch.setattr(lookup, "look_up", refuse)
    page = client.get(f"/c/{unit.code}?lang=en", headers=HTML)
    assert (page.status_code, page.headers["retry-after"]) == (503, "30")
    assert "This says nothing about the label." in page.text
    assert "Try again in 30 seconds." in page.text
    assert f'href="/c/{unit.code}?lang=en">Try again' in page.text


def test_too_many_look_ups_say_nothing_about_the_label(settings: Settings) -> None:
    """The page of the rate limit says how long to wait, and keeps the code."""
    with TestClient(create_app(settings.model_copy(update={"public_checks_per_minute": 1}))) as client:
        for _ in range(11):
            page = client.get("/c/7XK294QMV0HT3", headers=HTML)
    assert page.status_code == 429
    assert "Too many look-ups came from your connection" in page.text
    assert f"Try again in {page.headers['retry-after']} seconds." in page.text
    assert 'value="7XK2-94QM-V0HT3"' in page.text


@pytest.fixture
def pages(client: TestClient, workspace: Workspace, unit: Certificate) -> dict[str, Any]:
    """Pages with and without a unit, in both languages."""
    units.revoke(workspace, units.issue(workspace, unit.design_id, request_key="b", lot="L-2")[0], "stolen")
    paths = (f"/c/{unit.code}", "/c/7XK294QMVDHT3", "/c", "/c/7XK294QMV0HT3")
    return {
        f"{path} {tag}": client.get(f"{path}?lang={tag}", headers=HTML) for path in paths for tag in LANGUAGES
    }


def test_a_page_with_all_its_files_is_under_50_kb(pages: dict[str, Any]) -> None:
    """Every file that the page names counts, without compression."""
    for path, page in pages.items():
        names = set(re.findall(r'(?:href|src)="/static/([^"?]+)', page.text))
        assert {"site.css", "label.css"} <= names
        size_bytes = len(page.content) + sum((STATIC / name).stat().st_size for name in names)
        assert size_bytes < 50_000, path


def test_the_paper_has_time_code_checkpoint_and_address(pages: dict[str, Any], unit: Certificate) -> None:
    """A printed page can be kept as a record."""
    paper = next(iter(pages.values())).text.split('class="record on-paper"')[1]
    shown = f"{unit.code[:4]}-{unit.code[4:8]}-{unit.code[8:]}"
    for words in ("Checked", "UTC", f"http://testserver/c/{shown}", unit.id, "Entries under the checkpoint"):
        assert words in paper


def test_a_link_preview_does_not_say_the_outcome(client: TestClient, unit: Certificate) -> None:
    """A chat shows the title of an address for ever: a seller must not forward `Verified` with a copied label."""
    head = client.get(f"/c/{unit.code}", headers=HTML).text.partition("<body>")[0]
    shown = f"{unit.code[:4]}-{unit.code[4:8]}-{unit.code[8:]}"
    assert f"<title>Label {shown} · authcheck</title>" in head
    assert not re.search("Verified|Kite|acme", head)


def test_links_keep_escaped_numbers(client: TestClient, workspace: Workspace) -> None:
    """The other language and the box lead to the same GS1 link, also when a lot has a slash."""
    design = units.brand_with_key(workspace)
    (odd,) = units.issue(workspace, design, lot="A/21/B", serials=("S/%1",), count=0)
    link = "/01/04006381333931/10/A%2F21%2FB/21/S%2F%251"
    asked = client.get(link, headers=HTML).text
    assert f'<form class="typed-code" method="get" action="{link}">' in asked
    assert f'href="{link}?lang=zh-Hans"' in asked
    page = client.get(f"{link}?c={odd.code}", headers=HTML).text
    assert f'href="{link}?c={odd.code}&amp;lang=zh-Hans"' in page


def test_an_unknown_label_of_a_product_names_its_numbers(client: TestClient, unit: Certificate) -> None:
    """Only the page of an unknown code under a GS1 link has what the script sends, and shows the code."""
    page = client.get(f"/01/{unit.gtin}/10/{unit.lot}/21/7XK294QMV0HT3", headers=HTML).text
    assert "<h1>Unknown code</h1>" in page
    assert 'value="7XK2-94QM-V0HT3"' in page
    assert f'data-gtin="{unit.gtin}" data-lot="{unit.lot}"' in page
    for path in ("/c/7XK294QMV0HT3", f"/01/{unit.gtin}/10/L-1/21/7", f"/01/{unit.gtin}/10/L-1/21/7?c=ABC"):
        assert "<scan-record" not in client.get(path, headers=HTML).text
