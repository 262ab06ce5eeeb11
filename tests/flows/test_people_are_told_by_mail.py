"""Flow: what happens to an organisation, its rights and its shops reaches its people by mail."""

from collections.abc import Callable
from datetime import date, timedelta

import make
import people_made
import pytest

from api.notifying import send_due, sweep
from authcheck.errors import Unavailable
from authcheck.licences import design_rights as rights
from authcheck.licences.design_rights import NewRight
from authcheck.licences.right_tables import DesignRight
from authcheck.members import applying, domains, notifications, organisations, people, standing
from authcheck.members.applying import Applicant
from authcheck.members.domains import Finding
from authcheck.members.mail import Mail
from authcheck.members.notification_tables import Notification
from authcheck.members.tables import Organisation, Person
from authcheck.registry.designs import get_design
from authcheck.storefronts import proving, shops
from authcheck.workspace import Workspace

NOW = make.NOW
HASH = "-"  # nobody signs in here
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
Act = Callable[..., None]
pytestmark = pytest.mark.postgresql


class Postbox:
    """A mail server that takes mails while it is open."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.is_open = True

    def send(self, mail: Mail) -> None:
        """Take a mail."""
        if not self.is_open:
            raise Unavailable("closed", code="mail.failed")
        self.mails.append(mail)

    def take(self) -> list[Mail]:
        """Return the mails, and forget them."""
        taken, self.mails = self.mails, []
        return taken


@pytest.fixture
def postbox() -> Postbox:
    """Return an open postbox."""
    return Postbox()


@pytest.fixture
def acme(workspace: Workspace) -> Organisation:
    """Return the brand acme with an admin who reads Chinese and an analyst, and an operator."""
    work = workspace.database
    for email, words in (
        ("jana@acme.example", {}),
        ("ana@acme.example", {"roles": ("analyst",)}),
        ("olga@op.example", {"owner": "office", "kinds": ("operator",), "roles": ("operator",)}),
    ):
        people_made.person(work, email, **{"owner": "acme", "now": NOW, **words})
    with work.writing() as session:
        people.get_person(session, "jana@acme.example").language = "zh-Hans"
        return organisations.get_organisation(session, "acme")


def name_right(workspace: Workspace, number: str = "", seed: int = 1, **words: object) -> DesignRight:
    """Name a right of acme."""
    design = make.register(workspace, f"KITE {seed}", seed=seed).design
    with workspace.database.writing() as session:
        new = NewRight(kind="trade_mark", territories=("FR",), number=number, office="INPI", **words)  # type: ignore[arg-type]
        return rights.add(session, get_design(session, design.id), new, None, NOW)


def decide(workspace: Workspace, row: DesignRight, act: Act, *words: object) -> None:
    """Decide about a right."""
    with workspace.database.writing() as session:
        act(session, rights.get_right(session, row.id), *words, NOW)


def test_a_decision_reaches_the_admins_in_their_language(
    workspace: Workspace, acme: Organisation, postbox: Postbox
) -> None:
    """The admin, and nobody else, reads each decision with its reason. A second one waits an hour."""
    acts: tuple[tuple[Act, tuple[str, ...], str], ...] = (
        (standing.suspend, ("Your domain was sold.",), "您的机构已被暂停"),
        (standing.approve, (), "您的机构已恢复"),
    )
    for act, reason, subject in acts:
        with workspace.database.writing() as session:
            act(session, organisations.get_organisation(session, "acme"), *reason, now=NOW)
        assert send_due(workspace, postbox, NOW) == 1
        (mail,) = postbox.take()
        assert (mail.to, mail.subject) == ("jana@acme.example", subject)
        assert all(text in mail.text for text in (*reason, acme.name, "http://127.0.0.1:8000/organisation"))
    assert send_due(workspace, postbox, NOW + 2 * HOUR) == 0, "each mail is sent once"


@pytest.mark.usefixtures("acme")
def test_an_applicant_reaches_the_operators(workspace: Workspace, postbox: Postbox) -> None:
    """Whoever applies is told to the operators, then hears of the approval or the refusal."""
    for handle in ("herons", "gulls"):
        applicant = Applicant(
            handle.title(), handle, ("brand",), f"{handle}.com", "Mei", f"mei@{handle}.example"
        )
        with workspace.database.writing() as session:
            _, secret = applying.apply(session, applicant, NOW)
        with workspace.database.writing() as session:
            applying.begin(session, secret, password_hash=HASH, signed_in=None, now=NOW)
    assert send_due(workspace, postbox, NOW) == 1
    (mail,) = postbox.take()
    assert mail.to == "olga@op.example"
    assert mail.subject == "An organisation asks to join"
    assert "Herons wants to join" in mail.text
    assert "8000/organisations/gulls" in mail.text, "two at once are one mail"
    with workspace.database.writing() as session:
        standing.approve(session, organisations.get_organisation(session, "herons"), now=NOW)
        standing.refuse(session, organisations.get_organisation(session, "gulls"), "No such shop.", now=NOW)
    assert send_due(workspace, postbox, NOW) == 2
    told = {mail.to: mail for mail in postbox.take()}
    assert told["mei@herons.example"].subject == "Your organisation is approved"
    assert "No such shop." in told["mei@gulls.example"].text


@pytest.mark.usefixtures("acme")
def test_a_right_is_told_at_each_step(workspace: Workspace, postbox: Postbox) -> None:
    """The operator hears of a new right, and its owner of the answer."""
    row = name_right(workspace, "12345")
    send_due(workspace, postbox, NOW)
    (mail,) = postbox.take()
    assert mail.to == "olga@op.example"
    assert "Trade mark 12345" in mail.text
    assert "/rights" in mail.text
    decide(workspace, row, rights.refuse, "The document is of another number.")
    decide(workspace, row, rights.accept)
    send_due(workspace, postbox, NOW)
    texts = [mail.text for mail in postbox.take()]
    assert len(texts) == 2
    assert any("The document is of another number." in text for text in texts)
    assert all("商标 12345" in text and f"/designs/{row.design_id}/rights" in text for text in texts)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("left", "warned_at"), [(200, [110, 170, 193]), (40, [0, 10, 33]), (5, [0]), (-1, [])]
)
def test_the_end_of_a_right_is_told_three_times(
    workspace: Workspace, postbox: Postbox, left: int, warned_at: list[int]
) -> None:
    """90, 30 and 7 days before the end, once each. A server that was off for a while catches up with one."""
    end = NOW.date() + timedelta(days=left)
    row = name_right(workspace, "12345", expires_on=max(end, NOW.date()))
    decide(workspace, row, rights.accept)
    with workspace.database.writing() as session:
        session.get_one(DesignRight, row.id).expires_on = end
        session.query(Notification).delete()
    told = []
    for day in range(left + 3):
        now = NOW + day * DAY
        sweep(workspace, now)
        if send_due(workspace, postbox, now):
            told.append(day)
    assert told == warned_at
    assert all(mail.to == "jana@acme.example" and f"{end.year}年" in mail.text for mail in postbox.take())


@pytest.mark.usefixtures("acme")
def test_a_renewed_right_is_told_no_more(workspace: Workspace, postbox: Postbox) -> None:
    """Once the owner has named the right with its new end, the old end is of no interest."""
    row = name_right(workspace, "12345", expires_on=NOW.date() + 80 * DAY)
    decide(workspace, row, rights.accept)
    with workspace.database.writing() as session:
        new = NewRight("trade_mark", ("FR",), "12345-2", "INPI", expires_on=date(2040, 1, 1))
        rights.add(session, get_design(session, row.design_id), new, None, NOW + MINUTE)
        session.query(Notification).delete()
    sweep(workspace, NOW)
    assert send_due(workspace, postbox, NOW) == 0


def test_a_lost_proof_is_told_once(workspace: Workspace, acme: Organisation, postbox: Postbox) -> None:
    """A domain and a shop whose proof is gone for more than three days, and a shop that is denied."""
    with workspace.database.writing() as session:
        domain = domains.add(session, acme, "acme.com", NOW)
        domains.note(session, domain.id, Finding("dns"), NOW)
        words = {"marketplace": "bazaar.com", "now": NOW}
        shop, other = (
            shops.add(session, acme, shop_id=name, url=f"https://bazaar.com/{name}", **words)
            for name in ("kites", "socks")
        )
        shown = proving.Finding(shop.url, frozenset([proving.proof_of(shop)]))
        proving.note(session, shop.id, shown, NOW)
    assert send_due(workspace, postbox, NOW) == 0, "what people do themselves needs no mail"
    for day in range(1, 7):
        now = NOW + day * DAY
        with workspace.database.writing() as session:
            domains.note(session, domain.id, Finding("", domains.MISSING), now)
            proving.note(session, shop.id, proving.Finding(shop.url, problem=proving.MISSING), now)
        assert send_due(workspace, postbox, now) == (2 if day == 4 else 0)
    assert {mail.subject for mail in postbox.take()} == {"找不到您域名的证明", "您的店铺不再得到证明"}
    for act in (proving.confirm, proving.deny, proving.deny):
        with workspace.database.writing() as session:
            act(session, shops.get_storefront(session, other.id), None, NOW + 9 * DAY)
        send_due(workspace, postbox, NOW + 9 * DAY)
    assert ["socks" in mail.text for mail in postbox.take()] == [True, True]


def test_a_mail_server_that_is_away_loses_no_mail(
    workspace: Workspace, acme: Organisation, postbox: Postbox
) -> None:
    """A mail that fails is tried every ten minutes for three days, then given up."""
    postbox.is_open = False
    with workspace.database.writing() as session:
        standing.suspend(session, organisations.get_organisation(session, acme.handle), "Why.", now=NOW)
    tries = [minute for minute in range(40) if send_due(workspace, postbox, NOW + minute * MINUTE)]
    assert tries == [0, 11, 22, 33]
    postbox.is_open = True
    assert send_due(workspace, postbox, NOW + 2 * DAY) == 1
    assert len(postbox.take()) == 1
    with workspace.database.writing() as session:
        session.query(Notification).update({"sent_at": None, "tried_at": None})
    assert send_due(workspace, postbox, NOW + 3 * DAY) == 0
    sweep(workspace, NOW + 31 * DAY)
    with workspace.database.reading() as session:
        assert session.query(Notification).count() == 0


@pytest.mark.parametrize("leaves", [True, False])
def test_nobody_reads_of_an_organisation_that_they_left(
    workspace: Workspace, acme: Organisation, postbox: Postbox, leaves: bool
) -> None:
    """A mail that waits for a person who was removed, or whose account was closed, is not sent."""
    people_made.person(workspace.database, "second@acme.example", owner="acme", now=NOW)
    with workspace.database.writing() as session:
        standing.suspend(session, organisations.get_organisation(session, "acme"), "Why.", now=NOW)
        jana = people.get_person(session, "jana@acme.example")
        if leaves:
            people.take_roles(session, acme, jana.id, NOW)
        else:
            people.disable(session, session.get_one(Person, jana.id), NOW)
    send_due(workspace, postbox, NOW)
    assert [mail.to for mail in postbox.take()] == ["second@acme.example"]


def test_many_events_are_one_mail_an_hour(workspace: Workspace, acme: Organisation, postbox: Postbox) -> None:
    """Sixty events of a kind are one mail of fifty lines. The next one of the kind comes an hour later."""

    def tell(count: int) -> None:
        with workspace.database.writing() as session:
            for number in range(count):
                facts = {"name": f"bazaar/{number}"}
                notifications.tell_admins(session, acme.id, "shop_lost", "/organisation#shops", NOW, **facts)

    tell(60)
    assert send_due(workspace, postbox, NOW) == 1
    (mail,) = postbox.take()
    assert mail.text.count("#shops") == 50
    assert "10" in mail.text.rpartition("#shops")[2]
    tell(1)
    assert send_due(workspace, postbox, NOW + 59 * MINUTE) == 0
    assert send_due(workspace, postbox, NOW + 61 * MINUTE) == 1
