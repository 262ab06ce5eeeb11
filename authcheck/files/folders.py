"""Search for picture files in folders, which leaves nothing out without counting it."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from authcheck.files.file_kinds import APPLE_DOUBLE, FOREIGN, HEAD_BYTES, READABLE, kind_by_suffix, kind_of

# Folders in which devices and programs keep thumbnails, deleted files and notes. They are compared without
# capitals. Folders and files whose name begins with a dot are hidden and are skipped as well.
SYSTEM_FOLDERS = frozenset(
    {
        "@eadir", "@recycle", "#recycle", "#snapshot",
        "@recently-snapshot", "@sharebin", "@sharesnap", "@tmp",
        "@transcode", "$recycle.bin", "recycler", "recycled", "system volume information", "__macosx",
        "lost+found", "lost.dir", "found.000", "network trash folder", "temporary items",
        "thevolumesettingsfolder", "_vti_cnf", "@__thumb", "@database", "~snapshot", "_gsdata_",
        "resource.frk", "captureone", "node_modules",
    }
)  # fmt: skip
LIBRARIES = (".lrdata", ".photoslibrary", ".aplibrary", ".migratedphotolibrary")  # previews of photo programs
SYSTEM_FILES = frozenset(
    {
        "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "iconcache.db", "icon\r",
        "picasa.ini",
        "zbthumbnail.info", "folder.htt", "sindex_media_info", "synoindex_media_info",
    }
)  # fmt: skip
SYSTEM_STARTS = ("synophoto_thumb_", "synophoto_film_", "synoaudio_", "synovideo_", "synofile_thumb_")
# Programs put these after the whole name of a file that they replace, or that is not complete.
UNFINISHED = (
    "~",
    ".bak",
    ".old",
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".crdownload",
    ".download",
    ".filepart",
)
ARCHIVES = {".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst"}
CLOUD_SUFFIX = ".icloud"  # of the place holder of a file that is not on this machine


@dataclass(frozen=True, slots=True)
class Found:
    """The pictures below a folder, in path order, and the other files with a name for their kind.

    `foreign` has the kind of each picture, drawing or video that we cannot read. These are in `paths` too.
    """

    paths: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)

    @property
    def skipped(self) -> Counter[str]:
        """Return the number of files that were left out, by kind."""
        return Counter(self.left_out.values())

    def add(self, path: str, reason: str, head: bytes) -> None:
        """Take a file with these first bytes for a picture, or leave it out for a reason."""
        if reason := reason or other_kind(path, head):
            self.left_out[path] = reason
            return
        self.paths.append(path)
        kind = kind_of(head) or kind_by_suffix(path)
        if kind in FOREIGN:
            self.foreign[path] = kind


def search(folder: str) -> Found:
    """Find the picture files below a folder. Do not enter linked folders.

    A picture is a file with the bytes of a picture, drawing or video under any name, or with the name of one.
    Reading it says whether we can use it. `paths` includes folders that cannot be listed and links without a
    target, whose reading raises the error. The folder itself may have any name.
    """
    found = Found()
    for parent, folders, names in os.walk(folder, onerror=lambda error: found.paths.append(error.filename)):
        for name in folders:
            path = os.path.join(parent, name)  # noqa: PTH118 - a Path would rewrite the given path
            if os.path.islink(path):  # noqa: PTH114 - as above
                found.left_out[path] = "linked folders"
        for name in [name for name in folders if skipped_folder(name)]:
            folders.remove(name)
            for path in _files_below(os.path.join(parent, name)):  # noqa: PTH118 - as above
                found.left_out[path] = f"in {skipped_folder(name)}"
        for name in names:
            path = os.path.join(parent, name)  # noqa: PTH118 - as above
            reason, head = (skipped_file(name), b"") if skipped_file(name) else _read_head(path)
            found.add(path, reason, head)
    found.paths.sort(key=lambda path: Path(path).parts)
    return found


def _files_below(folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(parent, name)  # noqa: PTH118 - see `search`


def skipped_text(skipped: Mapping[str, int]) -> str:
    """Return a sentence on the files that were left out: how many of which kind."""
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
    total = sum(skipped.values())
    advice = " Unpack the archives, or name a ZIP archive itself." if ARCHIVES & skipped.keys() else ""
    return f"Left out {total} {'file' if total == 1 else 'files'}: {counts}.{advice}"


def skipped_folder(name: str) -> str:
    """Return a name for the kind of a system or hidden folder, or ""."""
    if name.lower() in SYSTEM_FOLDERS or name.lower().endswith(LIBRARIES):
        return name
    return "hidden folders" if name.startswith(".") else ""


def skipped_file(name: str) -> str:
    """Return a name for the kind of a system or hidden file, or ""."""
    if name.lower() in SYSTEM_FILES or name == ".DS_Store":
        return name.strip()
    if name.lower().startswith(SYSTEM_STARTS):
        return "thumbnails"
    if name.lower().endswith(CLOUD_SUFFIX):
        return "not downloaded from iCloud"
    if name.lower().endswith(UNFINISHED):
        return "backups or unfinished downloads"
    if name.startswith("._"):
        return "._ files of a Mac"
    return "hidden files" if name.startswith(("~$", ".")) else ""


def _read_head(path: str) -> tuple[str, bytes]:
    """Return a reason to leave a file out, or "", and its first bytes. None of a file that cannot be read."""
    if not os.path.exists(path):  # noqa: PTH110 - see `search`
        return "" if kind_by_suffix(path) else "links without a target", b""
    if not os.path.isfile(path):  # noqa: PTH113 - see `search`
        return "pipes or devices", b""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - see `search`
            return "", file.read(HEAD_BYTES)
    except OSError:
        return "", b""


def other_kind(name: str, head: bytes) -> str:
    """Return a name for the kind of a file that is no picture by its name and first bytes, or ""."""
    kind = kind_of(head)
    if kind == APPLE_DOUBLE:
        return "._ files of a Mac"
    if kind in READABLE or kind in FOREIGN or kind_by_suffix(name):
        return ""
    return Path(name).suffix.lower() or "without suffix"
