"""Places to work on pictures: nobody waits for a stranger, or for the long job of another member."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import make
import pytest
from starlette.testclient import TestClient

from api import places
from api.places import Places, Pool
from authcheck.errors import Unavailable
from authcheck.registry import bulk
from authcheck.registry.reading import read_pictures

Headers = dict[str, str]


def run(action: Any) -> Any:
    """Run a coroutine to its end, at most 5 s."""
    return asyncio.run(asyncio.wait_for(action, 5))


async def entered(pool: Pool, *callers: str) -> list[str]:
    """Let callers wait for a place, in order. Return the order in which they get one after another."""
    order = []

    async def enter(who: str) -> None:
        await pool.take(who)
        order.append(who)
        await asyncio.sleep(0)
        pool.give_back(who)

    await asyncio.gather(*(enter(who) for who in callers))
    return order


def test_callers_take_turns() -> None:
    """The second caller does not wait for all that the first one has asked before."""
    assert run(entered(Pool(1, 1), "a", "a", "a", "a", "b", "c")) == ["a", "a", "b", "c", "a", "a"]


def test_one_caller_never_holds_the_last_place() -> None:
    """With three places and a share of two, another caller enters at once."""

    async def scene() -> None:
        pool = Pool(3, 2)
        await pool.take("a")
        await pool.take("a")
        third = asyncio.create_task(pool.take("a"))
        await asyncio.sleep(0.01)
        assert not third.done()
        await pool.take("b")
        pool.give_back("a")
        await third
        assert pool.held == 3

    run(scene())


def test_callers_are_forgotten() -> None:
    """A stranger with a million addresses leaves nothing in the memory of a pool."""

    async def scene() -> None:
        pool = Pool(2, 1)
        for number in range(100):
            await pool.take(f"a{number}")
            waiting = asyncio.create_task(pool.take(f"a{number}"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            pool.give_back(f"a{number}")
        assert (len(pool._held), len(pool._waiting)) == (0, 0)

    run(scene())


def test_a_caller_who_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place that comes later goes to somebody else, and none is lost."""
    monkeypatch.setattr(places, "WAIT_S", 0.01)

    async def scene() -> None:
        pool = Pool(1, 1)
        await pool.take("a")
        with pytest.raises(Unavailable) as caught:
            await pool.take("b")
        assert caught.value.code == "server.busy"
        pool.give_back("a")
        await pool.take("c")
        assert pool.held == 1

    run(scene())


def test_a_client_that_goes_away_leaves_its_place() -> None:
    """A request that is cancelled while it waits, or at the moment it enters, keeps no place."""

    async def scene() -> None:
        pool = Pool(1, 1)
        for give_back_first in (False, True):
            await pool.take("a")
            waiting = asyncio.create_task(pool.take("b"))
            await asyncio.sleep(0)
            if give_back_first:
                pool.give_back("a")
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            if not give_back_first:
                pool.give_back("a")
            assert pool.held == 0

    run(scene())


def test_a_queue_is_bounded_for_each_caller_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """One caller cannot fill the queue."""
    monkeypatch.setattr(places, "WAITING", 5)
    monkeypatch.setattr(places, "WAITING_EACH", 2)

    async def scene() -> None:
        pool = Pool(1, 1)
        await pool.take("a")
        waiting = [asyncio.create_task(pool.take("a")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await pool.take("a")
        waiting += [asyncio.create_task(pool.take(who)) for who in "bcd"]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await pool.take("e")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    run(scene())


def test_threads_and_requests_share_the_places() -> None:
    """Many threads and requests at once never hold more places than there are, and all finish."""
    pool, most = Pool(2, 1), []

    def job(who: str) -> None:
        for _ in range(50):
            with pool.place(who):
                most.append(pool.held)
                time.sleep(0.0001)
                pool.pass_on(who)
                most.append(pool.held)

    async def requests() -> None:
        for _ in range(50):
            await pool.take("r")
            most.append(pool.held)
            await asyncio.sleep(0)
            pool.give_back("r")

    with ThreadPoolExecutor(5) as threads:
        done = [threads.submit(job, who) for who in "aabc"]
        run(requests())
        for each in done:
            each.result(timeout=5)
    assert (max(most), pool.held) == (2, 0)


@pytest.mark.parametrize(
    ("processes", "cores", "members", "public"), [(1, 2, 3, 1), (1, 8, 9, 7), (2, 2, 2, 1), (4, 2, 1, 1)]
)
def test_there_are_places_for_members_and_for_the_public(
    processes: int, cores: int, members: int, public: int
) -> None:
    """Strangers never fill all cores, and every process serves both."""
    made = Places(processes, cores)
    assert (made.members._size, made.public._size) == (members, public)


@pytest.mark.slow
def test_strangers_do_not_keep_a_member_waiting(client: TestClient, checker: Headers) -> None:
    """With all public places taken, a member's check is answered."""
    pool = client.app.state.places.public  # type: ignore[attr-defined]
    asyncio.run(pool.take("stranger"))
    assert client.post("/v1/checks", headers=checker, files={"image": ("a.png", b"x")}).status_code == 422
    pool.give_back("stranger")


@pytest.mark.slow
def test_long_jobs_keep_no_place(
    client: TestClient, login: Callable[..., Headers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While three members import many pictures, a fourth member gets a place, between two pictures."""

    def read_slowly(*arguments: Any) -> Any:
        time.sleep(0.02)
        return read_pictures(*arguments)

    monkeypatch.setattr(bulk, "read_pictures", read_slowly)
    here = client.app.state.places  # type: ignore[attr-defined]
    data = make.picture_bytes(1)
    pictures = [("image", (f"{number}.png", data)) for number in range(8)]
    keys = [login("designs:write", owner=f"brand{number}") for number in range(3)]
    with ThreadPoolExecutor(3) as threads:
        imports = [threads.submit(client.post, "/v1/imports", headers=key, files=pictures) for key in keys]
        while here.jobs.held < 3:
            assert not all(each.done() for each in imports)
        for _ in range(3):
            run(here.members.take("market"))
            here.members.give_back("market")
        assert not any(each.done() for each in imports)
        assert [each.result().status_code for each in imports] == [201] * 3
    assert (here.members.held, here.jobs.held) == (0, 0)


@pytest.mark.slow
def test_a_job_passes_its_place_on(client: TestClient) -> None:
    """A job asks before each label whether somebody waits."""
    turn = places.Turn(client.app.state.places.members, "brand")  # type: ignore[attr-defined]
    order = []

    def label() -> None:
        order.append("label")
        turn.pass_on()

    def other() -> None:
        with turn.pool.place("other"):
            order.append("other")

    with turn.pool.place("a"), turn.pool.place("b"), turn.place():
        waiting = threading.Thread(target=other)
        waiting.start()
        while not turn.pool._waiting:
            time.sleep(0.001)
        label()
        label()
    waiting.join()
    assert order == ["label", "other", "label"]


@pytest.mark.slow
def test_a_preview_is_decoded_in_a_place(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers who ask for many previews keep no thread waiting. A preview that was made needs no place."""
    monkeypatch.setattr(places, "WAIT_S", 0.01)
    public = client.app.state.places.public  # type: ignore[attr-defined]
    design = make.register(client.app.state.workspace, public_preview=True)  # type: ignore[attr-defined]
    path = f"/v1/designs/{design.design.id}/preview"
    run(public.take("stranger"))
    assert client.get(path).json()["code"] == "server.busy"
    public.give_back("stranger")
    assert client.get(path).status_code == 200
    run(public.take("stranger"))
    assert client.get(path).status_code == 200
    public.give_back("stranger")
    assert public.held == 0
