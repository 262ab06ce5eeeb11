"""The places of designs that hashes found, looked for when a moderator opens a case, and kept."""

import threading
from collections import OrderedDict
from dataclasses import replace

from authcheck.checks import side_by_side
from authcheck.checks.evidence import Found
from authcheck.checks.tables import Check
from authcheck.storage.opening import utc_now
from authcheck.vision.matching.alignment import Alignment
from authcheck.workspace import Workspace

KEPT = 4096  # places in memory; less than 1 KB each


class CasePlaces:
    """The last KEPT places. One is looked for at a time, in less than a tenth of a second.

    The place helps a person to compare, and decides nothing. The stored check stays as it is.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], Alignment | None] = OrderedDict()
        self._keeping = threading.Lock()
        self._looking = threading.Lock()

    def knows(self, check: Check, finding: Found) -> bool:
        """Return whether `find` answers from memory, or has nothing to look for."""
        with self._keeping:
            return not _is_sought(finding) or _key(check, finding) in self._kept

    def find(self, check: Check, finding: Found, workspace: Workspace) -> Found:
        """Return the finding with its place, as it is when there is none to be found."""
        if not _is_sought(finding):
            return finding
        key = _key(check, finding)
        with self._looking:
            with self._keeping:
                is_kept, place = key in self._kept, self._kept.get(key)
            if not is_kept:
                copy = workspace.copies.get(check.picture_sha256, check.asked_at, utc_now())
                if copy is None:  # a copy may be held later
                    return finding
                place = side_by_side.find_alignment(copy, finding, workspace.store, workspace.limits)
        with self._keeping:
            self._kept[key] = place
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return replace(finding, alignment=place)


def _is_sought(finding: Found) -> bool:
    """Return whether the check found the design without a place."""
    return finding.alignment is None and finding.view is not None and "design_id" in finding.row


def _key(check: Check, finding: Found) -> tuple[str, int]:
    return check.id, finding.view.number if finding.view else 0
