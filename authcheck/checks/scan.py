"""Scan of many pictures on several processor cores: find, check, store, and write CSV rows."""

import json
import math
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import TextIO

from authcheck.checks.answers import Answer, answer, read_submission
from authcheck.checks.finder import Finder
from authcheck.checks.policies import Policy
from authcheck.checks.records import new_check
from authcheck.checks.verdicts import Candidate, Reason, VerdictCode, code_for
from authcheck.config import Settings
from authcheck.errors import Rejected, Unavailable
from authcheck.files.archives import is_zip, open_archive, read_picture
from authcheck.files.csv_cells import CellWriter
from authcheck.files.folders import Found, search
from authcheck.registry.embeddings import NeuralCandidates
from authcheck.storage.database import Database
from authcheck.vision.pictures.decode import Limits

COLUMNS = (
    "query",
    "design_id",
    "owner",
    "verdict",
    "score",
    "method",
    "reasons",
    "outline",
    "coverage",
    "error",
)
BATCH = 32  # pictures that a worker takes at a time; one transaction stores their checks
# Pictures. A process needs longer to start and to fill its index than to check fewer pictures.
WORTH_A_PROCESS = 48


@dataclass(frozen=True, slots=True)
class Scanned:
    """The result of one scanned file: an answer, or the code and message of the file's error."""

    name: str
    answer: Answer | None = None
    error_code: str = ""
    error: str = ""


def walk(paths: Iterable[str | Path]) -> Found:
    """Return every picture below the given folders and in ZIP archives, and every other given path unchanged.

    Keeps the order of `paths` and returns each name once. The files that were left out are counted.
    """
    names: list[str] = []
    left_out: dict[str, str] = {}
    for path in dict.fromkeys(map(str, paths)):
        if Path(path).is_dir():
            found = search(path)
            names += found.paths
            left_out |= found.left_out
        elif is_zip(path):
            found = open_archive(path).found
            names += [f"{path}/{name}" for name in found.paths]
            left_out |= {f"{path}/{name}": reason for name, reason in found.left_out.items()}
        else:
            names.append(path)
    once = dict.fromkeys(names)
    return Found(list(once), {path: reason for path, reason in left_out.items() if path not in once})


def scan(
    database: Database,
    settings: Settings,
    names: Sequence[str],
    *,
    policy: Policy,
    designs: int,
    workers: int,
    now: Callable[[], datetime],
) -> Iterator[Scanned]:
    """Check files on `workers` processes, store the checks, and yield the results in the order of `names`.

    Each worker keeps its own index of the registry. Raises Unavailable when the database fails or a worker
    dies.
    """
    for batch in _scan_batches(settings, names, policy=policy, designs=designs, workers=workers):
        with database.writing() as session:
            for file in batch:
                if file.answer:
                    session.add(
                        new_check(file.answer, organisation_id=None, source="scan", name=file.name, now=now())
                    )
        yield from batch


def _scan_batches(
    settings: Settings, names: Sequence[str], *, policy: Policy, designs: int, workers: int
) -> Iterator[list[Scanned]]:
    """Yield the results of BATCH files at a time. Starts no process when there are few files."""
    batches = [list(names[start : start + BATCH]) for start in range(0, len(names), BATCH)]
    workers = min(workers, len(names) // WORTH_A_PROCESS)
    if workers <= 1:
        worker = _Worker(settings, policy, designs)
        try:
            yield from map(worker.scan, batches)
        finally:
            worker.database.dispose()
        return
    context = get_context("spawn")  # a fork of a process with database connections and threads is not safe
    with ProcessPoolExecutor(workers, context, _start_worker, (settings, policy, designs)) as pool:
        try:
            with _shelter_children():
                scanned = pool.map(_scan_batch, batches)
            yield from scanned
        except BrokenProcessPool as error:
            raise Unavailable(
                "A scanning process died, probably out of memory. Scan with fewer processes.",
                code="scan.worker_died",
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _shelter_children() -> Iterator[None]:
    """Start child processes that ignore Ctrl-C and do not run the parent's main module again.

    Only the parent handles Ctrl-C. With the main module, a spawned child would import the whole command line,
    terminal and web server only to decode pictures.
    """
    main = sys.modules["__main__"].__dict__
    path, spec = main.pop("__file__", None), main.get("__spec__")
    main["__spec__"] = None
    parent_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, parent_mask)
        main["__spec__"] = spec
        if path is not None:
            main["__file__"] = path


class _Worker:
    """The database connection and the index of one process."""

    def __init__(self, settings: Settings, policy: Policy, designs: int) -> None:
        self.database, self._finder = (
            Database.open(settings),
            Finder(settings.index_dir, NeuralCandidates.open(settings)),
        )
        self._limits = Limits(settings.max_picture_bytes, settings.max_picture_pixels)
        self._policy, self._designs = policy, designs

    def scan(self, names: Sequence[str]) -> list[Scanned]:
        return [self._scan_one(name) for name in names]

    def _scan_one(self, name: str) -> Scanned:
        try:
            submission = read_submission(read_picture(name, self._limits.bytes), self._limits)
            result = answer(
                self.database,
                self._finder,
                submission,
                self._policy,
                designs=self._designs,
            )
        except Rejected as error:
            return Scanned(name, error_code=error.code, error=str(error))
        return Scanned(name, result)


_workers: list[_Worker] = []  # the single worker of this process; empty in the parent of the pool


def _start_worker(settings: Settings, policy: Policy, designs: int) -> None:
    _workers[:] = [_Worker(settings, policy, designs)]


def _scan_batch(names: Sequence[str]) -> list[Scanned]:
    return _workers[0].scan(names)


class CsvWriter:
    """A writer of the header and the rows."""

    def __init__(self, file: TextIO) -> None:
        self._cells = CellWriter(file)
        self._cells.write_row(COLUMNS)

    def write(self, rows: Iterable[dict[str, str]]) -> None:
        """Write rows of `csv_rows`."""
        for row in rows:
            self._cells.write_row(row[column] for column in COLUMNS)


def csv_rows(file: Scanned, policy: Policy, top: int) -> list[dict[str, str]]:
    """Return the rows of one picture.

    With `top` 0, return one row: the verdict, and the design if there is one. Otherwise return the best `top`
    designs with their scores, also those below the thresholds. Only designs that are in the picture, each in
    its own place, get the verdict `match`. Other designs with as high a score resemble one of them and get
    `lookalike`.
    """
    if file.answer is None:
        return [_format_row(file.name, error=f"{file.error_code}: {file.error}")]
    verdict = file.answer.verdict
    if not top or not file.answer.ranked:
        design = verdict.candidate if verdict.code is not VerdictCode.NONE else None
        return [_format_row(file.name, verdict.code, design, verdict.reasons, score=verdict.score)]
    best, *others = file.answer.ranked[:top]
    rows = [_format_row(file.name, verdict.code, best, verdict.reasons, score=verdict.score)]
    found_ids = {finding.candidate.design_id for finding in verdict.findings}
    for candidate in others:
        code = code_for(candidate.score, policy)
        if code is VerdictCode.MATCH and candidate.design_id not in found_ids:
            code = VerdictCode.LOOKALIKE
        rows.append(_format_row(file.name, code, candidate, candidate.reasons, score=candidate.score))
    return rows


def _format_row(
    name: str,
    verdict: str = "",
    candidate: Candidate | None = None,
    reasons: Sequence[Reason] = (),
    *,
    score: float | None = None,
    error: str = "",
) -> dict[str, str]:
    alignment = candidate.alignment if candidate else None
    return {
        "query": name,
        "design_id": candidate.reference if candidate else "",
        "owner": candidate.owner if candidate else "",
        "verdict": str(verdict),
        # Rounded down: a score just below a threshold must not reach the threshold in a table.
        "score": "" if score is None else f"{math.floor(score * 1e9) / 1e9:.9g}",
        "method": candidate.method if candidate else "",
        "outline": json.dumps(alignment.to_json()["outline"]) if alignment else "",
        "coverage": f"{alignment.coverage:.2f}" if alignment else "",
        "reasons": json.dumps([{"code": r.code, **r.params} for r in reasons], ensure_ascii=False)
        if reasons
        else "",
        "error": error,
    }
