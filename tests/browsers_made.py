"""A browser of one person, for tests that need no Chromium."""

from typing import Any

import people_made
from starlette.testclient import TestClient

OURS = {"Sec-Fetch-Site": "same-origin"}


class Browser:
    """A browser of one person, which keeps its cookies."""

    def __init__(self, client: TestClient) -> None:
        self._client, self.cookies = client, dict[str, str]()

    def get(self, path: str, **headers: str) -> Any:
        """Open a page."""
        return self._send("GET", path, headers)

    def post(self, path: str, headers: dict[str, str] = OURS, **fields: Any) -> Any:
        """Send a form of our page."""
        return self._send("POST", path, headers, data={"form_token": "", **fields})

    def send(self, path: str, files: dict[str, Any], **fields: str) -> Any:
        """Send a form of our page that may have files."""
        texts = {name: (None, value) for name, value in {"form_token": "", **fields}.items()}
        return self._send("POST", path, OURS, files=texts | files)

    def _send(self, method: str, path: str, headers: dict[str, str], **given: Any) -> Any:
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        self._client.cookies.clear()
        answer = self._client.request(
            method,
            path,
            headers={**headers, **(cookie if self.cookies else {})},
            follow_redirects=False,
            **given,
        )
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        if 'authcheck_session=""' in answer.headers.get("set-cookie", ""):
            self.cookies.pop("authcheck_session", None)
        return answer

    def sign_in(
        self, email: str = "mei@acme.example", password: str = people_made.PASSWORD, **more: str
    ) -> Any:
        """Sign in."""
        return self.post("/sign-in", email=email, password=password, **more)
