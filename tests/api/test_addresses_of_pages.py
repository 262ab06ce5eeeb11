"""Addresses of pages keep the language that the reader chose."""

import pytest
from starlette.requests import Request

from api.pages.render import to


@pytest.mark.parametrize(
    ("query", "path", "address"),
    [
        ("", "/account?notice=saved", "/account?notice=saved"),
        ("lang=zh", "/account", "/account?lang=zh-Hans"),
        ("lang=zh", "/account?notice=saved", "/account?notice=saved&lang=zh-Hans"),
        ("lang=zh", "/account#factor", "/account?lang=zh-Hans#factor"),
        ("lang=en", "/sign-in?next=%2Fpeople#x", "/sign-in?next=%2Fpeople&lang=en#x"),
    ],
)
def test_an_address_with_a_query_keeps_it(query: str, path: str, address: str) -> None:
    """The language joins the query and stands before the fragment, so that notices and places survive."""
    request = Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": []}
    )
    assert to(request, path) == address
