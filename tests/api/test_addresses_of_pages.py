"""Addresses of pages keep the language that the reader chose."""

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from api.pages.render import in_language, to


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


@pytest.mark.parametrize(
    ("query", "path", "address"),
    [
        ("", "/people", "/people?lang=en"),
        ("code=ab%2Bc&lang=zh", "/set-up", "/set-up?code=ab%2Bc&lang=en"),
        ("notice=roles&organisation=acme", "/people?lang=zh-Hans", "/people?organisation=acme&lang=en"),
        ("next=%2Fa%22%3E%3Cb%3E", "/sign-in", "/sign-in?next=%2Fa%22%3E%3Cb%3E&lang=en"),
    ],
)
def test_another_language_keeps_what_the_page_needs(query: str, path: str, address: str) -> None:
    """The code of the set-up and the chosen organisation stay, and a notice is not told twice."""
    request = Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": []}
    )
    assert in_language(request, path, "en") == address


def test_a_person_comes_back_to_the_same_page_after_the_sign_in(client: TestClient) -> None:
    """The chosen organisation survives a session that ended meanwhile. A notice does not."""
    answer = client.get("/people?organisation=acme&notice=roles&lang=zh", follow_redirects=False)
    back = "/sign-in?next=/people%3Forganisation%3Dacme&notice=needed&lang=zh-Hans"
    assert answer.headers["location"] == back
