"""Files that a table names, found as Windows, a Mac, a spreadsheet or a person may write their names."""

import os
import re
import unicodedata
from pathlib import Path

from authcheck.errors import RowRejected
from authcheck.files.table_text import clean_text

WINDOWS_START = re.compile(r"[A-Za-z]:[\\/]|\\\\")  # C:\ and \\server
ADDRESS_START = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://|data:")
# Windows copies a path with quotes, and a word processor makes them round.
QUOTES = "\"'\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"


def name_key(name: str) -> str:
    """Return what is left of a file's name without the differences between file systems.

    These are capitals, the Unicode form (a Mac writes `é` as two characters), and kinds of blanks.
    """
    return unicodedata.normalize("NFC", clean_text(name).casefold())


class Folder:
    """A folder and the files below or beside it that a table names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: dict[Path, dict[str, list[str]]] = {}

    def find(self, name: str) -> Path:
        r"""Return the path of a file. Without such a file, return the path that the name says.

        `name` is absolute or relative to the folder, with `/` or `\` between the parts. A part that exists
        in this spelling is taken. Otherwise the part may differ as in `name_key`. Raises RowRejected
        (`row.picture_ambiguous`, `row.picture_elsewhere` for a path of another machine or an address).
        """
        exact = self._path / name
        if self._exists(exact):
            return exact
        bare = name.strip(QUOTES)
        for pattern, kind in (
            (WINDOWS_START, "is a path on a Windows machine"),
            (ADDRESS_START, "is an address"),
        ):
            if pattern.match(bare):
                raise RowRejected(
                    f"{name} {kind}. Put the file beside the table and name it like prints/kite.png.",
                    code="row.picture_elsewhere",
                    picture=name,
                )
        relative = Path(bare.replace("\\", "/"))
        path = Path(relative.anchor) if relative.anchor else self._path
        for part in relative.parts[bool(relative.anchor) :]:
            path = self._enter(path, part, name)
        return path

    def _enter(self, folder: Path, part: str, name: str) -> Path:
        """Return the path of one part of a name inside a folder."""
        path = folder / part
        if self._exists(path):
            return path
        spellings = self._list(folder).get(name_key(part), [])
        if len(spellings) > 1:
            raise RowRejected(
                f"{name} may be any of {', '.join(sorted(spellings))}. Write the name as the file has it.",
                code="row.picture_ambiguous",
                picture=name,
            )
        return folder / spellings[0] if spellings else path

    def _list(self, folder: Path) -> dict[str, list[str]]:
        """Return the names in a folder by their keys. Empty for a folder that cannot be listed."""
        if folder not in self._names:
            names: dict[str, list[str]] = {}
            try:
                for found in os.listdir(folder):  # noqa: PTH208 - names, not paths
                    names.setdefault(name_key(found), []).append(found)
            except (OSError, ValueError):
                pass
            self._names[folder] = names
        return self._names[folder]

    @staticmethod
    def _exists(path: Path) -> bool:
        try:
            return path.exists()
        except (OSError, ValueError):  # too long, or a NUL character
            return False
