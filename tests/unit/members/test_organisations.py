"""Organisations and API keys: valid input, how secrets are stored, and what a stranger learns."""

import hashlib
import string
from collections.abc import Iterator

import make
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, Forbidden, NotFound, Rejected
from authcheck.members import api_keys, organisations
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.tables import ApiKey, Organisation
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

MEGABYTE = "x" * 1_000_000
HOSTILE = [
    "a\0b",
    "\ud800",
    "a\nb",
    "a\u202eb",
    MEGABYTE,
]  # NUL, half a surrogate pair, a new line, reversed text, size


@pytest.fixture
def session(workspace: Workspace) -> Iterator[Session]:
    """Return a session that may write."""
    with workspace.database.writing() as session:
        yield session


@pytest.fixture
def acme(session: Session) -> Organisation:
    """Return a brand."""
    return organisations.create_organisation(
        session, handle="acme", name="Acme", roles=["brand"], now=make.NOW
    )


@pytest.fixture
def token(session: Session, acme: Organisation) -> str:
    """Return the token of a key of the brand that may register designs."""
    return api_keys.create_key(session, acme, label="till", scopes=["designs:write"], now=make.NOW)[1]


def refusal(session: Session, token: str) -> tuple[str, str, dict[str, object]]:
    """Return the full error that a caller with that token gets."""
    with pytest.raises(Forbidden) as caught:
        api_keys.authenticate(session, token)
    return caught.value.code, str(caught.value), caught.value.params


@pytest.mark.parametrize("handle", ["a", "7", "acme", "acme-2", "a--b", "x" * 64])
def test_a_handle_is_small_letters_digits_and_hyphens(session: Session, handle: str) -> None:
    """A handle has 1 to 64 characters that are safe in an address."""
    made = organisations.create_organisation(
        session, handle=handle, name="  Somebody ", roles=["brand"], now=make.NOW
    )
    assert organisations.get_organisation(session, handle) is made
    assert (made.handle, made.name) == (handle, "Somebody")


@pytest.mark.parametrize("handle", ["", "-a", "a-", "a b", "a.b", "a\nb", "ä", "x" * 65, "../x", *HOSTILE])
def test_another_handle_is_refused_and_finds_nobody(session: Session, handle: str) -> None:
    """An invalid handle is refused when an organisation is made.

    A look-up of it does not ask the database.
    """
    with pytest.raises(Rejected) as caught:
        organisations.create_organisation(session, handle=handle, name="Acme", roles=["brand"], now=make.NOW)
    assert caught.value.code == "organisation.handle"
    assert organisations.find_organisation(session, handle) is None
    with pytest.raises(NotFound) as missing:
        organisations.get_organisation(session, handle)
    assert missing.value.code == "organisation.not_found"


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, *HOSTILE])
def test_a_name_that_cannot_be_shown_is_refused(session: Session, name: str) -> None:
    """A name has 1 to 200 printable characters."""
    with pytest.raises(Rejected) as caught:
        organisations.create_organisation(session, handle="acme", name=name, roles=["brand"], now=make.NOW)
    assert caught.value.code == "organisation.name"


@pytest.mark.parametrize("roles", [[], ["king"], ["brand", "king"], ["\0"], [MEGABYTE]])
def test_roles_are_known_ones(session: Session, roles: list[str]) -> None:
    """An organisation has at least one role, and only known roles."""
    with pytest.raises(Rejected) as caught:
        organisations.create_organisation(session, handle="acme", name="Acme", roles=roles, now=make.NOW)
    assert caught.value.code == "organisation.roles"


def test_every_role_may_be_had_once(session: Session) -> None:
    """Roles are stored sorted and without repetition."""
    made = organisations.create_organisation(
        session, handle="all", name="All", roles=[*organisations.ROLES, "brand"], now=make.NOW
    )
    assert made.roles == sorted(organisations.ROLES)


def test_a_handle_is_taken_once(session: Session, acme: Organisation) -> None:
    """A second organisation with the same handle is a conflict. `ensure_brand` finds the first."""
    with pytest.raises(Conflict) as caught:
        organisations.create_organisation(session, handle="acme", name="Other", roles=["agent"], now=make.NOW)
    assert caught.value.code == "organisation.exists"
    assert organisations.ensure_brand(session, "acme", make.NOW) is acme
    assert organisations.list_organisations(session) == [acme]


def test_a_token_says_who_is_asking(session: Session, acme: Organisation, token: str) -> None:
    """The right token gives the organisation, the key and its scopes, and no other scope."""
    principal = api_keys.authenticate(session, token)
    assert (principal.organisation_id, principal.handle) == (acme.id, "acme")
    assert token.startswith(f"{principal.caller}_")
    principal.require(Resource.DESIGNS, Right.WRITE)
    with pytest.raises(Forbidden) as caught:
        principal.require(Resource.ORGANISATIONS, Right.WRITE)
    assert (caught.value.code, caught.value.params) == ("auth.scope", {"scope": "admin"})


def test_only_the_hash_of_a_secret_is_stored(session: Session, token: str) -> None:
    """A thief of the database cannot sign in with the stored values."""
    secret = token.split("_", 2)[2]
    rows = str(session.execute(sa.select(*ApiKey.__table__.columns)).all())
    assert secret not in rows
    assert hashlib.sha256(secret.encode()).hexdigest() in rows
    assert len(secret) >= 43


@pytest.mark.parametrize("scopes", [[], ["root"], ["admin", "root"], ["\0"]])
def test_scopes_are_known_ones(session: Session, acme: Organisation, scopes: list[str]) -> None:
    """A key has at least one scope, and only known scopes."""
    with pytest.raises(Rejected) as caught:
        api_keys.create_key(session, acme, label="", scopes=scopes, now=make.NOW)
    assert caught.value.code == "key.scopes"


@pytest.mark.parametrize("label", ["x" * 201, *HOSTILE])
def test_a_label_that_cannot_be_shown_is_refused(session: Session, acme: Organisation, label: str) -> None:
    """A label has at most 200 printable characters."""
    with pytest.raises(Rejected) as caught:
        api_keys.create_key(session, acme, label=label, scopes=["admin"], now=make.NOW)
    assert caught.value.code == "key.label"


def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(
    session: Session, acme: Organisation, token: str
) -> None:
    """A wrong secret, an unknown id, a cut token and another key's secret give the same answer.

    It reveals no ids.
    """
    other = api_keys.create_key(session, acme, label="", scopes=["admin"], now=make.NOW)[1]
    key_id, secret = token[:30], token[31:]
    last = "A" if secret[-1] != "A" else "B"
    wrong = {
        f"{key_id}_{secret[:-1]}{last}",
        f"{key_id}_{'A' * 43}",
        f"ack_{'0' * 26}_{secret}",
        f"{key_id}_{other[31:]}",
        token[:-1],
        token[:31],
        token[:30],
        f"{token}A",
        f"{token}\n",
        f" {token}",
        token.lower(),
        f"{key_id}_",
        hashlib.sha256(secret.encode()).hexdigest(),
        f"{key_id}_{hashlib.sha256(secret.encode()).hexdigest()}",
        "",
        "_",
        "__",
        f"{key_id}\0_{secret}",
        f"{key_id}_{secret}\0",
        f"{key_id}_{secret[:-1]}\ud800",
        f"{key_id}_{MEGABYTE}",
        f"ack_{MEGABYTE}_{secret}",
    }
    assert {str(refusal(session, text)) for text in wrong} == {
        "('auth.key_unknown', 'This API key is not known.', {})"
    }


def test_a_revoked_key_is_told_only_to_who_holds_its_secret(session: Session, token: str) -> None:
    """The owner of a revoked key learns that it was revoked. To a guesser the key does not exist."""
    api_keys.revoke_key(session, token[:30], organisation_id=None, now=make.NOW)
    assert refusal(session, token)[0] == "auth.key_revoked"
    assert refusal(session, f"{token[:30]}_{'A' * 43}")[0] == "auth.key_unknown"


def test_a_revoked_key_stays_as_it_was_revoked(session: Session, acme: Organisation, token: str) -> None:
    """Revoking a key again keeps the first time. The key stays in the list."""
    first = api_keys.revoke_key(session, token[:30], organisation_id=acme.id, now=make.NOW).revoked_at
    again = api_keys.revoke_key(session, token[:30], organisation_id=None, now=make.NOW.replace(year=2030))
    assert again.revoked_at == first == make.NOW
    assert api_keys.list_keys(session, acme.id) == [again]


@pytest.mark.parametrize("key_id", ["", "ack_", f"ack_{'0' * 26}", "org_1", *HOSTILE])
def test_a_key_that_does_not_exist_cannot_be_revoked(session: Session, key_id: str) -> None:
    """An unknown id and a text that is no id get the same answer."""
    with pytest.raises(NotFound) as caught:
        api_keys.revoke_key(session, key_id, organisation_id=None, now=make.NOW)
    assert caught.value.code == "key.not_found"


def test_a_key_of_somebody_else_cannot_be_revoked(session: Session, token: str) -> None:
    """To another organisation the key does not exist. The key goes on working."""
    other = organisations.ensure_brand(session, "other", make.NOW)
    with pytest.raises(NotFound):
        api_keys.revoke_key(session, token[:30], organisation_id=other.id, now=make.NOW)
    assert isinstance(api_keys.authenticate(session, token), Principal)


def test_lists_go_on_after_the_last_one_seen(session: Session, acme: Organisation) -> None:
    """Pages by id contain everything once."""
    for number in range(5):
        organisations.ensure_brand(session, f"brand-{number}", make.NOW)
        api_keys.create_key(session, acme, label=str(number), scopes=["admin"], now=make.NOW)
    everybody = organisations.list_organisations(session)
    assert len(everybody) == 6
    assert organisations.list_organisations(session, after=everybody[3].id, limit=1) == [everybody[4]]
    keys = api_keys.list_keys(session, acme.id)
    assert api_keys.list_keys(session, acme.id, after=keys[1].id) == keys[2:]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.text(string.ascii_letters + "_-", max_size=80).map("ack_".__add__)))
def test_no_token_raises_anything_but_a_refusal(session: Session, token: str) -> None:
    """Any text that arrives as a token is refused, and the transaction goes on."""
    assert refusal(session, token)[0] == "auth.key_unknown"
    assert organisations.list_organisations(session) == []
