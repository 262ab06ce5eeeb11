"""Pages of people over HTTP: who opens which page, what forms do, and what they refuse."""

import re
from collections.abc import Callable
from pathlib import Path

import people_made
import pyotp
import pytest
from app_routes import routes_of
from browsers_made import OURS, Browser
from starlette.requests import Request
from starlette.testclient import TestClient

from api.app import create_app
from api.pages import person
from api.pages.person import NeedsPerson, PersonRoute
from authcheck.config import Settings
from authcheck.members import links, organisations, people
from authcheck.members.mail import Mail
from authcheck.members.permissions import MATRIX, Resource, Right, Role
from authcheck.members.tables import ApiKey, OneTimeLink, WebSession
from authcheck.storage.database import GUARD
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

SHORT, NEW, NEWER = "short", "nine otters under the pier", "ten otters under the pier"
HOMES = {  # the organisation and its kind, where somebody has the role
    Role.LICENSEE: ("tees", "licensee"),
    Role.AGENT: ("guard", "agent"),
    Role.MODERATOR: ("market", "marketplace"),
    Role.OPERATOR: ("operators", "operator"),
}


class Mailbox:
    """A mail server that takes everything."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    def send(self, mail: Mail) -> None:
        """Take a mail."""
        self.mails.append(mail)

    def path(self) -> str:
        """Return the path of the link in the newest mail."""
        found = re.search(r"http://127\.0\.0\.1:8000(/\S+)", self.mails[-1].text)
        assert found is not None
        return found[1]


@pytest.fixture
def mailbox(client: TestClient) -> Mailbox:
    """Return the mailbox of everybody."""
    box = client.app.state.mailer = Mailbox()  # type: ignore[attr-defined]
    return box


@pytest.fixture
def browser(client: TestClient) -> Callable[[], Browser]:
    """Return a function that opens a browser."""
    return lambda: Browser(client)


@pytest.fixture
def mei(workspace: Workspace, browser: Callable[[], Browser]) -> Browser:
    """Return the browser of an admin of acme, who is signed in."""
    people_made.person(workspace.database, now=utc_now())
    opened = browser()
    assert opened.sign_in().headers["location"] == "/today"
    return opened


def test_a_person_signs_in_and_out(mei: Browser, workspace: Workspace) -> None:
    """The cookie is for http alone, the session is listed, and after the sign-out its cookie is worthless."""
    assert "Acme" in mei.get("/account").text
    old = dict(mei.cookies)
    assert mei.post("/sign-out").headers["location"] == "/sign-in?notice=signed_out"
    assert "authcheck_session" not in mei.cookies
    mei.cookies = old
    assert mei.get("/account").headers["location"].startswith("/sign-in?next=/account")
    with workspace.database.reading() as session:
        assert session.query(WebSession).one().ended_at is not None


def test_a_reload_makes_no_second_key(mei: Browser, workspace: Workspace) -> None:
    """The answer with the token may be loaded again. The form works once, and a form without its nonce never."""
    (nonce,) = re.findall(r'name="nonce" value="([^"]+)"', mei.get("/people").text)
    fields = {"label": "Shop", "scopes": "designs:read"}
    assert re.search(
        "ack_[0-9A-Z]{26}_[A-Za-z0-9_-]{43}", mei.post("/people/keys", **fields, nonce=nonce).text
    )
    again = mei.post("/people/keys", **fields, nonce=nonce)
    assert (again.status_code, "form.repeated" in again.text) == (409, True)
    assert mei.post("/people/keys", **fields).status_code == 400
    with workspace.database.reading() as session:
        assert session.query(ApiKey).count() == 1


@pytest.mark.parametrize(
    ("url", "name", "secure"),
    [
        ("http://127.0.0.1:8000", "authcheck_session", False),
        ("https://a.example", "__Host-authcheck_session", True),
    ],
)
def test_cookies_belong_to_the_address(tmp_path: Path, url: str, name: str, secure: bool) -> None:
    """Over https, the cookies carry the prefix and the flags that keep other hosts and plain http away."""
    with TestClient(create_app(Settings(data_dir=tmp_path, public_url=url))) as client:
        database = client.app.state.workspace.database  # type: ignore[attr-defined]
        people_made.person(database, now=utc_now())
        answer = Browser(client).sign_in()
        (cookie,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith(name + "=")]
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert ("Secure" in cookie.split("; ")) == secure
        assert "Domain" not in cookie


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_no_other_site_sends_our_forms(mei: Browser, workspace: Workspace, headers: dict[str, str]) -> None:
    """A form from elsewhere, or from a browser that says nothing and has no token, changes nothing."""
    for path, fields in (
        ("/account/name", {"name": "Eve"}),
        ("/people/keys", {"label": "x", "scopes": "designs:write"}),
        ("/sign-out", {}),
        ("/account/sessions/end-others", {}),
        ("/people/invite", {"email": "eve@evil.example", "roles": "admin"}),
        ("/sign-in", {"email": "mei@acme.example", "password": people_made.PASSWORD}),
    ):
        answer = mei.post(path, headers, form_token="0" * 64, **fields)
        assert (answer.status_code, "request.cross_site" in answer.text) == (403, True), path
    assert mei.get("/account").status_code == 200
    with workspace.database.reading() as session:
        assert people.get_person(session, "mei@acme.example").name == "mei"
        assert session.query(ApiKey).count() == session.query(OneTimeLink).count() == 0


@pytest.mark.parametrize("token", ["", "\u00e9" * 64, "x" * 5_000, "\x00"])
def test_a_token_of_any_characters_is_refused(mei: Browser, token: str) -> None:
    """What is no token is a form from elsewhere, and no fault of ours."""
    answer = mei.post("/account/name", {}, name="Eve", form_token=token)
    assert (answer.status_code, "request.cross_site" in answer.text) == (403, True)


def test_a_browser_that_says_nothing_needs_the_token(mei: Browser) -> None:
    """The token of the page lets a form through. That of another session does not."""
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', mei.get("/account").text)
    assert found is not None
    assert mei.post("/account/name", {}, name="Mei Lin", form_token=found[1]).status_code == 303
    mei.sign_in()
    assert mei.post("/account/name", {}, name="Mei Lin", form_token=found[1]).status_code == 403


def test_a_session_cannot_be_planted(mei: Browser, workspace: Workspace) -> None:
    """A sign-in gives a new cookie, and ends the session that the browser had."""
    planted = mei.cookies["authcheck_session"]
    people_made.person(workspace.database, "ada@acme.example", now=utc_now())
    mei.sign_in("ada@acme.example")
    assert mei.cookies["authcheck_session"] != planted
    assert "ada@acme.example" in mei.get("/account").text
    mei.cookies = {"authcheck_session": planted}
    assert mei.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ("/people", "/people"),
        ("//evil.example", "/today"),
        ("/\\evil.example", "/today"),
        ("https://evil.example", "/today"),
        ("javascript:alert(1)", "/today"),
        ("/people\r\nSet-Cookie: a=b", "/today"),
        ("", "/today"),
        ("/" + "x" * 5_000, "/today"),
    ],
)
def test_a_sign_in_leads_to_our_pages_only(
    workspace: Workspace, browser: Callable[[], Browser], asked: str, reached: str
) -> None:
    """`next` never leads to another site."""
    people_made.person(workspace.database, now=utc_now())
    assert browser().sign_in(next=asked).headers["location"] == reached


def test_a_wrong_password_keeps_what_was_typed(workspace: Workspace, browser: Callable[[], Browser]) -> None:
    """The page says the same for every account, keeps the address, never the password, and waits in the end."""
    people_made.person(workspace.database, now=utc_now())
    answers = [browser().sign_in(email, "wrong <b>") for email in ("mei@acme.example", "zoe@acme.example")]
    told = [answer.text.replace("mei@", "x@").replace("zoe@", "x@") for answer in answers]
    hidden = [re.sub(r'value="[0-9a-f]{64}"', "", text) for text in told]
    assert hidden[0] == hidden[1]
    assert answers[0].status_code == 403
    assert "wrong &lt;b" not in told[0]
    assert "wrong <b>" not in told[0]
    last = [browser().sign_in("mei@acme.example", "wrong") for _ in range(6)][-1]
    assert (last.status_code, "sign_in.wait" in last.text) == (429, True)
    assert int(last.headers["retry-after"]) > 0


def test_a_forgotten_password_is_replaced(
    workspace: Workspace, mei: Browser, browser: Callable[[], Browser], mailbox: Mailbox
) -> None:
    """Known and unknown addresses get one answer. The link works once, and signs every other browser out."""
    known, unknown = (
        browser().post("/sign-in/forgot", email=email) for email in ("Mei@acme.example", "zoe@acme.example")
    )
    assert known.text.replace("mei@", "zoe@") == unknown.text
    assert [mail.to for mail in mailbox.mails] == ["mei@acme.example"]
    path, other = mailbox.path(), browser()
    assert other.get(path).status_code == other.get(path).status_code == 200
    short = other.post(path, password=SHORT)
    assert (short.status_code, "password.short" in short.text) == (422, True)
    assert other.post(path, password=NEW).status_code == 303
    assert "mei@acme.example" in other.get("/account").text
    assert mei.get("/account").status_code == 303
    assert mailbox.mails[-1].subject == "Your password was changed"
    for again in (other.get(path), other.post(path, password=NEWER)):
        assert (again.status_code, "used" in again.text) == (410, True)
    assert browser().sign_in().status_code == 403
    assert browser().sign_in(password=NEW).status_code == 303


def test_nobody_fills_a_mailbox(mei: Browser, mailbox: Mailbox, workspace: Workspace) -> None:
    """An account gets three links an hour, and an address may cause ten mails a minute."""
    answers = [mei.post("/sign-in/forgot", email="mei@acme.example") for _ in range(12)]
    assert len(mailbox.mails) == links.RESETS_AN_HOUR
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    with workspace.database.reading() as session:
        assert session.query(OneTimeLink).count() == links.RESETS_AN_HOUR


def test_an_admin_floods_nobody(mei: Browser, mailbox: Mailbox) -> None:
    """An organisation sends at most 60 invitations a minute."""
    answers = [
        mei.post("/people/invite", email=f"n{number}@b.example", roles="analyst") for number in range(61)
    ]
    assert ([answer.status_code for answer in answers], len(mailbox.mails)) == ([303] * 60 + [429], 60)


def test_links_lead_to_our_public_address(mei: Browser, mailbox: Mailbox) -> None:
    """What a request says about its host does not get into a mail."""
    mei.post("/sign-in/forgot", {**OURS, "Host": "evil.example"}, email="mei@acme.example")
    assert "evil" not in mailbox.mails[-1].text
    assert mailbox.path().startswith("/new-password/")


def test_a_colleague_joins(mei: Browser, browser: Callable[[], Browser], mailbox: Mailbox) -> None:
    """The invitation goes by mail, is opened by a new browser, and its maker hears who has used it."""
    sent = mei.post("/people/invite", email="ada@acme.example", name="", roles=["issuer", "analyst"])
    assert sent.headers["location"] == "/people?notice=invited"
    ada, path = browser(), mailbox.path()
    assert "Acme" in ada.get(path).text
    joined = ada.post(path, name="Ada <i>", password=NEW)
    assert joined.headers["location"] == "/account?notice=welcome"
    assert (mailbox.mails[-1].to, "ada@acme.example" in mailbox.mails[-1].text) == ("mei@acme.example", True)
    assert "Ada &lt;i&gt;" in mei.get("/people").text
    assert ada.get("/people").status_code == 403
    assert (ada.get(path).status_code, browser().post(path, name="B", password=SHORT).status_code) == (
        410,
        410,
    )


def test_an_invitation_of_somebody_with_an_account(
    workspace: Workspace, mei: Browser, browser: Callable[[], Browser], mailbox: Mailbox
) -> None:
    """The person signs in and confirms. Whoever else holds the link gets nothing."""
    people_made.person(workspace.database, "ada@globex.example", owner="globex", now=utc_now())
    mei.post("/people/invite", email="ada@globex.example", roles="analyst")
    path, thief = mailbox.path(), browser()
    assert thief.get(path).headers["location"].startswith("/sign-in?next=/join/")
    assert thief.post(path, name="Thief", password=NEW).status_code == 303
    assert "somebody else" in mei.get(path).text
    refused = mei.post(path)
    assert (refused.status_code, "invitation.sign_in" in refused.text) == (403, True)
    ada = browser()
    ada.sign_in("ada@globex.example")
    assert ada.post(path).headers["location"] == "/account?notice=welcome"
    assert "Acme" in ada.get("/account").text


def test_without_a_mail_server_the_link_is_shown_once(
    mei: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    """An admin without a mail server hands the link on. The terminal shows the mail, too."""
    answer = mei.post("/people/invite", email="ada@acme.example", roles="analyst")
    (path,) = re.findall(r"http://127\.0\.0\.1:8000(/join/[A-Za-z0-9_-]{43})", answer.text)
    assert path in capsys.readouterr().err
    assert path not in mei.get("/people").text


def test_a_person_is_disabled_while_working(mei: Browser, workspace: Workspace) -> None:
    """The next click leads to the page to sign in, and the form in hand changes nothing."""
    people_made.person(workspace.database, "ada@acme.example", now=utc_now())
    with workspace.database.writing() as session:
        people.disable(session, people.get_person(session, "mei@acme.example"), utc_now())
    for answer in (mei.get("/people"), mei.post("/people/keys", label="", scopes="designs:write")):
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
    with workspace.database.reading() as session:
        assert session.query(ApiKey).count() == 0


def test_a_role_is_taken_in_the_middle_of_a_request(
    mei: Browser, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request was allowed when it began. Its transaction asks again, and stores nothing."""
    people_made.person(workspace.database, "ada@acme.example", now=utc_now())
    check = person.cookies.refuse_other_sites  # while the form is read

    def take_the_role_and_check(request: Request, token: str) -> None:
        guard = GUARD.set(None)
        people_made.person(workspace.database, roles=("analyst",), now=utc_now())
        GUARD.reset(guard)
        check(request, token)

    monkeypatch.setattr(person.cookies, "refuse_other_sites", take_the_role_and_check)
    refused = mei.post("/people/invite", email="eve@acme.example", roles="admin")
    assert (refused.status_code, "auth.role" in refused.text) == (403, True)
    with workspace.database.reading() as session:
        assert session.query(OneTimeLink).count() == 0


def test_the_second_factor_over_http(mei: Browser, browser: Callable[[], Browser]) -> None:
    """Turning it on needs the password. Without the code, the cookie of the first step opens nothing."""
    refused = mei.post("/account/factor/begin", current_password=SHORT)
    assert "password.wrong" in refused.text
    mei.post("/account/factor/begin", current_password=people_made.PASSWORD)
    (secret,) = re.findall(r"<code class=\"copied\">([A-Z2-7 ]+)</code>", mei.get("/account").text)
    app = pyotp.TOTP(secret.replace(" ", ""))
    shown = mei.post("/account/factor/confirm", code=app.now())
    recovery = re.findall(r"<li><code>([^<]+)</code>", shown.text)
    assert len(recovery) == 10
    other = browser()
    assert other.sign_in(next="/people").headers["location"].startswith("/sign-in/code?next=")
    assert other.get("/people").status_code == 303
    assert "sign_in.code" in other.post("/sign-in/code", code="000000").text
    entered = other.post("/sign-in/code", code=recovery[0].lower(), next="/people")
    assert entered.headers["location"] == "/people"
    assert other.get("/people").status_code == 200


def test_set_up_is_for_this_computer(
    client: TestClient, workspace: Workspace, browser: Callable[[], Browser]
) -> None:
    """Another host name, a proxy and another machine get 404. The code works once."""
    with workspace.database.writing() as session:
        code = links.make_set_up(session, utc_now())
    here = {**OURS, "Host": "127.0.0.1:8000"}
    first = Browser(TestClient(client.app, client=("127.0.0.1", 5000), base_url="http://127.0.0.1:8000"))
    fields = {"code": code, "name": "Mei", "email": "mei@acme.example", "password": people_made.PASSWORD,
              "organisation": "Acme", "handle": "acme", "kinds": "brand"}  # fmt: skip
    assert browser().get("/set-up", Host="127.0.0.1:8000").status_code == 404  # from another machine
    for headers in (
        {"Host": "evil.example"},
        {**here, "X-Forwarded-For": "127.0.0.1"},
        {**here, "Forwarded": "for=127.0.0.1"},
    ):
        assert first.get("/set-up", **headers).status_code == 404
        assert first.post("/set-up", {**OURS, **headers}, **fields).status_code == 404
    assert "authcheck people add" in browser().get("/sign-in").text
    assert first.get("/sign-in", **here).headers["location"] == "/set-up"
    wrong = first.post("/set-up", here, **{**fields, "code": "A" * 43})
    assert "link.unknown" in wrong.text
    assert people_made.PASSWORD not in wrong.text
    assert first.post("/set-up", here, **fields).headers["location"] == "/account?notice=welcome"
    assert first.get("/set-up", **here).status_code == 404
    assert first.post("/set-up", here, **fields).status_code == 404


def test_an_operator_adds_an_organisation_and_its_first_admin(
    workspace: Workspace, browser: Callable[[], Browser], mailbox: Mailbox
) -> None:
    """The operator's pages reach every organisation. Nobody else's do."""
    operator, admin = browser(), browser()
    words = {"owner": "operators", "kinds": ("operator",), "roles": ("operator",), "now": utc_now()}
    people_made.person(workspace.database, "ops@o.example", **words)  # type: ignore[arg-type]
    people_made.person(workspace.database, now=utc_now())
    operator.sign_in("ops@o.example")
    admin.sign_in()
    added = operator.post("/organisations", name="Globex", handle="globex", kinds=["brand"])
    assert added.headers["location"] == "/people?organisation=globex&notice=organisation_added"
    invited = operator.post("/people/invite?organisation=globex", email="ada@globex.example", roles="admin")
    assert invited.headers["location"] == "/people?notice=invited&organisation=globex"
    assert browser().post(mailbox.path(), name="Ada", password=NEW).status_code == 303
    assert "ada@globex.example" in operator.get("/people?organisation=globex").text
    for answer in (
        admin.get("/people?organisation=globex"),
        admin.get("/people?organisation=nobody"),
        admin.post("/people/invite?organisation=globex", email="x@y.example", roles="admin"),
    ):
        assert answer.status_code in {403, 404}
        assert "ada@globex" not in answer.text
    assert admin.get("/organisations").status_code == 403


PAGES: dict[str, tuple[Resource | None, Right]] = {
    "GET /account": (None, Right.READ),
    "POST /account/name": (None, Right.READ),
    "POST /account/act": (None, Right.READ),
    "POST /account/password": (None, Right.READ),
    "POST /account/factor/begin": (None, Right.READ),
    "POST /account/factor/confirm": (None, Right.READ),
    "POST /account/factor/off": (None, Right.READ),
    "POST /account/sessions/end": (None, Right.READ),
    "POST /account/sessions/end-others": (None, Right.READ),
    "GET /today": (None, Right.READ),
    "GET /people": (Resource.PEOPLE, Right.READ),
    "POST /people/invite": (Resource.PEOPLE, Right.WRITE),
    "POST /people/invitations/again": (Resource.PEOPLE, Right.WRITE),
    "POST /people/invitations/withdraw": (Resource.PEOPLE, Right.WRITE),
    "POST /people/roles": (Resource.PEOPLE, Right.WRITE),
    "POST /people/remove": (Resource.PEOPLE, Right.WRITE),
    "POST /people/keys": (Resource.PEOPLE, Right.WRITE),
    "POST /people/keys/revoke": (Resource.PEOPLE, Right.WRITE),
    "POST /people/agents": (Resource.PEOPLE, Right.WRITE),
    "POST /people/agents/end": (Resource.PEOPLE, Right.WRITE),
    "GET /organisations": (Resource.ORGANISATIONS, Right.READ),
    "POST /organisations": (Resource.ORGANISATIONS, Right.WRITE),
    "GET /rights": (Resource.ORGANISATIONS, Right.READ),
    "GET /rights/{right_id}/document": (Resource.ORGANISATIONS, Right.READ),
    "POST /rights/{right_id}/accept": (Resource.ORGANISATIONS, Right.WRITE),
    "POST /rights/{right_id}/refuse": (Resource.ORGANISATIONS, Right.WRITE),
    "GET /disputes": (Resource.DISPUTES, Right.READ),
    "GET /disputes/{dispute_id}": (Resource.DISPUTES, Right.READ),
    "GET /disputes/{dispute_id}/pictures/{which}": (Resource.DISPUTES, Right.READ),
    "GET /disputes/{dispute_id}/statements/{number}/document": (Resource.DISPUTES, Right.READ),
    "POST /disputes/{dispute_id}/state": (Resource.DISPUTES, Right.WRITE),
    "POST /disputes/{dispute_id}/appeal": (Resource.DISPUTES, Right.WRITE),
    "POST /disputes/{dispute_id}/accept": (Resource.DISPUTES, Right.WRITE),
    "POST /disputes/{dispute_id}/rule": (Resource.DISPUTES, Right.DECIDE),
    "GET /designs/{design_id}/rights": (Resource.DESIGNS, Right.READ),
    "GET /designs/{design_id}/rights/{right_id}/document": (Resource.DESIGNS, Right.READ),
    "POST /designs/{design_id}/rights": (Resource.DESIGNS, Right.WRITE),
    "POST /designs/{design_id}/rights/withdraw": (Resource.DESIGNS, Right.WRITE),
    "GET /organisations/{handle}": (Resource.ORGANISATIONS, Right.READ),
    "POST /organisations/{handle}/approve": (Resource.ORGANISATIONS, Right.WRITE),
    "POST /organisations/{handle}/refuse": (Resource.ORGANISATIONS, Right.WRITE),
    "POST /organisations/{handle}/suspend": (Resource.ORGANISATIONS, Right.WRITE),
    "GET /organisation": (Resource.PEOPLE, Right.READ),
    "POST /organisation/shops": (Resource.LICENCES, Right.WRITE),
    "POST /organisation/shops/look": (Resource.LICENCES, Right.WRITE),
    "POST /organisation/shops/close": (Resource.LICENCES, Right.WRITE),
    "POST /organisation/domains": (Resource.PEOPLE, Right.WRITE),
    "POST /organisation/domains/look": (Resource.PEOPLE, Right.WRITE),
    "POST /organisation/domains/remove": (Resource.PEOPLE, Right.WRITE),
    "GET /designs": (Resource.DESIGNS, Right.READ),
    "GET /designs.csv": (Resource.DESIGNS, Right.READ),
    "POST /designs": (Resource.DESIGNS, Right.READ),
    "GET /designs/{design_id}/picture": (Resource.DESIGNS, Right.READ),
    "GET /designs/{design_id}": (Resource.DESIGNS, Right.READ),
    **{
        f"POST /designs/{{design_id}}/{act}": (Resource.DESIGNS, Right.WRITE)
        for act in ("change", "retire", "pictures", "pictures/remove", "mask")
    },
    "GET /register": (Resource.DESIGNS, Right.READ),
    "POST /register": (Resource.DESIGNS, Right.WRITE),
    "GET /register/{drop_id}": (Resource.DESIGNS, Right.READ),
    "GET /register/{drop_id}/rows.csv": (Resource.DESIGNS, Right.READ),
    "GET /register/{drop_id}/seen/{number}": (Resource.LISTINGS, Right.READ),
    "GET /register/{drop_id}/seen/{number}/rows.csv": (Resource.LISTINGS, Right.READ),
    "GET /register/{drop_id}/known": (Resource.DESIGNS, Right.READ),
    **{
        f"POST /register/{{drop_id}}/{act}": (Resource.DESIGNS, Right.WRITE)
        for act in ("words", "files", "columns", "start")
    },
    "GET /hits": (Resource.LISTINGS, Right.READ),
    "GET /hits/listings": (Resource.LISTINGS, Right.READ),
    "GET /hits/picture": (Resource.LISTINGS, Right.READ),
    "GET /hits.csv": (Resource.LISTINGS, Right.READ),
    "GET /licences": (Resource.LICENCES, Right.READ),
    "GET /licences.csv": (Resource.LICENCES, Right.READ),
    "GET /licences/picture": (Resource.LICENCES, Right.READ),
    "GET /licences/who": (Resource.LICENCES, Right.READ),
    "GET /licences/new": (Resource.LICENCES, Right.READ),
    "POST /licences/new": (Resource.LICENCES, Right.WRITE),
    "GET /licences/{licence_id}/amend": (Resource.LICENCES, Right.READ),
    "POST /licences/{licence_id}/amend": (Resource.LICENCES, Right.WRITE),
    "GET /licences/{licence_id}": (Resource.LICENCES, Right.READ),
    "GET /licences/{licence_id}/badge": (Resource.LICENCES, Right.WRITE),
    "POST /licences/{licence_id}/answer": (Resource.LICENCES, Right.WRITE),
    "POST /licences/{licence_id}/withdraw": (Resource.LICENCES, Right.WRITE),
    "POST /licences/{licence_id}/revoke": (Resource.LICENCES, Right.WRITE),
    "GET /feedback": (Resource.LISTINGS, Right.READ),
    "GET /feedback/picture": (Resource.DESIGNS, Right.READ),
    "POST /feedback/answer": (Resource.DESIGNS, Right.WRITE),
    "GET /notices": (Resource.NOTICES, Right.READ),
    "POST /notices": (Resource.NOTICES, Right.WRITE),
    "POST /notices/{notice_id}/withdraw": (Resource.NOTICES, Right.WRITE),
    "GET /notices/{notice_id}": (Resource.NOTICES, Right.READ),
    "GET /certificates": (Resource.CERTIFICATES, Right.READ),
    "GET /certificates.csv": (Resource.CERTIFICATES, Right.READ),
    "GET /certificates/new": (Resource.CERTIFICATES, Right.WRITE),
    "POST /certificates/new": (Resource.CERTIFICATES, Right.WRITE),
    "POST /certificates/new/key": (Resource.CERTIFICATES, Right.WRITE),
    "POST /certificates/new/table": (Resource.CERTIFICATES, Right.WRITE),
    "GET /certificates/{batch_id}": (Resource.CERTIFICATES, Right.READ),
    "GET /certificates/{batch_id}/units.csv": (Resource.CERTIFICATES, Right.WRITE),
    "GET /certificates/{batch_id}/labels.pdf": (Resource.CERTIFICATES, Right.WRITE),
    "POST /certificates/{batch_id}/revoke": (Resource.REVOCATIONS, Right.WRITE),
    "GET /certificates/products/{gtin}": (Resource.CERTIFICATES, Right.READ),
    "POST /certificates/products/{gtin}/text": (Resource.CERTIFICATES, Right.WRITE),
    "POST /certificates/products/{gtin}/pictures": (Resource.CERTIFICATES, Right.WRITE),
    "POST /certificates/products/{gtin}/pictures/remove": (Resource.CERTIFICATES, Right.WRITE),
    "POST /certificates/products/{gtin}/contact": (Resource.CERTIFICATES, Right.WRITE),
    "GET /scans": (Resource.SCANS, Right.READ),
    "GET /scans.csv": (Resource.SCANS, Right.READ),
    "GET /scans/list": (Resource.SCANS, Right.READ),
    "GET /scans/list.csv": (Resource.SCANS, Right.READ),
    "GET /alerts.csv": (Resource.SCANS, Right.READ),
    "GET /alerts": (Resource.SCANS, Right.READ),
    "POST /alerts/{alert_id}/state": (Resource.SCANS, Right.WRITE),
    "POST /certificates/{batch_id}/expectation": (Resource.SCANS, Right.WRITE),
    "POST /certificates/revocations/undo": (Resource.REVOCATIONS, Right.WRITE),
    "GET /cases": (Resource.CASES, Right.READ),
    "POST /cases/next": (Resource.CASES, Right.DECIDE),
    "GET /cases/{case_id}": (Resource.CASES, Right.READ),
    **{
        f"POST /cases/{{case_id}}/{act}": (Resource.CASES, Right.DECIDE)
        for act in (
            "take",
            "close",
            "decide",
            "undo",
            "reverse",
            "skip",
            "escalate",
            "ask",
            "answer",
            "alike",
        )
    },
    "GET /cases/{case_id}/alike": (Resource.CASES, Right.DECIDE),
    "GET /cases/{case_id}/pictures/{check_id}": (Resource.CASES, Right.READ),
    "GET /cases/{case_id}/views/{check_id}": (Resource.CASES, Right.READ),
}


def test_the_table_has_every_page(settings: Settings) -> None:
    """Each page for people is in the table, with the right of its signature."""
    seen = {}
    for route in routes_of(create_app(settings)):
        needed = [one.call for one in route.dependant.dependencies if isinstance(one.call, NeedsPerson)]
        if isinstance(route, PersonRoute) and needed:
            seen[f"{min(route.methods or ())} {route.path}"] = next(
                iter(needed[0].rights), (None, Right.READ)
            )
    assert seen == PAGES


@pytest.mark.slow
def test_every_page_and_every_role(
    workspace: Workspace, mei: Browser, browser: Callable[[], Browser]
) -> None:
    """A page opens for the roles of the matrix. Foreign ids change nothing in acme, whoever sends them."""
    mei.post("/people/invite", email="ada@acme.example", roles="analyst")
    mei.post("/people/keys", label="", scopes="designs:read", nonce="n" * 22)
    with workspace.database.reading() as session:
        acme = organisations.get_organisation(session, "acme")
        ids = {
            "person": people.get_person(session, "mei@acme.example").id,
            "invitation": session.query(OneTimeLink).one().id,
            "key": session.query(ApiKey).one().id,
            "session": session.query(WebSession).one().id,
            "acting": acme.id,
            "appointment": "apt_" + "0" * 26,
        }
    for role in (None, *Role):
        someone = browser()
        if role is not None:
            owner, kind = HOMES.get(role, ("globex", "brand"))
            email, now = f"{role}@{owner}.example", utc_now()
            people_made.person(workspace.database, email, owner=owner, kinds=(kind,), roles=(role,), now=now)
            someone.sign_in(email)
        for page, (resource, right) in PAGES.items():
            method, path = page.split(" ")
            if "sessions/end-others" in path:
                continue
            answer = (
                someone.get(path)
                if method == "GET"
                else someone.post(path, **ids, roles="admin", kinds="brand")
            )
            if role is None:
                assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in"), page
                continue
            may = resource is None or MATRIX[role][resource] >= right
            is_for_operators = resource is Resource.PEOPLE and not path.startswith("/people/agents")
            may |= is_for_operators and MATRIX[role][Resource.ORGANISATIONS] >= right
            assert (answer.status_code != 403) == may, (role, page, answer.text)
            if method == "GET":  # a page of one thing has no thing of this id
                is_one = "{" in path or page.endswith("/picture")
                assert answer.status_code == (404 if may and is_one else 200 if may else 403)
            assert "mei@acme.example" not in answer.text
    assert mei.get("/account").status_code == 200
    with workspace.database.reading() as session:
        assert session.query(ApiKey).filter(ApiKey.revoked_at.is_(None)).count() == 1
        assert session.query(OneTimeLink).filter(OneTimeLink.withdrawn_at.is_(None)).count() == 1
        assert people.get_member(session, acme.id, ids["person"]).roles == ["admin"]
