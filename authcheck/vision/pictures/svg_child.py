"""The drawer of SVG, inside a bounded process. `drawing` starts it."""

import re
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

import resvg_py

from authcheck.files.bounded_child import Answer, serve

PNG_SIZE = slice(16, 24)  # width and height in a PNG's header
PROBE_PX = 256  # width of a first drawing, which tells the shape
MOST_ELEMENTS = 200_000
MOST_ENTITIES = 100
ENTITY_CHARS = 1000
DPI = 96.0
XML_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
# Elements whose link must be inside the file. Other links, such as those of `a`, draw nothing.
DRAWN_LINKS = {
    "image",
    "feImage",
    "use",
    "pattern",
    "linearGradient",
    "radialGradient",
    "filter",
    "textPath",
    "tref",
}


EMBEDDED = {f"image/{kind}" for kind in ("png", "jpeg", "jpg", "gif", "webp", "svg+xml")}


class Refused(Exception):
    """The drawing cannot be drawn as it is. The argument is the error's name, the second one says what."""


def main() -> None:
    """Answer for the SVG on standard input."""
    serve(draw)


def draw(data: bytes, options: Mapping[str, Any]) -> Answer:
    """Return a PNG whose shorter side has `side_px` pixels, and whose longer side at most `longest_px`."""
    try:
        Reader().read(data)
        svg = _decode(data)
        width_px, height_px = _size(_render(svg, PROBE_PX))
        factor = min(
            options["side_px"] / min(width_px, height_px), options["longest_px"] / max(width_px, height_px)
        )
        body = _render(svg, max(1, round(width_px * factor)))
    except Refused as error:
        return {"error": error.args[0], "what": error.args[1]}, b""
    except MemoryError:
        raise
    except (expat.ExpatError, ValueError, OSError):
        return {"error": "damaged"}, b""
    return {"size": _size(body)}, body


def _render(svg: str, width_px: int) -> bytes:
    return resvg_py.svg_to_bytes(svg_string=svg, width=width_px, dpi=DPI, skip_system_fonts=True)


def _size(png: bytes) -> tuple[int, int]:
    sides = png[PNG_SIZE]
    return int.from_bytes(sides[:4], "big"), int.from_bytes(sides[4:], "big")


def _decode(data: bytes) -> str:
    """Return the text without the XML declaration, which names the encoding of the bytes."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        text = data.decode("utf-16")
    else:
        declared = re.match(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*encoding=[\"']([\w.:-]+)", data)
        text = data.decode(declared[1].decode() if declared else "utf-8")
    return XML_DECLARATION.sub("", text.removeprefix("\ufeff"), count=1)


class Reader:
    """A reader that goes through the whole SVG and refuses what a drawing of it would leave out or fetch."""

    def __init__(self) -> None:
        self._elements = self._entities = 0
        self._path: list[str] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._entity
        self._parser.ProcessingInstructionHandler = self._instruction

    def read(self, data: bytes) -> None:
        """Read the document. Raises Refused, ExpatError."""
        self._parser.Parse(data, True)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise Refused("costly", f"more than {MOST_ELEMENTS} elements")
        element = name.rpartition(" ")[2]
        self._path.append(element)
        if element == "foreignObject" and "switch" not in self._path:  # a switch has a drawing instead of it
            raise Refused("text", element)
        if element not in DRAWN_LINKS:
            return
        for attribute, value in attributes.items():
            link = value.strip()
            if attribute.rpartition(" ")[2] != "href" or not link or link.startswith("#"):
                continue
            if not link.startswith("data:"):
                raise Refused("link", link[:200])
            media_type = link[5:100].partition(",")[0].partition(";")[0].lower()
            if media_type.startswith("image/") and media_type not in EMBEDDED:
                raise Refused("embedded", media_type)

    def _end(self, _name: str) -> None:
        self._path.pop()

    def _characters(self, text: str) -> None:
        if "text" in self._path and text.strip():
            raise Refused("text", text.strip()[:200])

    def _instruction(self, target: str, content: str) -> None:
        if target == "xml-stylesheet":
            raise Refused("link", content[:200])

    def _entity(
        self,
        _name: str,
        _is_parameter: int,
        value: str | None,
        _base: str | None,
        _system_id: str | None,
        _public_id: str | None,
        _notation: str | None,
    ) -> None:
        """Take only the short names that Illustrator declares, of no file and of no other entity."""
        self._entities += 1
        if value is None or "&" in value or len(value) > ENTITY_CHARS or self._entities > MOST_ENTITIES:
            raise Refused("entity", "an entity")
