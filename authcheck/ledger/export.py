"""The ledger as files that any web server can serve: the C2SP tlog-tiles layout."""

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
    """Write what a mirror lacks up to this checkpoint, the checkpoint last; yields the path of each file written.

    Full tiles that are there already are not written again. Raises NotTrue (`ledger.forked`), Unavailable
    (`ledger.rolled_back`) where another log or a newer copy lies there, StorageFailed.
    """
    _refuse_another(session, checkpoint, folder)
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
    """Whether the first `width` hashes of a tile (entries where `level` is None) are in a tree of `size`."""
    return number * WIDTH + width <= size >> 8 * (level or 0)


def _tiles(size: int) -> Iterator[tuple[int, int, int]]:
    """Level, number and width of every tile of a tree."""
    level = 0
    while count := size >> 8 * level:
        for number in range(-(-count // WIDTH)):
            yield level, number, min(WIDTH, count - number * WIDTH)
        level += 1


def _refuse_another(session: Session, checkpoint: SignedCheckpoint, folder: Path) -> None:
    try:
        there = Checkpoint.from_note((folder / CHECKPOINT).read_text())
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failed(folder, error) from error
    Held("the mirror", there.size, there.root).refuse_fork(checkpoint.size, roots_of(read_tile_of(session)))


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a web server may be reading the one that is there."""
    with translated_write_errors(path):
        write_whole(path, data)


def _failed(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(f"{path}: {error.strerror}.", path=str(path))
