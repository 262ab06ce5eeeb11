"""Pages on which an organisation applies, proves its domain, and is decided about: over HTTP, as browsers see them."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import people_made
import pytest
from browsers_made import Browser
from starlette.testclient import TestClient

from api.proving import look_at_domains
from authcheck.errors import Unavailable
from authcheck.members import domains, links, organisations
from authcheck.members.mail import Mail
from authcheck.members.standing_tables import Application, Domain
from authcheck.members.tables import OneTimeLink, Organisation
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

PASSWORD = "nine otters under the pier"  # noqa: S105 - of people in tests
FORM = {
    "organisation": "Herons & Co",
    "handle": "herons",
    "domain": "Herons.com",
    "kinds": "brand",
    "name": "Mei",
    "email": "mei@herons.com",
}


class Mailbox:
    """A mail server that takes everything."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    def send(self, mail: Mail) -> None:
        """Take a mail."""
        self.mails.append(mail)

    def link(self) -> str:
        """Return the path of the newest mail's link."""
        found = re.search(r"http://127\.0\.0\.1:8000(/apply/\S+)", self.mails[-1].text)
        assert found is not None
        return found[1]


class Sites:
    """An internet with TXT records and no web server."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def read_txt(self, _name: str) -> list[str]:
        """Return the records, whatever the name is."""
        return self.texts

    def read_page(self, _url: str) -> bytes:
        """Find no server."""
        raise Unavailable("nobody there", code="page.unreachable")


@pytest.fixture
def mailbox(client: TestClient) -> Mailbox:
    """Return the mailbox of everybody."""
    box = client.app.state.mailer = Mailbox()  # type: ignore[attr-defined]
    return box


@pytest.fixture
def sites(client: TestClient) -> Sites:
    """Return the internet that the server sees."""
    made = Sites()
    state: Any = client.app.state  # type: ignore[attr-defined]
    state.workspace = replace(state.workspace, outside=made)
    return made


@pytest.fixture
def browser(client: TestClient) -> Callable[[], Browser]:
    """Return a function that opens a browser."""
    return lambda: Browser(client)


@pytest.fixture
def mei(browser: Callable[[], Browser], mailbox: Mailbox) -> Browser:
    """Return the browser of the first admin of herons, which has applied."""
    opened = browser()
    assert opened.post("/apply", **FORM).status_code == 200
    begun = opened.post(mailbox.link(), password=PASSWORD)
    assert begun.headers["location"] == "/organisation?notice=begun"
    return opened


@pytest.fixture
def olga(workspace: Workspace, browser: Callable[[], Browser]) -> Browser:
    """Return the browser of an operator."""
    people_made.person(
        workspace.database,
        "olga@op.example",
        owner="operators",
        kinds=("operator",),
        roles=("operator",),
        now=utc_now(),
    )
    opened = browser()
    opened.sign_in("olga@op.example")
    return opened


def state_of(workspace: Workspace, handle: str = "herons") -> str:
    """Return the state of an organisation."""
    with workspace.database.reading() as session:
        return organisations.get_organisation(session, handle).state


def test_the_way_in(mei: Browser, olga: Browser, workspace: Workspace, sites: Sites) -> None:
    """From the form to the approval, with what each page says on the way."""
    page = mei.get("/organisation?notice=begun").text
    assert "Not approved yet" in page
    assert "herons.com" in page
    assert "so you can look around" in mei.get("/today").text
    refused = mei.get("/certificates/new")
    assert (refused.status_code, "organisation.not_approved" in refused.text) == (403, True)
    (domain_id,) = re.findall(r'name="id" value="(dom_\w+)"', page)[:1]
    assert (
        mei.post("/organisation/domains/look", id=domain_id)
        .headers["location"]
        .startswith("/organisation?notice=not_proved")
    )
    assert "no web server that answers by https" in mei.get("/organisation").text
    (proof,) = set(re.findall(r"authcheck-proof=[\w-]{32}", page))
    sites.texts = ["v=spf1 -all", proof]
    assert "notice=proved" in mei.post("/organisation/domains/look", id=domain_id).headers["location"]
    assert "Proved by its record." in mei.get("/organisation").text
    assert "Waiting for you" in olga.get("/organisations").text
    assert "mei@herons.com" in olga.get("/organisations/herons").text
    approved = olga.post("/organisations/herons/approve")
    assert approved.headers["location"] == "/organisations/herons?notice=approved"
    assert (state_of(workspace), mei.get("/certificates/new").status_code) == ("approved", 200)


def test_the_operator_refuses_and_suspends_with_a_reason(
    mei: Browser, olga: Browser, workspace: Workspace
) -> None:
    """The organisation reads the reason. Without one, nothing happens and what was typed stays."""
    for act, reason in (("refuse", ""), ("refuse", "x" * 501)):
        answer = olga.post(f"/organisations/herons/{act}", reason=reason)
        assert (answer.status_code, "organisation.reason" in answer.text, state_of(workspace)) == (
            422,
            True,
            "applied",
        )
    olga.post("/organisations/herons/refuse", reason="Nobody answers at <b>herons.com</b>.")
    assert "Nobody answers at &lt;b&gt;herons.com&lt;/b&gt;." in mei.get("/organisation").text
    olga.post("/organisations/herons/approve")
    assert olga.post("/organisations/herons/refuse", reason="late").status_code == 409
    olga.post("/organisations/herons/suspend", reason="Its domain was sold.")
    assert "Its domain was sold." in mei.get("/organisation").text
    assert state_of(workspace) == "suspended"


def test_a_look_alike_is_approved_by_its_typed_handle(
    mei: Browser, olga: Browser, workspace: Workspace
) -> None:
    """The page names the member that it looks like, and the field at fault."""
    people_made.person(workspace.database, "jo@heron.example", owner="heron", now=utc_now())
    assert "Looks like a member" in olga.get("/organisations/herons").text
    held = olga.post("/organisations/herons/approve", despite="yes")
    assert (held.status_code, "organisation.alike" in held.text, 'value="yes"' in held.text) == (
        409,
        True,
        True,
    )
    olga.post("/organisations/herons/approve", despite="herons")
    assert (state_of(workspace), mei.get("/organisation").status_code) == ("approved", 200)


@pytest.mark.parametrize("path", ["", "/approve", "/refuse", "/suspend"])
def test_only_the_operator_decides(mei: Browser, workspace: Workspace, path: str) -> None:
    """An admin of an organisation approves nobody, not even the own one."""
    send = mei.post if path else mei.get
    assert send(f"/organisations/herons{path}").status_code == 403
    assert state_of(workspace) == "applied"


def test_an_unknown_organisation_is_not_there(olga: Browser) -> None:
    """Neither its page nor a decision about it."""
    assert olga.get("/organisations/nobody").status_code == 404
    assert olga.post("/organisations/nobody/approve").status_code == 404


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        ({"handle": "!"}, "organisation.handle", "handle"),
        ({"domain": "http://x"}, "domain.name", "domain"),
        ({"kinds": "operator"}, "organisation.roles", "kinds"),
        ({"email": "nobody"}, "person.email", "email"),
        ({"organisation": ""}, "organisation.name", "organisation"),
    ],
)
def test_a_bad_form_keeps_what_was_typed(
    browser: Callable[[], Browser], mailbox: Mailbox, words: dict[str, str], code: str, field: str
) -> None:
    """The error leads to its field, the rest stays, and no mail leaves."""
    answer = browser().post("/apply", **{**FORM, **words})
    assert (answer.status_code, code in answer.text, f'href="#{field}"' in answer.text) == (422, True, True)
    assert "mei@herons.com" in answer.text or field == "email"
    assert mailbox.mails == []


def test_nobody_fills_a_mailbox(browser: Callable[[], Browser], mailbox: Mailbox) -> None:
    """An address gets three mails an hour, and the fourth answer looks the same."""
    answers = [browser().post("/apply", **{**FORM, "handle": f"h{number}"}) for number in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({re.sub(r"[?&]?lang=\S+", "", answer.text) for answer in answers}) == 1
    assert len(mailbox.mails) == links.RESETS_AN_HOUR


def test_a_link_works_once(mei: Browser, browser: Callable[[], Browser], mailbox: Mailbox) -> None:
    """Opened again it says that it was used, and an unknown one says nothing."""
    again = browser().get(mailbox.link())
    assert (again.status_code, "used" in again.text) == (410, True)
    assert browser().get(f"/apply/{'A' * 43}").status_code in {404, 410, 422}
    assert mei.get("/organisation").status_code == 200


def test_a_weak_password_begins_nothing(
    browser: Callable[[], Browser], mailbox: Mailbox, workspace: Workspace
) -> None:
    """The link still works after a refused password."""
    someone = browser()
    someone.post("/apply", **FORM)
    assert someone.post(mailbox.link(), password="short").status_code == 422  # noqa: S106 - that is the point
    with workspace.database.reading() as session:
        assert session.query(Organisation).count() == 0
    assert someone.post(mailbox.link(), password=PASSWORD).status_code == 303


def test_old_applications_are_forgotten(
    browser: Callable[[], Browser], mailbox: Mailbox, workspace: Workspace
) -> None:
    """What a stranger wrote goes with its link, ninety days after the link's end."""
    browser().post("/apply", **FORM)
    with workspace.database.writing() as session:
        session.query(OneTimeLink).update({"expires_at": utc_now() - links.KEPT_FOR - timedelta(days=1)})
    browser().post("/apply", **{**FORM, "handle": "owls"})
    with workspace.database.reading() as session:
        assert [row.handle for row in session.query(Application)] == ["owls"]
    assert len(mailbox.mails) == 2


def test_proved_domains_are_looked_at_again(mei: Browser, workspace: Workspace, sites: Sites) -> None:
    """The background looks once a day, and stops at the end of the server."""
    proof = re.findall(r"authcheck-proof=[\w-]{32}", mei.get("/organisation").text)[0]
    work, end = replace(workspace, outside=sites), asyncio.Event()
    assert look_at_domains(work, end) == 0, "a domain that was never proved waits for its owner"
    with workspace.database.writing() as session:
        row = session.query(Domain).one()
        domains.note(session, row.id, domains.Finding("dns"), utc_now() - timedelta(days=4))
    sites.texts = [proof]
    assert look_at_domains(work, end) == 1
    assert look_at_domains(work, end) == 0, "not again on the same day"
    with workspace.database.writing() as session:
        session.query(Domain).update(
            {"checked_at": utc_now() - timedelta(days=2), "proved_at": utc_now() - timedelta(days=4)}
        )
    sites.texts = []
    assert look_at_domains(work, end) == 1
    assert "Proof lost" in mei.get("/organisation").text
    end.set()
    with workspace.database.writing() as session:
        session.query(Domain).update({"checked_at": utc_now() - timedelta(days=2)})
    assert look_at_domains(work, end) == 0


def test_a_fault_at_one_domain_keeps_no_other_waiting(
    mei: Browser, workspace: Workspace, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that nobody expected is logged, and the next domain is looked at in the same round."""
    mei.post("/organisation/domains", domain="herons.net")
    with workspace.database.writing() as session:
        for row in session.query(Domain):
            domains.note(session, row.id, domains.Finding("dns"), utc_now() - timedelta(days=4))
    failing, looked = iter([RuntimeError()]), []

    def look(_outside: object, domain: str, _proof: str) -> domains.Finding:
        looked.append(domain)
        if fault := next(failing, None):
            raise fault
        return domains.Finding("dns")

    monkeypatch.setattr(domains, "look", look)
    assert look_at_domains(replace(workspace, outside=sites), asyncio.Event()) == 2
    assert len(set(looked)) == 2
    with workspace.database.reading() as session:
        seen = [row.checked_at for row in session.query(Domain)]
    assert sum(when is not None and utc_now() - when < timedelta(hours=1) for when in seen) == 1
