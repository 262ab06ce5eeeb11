"""Work in the background of a server process: cases, alerts, planned revocations, old hashes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi.concurrency import run_in_threadpool

from authcheck.cases import clones, order
from authcheck.cases.settling import settle
from authcheck.certificates import planned
from authcheck.ledger import publishing
from authcheck.listings import holds
from authcheck.registry import rulings
from authcheck.scans import closing
from authcheck.scans.sweeping import AT_ONCE, erase_old
from authcheck.scans.volume import watch_volumes
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from .rounds import ended_within, in_background, log_faults

EVERY_S = 2.0
WATCH_EVERY_S = 600.0
SWEEP_EVERY_S = 6 * 3600.0
log = logging.getLogger("authcheck.api.settling")


@asynccontextmanager
async def settled_in_background(workspace: Workspace) -> AsyncIterator[None]:
    """Settle cases, carry alerts and carry out revocations every 2 seconds, until the block ends.

    Every 10 minutes look for sudden volumes of scans, sum their days, and let rulings on disputes take
    effect. Every 6 hours release ended holds and erase old hashes. First sort the cases again that were
    sorted by other weights.
    """
    async with in_background(partial(_repeat, workspace)):
        yield


async def _repeat(workspace: Workspace, end: asyncio.Event) -> None:
    rounds = 0
    await run_in_threadpool(_logging_faults, partial(_sort_again, workspace))
    while not await ended_within(end, EVERY_S):
        rounds += 1
        await run_in_threadpool(_logging_faults, partial(_settle, workspace))
        await run_in_threadpool(_logging_faults, partial(_revoke, workspace))
        if rounds % (WATCH_EVERY_S // EVERY_S) == 0:
            await run_in_threadpool(_logging_faults, partial(_watch, workspace))
            await run_in_threadpool(_logging_faults, partial(_rule, workspace))
        if rounds % (SWEEP_EVERY_S // EVERY_S) == 0:
            await run_in_threadpool(_logging_faults, partial(_sweep, workspace))


def _sort_again(workspace: Workspace) -> None:
    count = order.sort_again(workspace.database, workspace.settings)
    if count:
        log.info("sorted %d cases again by the new weights", count)


def _settle(workspace: Workspace) -> None:
    settle(workspace.database, utc_now())
    clones.carry(workspace, utc_now())


def _revoke(workspace: Workspace) -> None:
    planned.carry_out(workspace.database, workspace.settings, utc_now())


def _watch(workspace: Workspace) -> None:
    with workspace.database.writing() as session:
        watch_volumes(session, workspace.clone_limits, utc_now())
    closing.close_days(workspace.database, utc_now())


def _rule(workspace: Workspace) -> None:
    with workspace.database.writing() as session:
        count = rulings.settle(session, utc_now())
    if count:
        publishing.publish_recorded(workspace.database, workspace.settings)


def _sweep(workspace: Workspace) -> None:
    holds.sweep(workspace.database, workspace.copies, utc_now())
    count = AT_ONCE
    while count == AT_ONCE:  # a transaction for each part, so that scans wait for none of them
        with workspace.database.writing() as session:
            count = erase_old(session, workspace.clone_limits, utc_now())


def _logging_faults(work: Callable[[], None]) -> None:
    log_faults(work, log, "cases wait")
