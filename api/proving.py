"""Proved domains and shops are looked at again every day, in the background of a server process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi.concurrency import run_in_threadpool

from authcheck.members import domains
from authcheck.storage.opening import utc_now
from authcheck.storefronts import proving as shop_proofs
from authcheck.workspace import Workspace

from .rounds import ended_within, in_background, log_faults

EVERY_S = 600.0
AT_ONCE = 20
log = logging.getLogger("authcheck.api.proving")


@asynccontextmanager
async def proved_in_background(workspace: Workspace) -> AsyncIterator[None]:
    """Look every 10 minutes at the domains and shops that are due, until the block ends."""
    async with in_background(partial(_repeat, workspace)):
        yield


async def _repeat(workspace: Workspace, end: asyncio.Event) -> None:
    while not await ended_within(end, EVERY_S):
        for look in (look_at_domains, look_at_shops):
            await run_in_threadpool(_logging_faults, partial(look, workspace, end))


def look_at_domains(workspace: Workspace, end: asyncio.Event) -> int:
    """Look at the domains that are due, at most AT_ONCE of them, and return how many were looked at.

    Another server process may look at the same ones, which costs two questions and changes nothing.
    """
    with workspace.database.reading() as session:
        due = [
            partial(_look_at_domain, workspace, row.id, row.domain, domains.proof_of(row))
            for row in domains.find_due(session, utc_now(), AT_ONCE)
        ]
    return _do_each(due, end)


def look_at_shops(workspace: Workspace, end: asyncio.Event) -> int:
    """Look at the pages of shops that are due, at most AT_ONCE, and return how many were looked at."""
    with workspace.database.reading() as session:
        due = [
            partial(_look_at_shop, workspace, row.id, row.url, shop_proofs.texts_to_find(session, row))
            for row in shop_proofs.find_due(session, utc_now(), AT_ONCE)
        ]
    return _do_each(due, end)


def _look_at_domain(workspace: Workspace, domain_id: str, domain: str, proof: str) -> None:
    finding = domains.look(workspace.outside, domain, proof)
    with workspace.database.writing() as session:
        domains.note(session, domain_id, finding, utc_now())


def _look_at_shop(workspace: Workspace, storefront_id: str, url: str, proofs: Sequence[str]) -> None:
    finding = shop_proofs.look(workspace.outside, url, proofs)
    with workspace.database.writing() as session:
        shop_proofs.note(session, storefront_id, finding, utc_now())


def _do_each(looks: Sequence[Callable[[], None]], end: asyncio.Event) -> int:
    """Do every look, also after one that failed, and return their number. The end of the server ends them."""
    for number, look in enumerate(looks):
        if end.is_set():
            return number
        _logging_faults(look)
    return len(looks)


def _logging_faults(work: Callable[[], object]) -> None:
    log_faults(work, log, "a domain or a shop waits")
