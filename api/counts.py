"""Counts of the recent requests of each client, in the memory of one process or in a file of several."""

import contextlib
import logging
import math
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

WINDOW_S = 60
FILE_WAIT_S = 0.05  # another process holds the file for about 30 microseconds
log = logging.getLogger("authcheck.api")


@dataclass(frozen=True)
class Allowance:
    """The allowed number of requests per minute. `name` appears in the RateLimit headers."""

    name: str
    per_minute: int


class Hit(NamedTuple):
    """Whether a request is allowed, the requests left after it, and the seconds until more are allowed."""

    is_allowed: bool
    left: int
    wait_s: int


class Counts(Protocol):
    """The number of requests of each client in about the last 60 s."""

    def hit(self, allowance: Allowance, who: str) -> Hit:
        """Count a request if it is allowed."""


class SlidingCounts:
    """Counts in memory. It holds the clients of two minutes, and no thread has to clean it."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s, self._lock = now_s, Lock()
        self._minute = 0
        self._this: Counter[tuple[str, str]] = Counter()
        self._last: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        """Return the number of clients in memory."""
        return len(self._this.keys() | self._last.keys())

    def hit(self, allowance: Allowance, who: str) -> Hit:
        """Count a request if it is allowed."""
        with self._lock:
            minute, elapsed_s = divmod(self._now_s(), WINDOW_S)
            if minute != self._minute:
                self._last = self._this if minute == self._minute + 1 else Counter()
                self._this, self._minute = Counter(), int(minute)
            key = allowance.name, who
            hit = _judge(allowance.per_minute, self._this[key], self._last[key], elapsed_s)
            self._this[key] += hit.is_allowed
            return hit


class SharedCounts:
    """Counts in an SQLite file that all server processes of this machine share.

    A file that cannot be used never stops a request: this process then counts by itself, and says so once.
    """

    def __init__(self, path: Path, now_s: Callable[[], float] = time.time) -> None:
        self._path, self._now_s, self._lock = path, now_s, Lock()
        self._own, self._minute = SlidingCounts(), 0
        self._file: sqlite3.Connection | None = None
        self._warned = False

    def hit(self, allowance: Allowance, who: str) -> Hit:
        """Count a request if it is allowed."""
        with self._lock:
            try:
                return self._hit(allowance, who)
            except (OSError, sqlite3.Error) as error:
                if not self._warned:
                    log.warning("%s: %s. Each server process counts requests by itself.", self._path, error)
                self._warned = True
                return self._own.hit(allowance, who)

    def _hit(self, allowance: Allowance, who: str) -> Hit:
        minute, elapsed_s = divmod(self._now_s(), WINDOW_S)
        file = self._file = self._file or _open(self._path)
        with _locked(file):
            if minute != self._minute:
                file.execute("DELETE FROM counts WHERE minute < ?", (minute - 1,))
                self._minute = int(minute)
            rows = file.execute(
                "SELECT minute, count FROM counts WHERE name = ? AND who = ? AND minute >= ?",
                (allowance.name, who, minute - 1),
            )
            by_minute = dict(rows.fetchall())
            this, last = by_minute.get(minute, 0), by_minute.get(minute - 1, 0)
            hit = _judge(allowance.per_minute, this, last, elapsed_s)
            if hit.is_allowed:
                file.execute(
                    "INSERT INTO counts VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
                    (allowance.name, who, minute),
                )
        return hit


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = sqlite3.connect(path, timeout=FILE_WAIT_S, isolation_level=None, check_same_thread=False)
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = OFF")  # counts of a minute need not survive a crash
    file.execute(
        "CREATE TABLE IF NOT EXISTS counts (name TEXT, who TEXT, minute INTEGER, count INTEGER,"
        " PRIMARY KEY (name, who, minute)) WITHOUT ROWID"
    )
    return file


@contextlib.contextmanager
def _locked(file: sqlite3.Connection) -> Iterator[None]:
    """Let no other process read or write the counts in the block."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")


def _judge(limit: int, this: int, last: int, elapsed_s: float) -> Hit:
    """Judge a request by the counts of this minute and of the last one, `elapsed_s` after the turn.

    The number that counts is that of this minute plus a share of that of the last minute: the part of the
    last minute that is within the last 60 s. So no client gets twice the allowance around the turn.
    """
    left = math.floor(limit - this - last * (1 - elapsed_s / WINDOW_S))
    if left > 0:
        return Hit(True, left - 1, math.ceil(WINDOW_S - elapsed_s))
    # The next request is allowed when the share of the older count has become small enough.
    older, newer, start_s = (last, this, 0) if this < limit else (this, 0, WINDOW_S)
    free_s = start_s + WINDOW_S * (1 - (limit - 1 - newer) / older) if older else WINDOW_S
    return Hit(False, 0, max(1, math.ceil(free_s - elapsed_s)))
