"""People who open pages of licences, and the text that they read."""

import html
import re
from collections.abc import Callable
from typing import Any

import people_made
from browsers_made import Browser
from starlette.testclient import TestClient

from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

SignIn = Callable[..., Browser]


def visitors(client: TestClient, workspace: Workspace) -> SignIn:
    """Return a function that opens the browser of a person: `visit("maker", "licensee", "licensee")`."""

    def sign_in(owner: str = "acme", role: str = "licensing", kind: str = "brand", name: str = "") -> Browser:
        email = f"{name or role}@{owner}.example"
        people_made.person(
            workspace.database, email, owner=owner, kinds=(kind,), roles=(role,), now=utc_now()
        )
        browser = Browser(client)
        browser.sign_in(email)
        return browser

    return sign_in


def words_of(page: Any) -> str:
    """Return the text of a page as people read it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())
