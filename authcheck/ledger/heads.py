"""The newest tree heads that others have seen signed. A signature must not contradict any of these heads.

After an old backup is restored, the service could sign a second log with the same name. A small file
outside the database, the witnesses and the chain reveal this.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from authcheck.errors import NotTrue, StorageFailed, Unavailable
from authcheck.files.writing import write_error_code, write_whole
from authcheck.tlog.tiles import ReadTile, root_at

HEAD_FILE = "ledger-head"
ROOM_FILE = "ledger-head-room"  # exists for a moment before a transaction commits
ROOM_BYTES = 4096  # more than a head file has


@dataclass(frozen=True, slots=True)
class Held:
    """A tree head that somebody has seen signed: the number of entries and the root over them.

    `by` names the one who has seen it, e.g. "the head file". `root` is None when only the size is known.
    """

    by: str
    size: int
    root: bytes | None

    def refuse_older(self, size: int) -> None:
        """Raise Unavailable (`ledger.rolled_back`) if a log of `size` entries lacks signed entries."""
        if self.size > size:
            raise Unavailable(
                f"The database has {size} ledger entries, but {self.by} has seen {self.size} signed. "
                "The service records and signs nothing until you restore a newer backup.",
                code="ledger.rolled_back",
                size=size,
                held=self.size,
            )

    def refuse_fork(self, size: int, root_of: Callable[[int], bytes]) -> None:
        """Raise as `refuse_older` does, or NotTrue (`ledger.forked`) if the root at that size differs."""
        self.refuse_older(size)
        if self.root is not None and root_of(self.size) != self.root:
            raise NotTrue(
                f"The ledger's first {self.size} entries differ from those that {self.by} has seen signed.",
                code="ledger.forked",
                held=self.size,
            )


def roots_of(read: ReadTile) -> Callable[[int], bytes]:
    """Return a function from a size to the root that these tiles had at that size."""
    return lambda size: root_at(size, read)


class HeadFile:
    """The newest checkpoint that this service signed, in a file that no backup of the database restores."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / HEAD_FILE

    def read(self) -> Held | None:
        """Return the head in the file, None before the first signature.

        Raises Unavailable (`ledger.head_file`).
        """
        try:
            content = json.loads(self.path.read_bytes())
            root = content["root"]
            return Held(
                str(content["by"]), int(content["size"]), None if root is None else bytes.fromhex(root)
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Unavailable(
                f"We cannot read {self.path}. The file records which ledger entries were signed.",
                code="ledger.head_file",
            ) from error

    def write(self, held: Held) -> None:
        """Write the head durably, whole or not at all. Raises StorageFailed."""
        root = None if held.root is None else held.root.hex()
        content = json.dumps({"by": held.by, "root": root, "size": held.size}).encode()
        with self._told("No checkpoint was signed."):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.path, content, durable=True)

    def check_room(self) -> None:
        """Raise StorageFailed (`storage.*`) if a new head could not be written now."""
        with self._told("Nothing was recorded."):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            room = self.path.with_name(ROOM_FILE)
            write_whole(room, bytes(ROOM_BYTES))
            room.unlink(missing_ok=True)

    @contextmanager
    def _told(self, consequence: str) -> Iterator[None]:
        """Translate an OSError in the block. The sentence has no path, because callers of the API read it."""
        try:
            yield
        except OSError as error:
            raise StorageFailed(
                f"The ledger's head file cannot be written ({error.strerror}). {consequence}",
                code=write_error_code(error),
                path=str(self.path),
            ) from error

    def remember(self, held: Held) -> None:
        """Write a head that somebody else has seen signed, if it is larger than the head in the file."""
        head = self.read()
        if head is None or head.size < held.size:
            self.write(held)
