"""Signing in, sessions and their ends, limits of guesses."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import make
import people_made
import pyotp
import pytest
import sqlalchemy as sa

from authcheck.config import Settings
from authcheck.errors import AuthcheckError, Forbidden, NotFound
from authcheck.members import (
    appointments,
    failures,
    links,
    organisations,
    passwords,
    people,
    second_factor,
    sessions,
    signing_in,
)
from authcheck.members.permissions import SCOPES
from authcheck.members.tables import FailedSignIns, OneTimeLink, Person, WebSession
from authcheck.storage.database import GUARD, Database
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


@pytest.fixture
def database(workspace: Workspace) -> Database:
    """Return a database with the admin mei of acme."""
    people_made.person(workspace.database)
    return workspace.database


def found(
    database: Database, settings: Settings, token: str, after: timedelta = timedelta(0)
) -> sessions.SignedIn | None:
    """Return the session of a token some time after the sign-in."""
    with database.reading() as session:
        return sessions.find(session, token, settings, make.NOW + after)


def code_of(act: Callable[[], object]) -> str:
    """Return the code of the error that an act raises, or "ok"."""
    try:
        act()
    except AuthcheckError as error:
        return error.code
    return "ok"


def refused(database: Database, settings: Settings, email: str = "mei@acme.example", **words: Any) -> str:
    """Return the code of a sign-in with a wrong password."""
    return code_of(lambda: people_made.sign_in(database, settings, email, "wrong", **words))


def test_a_session_knows_its_person_and_rights(database: Database, settings: Settings) -> None:
    """The token is not in the database, and the roles are those of this moment."""
    entered = people_made.sign_in(database, settings)
    signed_in = found(database, settings, entered.token)
    assert signed_in is not None
    assert signed_in.principal is not None
    assert (signed_in.person.email, signed_in.principal.handle) == ("mei@acme.example", "acme")
    assert signed_in.principal.scopes == {"admin"}
    with database.reading() as session:
        assert entered.token not in str([vars(row) for row in session.query(WebSession)])
    people_made.person(database, "ada@acme.example")
    people_made.person(database, roles=("analyst",))
    again = found(database, settings, entered.token)
    assert again is not None
    assert again.principal is not None
    assert again.principal.scopes == {"analyst"}


def test_a_session_ends_when_idle_and_in_any_case(database: Database, settings: Settings) -> None:
    """The idle end moves with each use, the absolute end does not."""
    token = people_made.sign_in(database, settings).token
    assert found(database, settings, token, timedelta(hours=11.9))
    assert found(database, settings, token, timedelta(hours=12)) is None
    for hours in range(0, 14 * 24, 11):
        signed_in = found(database, settings, token, timedelta(hours=hours))
        assert signed_in is not None
        with database.writing() as session:
            sessions.note_use(session, signed_in.row, make.NOW + timedelta(hours=hours))
    assert found(database, settings, token, timedelta(days=14)) is None


@pytest.mark.parametrize("token", ["", "A" * 43, "x" * 5_000, "\0", "\ud800" * 43])
def test_other_tokens_are_nobody(database: Database, settings: Settings, token: str) -> None:
    """A guessed or damaged cookie signs nobody in."""
    people_made.sign_in(database, settings)
    assert found(database, settings, token) is None


def test_two_browsers_are_two_sessions(database: Database, settings: Settings) -> None:
    """Two sign-ins both work. Each session is listed, and ends alone."""
    first, second = (
        people_made.sign_in(database, settings, browser=name).token for name in ("Firefox", "Chrome")
    )
    with database.writing() as session:
        mei = people.get_person(session, "mei@acme.example")
        rows = {row.browser: row for row in sessions.list_open(session, mei.id, settings, make.NOW)}
        assert set(rows) == {"Firefox", "Chrome"}
        sessions.end(session, rows["Firefox"].id, person_id=mei.id, now=make.NOW)
    assert found(database, settings, first) is None
    assert found(database, settings, second)


def test_nobody_ends_another_persons_session(database: Database, settings: Settings) -> None:
    """Another person's session is not there."""
    people_made.sign_in(database, settings)
    eve = people_made.person(database, "eve@acme.example")
    with database.writing() as session:
        row = session.query(WebSession).one()
        with pytest.raises(NotFound) as caught:
            sessions.end(session, row.id, person_id=eve.id, now=make.NOW)
    assert caught.value.code == "sign_in.not_found"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("nobody@acme.example", people_made.PASSWORD),
        ("mei@acme.example", "wrong"),
        ("mei@acme.example", ""),
        ("mei@acme.example", "x" * 100_000),
        ("not an address\0", "wrong"),
        ("\ud800", "\ud800"),
    ],
)
def test_every_failure_has_the_same_words(
    database: Database, settings: Settings, email: str, password: str
) -> None:
    """A wrong password and an unknown account are told in the same words."""
    with pytest.raises(Forbidden, match="The e-mail address or the password is wrong") as caught:
        people_made.sign_in(database, settings, email, password)
    assert (caught.value.code, caught.value.params) == ("sign_in.wrong", {})


def test_known_and_unknown_accounts_take_the_same_work(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One password is compared for each, and the same statements are sent."""
    compared: list[str] = []
    verify = passwords.verify

    def count(password: str, stored_hash: str) -> passwords.Verified:
        compared.append(stored_hash)
        return verify(password, stored_hash)

    monkeypatch.setattr(passwords, "verify", count)
    sent: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *event: sent.append(event[2]))
    work = []
    for number, email in enumerate(["zoe@acme.example", "mei@acme.example"]):
        sent.clear()
        assert refused(database, settings, email, client=f"192.0.2.{number}") == "sign_in.wrong"
        work.append([*sent])
    assert len(compared) == 2
    assert work[0] == work[1] != []


def test_guesses_at_one_account_must_wait_longer_and_longer(database: Database, settings: Settings) -> None:
    """A list of passwords gets about a hundred tries a day, however often it asks."""
    tries = 0
    with database.writing() as session:
        for number in range(24 * 60):
            now = make.NOW + number * timedelta(minutes=1)
            act = partial(failures.count_attempt, session, failures.account("mei@acme.example"), b"", now)
            tries += code_of(act) == "ok"
    assert 90 <= tries <= 110
    assert [refused(database, settings, "zoe@acme.example") for _ in range(6)] == ["sign_in.wrong"] * 5 + [
        "sign_in.wait"
    ]


def test_the_owner_enters_beside_a_flood_of_guesses(database: Database, settings: Settings) -> None:
    """A browser that has signed in before has attempts of its own. A forged cookie has none."""
    known = people_made.sign_in(database, settings).device
    forged = f"{known.partition('.')[0]}x.{known.partition('.')[2]}"
    for _ in range(5):
        refused(database, settings)
    for device, expected in (("", "sign_in.wait"), (forged, "sign_in.wait"), (known, "ok")):
        assert (
            code_of(lambda device=device: people_made.sign_in(database, settings, device=device)) == expected
        )


def test_the_device_of_another_person_is_no_help(database: Database, settings: Settings) -> None:
    """An attacker with an own account cannot use its cookie for guesses at others."""
    people_made.person(database, "eve@acme.example")
    device = people_made.sign_in(database, settings, "eve@acme.example").device
    for _ in range(5):
        refused(database, settings, device=device)
    assert code_of(lambda: people_made.sign_in(database, settings, device=device)) == "sign_in.wait"


def test_one_password_against_many_accounts_must_wait(database: Database, settings: Settings) -> None:
    """The count of an address goes over all accounts. A right password takes only its own attempt back."""
    answers = []
    for number in range(40):
        email = "mei@acme.example" if number % 10 == 9 else f"n{number}@acme.example"
        answers.append(code_of(lambda email=email: people_made.sign_in(database, settings, email)))
    assert answers.count("ok") == 3
    assert answers.count("sign_in.wrong") == 30
    assert set(answers[33:]) == {"sign_in.wait"}


def test_the_table_of_guesses_names_nobody(database: Database, settings: Settings) -> None:
    """Neither an e-mail address nor a client address is in the table, and old rows go."""
    refused(database, settings)
    with database.reading() as session:
        assert all(len(row.bucket) == 64 for row in session.query(FailedSignIns))
    later = make.NOW + timedelta(days=2)
    code_of(
        lambda: people_made.sign_in(database, settings, "zoe@acme.example", client="192.0.2.1", now=later)
    )
    with database.reading() as session:
        assert session.query(FailedSignIns).count() == 2


def test_a_closed_account_is_told_only_with_its_password(database: Database, settings: Settings) -> None:
    """A stranger does not learn that the account is closed. Its sessions have ended."""
    people_made.person(database, "ada@acme.example")
    token = people_made.sign_in(database, settings, "ada@acme.example").token
    with database.writing() as session:
        people.disable(session, people.get_person(session, "ada@acme.example"), make.NOW)
    assert found(database, settings, token) is None
    for password, code in (("wrong", "sign_in.wrong"), (people_made.PASSWORD, "sign_in.disabled")):
        assert (
            code_of(
                lambda password=password: people_made.sign_in(
                    database, settings, "ada@acme.example", password
                )
            )
            == code
        )


class Factor:
    """Mei with a second factor."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings = database, settings
        vault = second_factor.open_vault(settings)
        with database.writing() as session:
            mei = people.get_person(session, "mei@acme.example")
            self.app = pyotp.TOTP(second_factor.begin(mei, vault))
            self.recovery = second_factor.confirm(mei, vault, self.app.at(make.NOW), make.NOW)

    def enter(self, token: str, code: str, now: datetime) -> str:
        """Send a code and return the token or the code of the error."""
        try:
            return signing_in.enter_code(self.database, self.settings, token, code, now)
        except AuthcheckError as error:
            return error.code


def test_the_second_factor_is_needed(database: Database, settings: Settings) -> None:
    """With the password alone nobody is signed in. The code gives a new token, and no code works twice."""
    factor = Factor(database, settings)
    entered = people_made.sign_in(database, settings)
    assert entered.awaits_code
    assert found(database, settings, entered.token) is None
    later = make.NOW + timedelta(minutes=1)
    assert factor.enter(entered.token, "000000", later) == "sign_in.code"
    token = factor.enter(entered.token, factor.app.at(later), later)
    assert found(database, settings, token)
    assert found(database, settings, entered.token) is None
    again = people_made.sign_in(database, settings)
    assert factor.enter(again.token, factor.app.at(later), later) == "sign_in.code"
    assert len(factor.enter(again.token, factor.recovery[0], later)) == 43


def test_codes_cannot_be_tried_out(database: Database, settings: Settings) -> None:
    """After five wrong codes each further one waits, also with a new sign-in. The password step ends by itself."""
    factor = Factor(database, settings)
    entered = people_made.sign_in(database, settings)
    answers = [factor.enter(entered.token, "000000", make.NOW) for _ in range(6)]
    assert answers == ["sign_in.code"] * 5 + ["sign_in.wait"]
    again = people_made.sign_in(database, settings)
    assert factor.enter(again.token, factor.app.at(make.NOW), make.NOW) == "sign_in.wait"
    late = make.NOW + timedelta(minutes=10)
    assert factor.enter(again.token, factor.app.at(late), late) == "auth.session"


def test_rights_are_asked_again_in_the_transaction(database: Database, settings: Settings) -> None:
    """A role that is taken, a session that ends, an account that is closed: nothing is stored afterwards."""
    people_made.person(database, "ada@acme.example")
    for act, code in (("role", "auth.role"), ("session", "auth.session"), ("account", "auth.session")):
        people_made.person(database)
        signed_in = found(database, settings, people_made.sign_in(database, settings).token)
        assert signed_in is not None
        with database.writing() as session:
            mei = session.get_one(Person, signed_in.person.id)
            if act == "role":
                people.give_roles(
                    session, organisations.get_organisation(session, "acme"), mei, ["analyst"], make.NOW
                )
            elif act == "session":
                sessions.end(session, signed_in.row.id, person_id=mei.id, now=make.NOW)
            else:
                people.disable(session, mei, make.NOW)
        token = GUARD.set(
            lambda session, held=signed_in: sessions.confirm(session, held.row.id, held.principal, make.NOW)
        )
        try:
            with pytest.raises(Forbidden) as caught, database.writing():
                pytest.fail("the transaction must not begin")
        finally:
            GUARD.reset(token)
        assert caught.value.code == code


def test_a_person_acts_for_the_organisations_of_the_person(database: Database, settings: Settings) -> None:
    """A session changes to another own organisation, and to no other one. A membership that ends leaves nothing."""
    people_made.person(database, owner="globex", now=make.NOW + timedelta(days=1))
    people_made.person(database, "ada@globex.example", owner="globex")
    people_made.person(database, "eve@initech.example", owner="initech")
    token = people_made.sign_in(database, settings).token
    for owner, expected in (("globex", "ok"), ("initech", "organisation.not_found")):
        with database.writing() as session:
            row, organisation = (
                session.query(WebSession).one(),
                organisations.get_organisation(session, owner),
            )
            assert code_of(partial(sessions.act_for, session, row, organisation.id)) == expected
    signed_in = found(database, settings, token)
    assert signed_in is not None
    assert signed_in.principal is not None
    assert signed_in.principal.handle == "globex"
    with database.writing() as session:
        people.take_roles(
            session, organisations.get_organisation(session, "globex"), signed_in.person.id, make.NOW
        )
    left = found(database, settings, token)
    assert left is not None
    assert left.principal is None


def test_an_agent_acts_for_a_client_until_the_end(database: Database, settings: Settings) -> None:
    """The rights and the reach are those of the appointment. Its end, and a lost role, end them at once."""
    people_made.person(database, "gil@guard.example", owner="guard", kinds=("agent",), roles=("agent",))
    people_made.person(database, "ann@guard.example", owner="guard", kinds=("agent",), roles=("admin",))
    with database.writing() as session:
        acme, guard = (organisations.get_organisation(session, handle) for handle in ("acme", "guard"))
        words = {"scopes": ["designs:write"], "designs": ["dsn_1"], "territories": ["FR"]}
        appointment = appointments.appoint(
            session, acme, guard, **words, ends_on=make.NOW.date(), now=make.NOW
        )
    token = people_made.sign_in(database, settings, "gil@guard.example").token
    other = people_made.sign_in(database, settings, "ann@guard.example").token
    for cookie, expected in ((token, "ok"), (other, "appointment.not_found")):
        signed_in = found(database, settings, cookie)
        assert signed_in is not None
        with database.writing() as session:
            row = session.get_one(WebSession, signed_in.row.id)
            act = partial(sessions.act_as_agent, session, row, appointment.id, make.NOW)
            assert code_of(act) == expected
    signed_in = found(database, settings, token)
    assert signed_in is not None
    principal = signed_in.principal
    assert principal is not None
    assert principal.agency is not None
    assert (principal.handle, principal.agency.handle) == ("acme", "guard")
    assert principal.grants == SCOPES["designs:write"]
    assert (principal.reach.designs, principal.reach.territories) == ({"dsn_1"}, {"FR"})
    with database.writing() as session:
        sessions.note_use(
            session, session.get_one(WebSession, signed_in.row.id), make.NOW + timedelta(hours=6)
        )
    tomorrow = found(database, settings, token, timedelta(hours=13))
    assert tomorrow is not None
    assert tomorrow.principal is None
    with database.writing() as session:
        sessions.confirm(session, signed_in.row.id, principal, make.NOW)
        appointments.end(session, appointment.id, organisation_id=appointment.client_id, now=make.NOW)
    with database.writing() as session:
        act = partial(sessions.confirm, session, signed_in.row.id, principal, make.NOW)
        assert code_of(act) == "auth.role"
    ended = found(database, settings, token)
    assert ended is not None
    assert ended.principal is None


def test_old_rows_go(database: Database, settings: Settings) -> None:
    """Sessions and links do not stay for ever: a new one deletes those that nobody can ask about any more."""
    people_made.sign_in(database, settings)
    with database.writing() as session:
        mei = people.get_person(session, "mei@acme.example")
        links.make_reset(session, mei, make.NOW)
    later = make.NOW + timedelta(days=401)
    people_made.sign_in(database, settings, now=later)
    with database.writing() as session:
        assert session.query(WebSession).count() == 1
        links.make_reset(session, people.get_person(session, "mei@acme.example"), later)
        assert session.query(OneTimeLink).count() == 1
