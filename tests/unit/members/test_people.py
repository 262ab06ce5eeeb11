"""People, their roles, invitations and one-time links."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import make
import people_made
import pytest

from authcheck.config import Settings
from authcheck.errors import AuthcheckError, Conflict, Forbidden, NotFound, Rejected
from authcheck.members import invitations, joining, links, organisations, people, sessions
from authcheck.members.joining import NewOrganisation
from authcheck.members.tables import OneTimeLink, Organisation, Person
from authcheck.storage.database import Database
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
NEW = {"name": "Ada", "password_hash": "h"}


@pytest.fixture
def database(workspace: Workspace) -> Database:
    """Return a database with the admin mei of acme."""
    people_made.person(workspace.database)
    return workspace.database


def invite(database: Database, email: str = "ada@acme.example", *roles: str, owner: str = "acme") -> str:
    """Invite somebody and return the link's secret."""
    with database.writing() as session:
        organisation = organisations.get_organisation(session, owner)
        words = {"email": email, "name": "", "roles": roles or ("analyst",), "made_by": None}
        return invitations.invite(session, organisation, **words, now=make.NOW)[1]  # type: ignore[arg-type]


def accept(database: Database, secret: str, *, as_person: Person | None = None, hours: float = 1) -> Person:
    """Use an invitation."""
    with database.writing() as session:
        at = make.NOW + timedelta(hours=hours)
        return joining.accept_invitation(session, secret, **NEW, signed_in=as_person, now=at)[0]


def roles_of(database: Database, email: str, owner: str = "acme") -> list[str]:
    """Return a person's roles."""
    with database.reading() as session:
        organisation = organisations.get_organisation(session, owner)
        person = people.get_person(session, email)
        return people.get_member(session, organisation.id, person.id).roles


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Mei@Acme.Example", "mei@acme.example"),
        (" mei@acme.example\u200b ", "mei@acme.example"),
        ("<mei@acme.example>", "mei@acme.example"),
        ("mei\uff20acme.example", "mei@acme.example"),
        ("mei@bücher.example", "mei@bücher.example"),
        ("mei@xn--bcher-kva.example", "mei@bücher.example"),
    ],
)
def test_one_address_has_one_spelling(typed: str, stored: str) -> None:
    """Capitals, unseen characters, brackets and the writing of a domain make no second account."""
    assert people.normal_email(typed) == stored


@pytest.mark.parametrize(
    "text", ["", "mei", "mei@", "@acme.example", "a b@acme.example", "a@b\0.example", "x" * 9_000]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """The refusal says how an address is written."""
    with pytest.raises(Rejected, match="name@example") as caught:
        people.normal_email(text)
    assert caught.value.code == "person.email"


def test_an_invited_person_joins_once(database: Database) -> None:
    """The link makes the account with the invited roles. A second use is refused as used."""
    secret = invite(database, "Ada@acme.example".lower(), "issuer", "analyst")
    person = accept(database, secret)
    assert (person.email, roles_of(database, person.email)) == ("ada@acme.example", ["issuer", "analyst"])
    with pytest.raises(Rejected) as caught:
        accept(database, secret)
    assert caught.value.code == "link.used"


def test_a_link_is_refused_by_the_reason(database: Database) -> None:
    """Expired, withdrawn, replaced and unknown links are told apart, and none of them makes an account."""
    late, replaced, newest = (
        invite(database),
        invite(database, "bo@acme.example"),
        invite(database, "bo@acme.example"),
    )
    withdrawn = invite(database, "cy@acme.example")
    with database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        (row,) = (
            one for one in invitations.list_invitations(session, acme.id, make.NOW) if one.email[:2] == "cy"
        )
        invitations.withdraw(session, row.id, organisation_id=acme.id, now=make.NOW)
    for secret, hours, code in (
        (late, 7 * 24, "link.expired"),
        (replaced, 1, "link.withdrawn"),
        (withdrawn, 1, "link.withdrawn"),
        ("A" * 43, 1, "link.unknown"),
        ("", 1, "link.unknown"),
        (late + "\0", 1, "link.unknown"),
        ("\ud800" * 43, 1, "link.unknown"),
    ):
        with pytest.raises(Rejected) as caught:
            accept(database, secret, hours=hours)
        assert caught.value.code == code
    assert accept(database, newest, hours=7 * 24 - 0.1).email == "bo@acme.example"


def test_the_database_does_not_hold_the_link(database: Database) -> None:
    """A thief of the database cannot use the links."""
    secret = invite(database)
    with database.reading() as session:
        row = session.query(OneTimeLink).one()
        assert secret not in str(vars(row))


def test_an_invitation_opens_no_account_that_exists(database: Database) -> None:
    """A forwarded invitation to a person with an account needs that person's session. The roles then add up."""
    people_made.person(database, "ada@acme.example", owner="globex")
    mei = people_made.person(database)
    secret = invite(database)
    for somebody in (None, mei):
        with pytest.raises(Forbidden, match="ada@acme") as caught:
            accept(database, secret, as_person=somebody)
        assert caught.value.code == "invitation.sign_in"
    with database.reading() as session:
        ada = people.get_person(session, "ada@acme.example")
    assert accept(database, secret, as_person=ada).password_hash == people_made.password_hash()
    assert (roles_of(database, "ada@acme.example"), roles_of(database, "ada@acme.example", "globex")) == (
        ["analyst"],
        ["admin"],
    )


def test_somebody_else_cannot_use_an_invitation_while_signed_in(database: Database) -> None:
    """A link for a new person, opened by a person with another account, makes nobody a member."""
    mei = people_made.person(database)
    with pytest.raises(Forbidden) as caught:
        accept(database, invite(database), as_person=mei)
    assert caught.value.code == "invitation.sign_in"


def test_a_member_is_not_invited_again(database: Database) -> None:
    """The admin is told to change the roles instead."""
    with pytest.raises(Conflict) as caught:
        invite(database, "mei@acme.example")
    assert caught.value.code == "person.member"


def test_an_invitation_ends_with_its_maker(database: Database) -> None:
    """A former admin cannot come back through an invitation to another address."""
    other = people_made.person(database, "eve@acme.example")
    with database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        secret = invitations.invite(
            session, acme, email="eve2@acme.example", name="", roles=["admin"], made_by=other.id, now=make.NOW
        )[1]
        people.take_roles(session, acme, other.id, make.NOW)
    with pytest.raises(Rejected) as caught:
        accept(database, secret)
    assert caught.value.code == "link.withdrawn"


def test_roles_are_those_of_the_organisation(database: Database) -> None:
    """A brand has no moderators, no licensees and no operators."""
    for role in ("moderator", "licensee", "operator", "root", ""):
        with pytest.raises(Rejected) as caught:
            invite(database, "ada@acme.example", role)
        assert caught.value.code == "person.roles"


@pytest.mark.parametrize("way", ["change", "remove", "disable"])
def test_the_last_admin_stays(database: Database, way: str) -> None:
    """No way leaves an organisation without an admin who can sign in."""
    closed = people_made.person(database, "old@acme.example")
    people_made.person(database, "ada@acme.example", roles=("analyst",))
    with database.writing() as session:
        people.disable(session, session.get_one(Person, closed.id), make.NOW)

    def act() -> None:
        with database.writing() as session:
            acme = organisations.get_organisation(session, "acme")
            mei = people.get_person(session, "mei@acme.example")
            if way == "change":
                people.give_roles(session, acme, mei, ["rights"], make.NOW)
            elif way == "remove":
                people.take_roles(session, acme, mei.id, make.NOW)
            else:
                people.disable(session, mei, make.NOW)

    with pytest.raises(Conflict) as caught:
        act()
    assert caught.value.code == "person.last"
    people_made.person(database, "bo@acme.example")
    act()


def test_two_admins_who_remove_each_other_leave_one(database: Database) -> None:
    """Both acts at the same moment cannot both succeed."""
    pair = [people_made.person(database), people_made.person(database, "ada@acme.example")]

    def remove(person: Person) -> str:
        try:
            with database.writing() as session:
                acme = organisations.get_organisation(session, "acme")
                people.take_roles(session, acme, person.id, make.NOW)
        except AuthcheckError as error:
            return error.code
        return "removed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, pair)) == ["person.last", "removed"]


def test_two_browsers_use_an_invitation_at_once(database: Database) -> None:
    """One of them makes the account."""
    secret = invite(database)

    def use(_number: int) -> str:
        try:
            return accept(database, secret).email
        except AuthcheckError as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(use, range(2))) == ["ada@acme.example", "link.used"]


def test_a_new_password_ends_all_sessions_and_waits(database: Database, settings: Settings) -> None:
    """The link replaces the password, and the count of failed sign-ins begins again."""
    first = people_made.sign_in(database, settings)
    for _ in range(5):
        with pytest.raises(Forbidden):
            people_made.sign_in(database, settings, "mei@acme.example", "wrong")
    with pytest.raises(AuthcheckError) as caught:
        people_made.sign_in(database, settings)
    assert caught.value.code == "sign_in.wait"
    from authcheck.members.signing_in import limits_secret  # noqa: PLC0415 - only here

    with database.writing() as session:
        secret = links.make_reset(session, people.get_person(session, "mei@acme.example"), make.NOW)[1]
    with database.writing() as session:
        joining.set_new_password(
            session, secret, people_made.password_hash(), limits_secret=limits_secret(settings), now=make.NOW
        )
    with database.reading() as session:
        assert sessions.find(session, first.token, settings, make.NOW) is None
    assert people_made.sign_in(database, settings).token


def test_a_reset_opens_no_closed_account(database: Database) -> None:
    """A person who was disabled cannot come back through an old link."""
    people_made.person(database, "ada@acme.example")
    with database.writing() as session:
        ada = people.get_person(session, "ada@acme.example")
        secret = links.make_reset(session, ada, make.NOW)[1]
        people.disable(session, ada, make.NOW)
    with database.writing() as session, pytest.raises(Forbidden) as caught:
        joining.set_new_password(session, secret, "h", limits_secret=b"", now=make.NOW)
    assert caught.value.code == "sign_in.disabled"


def set_up(database: Database, secret: str, handle: str = "acme", email: str = "mei@acme.example") -> Person:
    """Make the first account."""
    organisation = NewOrganisation(handle, "Acme", ["brand"])
    with database.writing() as session:
        return joining.set_up(session, secret, email=email, **NEW, organisation=organisation, now=make.NOW)


@pytest.mark.parametrize("exists", [False, True])
def test_the_first_account_is_operator_and_admin(workspace: Workspace, exists: bool) -> None:
    """The operator's rights are in an organisation of their own. An organisation that exists keeps its roles."""
    database = workspace.database
    with database.writing() as session:
        if exists:
            organisations.create_organisation(
                session, handle="acme", name="A", roles=["licensee"], now=make.NOW
            )
        old, secret = links.make_set_up(session, make.NOW), links.make_set_up(session, make.NOW)
    with pytest.raises(Rejected) as caught:
        set_up(database, old)
    assert caught.value.code == "link.withdrawn"
    set_up(database, secret)
    assert roles_of(database, "mei@acme.example") == ["admin"]
    assert roles_of(database, "mei@acme.example", "operators") == ["admin", "operator"]
    with database.reading() as session:
        assert not links.needs_set_up(session)
        roles = session.query(Organisation.roles).filter_by(handle="acme").scalar()
        assert roles == (["licensee"] if exists else ["brand"])


def test_there_is_one_first_account(database: Database) -> None:
    """A code that was made before somebody else's account makes no operator."""
    with database.writing() as session:
        secret = links.make_set_up(session, make.NOW)
    with pytest.raises(Conflict) as caught:
        set_up(database, secret, "globex", "eve@globex.example")
    assert caught.value.code == "set_up.done"


def test_people_of_others_are_not_there(database: Database) -> None:
    """A person of another organisation gets the answer of an unknown id."""
    eve = people_made.person(database, "eve@globex.example", owner="globex")
    with database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        for person_id in (eve.id, eve.id[:-1] + "Z", "", "\0"):
            with pytest.raises(NotFound) as caught:
                people.take_roles(session, acme, person_id, make.NOW)
            assert caught.value.code == "person.not_found"
