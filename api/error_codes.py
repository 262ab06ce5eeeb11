"""The codes of errors, explained: read from errors.md, which people may read as it is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

TEXT = Path(__file__).parent / "errors.md"
ROW = re.compile(r"^\| `([^`]+)` \| \S+ \| (.+?) \| .* \|$", re.MULTILINE)
SENTENCE = re.compile(r".+?\.(?= [A-Z]|$)")


@lru_cache(maxsize=1)
def titles() -> Mapping[str, str]:
    """Return the first sentence of what each error means, by code."""
    meanings = dict(ROW.findall(TEXT.read_text("utf-8")))
    return {code: _first_sentence(text).replace("`", "") for code, text in meanings.items()}


def _first_sentence(text: str) -> str:
    found = SENTENCE.match(text)
    return found[0] if found else text


@lru_cache(maxsize=1)
def page() -> Markup:
    """Return the explanations as HTML. Each code's row has the code as its id."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    _, *tokens = _below_the_title(reader.parse(TEXT.read_text("utf-8")))
    return Markup(reader.renderer.render(list(_for_the_page(tokens)), reader.options, {}))  # noqa: S704 - our own file


def _below_the_title(tokens: Sequence[Token]) -> Sequence[Token]:
    return tokens[next(i for i, token in enumerate(tokens) if token.type == "heading_close") :]


def _for_the_page(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens without links to other files, which a service does not have, and with ids of rows."""
    taken: set[str] = set()
    row = None
    for token in tokens:
        if token.type == "tr_open":
            row = token
        if token.children:
            token.children = [one for one in token.children if not one.type.startswith("link_")]
            first = token.children[0] if token.children else None
            if row and first and first.type == "code_inline" and first.content not in taken:
                row.attrSet("id", first.content)
                taken.add(first.content)
            row = None
        yield token
