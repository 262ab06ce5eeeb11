"""Moderators at the pages of cases, without a browser: who is signed in, and what the forms send."""

from typing import Any

import people_made
from starlette.testclient import TestClient

from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

OURS, TOKEN = {"Sec-Fetch-Site": "same-origin"}, {"form_token": ""}
UNLICENSED = {
    "decision": "unlicensed_use",
    "reason_unlicensed_use": "listing.no_licence",
    "restriction": "remove",
    "note": "copies",
}
CANNOT_TELL = {"decision": "cannot_tell", "reason_cannot_tell": "unclear.picture", "restriction": "remove"}


def sign_in(
    client: TestClient,
    workspace: Workspace,
    owner: str = "bazaar",
    role: str = "moderator",
    name: str = "",
) -> str:
    """Sign a moderator of a marketplace in, and return the person's id."""
    email = f"{name or role}@{owner}.example"
    person = people_made.person(
        workspace.database, email, owner=owner, kinds=("marketplace",), roles=(role,), now=utc_now()
    )
    fields = {"email": email, "password": people_made.PASSWORD}
    answer = client.post("/sign-in", data=fields, headers=OURS, follow_redirects=False)
    assert answer.status_code == 303
    return person.id


def send(client: TestClient, path: str, *, follow: bool = True, **fields: Any) -> Any:
    """Send a form of our page, and return the page that follows."""
    return client.post(path, data={**TOKEN, **fields}, headers=OURS, follow_redirects=follow)
