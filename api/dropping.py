"""Registration of dropped files in the background of a server process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError

from authcheck.errors import AuthcheckError
from authcheck.listings.looking_back import SeenPictures, look_back
from authcheck.registry.bulk import Importer
from authcheck.registry.drop_spool import DropSpool
from authcheck.registry.drop_work import Work, restart
from authcheck.registry.drops import forget_old
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from .places import Places, Turn

EVERY_S = 1.0
SWEEP_EVERY_S = 3600.0
log = logging.getLogger("authcheck.api.dropping")


@asynccontextmanager
async def dropped_in_background(workspace: Workspace, places: Places) -> AsyncIterator[None]:
    """Register dropped files until the block ends. Each picture takes a place as a member's upload does."""
    end = asyncio.Event()
    task = asyncio.create_task(_repeat(workspace, places, end))
    try:
        yield
    finally:
        end.set()
        await task  # never cancelled: a thread that works on the database must end before the pool is closed


async def _repeat(workspace: Workspace, places: Places, end: asyncio.Event) -> None:
    work, seen = work_of(workspace, places), SeenPictures()
    if workspace.settings.workers == 1:
        await run_in_threadpool(_first, workspace)
    rounds = 0
    while not await _ended_within(end, EVERY_S):
        rounds += 1
        while await run_in_threadpool(step, workspace, work) and not end.is_set():
            pass
        while await run_in_threadpool(look, workspace, seen) and not end.is_set():
            pass
        if rounds % (SWEEP_EVERY_S // EVERY_S) == 0:
            await run_in_threadpool(_sweep, workspace, work.spool)


def work_of(workspace: Workspace, places: Places) -> Work:
    """Return the work on dropped files. Its pictures take the places of members, in turn with the others."""

    def importer(who: str) -> Importer:
        return workspace.importer(Turn(places.members, who).place)

    return Work(workspace.database, DropSpool(workspace.settings.data_dir), importer, utc_now)


def step(workspace: Workspace, work: Work) -> bool:
    """Register a few files. Return whether there may be more."""

    def register() -> bool:
        if not work.step():
            return False
        workspace.describe_new()
        return True

    return _logging_faults(register)


def look(workspace: Workspace, seen: SeenPictures) -> bool:
    """Look for a few new designs in the listings of before. Return whether there may be more."""
    return _logging_faults(lambda: look_back(workspace, seen, utc_now()) > 0)


def _logging_faults(work: Callable[[], bool]) -> bool:
    """Do work, and return its answer. A fault is logged, and the work waits for the next round."""
    try:
        return work()
    except (AuthcheckError, SQLAlchemyError, OSError) as error:
        log.warning("dropped files wait for the next round: %s", error)
    except Exception:  # a fault about one drop must not keep the others waiting
        log.exception("dropped files wait for the next round")
    return False


def _first(workspace: Workspace) -> None:
    with suppress(AuthcheckError, SQLAlchemyError):
        restart(workspace.database)


def _sweep(workspace: Workspace, spool: DropSpool) -> None:
    try:
        with workspace.database.writing() as session:
            forget_old(session, spool, utc_now())
    except (AuthcheckError, SQLAlchemyError) as error:
        log.warning("old drops wait for the next round: %s", error)


async def _ended_within(end: asyncio.Event, seconds: float) -> bool:
    """Wait for the end, at most for so many seconds, and return whether it has come."""
    with suppress(TimeoutError):
        await asyncio.wait_for(end.wait(), seconds)
    return end.is_set()
