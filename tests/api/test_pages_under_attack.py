"""Attackers send what no browser sends, and what a browser sends for another site."""

import threading
from typing import Any

import people_made
import pytest
from starlette.testclient import TestClient

from authcheck.members import invitations, links, organisations, people
from authcheck.members.tables import OneTimeLink, Person
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

OURS = {"Sec-Fetch-Site": "same-origin"}
MARKUP = "<img src=x onerror=alert(1)>"
LOOPBACK = {"client": ("127.0.0.1", 5000), "base_url": "http://127.0.0.1:8000"}


@pytest.fixture
def mei(client: TestClient, workspace: Workspace) -> TestClient:
    """Return a browser in which the admin of acme is signed in."""
    people_made.person(workspace.database, now=utc_now())
    fields = {"email": "mei@acme.example", "password": people_made.PASSWORD}
    assert client.post("/sign-in", data=fields, headers=OURS, follow_redirects=False).status_code == 303
    return client


def invited(workspace: Workspace, email: str = "ling@acme.example") -> str:
    """Return the path of an invitation to acme."""
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        maker = people.get_person(session, "mei@acme.example").id
        _, secret = invitations.invite(
            session, acme, email=email, name=MARKUP, roles=["analyst"], made_by=maker, now=utc_now()
        )
        return f"/join/{secret}"


FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
NO_FORMS = (
    (FORM, b"a=&" * 10_000, 400, "request.form"),
    (FORM, b"email=" + b"a" * 70_000, 413, "request.too_large"),
    (FORM, b"name=%FF%FE", 400, "request.form"),
    (FORM, b"name=\xff\xfe", 400, "request.form"),
    (PARTS, b"--x\r\n\r\n--x--\r\n", 415, "request.content_type"),
    ("application/json", b'{"name": "Mei"}', 415, "request.content_type"),
    ("text/plain", b"name=Mei", 415, "request.content_type"),
)


@pytest.mark.slow
def test_what_is_no_form_of_ours_changes_nothing(mei: TestClient) -> None:
    """The answer is a page that says so, in words about forms and not about photos."""
    for content_type, body, status, code in NO_FORMS:
        for path in ("/sign-in", "/account/name", "/people/invite", "/sign-in/forgot"):
            answer = mei.post(path, content=body, headers={**OURS, "Content-Type": content_type})
            assert (answer.status_code, answer.headers["content-type"][:9]) == (status, "text/html")
            main = answer.text.partition("<footer")[0]
            assert f"Code: {code}" in main
            assert not [word for word in ("photo", "picture") if word in main]


FIELDS = {
    "/sign-in": ("email", "password", "next"),
    "/sign-in/forgot": ("email",),
    "/account/name": ("name",),
    "/account/act": ("acting",),
    "/account/sessions/end": ("session",),
    "/people/invite": ("email", "name", "roles"),
    "/people/roles": ("person",),
    "/people/keys": ("label", "scopes"),
    "/people/keys/revoke": ("key",),
    "/people/agents": ("agent",),
    "/people/agents/end": ("appointment",),
    "/people/invitations/again": ("invitation",),
}


@pytest.mark.slow
def test_a_very_long_field_is_refused(mei: TestClient) -> None:
    """No field is stored or shown at its whole length, and markup and NUL in it do no harm."""
    for path, field in ((path, field) for path, fields in FIELDS.items() for field in fields):
        for text in (MARKUP + "x" * 60_000, "\x00" + MARKUP, "a@" + "a." * 15_000 + "example"):
            answer = mei.post(path, data={field: text}, headers=OURS)
            assert 400 <= answer.status_code < 500, (path, field, answer.text)
            assert MARKUP not in answer.text, (path, field)
            assert len(answer.text) < 60_000, (path, field)


def test_markup_in_names_stays_text(mei: TestClient, workspace: Workspace) -> None:
    """Names of people, organisations, keys and browsers are shown as they were typed."""
    mei.post("/account/name", data={"name": MARKUP}, headers=OURS)
    mei.post(
        "/people/keys", data={"label": MARKUP, "scopes": "designs:read", "nonce": "n" * 22}, headers=OURS
    )
    path = invited(workspace)
    for page in (mei.get("/account"), mei.get("/people"), mei.get(path)):
        assert page.status_code == 200
        assert "onerror" in page.text
        assert MARKUP not in page.text


def test_a_mail_scanner_uses_no_link_up(mei: TestClient, workspace: Workspace) -> None:
    """GET and HEAD of a link change nothing, so the person can still use it."""
    path = invited(workspace)
    with workspace.database.writing() as session:
        _, secret = links.make_reset(session, people.get_person(session, "mei@acme.example"), utc_now())
    mei.cookies.clear()
    for opened in (path, f"/new-password/{secret}"):
        assert [mei.head(opened).status_code, mei.get(opened).status_code] == [200, 200]
    with workspace.database.reading() as session:
        assert [link.used_at for link in session.query(OneTimeLink)] == [None, None]
    fields = {"name": "Ling", "password": people_made.PASSWORD}
    assert mei.post(path, data=fields, headers=OURS, follow_redirects=False).status_code == 303


def test_two_browsers_use_a_link_at_once(mei: TestClient, workspace: Workspace) -> None:
    """One of them joins. The other learns that the link was used, and gets no session."""
    path, answers = invited(workspace), list[Any]()
    browsers = [TestClient(mei.app) for _ in range(2)]

    def join(browser: TestClient) -> None:
        fields = {"name": "Ling", "password": people_made.PASSWORD}
        answers.append(browser.post(path, data=fields, headers=OURS, follow_redirects=False))

    threads = [threading.Thread(target=join, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [303, 410]
    (late,) = [answer for answer in answers if answer.status_code == 410]
    assert "This link was used already" in late.text
    assert "authcheck_session" not in late.cookies
    with workspace.database.reading() as session:
        assert session.query(Person).count() == 2


ELSEWHERE = (
    {"Host": "evil.example"},  # a name that an attacker lets lead to 127.0.0.1
    {"Host": "127.0.0.1.evil.example:8000"},
    {"Host": "localhost@evil.example"},
    {"Host": "["},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-Host": "localhost"},
    {"X-Forwarded-Proto": "https"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
    {"CF-Connecting-IP": "127.0.0.1"},
)


@pytest.mark.slow
def test_nobody_reaches_the_set_up_from_elsewhere(client: TestClient, workspace: Workspace) -> None:
    """Neither a name of the attacker nor a proxy on this computer opens it, even with the right code."""
    with workspace.database.writing() as session:
        code = links.make_set_up(session, utc_now())
    here = TestClient(client.app, **LOOPBACK)
    fields = {"code": code, "name": "Eve", "email": "eve@evil.example", "password": people_made.PASSWORD,
              "organisation": "Evil", "handle": "evil", "kinds": "brand"}  # fmt: skip
    for headers in ELSEWHERE:
        assert here.get("/set-up", headers=headers).status_code == 404, headers
        assert here.post("/set-up", data=fields, headers={**OURS, **headers}).status_code == 404, headers
    with workspace.database.reading() as session:
        assert links.needs_set_up(session)
    assert here.get("/set-up").status_code == 200


def test_no_cache_keeps_a_page_of_a_person(mei: TestClient, workspace: Workspace) -> None:
    """Pages, redirects and refusals say that nobody may store them, and no page has a frame around it."""
    answers = [
        mei.get(path, follow_redirects=False)
        for path in ("/account", "/people", "/sign-in", invited(workspace), "/join/x")
    ]
    answers.append(mei.post("/people/remove", data={"person": "x"}, headers=OURS))
    answers.append(mei.post("/account/name", data={"name": "M"}, headers=OURS, follow_redirects=False))
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_a_made_up_cookie_is_nobody(client: TestClient, workspace: Workspace) -> None:
    """A cookie that we did not give leads to the page to sign in, and the API answers 403 or 401."""
    people_made.person(workspace.database, now=utc_now())
    for cookie in ("x", "x" * 43, "é" * 20, "x" * 5000, '"', "a b", "%00"):
        headers = {"Cookie": f"authcheck_session={cookie}".encode()}
        answer = client.get("/people", headers=headers, follow_redirects=False)  # type: ignore[arg-type]
        assert answer.status_code == 303, cookie
        assert answer.headers["location"] == "/sign-in?next=/people&notice=needed"
        assert client.get("/v1/me", headers=headers).status_code in {401, 403}  # type: ignore[arg-type]


def test_the_address_of_a_form_leads_back_to_its_page(mei: TestClient) -> None:
    """A browser that opens the address of a form again, as after its restart, gets the page and no error."""
    for path, page in (
        ("/people/keys", "/people"),
        ("/people/invitations/again", "/people"),
        ("/account/factor/confirm", "/account"),
        ("/sign-out", "/account"),
    ):
        answer = mei.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers.get("location")) == (303, page), path
