"""Places to work on pictures: how many requests decode or compare at the same time, and whose turn it is.

A place protects the memory, and keeps cores free for others. A request holds a place for one picture or page.
Work on many of them passes the place on after each, and so waits behind the others as often as they do.
"""

import asyncio
import contextlib
import math
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from authcheck.errors import Unavailable

Item = TypeVar("Item")
WAITING = 64  # requests that may wait for a place of a pool
WAITING_EACH = 16  # of them of one caller
WAIT_S = 20.0  # a request waits at most for so long
JOBS = 8  # imports and sheets of labels at the same time; each holds a thread
JOBS_EACH = 2


class Pool:
    """Places that callers share. `share` is the most that one caller holds. Callers get places in rotation.

    Any thread may take places and give them back.
    """

    def __init__(self, size: int, share: int) -> None:
        self._size, self._share, self._lock = size, share, Lock()
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[Future[None]]] = {}  # the caller whose turn is next comes first

    @property
    def held(self) -> int:
        """Return the number of places that are taken."""
        return self._held.total()

    async def take(self, who: str) -> None:
        """Wait for a place. Raises Unavailable (`server.busy`)."""
        turn = self._ask(who, most=WAITING, most_each=WAITING_EACH)
        try:
            async with asyncio.timeout(WAIT_S):
                await asyncio.shield(asyncio.wrap_future(turn))  # `_give_up` decides what becomes of it
        except BaseException as error:
            self._give_up(who, turn)
            if isinstance(error, TimeoutError):
                raise _busy_error() from None
            raise

    def give_back(self, who: str) -> None:
        """Give a place back, to the next caller who waits."""
        with self._lock:
            self._release(who)
            self._let_next_in()

    def pass_on(self, who: str) -> None:
        """Give the place back if somebody waits, and wait in this thread for another one."""
        with self._lock:
            if not self._waiting:
                return
        self.give_back(who)
        self._ask(who).result()

    @contextlib.contextmanager
    def place(self, who: str) -> Iterator[None]:
        """Hold a place in the block, in a thread. Waits as long as it takes: few jobs wait at a time."""
        self._ask(who).result()
        try:
            yield
        finally:
            self.give_back(who)

    def _ask(self, who: str, *, most: float = math.inf, most_each: float = math.inf) -> Future[None]:
        """Return a future that is done when this caller holds another place. Raises Unavailable."""
        turn: Future[None] = Future()
        with self._lock:
            waiting = self._waiting.setdefault(who, deque())
            waiting.append(turn)
            self._let_next_in()
            if not turn.done() and (self._count_waiting() > most or len(waiting) > most_each):
                waiting.pop()
                self._forget_if_idle(who)
                raise _busy_error()
        return turn

    def _give_up(self, who: str, turn: Future[None]) -> None:
        with self._lock:
            if turn.done():  # the place came at the same moment
                self._release(who)
            else:
                self._waiting[who].remove(turn)
                self._forget_if_idle(who)
            self._let_next_in()

    def _release(self, who: str) -> None:
        """Take a place from a caller. Forget a caller without places: strangers have many addresses."""
        self._held[who] -= 1
        if not self._held[who]:
            del self._held[who]

    def _let_next_in(self) -> None:
        """Give free places to those who wait: to each caller in turn, up to the caller's share."""
        while self.held < self._size:
            who = next((who for who in self._waiting if self._held[who] < self._share), None)
            if who is None:
                return
            waiting = self._waiting.pop(who)
            turn = waiting.popleft()
            if waiting:
                self._waiting[who] = waiting  # behind the others
            self._held[who] += 1
            turn.set_result(None)

    def _count_waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _forget_if_idle(self, who: str) -> None:
        if not self._waiting.get(who, True):
            del self._waiting[who]


@dataclass(frozen=True, slots=True)
class Turn:
    """A place of one caller. `pass_on` lets others work before the next picture or page."""

    pool: Pool
    who: str

    def pass_on(self) -> None:
        """Wait for the next turn, in a thread, if others wait."""
        self.pool.pass_on(self.who)

    def between(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, and pass the place on before each."""
        for item in items:
            self.pass_on()
            yield item

    def place(self) -> AbstractContextManager[None]:
        """Hold another place in the block, in a thread."""
        return self.pool.place(self.who)


class Places:
    """The places of one process: for members, for the public, and for jobs of many pictures or pages.

    Members have one more place than the process has cores, so that the cores work while a member waits for
    the disk. The public has one less, so that a core is left for members. No member holds the last place.
    """

    def __init__(self, processes: int, cores: int = os.cpu_count() or 1) -> None:
        members = max(1, math.ceil((cores + 1) / processes))
        public = max(1, (cores - 1) // processes)
        self.members = Pool(members, max(1, members - 1))
        self.public = Pool(public, max(1, public - 1))
        self.jobs = Pool(JOBS, JOBS_EACH)


def _busy_error() -> Unavailable:
    return Unavailable(
        "We are checking too many pictures at the moment. Try again in a few seconds.", code="server.busy"
    )
