"""Flow: a stranger's organisation applies, proves its domain, is approved, and is suspended later."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import make
import people_made
import pytest
from ledger_made import assert_log_sound
from log_made import DatabaseLog
from sqlalchemy import select, update

from authcheck.audit.rows import compare_rows
from authcheck.errors import AuthcheckError, Conflict, Forbidden, Rejected, Unavailable
from authcheck.ledger.tables import Entry
from authcheck.members import applying, domains, organisations, people, standing
from authcheck.members.applying import Applicant
from authcheck.members.standing_tables import Domain
from authcheck.members.tables import Organisation
from authcheck.storage.database import Database
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
NOW = make.NOW


@pytest.fixture
def database(workspace: Workspace) -> Database:
    """Return the database of an empty installation."""
    return workspace.database


@dataclass
class Sites:
    """An internet whose records and pages are given. A value that is an error is raised."""

    texts: dict[str, list[str] | AuthcheckError] = field(default_factory=dict)
    pages: dict[str, bytes | AuthcheckError] = field(default_factory=dict)

    def read_txt(self, name: str) -> Sequence[str]:
        """Return the records of a name."""
        found = self.texts.get(name, [])
        if isinstance(found, AuthcheckError):
            raise found
        return found

    def read_page(self, url: str) -> bytes:
        """Return a page. A page that nobody made is not there."""
        found = self.pages.get(url, Unavailable("no such page", code="page.status"))
        if isinstance(found, AuthcheckError):
            raise found
        return found


def applicant(**words: Any) -> Applicant:
    """Return what somebody of a brand writes into the form."""
    given = {"name": "Herons & Co", "handle": "herons", "kinds": ("brand",), "domain": "herons.com"}
    return Applicant(**{**given, "person": "Mei", "email": "mei@herons.com", **words})


def join(database: Database, **words: Any) -> Organisation:
    """Let an organisation apply and open its link."""
    with database.writing() as session:
        _, secret = applying.apply(session, applicant(**words), NOW)
    with database.writing() as session:
        password_hash = people_made.password_hash()
        return applying.begin(session, secret, password_hash=password_hash, signed_in=None, now=NOW)[1]


def reload(database: Database, organisation: Organisation) -> Organisation:
    """Return the organisation as it is stored."""
    with database.reading() as session:
        return session.get_one(Organisation, organisation.id)


def decide(
    database: Database, organisation: Organisation, act: Callable[..., None], *words: Any, **named: Any
) -> None:
    """Let the operator decide about an organisation."""
    with database.writing() as session:
        act(session, session.get_one(Organisation, organisation.id), *words, **{"now": NOW, **named})


def entries(database: Database) -> list[str]:
    """Return the types of the ledger's entries about organisations."""
    with database.reading() as session:
        types = session.scalars(select(Entry.type).order_by(Entry.number)).all()
    return [kind for kind in types if kind.startswith("org.")]


def test_an_organisation_joins(database: Database) -> None:
    """The link makes the organisation and its admin. The ledger hears of it when the operator approves."""
    herons = join(database)
    with database.reading() as session:
        (person,) = people.list_members(session, herons.id)
        (domain,) = domains.list_domains(session, herons.id)
    assert (herons.state, herons.approved_at, person.roles) == ("applied", None, ["admin"])
    assert (domain.domain, domain.state) == ("herons.com", "waiting")
    assert (entries(database), list(differing(database))) == ([], [])
    decide(database, herons, standing.approve, now=NOW + timedelta(hours=1))
    assert (reload(database, herons).state, entries(database)) == ("approved", ["org.approve"])
    assert list(differing(database)) == []
    assert_log_sound(DatabaseLog(database))


def differing(database: Database) -> list[Any]:
    """Return the rows that differ from the ledger."""
    with database.reading() as session:
        return list(compare_rows(session))


def test_an_application_reserves_nothing(database: Database) -> None:
    """Two people may apply with one handle. Who opens the link first has it, the other is told."""
    with database.writing() as session:
        _, first = applying.apply(session, applicant(), NOW)
        _, second = applying.apply(session, applicant(email="li@other.com", domain="other.com"), NOW)
    hashed = people_made.password_hash()
    with database.writing() as session:
        applying.begin(session, second, password_hash=hashed, signed_in=None, now=NOW)
    with pytest.raises(Conflict) as refused, database.writing() as session:
        applying.begin(session, first, password_hash=hashed, signed_in=None, now=NOW)
    assert refused.value.code == "organisation.exists"
    with pytest.raises(Rejected) as used, database.writing() as session:
        applying.begin(session, second, password_hash=hashed, signed_in=None, now=NOW)
    assert used.value.code == "link.used"
    with pytest.raises(Conflict), database.writing() as session:
        applying.apply(session, applicant(email="wu@third.com"), NOW)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"handle": "Bad Handle!"}, "organisation.handle"),
        ({"name": ""}, "organisation.name"),
        ({"kinds": ()}, "organisation.roles"),
        ({"kinds": ("operator",)}, "organisation.roles"),
        ({"kinds": ("brand", "king")}, "organisation.roles"),
        ({"domain": "https://herons.com"}, "domain.name"),
        ({"domain": "\u0430cme.com"}, "domain.mixed"),
        ({"domain": "herons.local"}, "domain.special"),
        ({"email": "no address"}, "person.email"),
        ({"person": ""}, "person.name"),
    ],
)
def test_a_bad_form_is_refused_field_by_field(database: Database, words: dict[str, Any], code: str) -> None:
    """Nobody makes an operator by a form, and each field has its own error."""
    with pytest.raises(Rejected) as refused, database.writing() as session:
        applying.apply(session, applicant(**words), NOW)
    assert refused.value.code == code


def test_a_link_for_somebody_with_an_account_opens_no_account(database: Database) -> None:
    """A stranger who applies with another person's address gets nothing of that person's account."""
    mei = people_made.person(database, "mei@acme.example")
    with database.writing() as session:
        _, secret = applying.apply(session, applicant(email="mei@acme.example"), NOW)
    with pytest.raises(Forbidden) as refused, database.writing() as session:
        applying.begin(session, secret, password_hash=people_made.password_hash(), signed_in=None, now=NOW)
    assert refused.value.code == "invitation.sign_in"
    with database.writing() as session:
        person, organisation = applying.begin(session, secret, password_hash="", signed_in=mei, now=NOW)
    assert (person.id, organisation.handle) == (mei.id, "herons")


@pytest.mark.parametrize(
    ("name", "handle", "is_held"),
    [
        ("\u0410\u0441\u043c\u0435", "kraft", True),  # Acme in Cyrillic letters
        ("\uff21cme", "kraft", True),  # a full-width A
        ("Kraft", "acmee", True),
        ("Kraft", "amce", True),
        ("Kraft", "acm3", True),
        ("Acm\u00e9", "kraft", True),
        ("Kraft", "kraft", False),
        ("Acme Tools of Ohio", "acme-tools-ohio", False),
    ],
)
def test_look_alikes_are_held(database: Database, name: str, handle: str, *, is_held: bool) -> None:
    """A name or handle that a hasty reader takes for a member's needs the operator's typed word."""
    people_made.person(database)  # of Acme
    joined = join(database, name=name, handle=handle)
    if not is_held:
        decide(database, joined, standing.approve)
        return
    with pytest.raises(Conflict) as held:
        decide(database, joined, standing.approve)
    assert (held.value.code, held.value.params) == ("organisation.alike", {"alike": "acme"})
    with pytest.raises(Conflict):
        decide(database, joined, standing.approve, despite="yes")
    decide(database, joined, standing.approve, despite=handle)
    assert reload(database, joined).state == "approved"


def test_others_that_only_applied_hold_nobody_up(database: Database) -> None:
    """An applicant with a brand's name cannot keep the brand from joining."""
    join(database, handle="nikee", name="Nikee", email="a@b.com")
    decide(database, join(database, handle="nike", name="Nike"), standing.approve)


def test_the_operator_refuses_and_changes_the_mind(database: Database) -> None:
    """A refusal has a reason, leaves no entry, and may be followed by an approval."""
    herons = join(database)
    with pytest.raises(Rejected) as unsaid:
        decide(database, herons, standing.refuse, " ")
    assert unsaid.value.code == "organisation.reason"
    decide(database, herons, standing.refuse, "We could not reach you.")
    found = reload(database, herons)
    assert (found.state, found.state_reason, entries(database)) == ("refused", "We could not reach you.", [])
    decide(database, herons, standing.approve)
    assert (reload(database, herons).state_reason, entries(database)) == ("", ["org.approve"])
    with pytest.raises(Conflict):
        decide(database, herons, standing.refuse, "Too late.")


def test_a_member_is_suspended_and_acts_again(database: Database) -> None:
    """Both acts are entries, the audit compares them, and neither can be done twice."""
    herons = join(database)
    with pytest.raises(Conflict):
        decide(database, herons, standing.suspend, "not a member yet")
    decide(database, herons, standing.approve)
    decide(database, herons, standing.suspend, "Its domain was sold.")
    with pytest.raises(Conflict):
        decide(database, herons, standing.suspend, "again")
    assert (reload(database, herons).state, differing(database)) == ("suspended", [])
    decide(database, herons, standing.approve)
    with pytest.raises(Conflict):
        decide(database, herons, standing.approve)
    assert entries(database) == ["org.approve", "org.suspend", "org.resume"]
    assert (differing(database), reload(database, herons).state) == ([], "approved")
    assert_log_sound(DatabaseLog(database))


@pytest.mark.parametrize("state", ["applied", "suspended", "refused"])
def test_a_changed_standing_in_the_database_is_noticed(database: Database, state: str) -> None:
    """The audit names an organisation whose standing does not follow from its entries."""
    herons = join(database)
    decide(database, herons, standing.approve)
    with database.writing() as session:
        session.execute(update(Organisation).where(Organisation.id == herons.id).values(state=state))
    (found,) = differing(database)
    assert "state" in found.problem


def test_an_approval_without_an_entry_is_noticed(database: Database) -> None:
    """Whoever writes into the database makes no member."""
    herons = join(database)
    with database.writing() as session:
        row = session.get_one(Organisation, herons.id)
        row.state, row.approved_at = "approved", NOW
    assert [found.problem for found in differing(database)] == ["does not have exactly one entry org.approve"]


def test_operators_cannot_be_suspended(database: Database) -> None:
    """Nobody locks the installation's operators out."""
    with database.writing() as session:
        operators = organisations.ensure_operators(session, NOW)
        with pytest.raises(Conflict) as refused:
            standing.suspend(session, operators, "why not", now=NOW)
    assert refused.value.code == "organisation.operators"


def look(database: Database, sites: Sites, organisation: Organisation, *, now: Any = NOW) -> Domain:
    """Look at the organisation's domain and note what was found."""
    with database.reading() as session:
        (row,) = domains.list_domains(session, organisation.id)
    finding = domains.look(sites, row.domain, domains.proof_of(row))
    with database.writing() as session:
        noted = domains.note(session, row.id, finding, now)
        assert noted is not None
        return noted


def line_of(database: Database, organisation: Organisation) -> str:
    """Return the line that proves the organisation's domain."""
    with database.reading() as session:
        (row,) = domains.list_domains(session, organisation.id)
        return domains.proof_of(row)


FILE = "https://herons.com/.well-known/authcheck.txt"


@pytest.mark.parametrize(
    ("texts", "pages", "expected"),
    [
        ({"_authcheck.herons.com": ["LINE"]}, {}, (("proved", "dns", ""))),
        ({"herons.com": ["v=spf1 -all", " LINE "]}, {}, (("proved", "dns", ""))),
        ({"_authcheck.herons.com": ["authcheck-proof=old", "LINE"]}, {}, (("proved", "dns", ""))),
        ({}, {FILE: b"LINE\n"}, (("proved", "file", ""))),
        ({}, {FILE: b"# ours\r\nLINE\r\n"}, (("proved", "file", ""))),
        (
            {"_authcheck.herons.com": Unavailable("", code="dns.timeout")},
            {FILE: b"LINE"},
            ("proved", "file", ""),
        ),
        ({}, {}, (("waiting", "", "page.status"))),
        ({}, {FILE: b"<html>Welcome to everything</html>"}, (("waiting", "", "domain.missing"))),
        ({}, {FILE: b"xLINE"}, (("waiting", "", "domain.missing"))),
        ({}, {FILE: b"\xff\xfe\x00LINE"}, (("waiting", "", "domain.missing"))),
        ({}, {FILE: Unavailable("", code="page.redirect")}, (("waiting", "", "page.redirect"))),
        ({}, {FILE: Unavailable("", code="page.private")}, (("waiting", "", "page.private"))),
        ({"herons.com": ["authcheck-proof=of-somebody-else"]}, {}, (("waiting", "", "page.status"))),
    ],
)
def test_a_domain_is_proved_by_its_line(
    database: Database, texts: dict[str, Any], pages: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    """A record or the file proves it, the line alone. Whoever answers 200 for everything proves nothing."""
    herons = join(database)
    line = line_of(database, herons)
    sites = Sites(
        {
            name: [text.replace("LINE", line) for text in given] if isinstance(given, list) else given
            for name, given in texts.items()
        },
        {
            url: page.replace(b"LINE", line.encode()) if isinstance(page, bytes) else page
            for url, page in pages.items()
        },
    )
    found = look(database, sites, herons)
    assert (found.state, found.method, found.problem) == expected
    assert found.checked_at == NOW


def test_a_lost_proof_is_lost_after_three_days(database: Database) -> None:
    """A name server that fails for a day costs nothing. Then the proof is lost, and can come back."""
    herons = join(database)
    good = Sites({"herons.com": [line_of(database, herons)]})
    assert look(database, good, herons).state == "proved"
    with database.reading() as session:
        assert domains.find_due(session, NOW, 9) == []
        (due,) = domains.find_due(session, NOW + timedelta(days=1, minutes=1), 9)
        assert due.domain == "herons.com"
    assert look(database, Sites(), herons, now=NOW + timedelta(days=2)).state == "proved"
    assert look(database, Sites(), herons, now=NOW + timedelta(days=4)).state == "lost"
    assert look(database, good, herons, now=NOW + timedelta(days=5)).state == "proved"


def test_two_organisations_prove_one_domain(database: Database) -> None:
    """Each has a line of its own, and the operator sees that the other one proved it, too."""
    herons = join(database)
    owls = join(database, handle="owls", name="Owls", email="li@owls.com")
    lines = [line_of(database, one) for one in (herons, owls)]
    assert lines[0] != lines[1]
    look(database, Sites({"herons.com": lines}), herons)
    mine = look(database, Sites({"herons.com": lines}), owls)
    with database.reading() as session:
        assert domains.find_other_owners(session, mine) == ["herons"]
    assert (
        look(database, Sites({"herons.com": [lines[1]]}), herons, now=NOW + timedelta(days=4)).state == "lost"
    )


def test_domains_are_an_organisations_own(database: Database) -> None:
    """An international domain has one spelling, there is a limit, and others' domains are not there."""
    herons = join(database)
    with database.writing() as session:
        first = domains.add(session, herons, "B\u00fccher.de", NOW)
        assert domains.add(session, herons, "xn--bcher-kva.de.", NOW).id == first.id
        for number in range(domains.MOST_DOMAINS - 2):
            domains.add(session, herons, f"d{number}.com", NOW)
        with pytest.raises(Conflict) as full:
            domains.add(session, herons, "one-more.com", NOW)
    owls = join(database, handle="owls", name="Owls", email="li@owls.com")
    with pytest.raises(AuthcheckError) as hidden, database.writing() as session:
        domains.remove(session, first.id, organisation_id=owls.id)
    assert (full.value.code, hidden.value.code) == ("domain.too_many", "domain.not_found")
    with database.writing() as session:
        domains.remove(session, first.id, organisation_id=herons.id)
    with database.writing() as session:
        assert domains.note(session, first.id, domains.Finding("dns"), NOW) is None


def test_the_commands_decide(cli: Callable[..., Any], database: Database) -> None:
    """The operator sees domains and look-alikes, approves, refuses with a reason, and suspends."""
    people_made.person(database)
    join(database, name="Acm\u00e9")
    shown = cli("organisations", "show", "herons").out
    assert "applied" in shown
    assert "herons.com: waiting" in shown
    assert "looks like Acme (acme)" in shown
    held = cli("organisations", "approve", "herons")
    assert (held.code, "organisation.alike" in held.err) == (2, True)
    assert cli("organisations", "approve", "herons", "--despite", "herons").code == 0
    assert cli("organisations", "refuse", "herons", "--reason", "x").code == 2
    assert "is suspended now" in cli("organisations", "suspend", "herons", "--reason", "sold").err
    states = {row["handle"]: row["state"] for row in cli("organisations", "list", "--json").objects}
    assert states == {"acme": "approved", "herons": "suspended"}


@pytest.mark.parametrize(
    ("member", "name", "is_held"),
    [
        ("\u9e22\u5c3e\u82b1\u4e4b\u5bb6", "\u9cf6\u5c3e\u82b1\u4e4b\u5bb6", True),  # simplified, traditional
        ("\u83ef\u70ba\u6280\u8853", "\u534e\u4e3a\u6280\u672f", True),  # traditional, simplified
        ("\u534e\u4e3a\u6280\u672f", "\u5c0f\u7c73\u79d1\u6280", False),  # another name
    ],
)
def test_traditional_characters_are_read_as_simplified(
    database: Database, member: str, name: str, *, is_held: bool
) -> None:
    """A name is held that only differs from a member's by the form of its Chinese characters."""
    decide(database, join(database, handle="member", name=member), standing.approve)
    joined = join(database, handle="stranger", name=name, email="b@c.com")
    if is_held:
        with pytest.raises(Conflict) as held:
            decide(database, joined, standing.approve)
        assert held.value.code == "organisation.alike"
    else:
        decide(database, joined, standing.approve)
