"""The second factor: codes of an app, recovery codes, and who tries to use them twice."""

import re
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import cv2
import make
import numpy as np
import pyotp
import pytest
import resvg_py
import zxingcpp

from authcheck.errors import Conflict, NotTrue, Rejected
from authcheck.members import second_factor
from authcheck.members.tables import Person
from authcheck.vault import Vault
from authcheck.workspace import Workspace

VAULT = Vault(bytes(32))
NOW = make.NOW


def new_person(person_id: str = "per_1") -> Person:
    """Return a person without a second factor."""
    return Person(
        id=person_id,
        email=f"{person_id}@maison-iris.example",
        name="Jana",
        password_hash="!",  # noqa: S106 - no password
        recovery_sha256=[],
        created_at=NOW,
    )


def app_code(secret: str, at: datetime = NOW) -> str:
    """Return the code that an app shows."""
    return pyotp.TOTP(secret).at(at)


def protected() -> tuple[Person, str, list[str]]:
    """Return a person with a second factor, its secret and the recovery codes. The code of `NOW` is used."""
    person = new_person()
    secret = second_factor.begin(person, VAULT)
    return person, secret, second_factor.confirm(person, VAULT, app_code(secret), NOW)


def test_the_second_factor_is_on_after_the_first_code() -> None:
    """A wrong first code turns nothing on, so that nobody locks themselves out with a half scanned QR code."""
    person = new_person()
    assert second_factor.pending_secret(person, VAULT) is None
    secret = second_factor.begin(person, VAULT)
    assert second_factor.pending_secret(person, VAULT) == secret
    for wrong in ("", "12345", "abcdef", app_code(secret, NOW + timedelta(minutes=5)), "9" * 100_000):
        with pytest.raises(Rejected) as caught:
            second_factor.confirm(person, VAULT, wrong, NOW)
        assert caught.value.code == "factor.code"
        assert not second_factor.is_on(person)
    codes = second_factor.confirm(person, VAULT, app_code(secret), NOW)
    assert second_factor.is_on(person)
    assert second_factor.pending_secret(person, VAULT) is None  # shown until it is on, and never again
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{5}", code) for code in codes)


def test_the_stored_row_gives_no_code_away() -> None:
    """The row holds the sealed secret and hashes. Sealed for one person, the secret opens for no other."""
    person, secret, codes = protected()
    assert person.totp_secret
    assert secret.encode() not in person.totp_secret
    assert not {code.replace("-", "") for code in codes} & set(person.recovery_sha256)
    thief = new_person("per_2")
    thief.totp_secret, thief.totp_since = person.totp_secret, NOW
    with pytest.raises(NotTrue):
        second_factor.accept(thief, VAULT, app_code(secret, NOW + timedelta(seconds=30)), NOW)


def test_nothing_is_begun_or_confirmed_in_the_wrong_order() -> None:
    """A stolen session cannot put another secret in the place of the one that is on."""
    person = new_person()
    with pytest.raises(Conflict) as caught:
        second_factor.confirm(person, VAULT, "123456", NOW)
    assert caught.value.code == "factor.none"
    person, secret, _ = protected()
    with pytest.raises(Conflict) as caught:
        second_factor.begin(person, VAULT)
    assert caught.value.code == "factor.on"
    with pytest.raises(Conflict) as caught:
        second_factor.confirm(person, VAULT, app_code(secret), NOW + timedelta(seconds=30))
    assert caught.value.code == "factor.on"


@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_a_clock_may_be_one_step_wrong(seconds: int) -> None:
    """The codes before and after the present one work."""
    person, secret, _ = protected()
    later = NOW + timedelta(minutes=10)
    assert second_factor.accept(person, VAULT, app_code(secret, later + timedelta(seconds=seconds)), later)


@pytest.mark.parametrize("seconds", [-90, -60, 60, 90])
def test_older_and_newer_codes_do_not_work(seconds: int) -> None:
    """A code that somebody saw a minute ago is over."""
    person, secret, _ = protected()
    later = NOW + timedelta(minutes=10)
    assert not second_factor.accept(
        person, VAULT, app_code(secret, later + timedelta(seconds=seconds)), later
    )


def test_no_code_works_twice_nor_an_older_one_after_it() -> None:
    """Who looks over a shoulder cannot use the code again, also not the code with which it was turned on."""
    person, secret, _ = protected()
    assert not second_factor.accept(person, VAULT, app_code(secret), NOW)
    later = NOW + timedelta(minutes=10)
    assert second_factor.accept(person, VAULT, app_code(secret, later), later)
    assert not second_factor.accept(person, VAULT, app_code(secret, later), later)
    assert not second_factor.accept(person, VAULT, app_code(secret, later - timedelta(seconds=30)), later)
    assert second_factor.accept(person, VAULT, app_code(secret, later + timedelta(seconds=30)), later)


@pytest.mark.parametrize(
    "spelling", ["{0} {1}", " {0}-{1}\n", "{0}\u00a0{1}.", "\u201c{0}{1}\u201d", "full width"]
)
def test_codes_are_read_as_people_type_them(spelling: str) -> None:
    """Apps show blanks in the middle, and a Chinese keyboard writes full-width digits."""
    person, secret, _ = protected()
    later = NOW + timedelta(minutes=10)
    code = app_code(secret, later)
    full_width = code.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
    typed = full_width if spelling == "full width" else spelling.format(code[:3], code[3:])
    assert second_factor.accept(person, VAULT, typed, later)


@pytest.mark.parametrize("spelling", ["as shown", "lower", "blanks", "one word", "letters O and l"])
def test_each_recovery_code_works_once(spelling: str) -> None:
    """A recovery code is read in any spelling, and never again."""
    person, _, codes = protected()
    typed = {
        "as shown": codes[3],
        "lower": codes[3].lower(),
        "blanks": f"  {codes[3].replace('-', ' ')} ",
        "one word": codes[3].replace("-", ""),
        "letters O and l": codes[3].replace("0", "o").replace("1", "l"),
    }[spelling]
    assert second_factor.accept(person, VAULT, typed, NOW)
    assert not second_factor.accept(person, VAULT, codes[3], NOW)
    assert len(person.recovery_sha256) == 9
    assert second_factor.accept(person, VAULT, codes[4], NOW)


def test_recovery_codes_work_without_the_vaults_key() -> None:
    """When the key of the vault is lost, people still come in with a recovery code."""
    person, secret, codes = protected()
    other = Vault(b"x" * 32)
    with pytest.raises(NotTrue):
        second_factor.accept(person, other, app_code(secret, NOW + timedelta(seconds=30)), NOW)
    assert second_factor.accept(person, other, codes[0], NOW)


@pytest.mark.parametrize(
    "code", ["", "000000", "\0", "\ud800", "x" * 10_000_000, "AAAA-AAAA-AAAAA", "\uff11\uff12"]
)
def test_hostile_codes_are_wrong_and_no_more(code: str) -> None:
    """NUL, half a surrogate pair and ten megabytes are wrong codes, without a server error."""
    person, _, _ = protected()
    assert not second_factor.accept(person, VAULT, code, NOW)


def test_a_factor_that_is_off_accepts_nothing() -> None:
    """Neither the secret that waits for its first code nor one that was turned off signs anybody in."""
    person = new_person()
    secret = second_factor.begin(person, VAULT)
    assert not second_factor.accept(person, VAULT, app_code(secret), NOW)
    person, secret, codes = protected()
    second_factor.turn_off(person)
    second_factor.turn_off(person)
    assert not second_factor.is_on(person)
    assert person.recovery_sha256 == []
    assert not second_factor.accept(person, VAULT, codes[0], NOW)
    assert second_factor.begin(person, VAULT) != secret


def test_an_app_reads_the_qr_code() -> None:
    """The QR code holds the address for the app, has a white quiet zone, and no style that a CSP forbids."""
    person = new_person()
    secret = second_factor.begin(person, VAULT)
    url = second_factor.otpauth_url(person, secret, "authcheck (Maison Iris & Söhne)")
    svg = second_factor.qr_svg(url)
    root = ET.fromstring(svg)  # noqa: S314 - our own text
    assert not [element for element in root.iter() if "style" in element.attrib or element.tag == "style"]
    png = resvg_py.svg_to_bytes(
        svg_string=svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '),
        width=400,
        background="black",
    )
    picture = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture[2, 2] == 255  # the quiet zone is white on a dark page too
    assert zxingcpp.read_barcodes(picture)[0].text == url
    parsed = pyotp.parse_uri(url)
    assert isinstance(parsed, pyotp.TOTP)
    assert (parsed.secret, parsed.name, parsed.issuer) == (
        secret,
        person.email,
        "authcheck (Maison Iris & Söhne)",
    )


@pytest.mark.postgresql
def test_two_requests_cannot_use_one_code(workspace: Workspace) -> None:
    """A code that another transaction has used since the person was read is over."""
    with workspace.database.writing() as session:
        person = new_person()
        session.add(person)
        secret = second_factor.begin(person, VAULT)
        recovery = second_factor.confirm(
            person, VAULT, app_code(secret, NOW - timedelta(minutes=9)), NOW - timedelta(minutes=9)
        )[0]
    with workspace.database.reading() as stale:
        read_before = stale.get_one(Person, "per_1")
        stale.expunge(read_before)
    with workspace.database.writing() as session:
        first = session.get_one(Person, "per_1")
        assert second_factor.accept(first, VAULT, app_code(secret), NOW)
        assert second_factor.accept(first, VAULT, recovery, NOW)
    with workspace.database.writing() as session:
        session.add(read_before)
        assert not second_factor.accept(read_before, VAULT, app_code(secret), NOW)
        assert not second_factor.accept(read_before, VAULT, recovery, NOW)
