"""The drawer of SVG, inside a bounded process. `drawing` starts it."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any
from xml.parsers import expat

import resvg_py

from authcheck.files.bounded_child import Answer, serve
from authcheck.files.file_kinds import kind_of
from authcheck.vision.pictures.svg_source import (
    MEDIA_TYPES,
    NEW_COLOUR,
    jpeg_channels,
    read_data_link,
    read_source,
    rewrite,
)

PNG_SIZE = slice(16, 24)  # width and height in a PNG's header
PROBE_PX = 256  # width of a first drawing, which tells the shape
MOST_ELEMENTS = 200_000
MOST_ENTITIES = 100
ENTITY_CHARS = 1000
DPI = 96.0
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


SVG_NAMESPACES = {"", "http://www.w3.org/2000/svg"}
# Parts that browsers or drawing programs show and that the drawing library leaves out.
LEFT_OUT = {"video", "audio", "iframe", "canvas", "object", "embed"}
LEFT_OUT_PAINTS = {"meshgradient", "meshGradient", "mesh", "hatch", "solidcolor", "solidColor"}
PAINTS = {"fill", "stroke", "stop-color", "flood-color", "lighting-color", "color"}
REFERENCES = {
    "fill",
    "stroke",
    "filter",
    "mask",
    "clip-path",
    "marker",
    "marker-start",
    "marker-mid",
    "marker-end",
}
FOREIGN_URL = re.compile(r"url\(\s*[\"']?\s*(?![#\s\"'])([^)]*)")
SHAPE = re.compile(r"(?:polygon|circle|ellipse|inset|path|rect|xywh|shape)\(")
AT_RULE = re.compile(r"@[\w-]+[^{};]*+(?:;|\{(?:[^{}]++|\{[^{}]*+\})*+\})|/\*.*?\*/", re.DOTALL)
HARMLESS_RULE = re.compile(
    r"/\*|@(?:import|charset|namespace|font-face|page|property|(?:-\w+-)?keyframes)\b"
    r"|@media[^{]*(?:print|prefers-)|@supports[^{]*\(color"
)
STATE = r":(?:root|hover|focus|active|visited|link|target|first-child)\b|::[\w-]+"
UNKNOWN_SELECTOR = re.compile(rf"(?!{STATE})(?<!:):[\w-]+|~")
PLACES = {"x", "y", "cx", "cy", "r", "rx", "ry", "d"}  # attributes that CSS may set as well
SIZES = {"width", "height"}
SHAPES = {"rect", "circle", "ellipse", "path", "image", "use"}
NO_MOVE = re.compile(
    r"none|(?:translate(?:3d|X|Y)?\((?:0(?:px|%)?[\s,]*)+\)|rotate\(0(?:deg)?\)|scale\(1(?:,\s*1)?\)|\s)*"
)
DEEPEST = 3  # of drawings inside drawings
PRINT_CHANNELS = 4


class Refused(Exception):
    """The drawing cannot be drawn as it is. The argument is the error's name, the second one says what."""


def main() -> None:
    """Answer for the SVG on standard input."""
    serve(draw)


def draw(data: bytes, options: Mapping[str, Any]) -> Answer:
    """Return a PNG whose shorter side has `side_px` pixels, and whose longer side at most `longest_px`."""
    try:
        svg = rewrite(read_source(data))
        Reader(svg).read()
        width_px, height_px = _size(_render(svg, PROBE_PX))
        factor = min(
            options["side_px"] / min(width_px, height_px), options["longest_px"] / max(width_px, height_px)
        )
        body = _render(svg, max(1, round(width_px * factor)))
    except Refused as error:
        return {"error": error.args[0], "what": error.args[1]}, b""
    except MemoryError:
        raise
    except (expat.ExpatError, ValueError, LookupError, OSError):
        return {"error": "damaged"}, b""
    return {"size": _size(body)}, body


def _render(svg: str, width_px: int) -> bytes:
    return resvg_py.svg_to_bytes(svg_string=svg, width=width_px, dpi=DPI, skip_system_fonts=True)


def _size(png: bytes) -> tuple[int, int]:
    sides = png[PNG_SIZE]
    return int.from_bytes(sides[:4], "big"), int.from_bytes(sides[4:], "big")


class Reader:
    """A reader that goes through the whole SVG and refuses what a drawing of it would leave out or fetch."""

    def __init__(self, svg: str, depth: int = 0) -> None:
        self._svg, self._depth = svg, depth
        self._elements = self._entities = 0
        self._style = ""
        self._path: list[str] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._entity
        self._parser.ProcessingInstructionHandler = self._instruction

    def read(self) -> None:
        """Read the document. Raises Refused, ExpatError."""
        self._parser.Parse(self._svg.encode(), True)
        self._check_sheet(self._style)

    def _check_sheet(self, sheet: str) -> None:
        for rule in AT_RULE.finditer(sheet):
            if not HARMLESS_RULE.match(rule[0]):
                raise Refused("part", rule[0].strip()[:100])
        for selector, block in re.findall(r"([^{}]*)\{([^{}]*)\}", AT_RULE.sub("", sheet)):
            if UNKNOWN_SELECTOR.search(selector):
                raise Refused("part", selector.strip()[:100])
            self._check_style(block, PLACES)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise Refused("costly", f"more than {MOST_ELEMENTS} elements")
        namespace, _, element = name.rpartition(" ")
        self._path.append(element)
        if "switch" in self._path and element == "foreignObject":  # a switch has a drawing instead of it
            return
        is_shown = element not in LEFT_OUT_PAINTS or f"#{attributes.get('id', '#')}" in self._svg
        if (
            namespace in SVG_NAMESPACES
            and element in {"foreignObject", *LEFT_OUT, *LEFT_OUT_PAINTS}
            and is_shown
        ):
            raise Refused("part", f"<{element}>")
        for attribute, value in attributes.items():
            if attribute == "style":
                self._check_style(value, PLACES | SIZES if element in SHAPES else set())
            else:
                self._check_value(attribute, value)
        if element in DRAWN_LINKS:
            self._check_links(attributes)

    def _check_links(self, attributes: Mapping[str, str]) -> None:
        for attribute, value in attributes.items():
            link = value.strip()
            if attribute.rpartition(" ")[2] != "href" or not link or link.startswith("#"):
                continue
            if not link.startswith("data:"):
                raise Refused("link", link[:200])
            if self._path[-1] in {"image", "feImage"}:
                self._check_embedded(link)

    def _check_embedded(self, link: str) -> None:
        """Refuse an embedded picture that the drawing library would leave out or draw in wrong colours."""
        try:
            data = read_data_link(link)
        except ValueError:
            data = b""
        kind = kind_of(data)
        if kind not in MEDIA_TYPES:
            raise Refused("embedded", kind or link[5:100].partition(",")[0])
        if kind == "JPEG" and jpeg_channels(data) == PRINT_CHANNELS:
            raise Refused("embedded", "JPEG in the colours CMYK")
        if kind == "SVG":
            if self._depth == DEEPEST:
                raise Refused("embedded", "SVG in SVG in SVG")
            Reader(read_source(data), self._depth + 1).read()

    def _check_style(self, declarations: str, unknown: AbstractSet[str]) -> None:
        """Refuse declarations that browsers obey and the drawing library does not."""
        for declaration in declarations.split(";"):
            name, _, value = (part.strip() for part in declaration.partition(":"))
            is_moved = name == "transform" and not NO_MOVE.fullmatch(value)
            if name in unknown or is_moved:
                raise Refused("part", f"{name}: {value[:100]}")
            self._check_value(name, value)

    def _check_value(self, name: str, value: str) -> None:
        """Refuse a colour, a shape or a link of CSS that the drawing library would pass over."""
        if name in PAINTS and NEW_COLOUR.search(value):
            raise Refused("part", f"{name}: {value.strip()[:100]}")
        if name in {"clip-path", "mask"} and SHAPE.match(value.strip()):
            raise Refused("part", f"{name}: {value.strip()[:100]}")
        if name in REFERENCES and (link := FOREIGN_URL.search(value)):
            raise Refused("link", link[1][:200])

    def _end(self, _name: str) -> None:
        self._path.pop()

    def _characters(self, text: str) -> None:
        if self._path and self._path[-1] == "style":
            self._style += text
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
