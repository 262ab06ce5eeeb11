"""Scanning many pictures on all cores: walk, check, store, one CSV row a picture."""

import csv
import json
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
from authcheck.checks.records import new_check
from authcheck.checks.verdicts import Candidate, Policy, Reason, VerdictCode, code_for
from authcheck.config import Settings
from authcheck.errors import Rejected, Unavailable
from authcheck.files.csv_cells import as_text
from authcheck.files.picture_files import find_pictures, read_file
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
BATCH = 32  # pictures a worker takes at a time, and checks stored in one transaction
WORTH_A_PROCESS = 48  # pictures: fewer are checked sooner than a process has started and filled its index


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan says of one file: an answer, or the code and message of what is wrong with it."""

    name: str
    answer: Answer | None = None
    error_code: str = ""
    error: str = ""


def walk(paths: Iterable[str | Path]) -> list[str]:
    """Every picture below the folders and every other path as it was given, in the order given, each once."""
    found: list[str] = []
    for path in paths:
        if Path(path).is_dir():
            found += find_pictures(str(path))
        else:
            found.append(str(path))
    return list(dict.fromkeys(found))


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
    """Check files on `workers` processes and yield what each answered, in the order given; checks are stored.

    Raises Unavailable where the database gives up. Each worker keeps its own index of the registry.
    """
    for batch in _batches(settings, names, policy=policy, designs=designs, workers=workers):
        with database.writing() as session:
            for one in batch:
                if one.answer:
                    session.add(
                        new_check(one.answer, organisation_id=None, source="scan", name=one.name, now=now())
                    )
        yield from batch


def _batches(
    settings: Settings, names: Sequence[str], *, policy: Policy, designs: int, workers: int
) -> Iterator[list[Scanned]]:
    batches = [list(names[start : start + BATCH]) for start in range(0, len(names), BATCH)]
    workers = min(workers, len(names) // WORTH_A_PROCESS)
    if workers <= 1:
        worker = _Worker(settings, policy, designs)
        try:
            yield from map(worker.scan, batches)
        finally:
            worker.database.dispose()
        return
    context = get_context(
        "spawn"
    )  # forking a process that holds database connections and threads is not safe
    with ProcessPoolExecutor(workers, context, _start_worker, (settings, policy, designs)) as pool:
        try:
            with _sheltered_children():
                scanned = pool.map(_scan_batch, batches)
            yield from scanned
        except BrokenProcessPool as error:
            raise Unavailable("A scanning process died (out of memory?).", code="scan.worker_died") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _sheltered_children() -> Iterator[None]:
    """Processes started in here never see Ctrl-C, which is for the parent, and do not run its main module again.

    A spawned child would import the whole command line, terminal and web server only to decode pictures.
    """
    main = sys.modules["__main__"].__dict__
    path, spec = main.pop("__file__", None), main.get("__spec__")
    main["__spec__"] = None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        main["__spec__"] = spec
        if path is not None:
            main["__file__"] = path


class _Worker:
    """One process's connection and index."""

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
            submission = read_submission(read_file(name, self._limits.bytes), self._limits)
            given = answer(
                self.database,
                self._finder,
                submission,
                self._policy,
                designs=self._designs,
            )
        except Rejected as error:
            return Scanned(name, error_code=error.code, error=str(error))
        return Scanned(name, given)


_workers: list[_Worker] = []  # this process's one worker, when it is a child of the pool


def _start_worker(settings: Settings, policy: Policy, designs: int) -> None:
    _workers[:] = [_Worker(settings, policy, designs)]


def _scan_batch(names: Sequence[str]) -> list[Scanned]:
    return _workers[0].scan(names)


class CsvWriter:
    """Writes the header, then rows. Lines end with a line feed; a carriage return in a file name is quoted."""

    def __init__(self, file: TextIO) -> None:
        self._plain = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        self._quoting = csv.DictWriter(file, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._plain.writeheader()

    def write(self, rows: Iterable[dict[str, str]]) -> None:
        """Add rows of `csv_rows`."""
        for row in rows:
            writer = self._quoting if "\r" in row["query"] else self._plain
            writer.writerow({column: as_text(cell) for column, cell in row.items()})


def csv_rows(one: Scanned, policy: Policy, top: int) -> list[dict[str, str]]:
    """The rows of one picture.

    Without `top` one row: the verdict, and the design where there is one. With `top` the best so many designs each
    with their score, those below the thresholds included; `match` are only those that are in the picture, each in a place
    of its own: others that score as high are alike to one of them.
    """
    if one.answer is None:
        return [_row(one.name, error=f"{one.error_code}: {one.error}")]
    verdict = one.answer.verdict
    if not top or not one.answer.ranked:
        shown = verdict.candidate if verdict.code is not VerdictCode.NONE else None
        return [_row(one.name, verdict.code, shown, verdict.reasons, score=verdict.score)]
    rows = [_row(one.name, verdict.code, one.answer.ranked[0], verdict.reasons, score=verdict.score)]
    found = {finding.candidate.design_id for finding in verdict.findings}
    for other in one.answer.ranked[1:top]:
        code = code_for(other.score, policy)
        if code is VerdictCode.MATCH and other.design_id not in found:
            code = VerdictCode.LOOKALIKE
        rows.append(_row(one.name, code, other, other.reasons, score=other.score))
    return rows


def _row(
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
        "score": "" if score is None else f"{score:.9g}",
        "method": candidate.method if candidate else "",
        "outline": json.dumps(alignment.to_json()["outline"]) if alignment else "",
        "coverage": f"{alignment.coverage:.2f}" if alignment else "",
        "reasons": json.dumps([{"code": r.code, **r.params} for r in reasons], ensure_ascii=False)
        if reasons
        else "",
        "error": error,
    }
