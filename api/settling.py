"""Settles cases in the background of a server process, see `cases.settling`."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError

from authcheck.cases.settling import settle
from authcheck.errors import AuthcheckError
from authcheck.listings import holds
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

EVERY_S = 2.0
SWEEP_EVERY_S = 6 * 3600.0
log = logging.getLogger("authcheck.api.settling")


@asynccontextmanager
async def settled_in_background(workspace: Workspace) -> AsyncIterator[None]:
    """Settle cases every 2 seconds, and release ended holds every 6 hours, until the block ends."""
    task = asyncio.create_task(_repeat(workspace))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _repeat(workspace: Workspace) -> None:
    rounds = 0
    while True:
        await asyncio.sleep(EVERY_S)
        rounds += 1
        await run_in_threadpool(_settle, workspace, sweep=rounds % (SWEEP_EVERY_S // EVERY_S) == 0)


def _settle(workspace: Workspace, *, sweep: bool) -> None:
    """Settle what is due. A failure waits for the next round, and is logged."""
    try:
        settle(workspace.database, utc_now())
        if sweep:
            holds.sweep(workspace.database, workspace.copies, utc_now())
    except (AuthcheckError, SQLAlchemyError, OSError) as error:
        log.warning("cases wait for the next round: %s", error)
    except Exception:  # a fault in one case must not keep all decisions from leaving
        log.exception("cases wait for the next round")
