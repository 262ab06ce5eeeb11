"""The badge of an official shop as an SVG, for the shop's page."""

from collections.abc import Sequence
from html import escape

from .i18n import Language

MOST_CHARS = 30  # of a line
TEMPLATE = """<svg xmlns="http://www.w3.org/2000/svg" width="280" height="72" viewBox="0 0 280 72" role="img">
<title>{title}</title>
<rect x=".5" y=".5" width="279" height="71" rx="10" fill="#fff" stroke="#c9c9d6"/>
<g fill="none" stroke="#2f3db5" stroke-width="2.5"><rect x="18" y="20" width="20" height="20" rx="5"/>\
<rect x="28" y="30" width="20" height="20" rx="5"/></g><path d="M28 30h10v10H28z" fill="#2f3db5"/>
<g font-family="system-ui, 'PingFang SC', 'Noto Sans CJK SC', sans-serif" fill="#16161d">
<text x="64" y="27" font-size="12" fill="#4f4f63">{heading}</text>
<text x="64" y="45" font-size="15" font-weight="600">{name}</text>
<text x="64" y="61" font-size="11" fill="#4f4f63">{behind}</text>
</g></svg>
"""


def draw_badge(name: str, brands: Sequence[str], language: Language) -> bytes:
    """Draw the badge of a shop. `name` is the organisation's, `brands` are those whose licence it has."""
    heading = language.plain("shop_badge.heading")
    behind = language.plain("shop_badge.licensed", brands=", ".join(brands)) if brands else ""
    title = " ".join(filter(None, (heading, name, behind)))
    lines = (_cut(line) for line in (heading, name, behind or language.plain("shop_badge.owner")))
    heading, name, behind = map(escape, lines)
    return TEMPLATE.format(title=escape(title), heading=heading, name=name, behind=behind).encode()


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARS else f"{text[: MOST_CHARS - 1]}\N{HORIZONTAL ELLIPSIS}"
