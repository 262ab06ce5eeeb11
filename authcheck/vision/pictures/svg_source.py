"""The text of an SVG: its encoding, and spellings that our drawing library does not know but browsers do."""

import base64
import codecs
import re
from urllib.parse import unquote_to_bytes

from authcheck.files.file_kinds import kind_of

ENCODINGS = (
    *(
        "cp1250",
        "cp1251",
        "cp1252",
        "cp1253",
        "cp1254",
        "cp437",
        "cp850",
        "latin-1",
        "iso8859-2",
        "iso8859-15",
    ),
    *(
        "shift_jis",
        "cp932",
        "euc_jp",
        "gb2312",
        "gbk",
        "gb18030",
        "big5",
        "euc_kr",
        "cp949",
        "utf-16",
        "utf-32",
    ),
)
LOADED = [codecs.lookup(name) for name in ENCODINGS]  # a confined process can load no module
XML_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*\?>")
DECLARED = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*encoding=[\"']([\w.:-]+)")
MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "SVG": "image/svg+xml",
    "SVGZ": "image/svg+xml",
}
DATA_LINK = re.compile(r"(href\s*=\s*[\"'])\s*data:([^,\"'<>]{0,200}),")
HEAD_CHARS = 4000
NO_FRAMES = {b"\xc4", b"\xc8", b"\xcc"}  # markers of JPEG between those of frames
# Colours of CSS that our drawing library does not know. It would draw black in their place.
NEW_COLOUR = re.compile(
    r"(?<![\w-])(?:color|color-mix|oklch|oklab|lch|lab|hwb|light-dark|device-cmyk|icc-color|var|env)\(",
    re.IGNORECASE,
)
PRINT_COLOUR = re.compile(r"(?<=[\w)])\s+(?:icc-color|device-cmyk)\([^)\"'<>]*\)")
SPACED_COLOUR = re.compile(
    r"\b(rgb|hsl)a?\(\s*([\d.]+%?)(?:deg)?[\s,]+([\d.]+%?)[\s,]+([\d.]+%?)\s*(?:[/,]\s*(\d+(?:\.\d+)?%?|\.\d+%?)\s*)?\)"
)
STYLE = re.compile(r"(\sstyle\s*=\s*)(\"[^\"<>]*\"|'[^'<>]*')")
BLOCK = re.compile(r"\{([^{}<>]*)\}")
VARIABLE = re.compile(r"var\(\s*(--[\w-]+)\s*(?:,((?:[^()\"'<>]++|\([^()\"'<>]*+\))*+))?\)")
DEFINED = re.compile(r"(--[\w-]+)\s*:\s*([^;{}\"'<>]*)")
NESTED_VARIABLES = 4


def read_source(data: bytes) -> str:
    """Return the text without the XML declaration, which names the encoding of the bytes.

    Raises ValueError, LookupError.
    """
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        text = data.decode("utf-16")
    else:
        declared = DECLARED.match(data)
        name = declared[1].decode() if declared else "utf-8"
        # The declaration is in single bytes, so the text is as well. Some programs still declare UTF-16.
        is_wide = name.lower().startswith(("utf-16", "utf16", "utf-32", "ucs-2", "iso-10646"))
        text = data.decode("utf-8" if is_wide else name)
    return XML_DECLARATION.sub("", text.removeprefix("\ufeff"), count=1).rstrip("\0 \t\r\n\x1a")


def rewrite(svg: str) -> str:
    """Return the same drawing in spellings that the drawing library knows.

    Embedded pictures get the media type of their bytes. Colours for print beside a plain colour, new colours
    after a plain colour of the same property, and variables with one meaning are resolved.
    """
    svg = DATA_LINK.sub(_true_media_type, svg)
    svg = SPACED_COLOUR.sub(_with_commas, svg)
    if NEW_COLOUR.search(svg) or DEFINED.search(svg):
        svg = PRINT_COLOUR.sub("", svg)
        svg = _resolve_variables(svg)
        svg = STYLE.sub(lambda style: style[1] + _settle(style[2]), svg)
        svg = BLOCK.sub(lambda block: "{" + _settle(block[1]) + "}", svg)
    return svg


def read_data_link(link: str) -> bytes:
    """Return the bytes in a link `data:...`. Raises ValueError."""
    kind, _, content = link.partition(",")
    data = unquote_to_bytes(content)
    return base64.b64decode(b"".join(data.split()) + b"==") if "base64" in kind.lower() else data


def _with_commas(colour: re.Match[str]) -> str:
    kind, *values, opacity = colour.groups()
    if opacity is None:
        return f"{kind}({', '.join(values)})"
    if opacity.endswith("%"):
        opacity = f"{float(opacity[:-1]) / 100:.4g}"
    return f"{kind}a({', '.join(values)}, {opacity})"


def jpeg_channels(data: bytes) -> int:
    """Return the number of colour channels of a JPEG, by its frame header, or 0."""
    place = 2
    while data[place : place + 1] == b"\xff":
        marker, size_bytes = data[place + 1 : place + 2], int.from_bytes(data[place + 2 : place + 4])
        if b"\xc0" <= marker <= b"\xcf" and marker not in NO_FRAMES:
            return int.from_bytes(data[place + 9 : place + 10])
        place += 1 if marker == b"\xff" else 2 + size_bytes
    return 0


def _true_media_type(link: re.Match[str]) -> str:
    head = link.string[link.end() : link.end() + HEAD_CHARS].partition(link[1][-1])[0]
    head = re.sub(r"\s|&#x?[0-9aAdD]+;", "", head) if "base64" in link[2].lower() else head
    try:
        data = read_data_link(f"{link[2]},{head[: len(head) // 4 * 4]}")
    except ValueError:
        return link[0]
    media_type = MEDIA_TYPES.get(kind_of(data))
    _, _, options = link[2].partition(";")
    return f"{link[1]}data:{media_type};{options}," if media_type and options else link[0]


def _resolve_variables(svg: str) -> str:
    values: dict[str, set[str]] = {}
    for name, value in DEFINED.findall(svg):
        values.setdefault(name, set()).add(value.strip())

    def value_of(variable: re.Match[str]) -> str:
        fallback = {variable[2].strip()} if variable[2] else set()
        meanings = values.get(variable[1], set()) | fallback
        return meanings.pop() if len(meanings) == 1 else variable[0]

    for _ in range(NESTED_VARIABLES):
        svg = VARIABLE.sub(value_of, svg)
    return svg


def _settle(declarations: str) -> str:
    """Leave out variables, and each new colour after another value of its property.

    A browser that does not know a colour passes over it as well. The drawing library stops at a variable.
    """
    quote = declarations[:1] if declarations[:1] in {'"', "'"} else ""
    known: set[str] = set()
    kept: list[str] = []
    for declaration in declarations.strip(quote or None).split(";"):
        name = declaration.partition(":")[0].strip()
        if name.startswith("--") or (name in known and NEW_COLOUR.search(declaration)):
            continue
        known.add(name)
        kept.append(declaration)
    return f"{quote}{';'.join(kept)}{quote}"
