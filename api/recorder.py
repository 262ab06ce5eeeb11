"""Records scans of concurrent requests together: one transaction for all that wait.

A request is answered when its scan is committed, so no scan that was acknowledged is lost.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi.concurrency import run_in_threadpool

from authcheck.errors import Unavailable
from authcheck.scans.recording import NewScan, record
from authcheck.workspace import Workspace

MOST_WAITING = 5_000
AT_ONCE = 200
log = logging.getLogger("authcheck.api.recorder")
Waiting = tuple[NewScan, "asyncio.Future[bool]"]


class Recorder:
    """The scans that wait for their transaction, in one process."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._waiting: asyncio.Queue[Waiting | None] = asyncio.Queue()

    async def record(self, scan: NewScan) -> bool:
        """Record a scan, and return whether the buyers of its unit are warned because of scans.

        Raises Unavailable (`scan.busy`, `database.*`).
        """
        if self._waiting.qsize() >= MOST_WAITING:
            raise Unavailable(
                "Too many labels are scanned just now. Try again in a minute.",
                code="scan.busy",
                retry_after_s=60,
            )
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        await self._waiting.put((scan, answer))
        return await answer

    async def work(self) -> None:
        """Write what waits, until `end` is called."""
        while (first := await self._waiting.get()) is not None:
            group, is_over = [first], False
            while len(group) < AT_ONCE and not self._waiting.empty() and not is_over:
                following = self._waiting.get_nowait()
                if following is None:
                    is_over = True
                else:
                    group.append(following)
            await self._write(group)
            if is_over:
                return

    async def end(self) -> None:
        """Let `work` return when it has written what waits now."""
        await self._waiting.put(None)

    async def _write(self, group: Sequence[Waiting]) -> None:
        """Write a group. When that fails, write each scan alone, so that one bad scan spoils no other."""
        try:
            warned = await run_in_threadpool(self._record, [scan for scan, _ in group])
        except Exception as error:  # noqa: BLE001 - the requests that wait get the error
            if len(group) > 1:
                log.warning("%d scans are written one by one: %s", len(group), error)
                for one in group:
                    await self._write([one])
            else:
                _answer(group[0][1], error)
        else:
            for scan, answer in group:
                _answer(answer, scan.certificate_id in warned)

    def _record(self, scans: Sequence[NewScan]) -> frozenset[str]:
        with self._workspace.database.writing() as session:
            return record(session, scans, self._workspace.clone_limits)


def _answer(answer: "asyncio.Future[bool]", result: bool | Exception) -> None:
    if answer.done():  # the client has gone
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)


@asynccontextmanager
async def recording(workspace: Workspace) -> AsyncIterator[Recorder]:
    """Record scans until the block ends. Those that wait then are still written."""
    recorder = Recorder(workspace)
    task = asyncio.create_task(recorder.work())
    try:
        yield recorder
    finally:
        await recorder.end()
        await task
