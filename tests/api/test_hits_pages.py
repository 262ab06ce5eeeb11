"""The pages Hits and Notices: what a brand's people see, choose and send, and what they never see."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import cases_made
import make
import people_made
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from authcheck.cases.notice_tables import Hit, Notice
from authcheck.config import Settings
from authcheck.licences import design_rights
from authcheck.licences.design_rights import NewRight
from authcheck.registry.designs import get_design
from authcheck.workspace import Workspace

ODD = {
    "title": "<script>alert(1)</script>",
    "seller_name": "=HYPERLINK(1)",
    "sold_30d": "4711234567",
    "query": "cheap kite",
}
Open = Callable[..., Any]


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1, title="Kite & tail").design.id


@pytest.fixture
def visit(client: TestClient, workspace: Workspace, settings: Settings) -> Open:
    """Return a function that signs a person in, and returns a function that sends the person's requests."""

    def sign_in(owner: str = "acme", role: str = "protector", kind: str = "brand") -> Open:
        now = datetime.now(UTC)
        email = f"{role}@{owner}.example"
        people_made.person(workspace.database, email, owner=owner, kinds=(kind,), roles=(role,), now=now)
        token = people_made.sign_in(workspace.database, settings, email, now=now).token
        headers = {"Cookie": f"authcheck_session={token}", "Sec-Fetch-Site": "same-origin"}
        return lambda path, **data: (
            client.post(path, headers=headers, data={"form_token": "", **data}, follow_redirects=False)
            if data
            else client.get(path, headers=headers, follow_redirects=False)
        )

    return sign_in


def fields(html: str) -> dict[str, Any]:
    """Return the fields of the notice's form as it is offered, with the proposed listings."""
    hidden = dict(re.findall(r'type="hidden" name="(nonce|design|group)" value="([^"]+)"', html))
    chosen = re.findall(r'name="listing" value="([^"]+)" autocomplete="off" checked', html)
    statements = ["good_faith", "accuracy"]
    return {**hidden, "listing": chosen, "claim": "unlicensed_use", "statements": statements, "note": ""}


def group_of(workspace: Workspace) -> str:
    """Return the key of the only group."""
    with workspace.database.reading() as session:
        return session.scalars(select(Hit.grouped_by).distinct()).one()


@pytest.mark.slow
def test_from_a_hit_to_its_receipt(visit: Open, workspace: Workspace, kite: str) -> None:
    """Choose a picture, report its listings, read the receipt. A second click files nothing again."""
    first = cases_made.hand_in(workspace, **ODD)
    cases_made.hand_in(workspace, "L-2", seller="else")
    cases_made.hand_in(workspace, "M-1", by="acme")
    ask = visit()
    hits = ask("/hits")
    assert "Kite &amp; tail" in hits.text
    assert "Listings: 3. Sellers: 2." in hits.text
    for secret in ("4711234567", "cheap kite"):
        assert secret not in hits.text
    page = ask(f"/hits/listings?group={group_of(workspace)}")
    assert "<script>alert(1)" not in page.text
    assert "The seller neither owns design “REF-1” of acme nor has a licence for it." in page.text
    sent = fields(page.text)
    assert len(sent["listing"]) == 2  # the own one has no marketplace
    receipt = ask("/notices", **sent)
    assert receipt.status_code == 303
    shown = ask(receipt.headers["location"])
    assert "Reported: 2. Refused: 0." in shown.text
    assert "bazaar" in shown.text
    again = ask("/notices", **sent)
    assert (again.status_code, "Nothing was done twice" in again.text) == (409, True)
    with workspace.database.reading() as session:
        assert len(session.scalars(select(Notice)).all()) == 1
    listed = ask("/notices")
    assert "Reported <b>2</b>" in listed.text
    assert "Reported" in ask("/hits?stage=reported&lang=en").text
    assert f'value="{first.id}"' not in ask(f"/hits/listings?group={group_of(workspace)}").text


@pytest.mark.slow
def test_a_mistake_loses_nothing(visit: Open, workspace: Workspace, kite: str) -> None:
    """Without a statement, a claim or a listing nothing is filed, and the form keeps what was typed."""
    listing = cases_made.hand_in(workspace)
    ask = visit()
    sent = {**fields(ask(f"/hits/listings?group={group_of(workspace)}").text), "note": "Seen <b>twice</b>"}
    for changed, words in (
        ({"statements": ["accuracy"]}, "Confirm both statements"),
        ({"claim": "x"}, "Choose what you say"),
        ({"note": "x" * 2_001}, "The note is too long"),
        ({"listing": []}, "Choose at least one listing"),
        ({"listing": [listing.id] * 301}, "A notice has at most 300 listings"),
    ):
        answer = ask("/notices", **{**sent, **changed})
        assert (answer.status_code, words in answer.text) == (422, True), words
    kept = ask("/notices", **{**sent, "statements": []})
    assert "Seen &lt;b&gt;twice" in kept.text
    assert f'value="{listing.id}" autocomplete="off" checked' in kept.text
    with workspace.database.reading() as session:
        assert session.scalars(select(Notice)).all() == []
    assert ask("/notices", **sent).status_code == 303


@pytest.mark.slow
def test_walls_of_the_pages(visit: Open, workspace: Workspace, kite: str) -> None:
    """Another brand finds nothing of acme, by no address. A reader sees hits without the form."""
    cases_made.hand_in(workspace)
    with workspace.database.reading() as session:
        hit = session.scalars(select(Hit)).one()
    mei, eve, ada = visit(), visit("globex"), visit(role="analyst")
    picture = mei(f"/hits/picture?hit={hit.id}")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")
    filed = mei("/notices", **fields(mei(f"/hits/listings?group={hit.grouped_by}").text))
    assert filed.status_code == 303
    for path in (f"/hits/picture?hit={hit.id}", "/hits/picture?hit=x", filed.headers["location"]):
        assert eve(path).status_code == 404, path
    for path in ("/hits?verdict=all", f"/hits/listings?group={hit.grouped_by}", "/hits.csv", "/notices"):
        assert "Kite" not in eve(path).text
        assert hit.listing_id not in eve(path).text
    page = ada(f"/hits/listings?group={hit.grouped_by}").text
    assert ("Your roles do not allow you to report" in page, "<textarea" in page) == (True, False)
    assert ada("/notices", design=kite, listing=hit.listing_id).status_code == 403
    workspace.copies.sweep(datetime.now(UTC))
    assert "/hits" in mei("/account").text
    assert 'href="/hits"' not in visit("bazaar", "moderator", "marketplace")("/account").text


@pytest.mark.slow
def test_the_table_is_that_of_the_filter(visit: Open, workspace: Workspace, kite: str) -> None:
    """The CSV has the hits of the page's filter, and a seller's name cannot run as a formula."""
    cases_made.hand_in(workspace, **ODD)
    cases_made.hand_in(workspace, "L-2", seller="else", territory="FR")
    ask = visit()
    rows = list(csv.DictReader(io.StringIO(ask("/hits.csv").text)))
    assert {row["reference"] for row in rows} == {"L-1", "L-2"}
    assert {row["seller_name"] for row in rows} == {"'=HYPERLINK(1)", ""}
    assert not {"sold_30d", "stock", "rank", "query"} & set(rows[0])
    (one,) = csv.DictReader(io.StringIO(ask("/hits.csv?seller=else&days=90").text))
    assert (one["reference"], one["stage"], one["verdict"]) == ("L-2", "not_reported", "unlicensed_use")
    link = 'href="/hits.csv?seller=else&amp;stage=reported"'
    assert link in ask("/hits?seller=else&stage=reported&verdict=odd&days=x").text
    assert "No listing fits." in ask("/hits?seller=%00").text
    assert "没有符合条件的商品" in ask("/hits?stage=decided&lang=zh").text


def test_a_right_is_picked_from_those_accepted(visit: Open, workspace: Workspace, kite: str) -> None:
    """The form proposes the only right that holds for all listings. The receipt and the case show it."""
    listing = cases_made.hand_in(workspace)
    protector, moderator = visit(), visit("bazaar", "moderator", "marketplace")
    page = protector(f"/hits/listings?group={group_of(workspace)}").text
    assert "No accepted right in this design" in page
    assert f"/designs/{kite}/rights" in page
    with workspace.database.writing() as session:
        design = get_design(session, kite)
        for number, territories, is_accepted in (
            ("111", ("EU",), 1),
            ("222", ("US",), 1),
            ("333", ("DE",), 0),
        ):
            new = NewRight("trade_mark", territories, number, "EUIPO")
            later = make.NOW + timedelta(seconds=int(number))
            row = design_rights.add(session, design, new, None, later)
            if is_accepted:
                design_rights.accept(session, row, make.NOW)
    page = protector(f"/hits/listings?group={group_of(workspace)}").text
    options = re.findall(r'<option value="(rgt_\w+)"( selected)?>([^<]+)</option>', page)
    assert [(text, bool(selected)) for _, selected, text in options] == [
        ("Trade mark EUIPO 111 (EU)", True),
        ("Trade mark EUIPO 222 (US)", False),
    ]
    wrong = protector("/notices", **fields(page), right="rgt_00000000000000000000000000")
    assert wrong.status_code == 404
    assert (
        'id="right" name="right" autocomplete="off" aria-describedby="right-hint problem" aria-invalid'
        in wrong.text
    )
    sent = protector("/notices", **fields(wrong.text), right=options[0][0])
    receipt = protector(sent.headers["location"]).text
    assert "Trade mark <code>EUIPO 111</code>: EU" in receipt
    (case,) = cases_made.cases_of(workspace)
    assert case.items[0].listing_id == listing.id
    assert "Trade mark <code>EUIPO 111</code>: EU" in moderator(f"/cases/{case.id}").text
    with workspace.database.writing() as session:
        design_rights.withdraw(session, design_rights.get_right(session, options[0][0]), make.NOW)
    assert "The brand has withdrawn it since." in moderator(f"/cases/{case.id}").text
    assert "Named in your reports: 1." in visit(role="rights")(f"/designs/{kite}/rights").text
