"""Dropped files for tests: a browser sends them, and the work in the background is done at once."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import make
from desk_visitors import Visitor

from api import dropping
from api.places import Places
from authcheck.registry import drops
from authcheck.registry.drop_work import Work
from authcheck.registry.import_tables import DropFile
from authcheck.workspace import Workspace


def drawn(seed: int) -> bytes:
    """Return a small drawn picture."""
    return make.encode(make.picture(seed, (96, 80)))


def files(named: Mapping[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    """Return files as the form sends them."""
    return [("file", (name, data)) for name, data in named.items()]


def zipped(named: Mapping[str, bytes]) -> bytes:
    """Return a ZIP archive of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in named.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def send(visitor: Visitor, named: Mapping[str, bytes], path: str = "/register", **fields: str) -> str:
    """Send files in one form and return the address of the drop."""
    answer = visitor.post(path, files(named), **{"last": "1", **fields})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"].partition("?")[0])


def work_on(workspace: Workspace, **changes: Any) -> Work:
    """Return the work of one process."""
    work = dropping.work_of(workspace, Places(1))
    for name, value in changes.items():
        setattr(work, name, value)
    return work


def finish(workspace: Workspace) -> None:
    """Register all files that wait."""
    work = work_on(workspace)
    while dropping.step(workspace, work):
        pass


def rows(workspace: Workspace, path: str) -> list[DropFile]:
    """Return the files of a drop."""
    with workspace.database.reading() as session:
        return list(drops.list_files(session, path.rpartition("/")[2], limit=10_000))


def states(workspace: Workspace, path: str) -> dict[str, str]:
    """Return the state of each file of a drop by its name. The code comes after a refused file's state."""
    return {
        file.name: f"{file.state} {file.report.get('code', '')}".strip() for file in rows(workspace, path)
    }


def counts(html: str) -> dict[str, int]:
    """Return the counts at the top of the page: address of the rows -> count."""
    found = re.findall(r'<a class="count[^"]*" href="([^"]+)"[^>]*><b>([\d,]+)</b>', html)
    return {path: int(count.replace(",", "")) for path, count in found}


def shown(html: str) -> list[str]:
    """Return the anchors of the rows on a page of a drop."""
    return re.findall(r'<li id="(f\d+)" class="drop-row', html)


Send = Callable[..., str]
