"""A lock for the threads that share an index."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock that admits many readers, or one thread that changes the index.

    A thread that waits to change the index goes before new readers.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._readers = self._waiting = 0
        self._changing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Wait until no thread changes the index or waits to change it. Then hold a turn to read."""
        with self._turn:
            self._turn.wait_for(lambda: not self._changing and not self._waiting)
            self._readers += 1
        try:
            yield
        finally:
            with self._turn:
                self._readers -= 1
                self._turn.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Wait until no other thread uses the index. Then keep all other threads out."""
        with self._turn:
            self._waiting += 1
            try:
                self._turn.wait_for(lambda: not self._changing and not self._readers)
            finally:
                self._waiting -= 1
            self._changing = True
        try:
            yield
        finally:
            with self._turn:
                self._changing = False
                self._turn.notify_all()
