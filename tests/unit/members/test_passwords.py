"""Passwords: what is refused, how they are stored, and what thousands of sign-ins can cost."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from authcheck.errors import Rejected, Unavailable
from authcheck.members import passwords
from authcheck.members.passwords import Places, hash_password, refuse_weak, verify, waste_time

GOOD = "four lamps in winter"
PERSONAL = ("jana.novak@maison-iris.example", "Jana Nováková", "maison-iris")


def refusal(password: str) -> str:
    """Return the code with which a new password is refused, or "" if it is accepted."""
    try:
        refuse_weak(password, personal=PERSONAL)
    except Rejected as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        " starts and ends with blanks ",
        "冬天里的四盏灯照亮了小路",
        "k#9!alice2@x&%",
        "202611291645",
        "I met Jana at the harbour",
        "🙂🙃😀😁😂🤣😃😄😅😆🥰😗",
    ],
)
def test_long_passwords_of_any_letters_are_accepted(password: str) -> None:
    """There are no rules of composition. Blanks, Chinese and digits are as good as anything."""
    assert refusal(password) == ""


@pytest.mark.parametrize("password", ["", "a", "eleven char", "     ", "ﬁﬁﬁﬁﬁ", "e\u0301" * 11])
def test_short_passwords_are_refused(password: str) -> None:
    """A password has 12 characters, counted as they are hashed. A letter with its accent is one."""
    assert refusal(password) == "password.short"


@pytest.mark.parametrize("password", ["ab cd" * 26, "x" * 10_000_000, "ﷺ" * 12], ids=["130", "10 MB", "NFKC"])
def test_long_passwords_are_refused_before_they_cost_anything(password: str) -> None:
    """A password has 128 characters at most, also after the normalisation that makes 18 of one."""
    began = time.perf_counter()
    assert refusal(password) == "password.long"
    assert not verify(password, hash_of_good()).is_right
    assert time.perf_counter() - began < 0.05 + HASHING_S


@pytest.mark.parametrize(
    "password", ["four lamps\nin winter", "four lamps\0in winter", "four lamps \ud83d winter"]
)
def test_characters_that_cannot_be_typed_are_refused(password: str) -> None:
    """Line breaks, NUL and half a surrogate pair are refused and match nothing, without a server error."""
    assert refusal(password) == "password.characters"
    assert not verify(password, hash_of_good()).is_right


@pytest.mark.parametrize(
    "password",
    [
        "1qaz2wsx3edc4rfv",
        "PASSWORD1234",
        "Password2026!!",
        "**Sunshine!2026",
        "passwordpassword",
        "aaaaaaaaaaaa",
        "            ",
        "abababababab",
        "lamp oillamp oil",
        "123456789012",
        "qwertyuiopqw",
        "poiuytrewq12345",
        "abcdefghijkl",
        "\uff30\uff21\uff33\uff33\uff37\uff2f\uff32\uff241234",
    ],
)
def test_common_passwords_and_their_variations_are_refused(password: str) -> None:
    """What attackers try first is refused: the list, digits around it, repetitions, rows of keys."""
    assert refusal(password) == "password.common"


@pytest.mark.parametrize(
    "password",
    [
        "jana.novak@maison-iris.example",
        "Jana Nováková 2026",
        "Jana+Jana+Novak!",
        "Maison-Iris-2026",
        "maisoniris2026",
        "authcheck20261129",
        "authcheck-iris",
        "iris-jana-novak1",
    ],
)
def test_the_persons_own_names_are_refused(password: str) -> None:
    """A password that is little more than the person's names, the organisation or the product is refused."""
    assert refusal(password) == "password.personal"


def test_without_names_only_the_products_is_personal() -> None:
    """An empty name or a short one does not refuse everything."""
    refuse_weak(GOOD, personal=["", "li", " "])
    with pytest.raises(Rejected, match="little more"):
        refuse_weak("AuthCheck--2026", personal=[])


def test_the_right_password_is_recognised() -> None:
    """A hash is argon2id with the parameters that OWASP names first, and has its own salt."""
    first, second = hash_password(GOOD, personal=PERSONAL), hash_of_good()
    assert first.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert first != second
    assert len(first) <= 255
    assert verify(GOOD, first) == passwords.Verified(is_right=True)
    assert not verify(GOOD + " ", first).is_right
    assert not verify(GOOD.upper(), first).is_right


def test_a_weak_password_gets_no_hash() -> None:
    """The rules hold wherever a hash is made."""
    with pytest.raises(Rejected) as caught:
        hash_password("Maison-Iris-2026", personal=PERSONAL)
    assert caught.value.code == "password.personal"


def test_keyboards_may_compose_letters_differently() -> None:
    """A Mac writes é as two characters, a phone writes full-width letters. Both are the same password."""
    stored = hash_password("caf\u00e9 on the corner 12")
    assert verify("cafe\u0301 on the corner \uff11\uff12", stored).is_right


def test_an_older_hash_is_renewed() -> None:
    """A hash with weaker parameters still works, and its successor is returned once."""
    old = passwords.PasswordHash((passwords.Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1),))
    verified = verify(GOOD, old.hash(GOOD))
    assert verified.is_right
    assert verified.new_hash
    assert verify(GOOD, verified.new_hash) == passwords.Verified(is_right=True)
    assert verify("wrong lamps in winter", old.hash(GOOD)).new_hash is None


@pytest.mark.parametrize("stored", ["", "!", "$argon2id$", "$2b$12$abc", "x" * 255])
def test_a_hash_that_is_none_matches_nothing(stored: str) -> None:
    """An account without a usable hash cannot be signed in to, with any password."""
    assert verify(GOOD, stored) == passwords.Verified(is_right=False)
    assert not verify("", stored).is_right


def cost_s(act: Callable[[], object]) -> float:
    """Return the shortest of three times, which the other work of the machine disturbs least."""

    def once() -> float:
        began = time.perf_counter()
        act()
        return time.perf_counter() - began

    return min(once() for _ in range(3))


@pytest.mark.slow
def test_unknown_accounts_cost_what_known_ones_do() -> None:
    """The time of a refused sign-in does not tell whether the account exists."""
    stored = hash_of_good()
    known = cost_s(lambda: verify("wrong lamps in winter", stored))
    assert 0.5 < cost_s(lambda: waste_time("wrong lamps in winter")) / known < 2
    assert 0.5 < cost_s(lambda: verify("wrong lamps in winter", "!")) / known < 2


def test_callers_above_the_limit_are_refused_at_once() -> None:
    """One hashes, one waits in vain, and further callers do not even wait: each would hold a thread."""
    places = Places(at_once=1, callers=2, wait_s=0.1)
    leave = threading.Event()

    def refusal_s() -> float:
        began = time.perf_counter()
        with pytest.raises(Unavailable) as caught:
            places.run(leave.wait)
        assert caught.value.code == "password.busy"
        return time.perf_counter() - began

    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(refusal_s) for _ in range(2)]
        time.sleep(0.02)
        assert refusal_s() < 0.05
        assert all(one.result() >= 0.1 for one in waiting)
        leave.set()
    for number in range(3):  # all places are free again, also those of callers who were refused
        assert places.run(lambda number=number: number) == number


def test_callers_are_served_in_the_order_of_arrival() -> None:
    """Nobody waits while others, who came later, are served again and again."""
    places, served, first = Places(1, 16, 3.0), [], threading.Event()
    with ThreadPoolExecutor(16) as pool:
        pool.submit(places.run, first.wait)
        for number in range(12):
            time.sleep(0.002)
            pool.submit(places.run, lambda number=number: served.append(number))
        time.sleep(0.01)
        first.set()
    assert served == list(range(12))


@pytest.mark.slow
def test_a_thousand_sign_ins_hash_two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many sign in at once, at most two hashes take memory. The others wait briefly or are refused."""
    running, most, refused = 0, 0, 0
    lock = threading.Lock()

    def slow(*_: str) -> tuple[bool, None]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1
        return False, None

    monkeypatch.setattr(passwords.PasswordHash, "verify_and_update", slow)
    monkeypatch.setattr(passwords, "PLACES", Places(2, 16, 3.0))

    def sign_in() -> None:
        nonlocal refused
        for _ in range(25):
            try:
                verify(GOOD, "$argon2id$")
            except Unavailable:
                with lock:
                    refused += 1
                time.sleep(0.0005)

    threads = [threading.Thread(target=sign_in) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
    assert refused > 0
    assert not verify(GOOD, "!").is_right


HASHING_S = 0.5
_HASHES: list[str] = []


def hash_of_good() -> str:
    """Return a hash of the good password, made once."""
    if not _HASHES:
        _HASHES.append(hash_password(GOOD))
    return _HASHES[0]
