"""The ledger as files that any web server can serve, in the C2SP tlog-tiles layout."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.orm import Session

from authcheck.errors import StorageFailed
from authcheck.files.writing import translated_write_errors, write_whole
from authcheck.ledger.heads import Held, roots_of
from authcheck.ledger.journal import bodies, read_tile_of
from authcheck.ledger.tables import SignedCheckpoint
from authcheck.tlog.merkle import HASH_BYTES
from authcheck.tlog.note import Checkpoint
from authcheck.tlog.tiles import WIDTH, encode_entries, entries_path, tile_path

CHECKPOINT = "checkpoint"


def export(session: Session, checkpoint: SignedCheckpoint, folder: Path) -> Iterator[str]:
    """Write the files that a mirror lacks up to this checkpoint, the checkpoint last.

    Yields the path of each written file. Does not write tiles that exist already. Raises NotTrue
    (`ledger.forked`) when the folder has another log, Unavailable (`ledger.rolled_back`) when it has a newer
    copy, and StorageFailed.
    """
    _refuse_foreign_mirror(session, checkpoint, folder)
    read = read_tile_of(session)
    for level, number, width in _tiles(checkpoint.size):
        if level == 0:
            path = entries_path(number, width)
            if not (folder / path).exists():
                _write(folder / path, encode_entries(bodies(session, number * WIDTH, width)))
                yield path
        path = tile_path(level, number, width)
        if not (folder / path).exists():
            _write(folder / path, read(level, number)[: width * HASH_BYTES])
            yield path
    _write(folder / CHECKPOINT, checkpoint.note.encode())
    yield CHECKPOINT


def holds(size: int, level: int | None, number: int, width: int) -> bool:
    """Return whether a tree of `size` entries has the first `width` hashes of a tile.

    When `level` is None, the tile is a bundle of entries.
    """
    return number * WIDTH + width <= size >> 8 * (level or 0)


def _tiles(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield the level, number and width of every tile of a tree."""
    level = 0
    while count := size >> 8 * level:
        for number in range(-(-count // WIDTH)):
            yield level, number, min(WIDTH, count - number * WIDTH)
        level += 1


def _refuse_foreign_mirror(session: Session, checkpoint: SignedCheckpoint, folder: Path) -> None:
    try:
        mirrored = Checkpoint.from_note((folder / CHECKPOINT).read_text())
    except FileNotFoundError:
        return
    except OSError as error:
        raise _storage_error(folder, error) from error
    head = Held("the mirror", mirrored.size, mirrored.root)
    head.refuse_fork(checkpoint.size, roots_of(read_tile_of(session)))


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, because a web server may be reading the existing file."""
    with translated_write_errors(path):
        write_whole(path, data)


def _storage_error(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(f"We cannot read {path}: {error.strerror}.", path=str(path))
