"""Reader of multipart uploads. It writes parts into one temporary file, checks limits, and hashes each part.

The reader needs one open file and a bounded amount of memory for any number of parts.
"""

import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from authcheck.errors import ImageRejected, Rejected

from .spool import Spool

TEXT_BYTES = 16 * 1024  # of a text field
LONG_TEXT_BYTES = {"description": 512 * 1024}  # of fields whose text is cut instead of refused
NAME_CHARS = 255  # of a file name
SHORTEST_BOUNDARY = 8  # programs write 16 to 60 characters; a short boundary occurs in every file
SPARE_DELIMITERS = 8  # of the last boundary, and of files that hold some by chance
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # strangers write its warnings


@dataclass(slots=True)
class FormPart:
    """One part of a body.

    `filename` is None for a text field. For a file it is the cleaned last component of the sent file name.
    """

    name: str
    filename: str | None
    offset: int
    size_bytes: int = 0
    sha256: str = ""
    text: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of a body, in order. A picture may have at most `picture_bytes` bytes."""

    parts: list[FormPart]
    spool: Spool
    picture_bytes: int

    def bytes_of(self, part: FormPart) -> bytes:
        """Return the content of a file part."""
        return self.spool.read(part.offset, part.size_bytes)

    def picture(self, part: FormPart) -> bytes:
        """Return the content of a picture part.

        Raises ImageRejected (`image.too_large`) before any reading.
        """
        if part.size_bytes > self.picture_bytes:
            raise too_large(self.picture_bytes)
        return self.bytes_of(part)

    def files(self, name: str) -> list[FormPart]:
        """Return the file parts with this name.

        Raises Rejected (`request.not_a_file`) when a part is text.
        """
        parts = [part for part in self.parts if part.name == name]
        if any(part.filename is None for part in parts):
            raise Rejected(
                f"The field {name} must be a file, sent with a file name (curl: -F {name}=@photo.jpg).",
                code="request.not_a_file",
                field=name,
            )
        return parts

    def images(self) -> list[FormPart]:
        """Return the file parts with the name image. There is at least one.

        Raises Rejected (`request.image_missing`, `request.not_a_file`).
        """
        parts = self.files("image")
        if not parts:
            names = ", ".join(sorted({part.name for part in self.parts})[:5]) or "none"
            raise Rejected(
                f"The body has no part named image. Its parts: {names}.", code="request.image_missing"
            )
        return parts

    def text(self, name: str, default: str = "") -> str:
        """Return the text of a field.

        Raises Rejected (`request.not_text`, `request.repeated`, `request.encoding`).
        """
        parts = [part for part in self.parts if part.name == name]
        if not parts:
            return default
        if len(parts) > 1:
            raise Rejected(
                f"The body has the field {name} twice. Send it once.", code="request.repeated", field=name
            )
        if parts[0].filename is not None:
            raise Rejected(f"The field {name} must be text, not a file.", code="request.not_text", field=name)
        try:
            return parts[0].text.decode()
        except UnicodeDecodeError:
            raise Rejected(
                f"The field {name} is not UTF-8 text. Send UTF-8.", code="request.encoding", field=name
            ) from None

    def flag(self, name: str) -> bool:
        """Return the value of a text field: `true` or `false` (the default).

        Raises Rejected (`request.not_a_flag`).
        """
        value = self.text(name, "false").strip().lower()
        if value not in {"true", "false"}:
            raise Rejected(f"The field {name} must be true or false.", code="request.not_a_flag", field=name)
        return value == "true"

    def refuse_others(self, *names: str) -> None:
        """Raise Rejected (`request.unknown_field`) when a part has another name than `names`."""
        for part in self.parts:
            if part.name not in names:
                raise Rejected(
                    f"This request has no field {part.name!r}. Its fields are {', '.join(names)}.",
                    code="request.unknown_field",
                    field=part.name,
                )


def too_large(limit_bytes: int) -> ImageRejected:
    """Return the error for a picture with too many bytes."""
    return ImageRejected(
        f"The picture is too large. Send at most {limit_bytes} bytes.",
        code="image.too_large",
        limit_bytes=limit_bytes,
    )


def clean_name(name: str) -> str:
    """Return the printable last component of a file name or path.

    Has at most 255 characters and may be empty.
    """
    last = PureWindowsPath(PurePosixPath(name).name).name
    return "".join(character for character in last if character.isprintable())[-NAME_CHARS:]


async def parse(
    content_type: str, stream: AsyncIterator[bytes], spool: Spool, *, max_parts: int, picture_bytes: int
) -> Form:
    """Read a multipart body to its end. Raises Rejected (`request.multipart`, `request.too_many_parts`)."""
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if len(boundary) < SHORTEST_BOUNDARY:
        raise Rejected(
            f"The multipart body needs a boundary of at least {SHORTEST_BOUNDARY} characters.",
            code="request.multipart",
        )
    try:
        collector = _Collector(boundary, spool, max_parts)
        async for chunk in stream:
            await run_in_threadpool(collector.feed, chunk)
        collector.parser.finalize()
    except FormParserError as error:
        raise Rejected("The multipart body is malformed.", code="request.multipart") from error
    if not collector.ended:
        raise Rejected("The multipart body ends before its last boundary.", code="request.multipart")
    return Form(collector.parts, spool, picture_bytes)


class _Collector:
    """The parser of one body, and its callbacks. The data of files goes to the spool after each chunk."""

    def __init__(self, boundary: bytes, spool: Spool, max_parts: int) -> None:
        self.parts: list[FormPart] = []
        self.parser = MultipartParser(boundary, self._callbacks())
        self._delimiter, self._delimiters = b"--" + boundary, 0
        self.ended = False
        self._spool, self._max_parts = spool, max_parts
        self._pending: list[bytes] = []
        self._offset = spool.size_bytes
        self._header = b"", b""
        self._disposition = b""
        self._digest = hashlib.sha256()

    def _callbacks(self) -> Any:
        names = ("part_begin", "part_data", "part_end", "header_field", "header_value", "header_end")
        methods: dict[str, Callable[..., None]] = {f"on_{name}": getattr(self, f"_{name}") for name in names}
        return {**methods, "on_headers_finished": self._headers_finished, "on_end": self._end}

    def feed(self, chunk: bytes) -> None:
        """Parse a chunk, in any thread. Raises Rejected, FormParserError, StorageFailed.

        A delimiter that does not end a part is no part, yet costs the parser as much. So we count delimiters.
        """
        self._delimiters += chunk.count(self._delimiter)
        if self._delimiters > self._max_parts + SPARE_DELIMITERS:
            raise self._too_many_parts_error()
        self.parser.write(chunk)
        if self._pending:
            self._spool.write(b"".join(self._pending))
            self._pending.clear()

    def _too_many_parts_error(self) -> Rejected:
        return Rejected(
            f"The body has too many parts. Send at most {self._max_parts} parts.",
            code="request.too_many_parts",
            limit=self._max_parts,
        )

    def _part_begin(self) -> None:
        if len(self.parts) == self._max_parts:
            raise self._too_many_parts_error()
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
        cleaned = None if filename is None else clean_name(filename.decode("utf-8", "replace"))
        self.parts.append(FormPart(name.decode("utf-8", "replace"), cleaned, self._offset))
        self._digest = hashlib.sha256()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        part, piece = self.parts[-1], data[start:end]
        part.size_bytes += len(piece)
        self._digest.update(piece)
        if part.filename is not None:
            self._pending.append(piece)
            self._offset += len(piece)
            return
        limit_bytes = TEXT_BYTES
        if part.size_bytes > TEXT_BYTES and part.name not in {other.name for other in self.parts[:-1]}:
            limit_bytes = LONG_TEXT_BYTES.get(part.name, TEXT_BYTES)  # once, so that memory is bounded
        if part.size_bytes > limit_bytes:
            raise Rejected(
                f"The field {part.name!r} has more than {limit_bytes} bytes. Send long content as a file.",
                code="request.text_too_long",
                field=part.name,
            )
        part.text += piece

    def _part_end(self) -> None:
        self.parts[-1].sha256 = self._digest.hexdigest()

    def _end(self) -> None:
        self.ended = True
