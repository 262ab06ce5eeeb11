"""What refuses to sign another history than the one that was signed before.

Whoever restores an old backup and goes on would sign a second log of the same name. What is held elsewhere tells: a
small file outside the database, the witnesses, the chain.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from authcheck.errors import NotTrue, Unavailable
from authcheck.files.writing import translated_write_errors, write_whole
from authcheck.tlog.tiles import ReadTile, root_at

HEAD_FILE = "ledger-head"


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody saw signed: so many entries and the root over them, None where only the size is known."""

    by: str
    size: int
    root: bytes | None

    def refuse_older(self, size: int) -> None:
        """Raise Unavailable (`ledger.rolled_back`) if a log of `size` lacks entries that were signed."""
        if self.size > size:
            raise Unavailable(
                f"The database has {size} ledger entries, {self.by} has seen {self.size} signed: nothing is "
                "signed until a newer backup is restored.",
                code="ledger.rolled_back",
                size=size,
                held=self.size,
            )

    def refuse_fork(self, size: int, root_of: Callable[[int], bytes]) -> None:
        """Raise as `refuse_older` does, or NotTrue (`ledger.forked`) if the log had another root at that size."""
        self.refuse_older(size)
        if self.root is not None and root_of(self.size) != self.root:
            raise NotTrue(
                f"The ledger's first {self.size} entries are not those that {self.by} has seen signed.",
                code="ledger.forked",
                held=self.size,
            )


def roots_of(read: ReadTile) -> Callable[[int], bytes]:
    """The roots that these tiles had, by size."""
    return lambda size: root_at(size, read)


class HeadFile:
    """The newest checkpoint that was ever signed here, in a file that no backup of the database brings back."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / HEAD_FILE

    def read(self) -> Held | None:
        """What it holds; None before the first signature. Raises Unavailable (`ledger.head_file`)."""
        try:
            found = json.loads(self.path.read_bytes())
            root = found["root"]
            return Held(str(found["by"]), int(found["size"]), None if root is None else bytes.fromhex(root))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Unavailable(
                f"{self.path} cannot be read: it says how far the ledger was signed.", code="ledger.head_file"
            ) from error

    def write(self, held: Held) -> None:
        """Put it there durably, whole or not at all. Raises StorageFailed."""
        root = None if held.root is None else held.root.hex()
        content = json.dumps({"by": held.by, "root": root, "size": held.size}).encode()
        with translated_write_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.path, content, durable=True)

    def remember(self, held: Held) -> None:
        """Keep what somebody else saw signed if it is further than what the file holds."""
        known = self.read()
        if known is None or known.size < held.size:
            self.write(held)
