"""Rounds of work in the background of a server process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from authcheck.errors import AuthcheckError


@asynccontextmanager
async def in_background(repeat: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[None]:
    """Run `repeat` until the block ends. `repeat` returns soon after its event is set."""
    end = asyncio.Event()
    task = asyncio.ensure_future(repeat(end))
    try:
        yield
    finally:
        end.set()
        await task  # never cancelled: a thread that works on the database must end before the pool is closed


async def ended_within(end: asyncio.Event, seconds: float) -> bool:
    """Wait for the end, at most for so many seconds, and return whether it has come."""
    with suppress(TimeoutError):
        await asyncio.wait_for(end.wait(), seconds)
    return end.is_set()


def log_faults(work: Callable[[], object], log: logging.Logger, what: str) -> None:
    """Do work in the background. A fault is logged, and `what` waits for the next round."""
    try:
        work()
    except (AuthcheckError, SQLAlchemyError, OSError) as error:
        log.warning("%s for the next round: %s", what, error)
    except Exception:  # a fault in one piece of work must not keep all the others from being done
        log.exception("%s for the next round", what)
