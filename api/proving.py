"""Proved domains and shops are looked at again every day, in the background of a server process."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError

from authcheck.errors import AuthcheckError
from authcheck.members import domains
from authcheck.storage.opening import utc_now
from authcheck.storefronts import proving as shop_proofs
from authcheck.workspace import Workspace

EVERY_S = 600.0
AT_ONCE = 20
log = logging.getLogger("authcheck.api.proving")


@asynccontextmanager
async def proved_in_background(workspace: Workspace) -> AsyncIterator[None]:
    """Look every 10 minutes at the domains and shops that are due, until the block ends."""
    end = asyncio.Event()
    task = asyncio.create_task(_repeat(workspace, end))
    try:
        yield
    finally:
        end.set()
        await task  # never cancelled: a thread that works on the database must end before the pool is closed


async def _repeat(workspace: Workspace, end: asyncio.Event) -> None:
    while not end.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(end.wait(), EVERY_S)
            return
        await run_in_threadpool(_look, workspace, end)


def _look(workspace: Workspace, end: asyncio.Event) -> None:
    try:
        look_again(workspace, end)
        look_at_shops(workspace, end)
    except (AuthcheckError, SQLAlchemyError, OSError) as error:
        log.warning("domains and shops wait for the next round: %s", error)


def look_again(workspace: Workspace, end: asyncio.Event) -> int:
    """Look at the domains that are due, at most AT_ONCE of them, and return how many were looked at.

    Another server process may look at the same ones, which costs two questions and changes nothing.
    """
    with workspace.database.reading() as session:
        due = [
            (row.id, row.domain, domains.proof_of(row))
            for row in domains.find_due(session, utc_now(), AT_ONCE)
        ]
    for number, (domain_id, domain, proof) in enumerate(due):
        if end.is_set():
            return number
        finding = domains.look(workspace.outside, domain, proof)
        with workspace.database.writing() as session:
            domains.note(session, domain_id, finding, utc_now())
    return len(due)


def look_at_shops(workspace: Workspace, end: asyncio.Event) -> int:
    """Look at the pages of shops that are due, at most AT_ONCE, and return how many were looked at."""
    with workspace.database.reading() as session:
        rows = shop_proofs.find_due(session, utc_now(), AT_ONCE)
        due = [(row.id, row.url, shop_proofs.texts_to_find(session, row)) for row in rows]
    for number, (storefront_id, url, proofs) in enumerate(due):
        if end.is_set():
            return number
        finding = shop_proofs.look(workspace.outside, url, proofs)
        with workspace.database.writing() as session:
            shop_proofs.note(session, storefront_id, finding, utc_now())
    return len(due)
