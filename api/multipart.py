"""Uploads read as they arrive: into one temporary file, within limits, each part hashed on the way.

However many parts a body has, it takes one open file and a bounded amount of memory.
"""

import errno
import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from tempfile import SpooledTemporaryFile
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from authcheck.errors import ImageRejected, Rejected, StorageFailed

MEMORY_BYTES = 1024 * 1024  # a smaller body stays in memory, a larger one goes to the temporary file
TEXT_BYTES = 16 * 1024
NAME_CHARS = 255


class Spool:
    """A temporary file that bodies are appended to and parts are read from, by any thread."""

    def __init__(self) -> None:
        self._file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - closed by the request
        self._lock = threading.Lock()
        self.size_bytes = 0

    async def append(self, data: bytes) -> None:
        """Write at the end. Raises StorageFailed where the temporary folder is full."""
        self.size_bytes += len(data)
        if self.size_bytes > MEMORY_BYTES:
            await run_in_threadpool(self._write, data)
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        try:
            with self._lock:
                self._file.write(data)
        except OSError as error:
            code = "storage.full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "storage.failed"
            raise StorageFailed(
                "The upload cannot be kept: the temporary folder is full.", code=code
            ) from error

    def read(self, offset: int, size_bytes: int) -> bytes:
        """`size_bytes` from `offset`."""
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size_bytes)

    def close(self) -> None:
        """Remove the temporary file."""
        self._file.close()


@dataclass(slots=True)
class Part:
    """One part of a body. `filename` is None for a text field; else the last component of the name given, cleaned."""

    name: str
    filename: str | None
    offset: int
    size_bytes: int = 0
    sha256: str = ""
    text: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of a body, in order; none of its pictures may have more than `picture_bytes`."""

    parts: list[Part]
    spool: Spool
    picture_bytes: int

    def bytes_of(self, part: Part) -> bytes:
        """The content of a file part."""
        return self.spool.read(part.offset, part.size_bytes)

    def picture(self, part: Part) -> bytes:
        """The content of a part that is a picture. Raises ImageRejected (`image.too_large`) before reading it."""
        if part.size_bytes > self.picture_bytes:
            raise too_large(self.picture_bytes)
        return self.bytes_of(part)

    def files(self, name: str) -> list[Part]:
        """The file parts of that name. Raises Rejected (`request.not_a_file`) where one is text."""
        found = [part for part in self.parts if part.name == name]
        if any(part.filename is None for part in found):
            raise Rejected(
                f"The field {name} must be a file, sent with a file name (curl: -F {name}=@photo.jpg).",
                code="request.not_a_file",
                field=name,
            )
        return found

    def images(self) -> list[Part]:
        """The file parts named image, at least one. Raises Rejected (`request.image_missing`, `request.not_a_file`)."""
        found = self.files("image")
        if not found:
            names = ", ".join(sorted({part.name for part in self.parts})[:5]) or "none at all"
            raise Rejected(f"The body has no part named image; it has {names}.", code="request.image_missing")
        return found

    def text(self, name: str, default: str = "") -> str:
        """The text of that name. Raises Rejected (`request.not_text`, `request.repeated`, `request.encoding`)."""
        found = [part for part in self.parts if part.name == name]
        if not found:
            return default
        if len(found) > 1:
            raise Rejected(f"The field {name} stands there twice.", code="request.repeated", field=name)
        if found[0].filename is not None:
            raise Rejected(f"The field {name} must be text, not a file.", code="request.not_text", field=name)
        try:
            return found[0].text.decode()
        except UnicodeDecodeError:
            raise Rejected(
                f"The field {name} is not UTF-8 text.", code="request.encoding", field=name
            ) from None

    def flag(self, name: str) -> bool:
        """A text field that is `true` or `false` (the default). Raises Rejected (`request.not_a_flag`)."""
        text = self.text(name, "false").strip().lower()
        if text not in {"true", "false"}:
            raise Rejected(f"The field {name} is true or false.", code="request.not_a_flag", field=name)
        return text == "true"

    def refuse_others(self, *names: str) -> None:
        """Raise Rejected (`request.unknown_field`) for a part of any other name."""
        for part in self.parts:
            if part.name not in names:
                raise Rejected(
                    f"There is no field {part.name!r} here, only {', '.join(names)}.",
                    code="request.unknown_field",
                    field=part.name,
                )


def too_large(limit_bytes: int) -> ImageRejected:
    """The error of a picture with too many bytes."""
    return ImageRejected(
        f"The picture has more than {limit_bytes} bytes.", code="image.too_large", limit_bytes=limit_bytes
    )


def clean_name(name: str) -> str:
    """The last component of a path-like file name, printable, at most 255 characters; may be empty."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    return "".join(character for character in last if character.isprintable())[-NAME_CHARS:]


async def parse(
    content_type: str, stream: AsyncIterator[bytes], spool: Spool, *, max_parts: int, picture_bytes: int
) -> Form:
    """Read a multipart body to its end. Raises Rejected (`request.multipart`, `request.too_many_parts`)."""
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise Rejected("The multipart body has no boundary.", code="request.multipart")
    collector = _Collector(spool, max_parts)
    try:
        parser = MultipartParser(boundary, collector.callbacks())
        async for chunk in stream:
            parser.write(chunk)
            await collector.flush()
        parser.finalize()
    except FormParserError as error:
        raise Rejected("The multipart body is malformed.", code="request.multipart") from error
    if not collector.ended:
        raise Rejected("The multipart body breaks off before its last boundary.", code="request.multipart")
    return Form(collector.parts, spool, picture_bytes)


class _Collector:
    """What the parser calls. File data waits in `_pending` until `flush`, as callbacks cannot await."""

    def __init__(self, spool: Spool, max_parts: int) -> None:
        self.parts: list[Part] = []
        self.ended = False
        self._spool, self._max_parts = spool, max_parts
        self._pending: list[bytes] = []
        self._offset = spool.size_bytes
        self._header = b"", b""
        self._disposition = b""
        self._digest = hashlib.sha256()

    def callbacks(self) -> Any:
        names = ("part_begin", "part_data", "part_end", "header_field", "header_value", "header_end")
        found: dict[str, Callable[..., None]] = {f"on_{name}": getattr(self, f"_{name}") for name in names}
        return {**found, "on_headers_finished": self._headers_finished, "on_end": self._end}

    async def flush(self) -> None:
        """Write what the last chunk brought."""
        if self._pending:
            await self._spool.append(b"".join(self._pending))
            self._pending.clear()

    def _part_begin(self) -> None:
        if len(self.parts) == self._max_parts:
            raise Rejected(
                f"The body has more than {self._max_parts} parts.",
                code="request.too_many_parts",
                limit=self._max_parts,
            )
        self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header = self._header[0] + data[start:end], self._header[1]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = self._header[0], self._header[1] + data[start:end]

    def _header_end(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = value
        self._header = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name")
        if name is None:
            raise Rejected("A part of the body has no name.", code="request.multipart")
        filename = options.get(b"filename")
        known = None if filename is None else clean_name(filename.decode("utf-8", "replace"))
        self.parts.append(Part(name.decode("utf-8", "replace"), known, self._offset))
        self._digest = hashlib.sha256()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        part, piece = self.parts[-1], data[start:end]
        part.size_bytes += len(piece)
        self._digest.update(piece)
        if part.filename is not None:
            self._pending.append(piece)
            self._offset += len(piece)
            return
        if part.size_bytes > TEXT_BYTES:
            raise Rejected(
                f"The field {part.name!r} has more than {TEXT_BYTES} bytes; was it meant to be a file?",
                code="request.text_too_long",
                field=part.name,
            )
        part.text += piece

    def _part_end(self) -> None:
        self.parts[-1].sha256 = self._digest.hexdigest()

    def _end(self) -> None:
        self.ended = True
