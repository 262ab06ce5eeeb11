"""A server of authcheck over HTTP: requests with a member's key, answers as JSON, refusals as our errors."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any, Self
from urllib.parse import quote

import httpx2

from authcheck import __version__
from authcheck.errors import AuthcheckError, Conflict, Forbidden, NotFound, Rejected, Unavailable
from authcheck.terminal.output import console
from authcheck.terminal.remote.logins import Login

TIMEOUT = httpx2.Timeout(600.0, connect=10.0)  # seconds; a check of many pictures waits for its turn
PAGE = 200
MOST_WAITS, LONGEST_WAIT_S = 10, 120.0
KINDS: Mapping[int, type[AuthcheckError]] = {401: Forbidden, 403: Forbidden, 404: NotFound, 409: Conflict}

Files = Sequence[tuple[str, Any]]


class Service:
    """The server of a login. With `organisation`, an agent's key acts for that brand."""

    def __init__(self, login: Login, organisation: str | None = None) -> None:
        headers = {"User-Agent": f"authcheck/{__version__}", "Accept": "application/json"}
        if login.key:
            headers["Authorization"] = f"Bearer {login.key}"
        self._login = login
        self._client = organisation
        self._http = httpx2.Client(base_url=login.url, headers=headers, timeout=TIMEOUT)

    def __enter__(self) -> Self:
        """Return the service. Ask whom the key stands for, if the login does not say."""
        with ExitStack() as unfinished:
            unfinished.callback(self._http.close)
            if self._client and self._client != (self._login.organisation or self.me["organisation"]):
                self._http.headers["Authcheck-Client"] = self._client
            unfinished.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def organisation(self) -> str:
        """The handle of the organisation for which the requests are made."""
        handle: str = self._http.headers.get("Authcheck-Client") or self.me["organisation"]
        return handle

    @cached_property
    def me(self) -> dict[str, Any]:
        """Whom the key acts for, and what it may do."""
        return self.get("/v1/me")

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return a JSON object."""
        return self._object(self._ask("GET", path, query))

    def items(self, path: str, *, after: str | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of a list after the one with the id `after`, page after page."""
        while True:
            page = self.get(path, limit=PAGE, after=after, **query)
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def read(self, path: str, **query: Any) -> bytes:
        """Return the bytes of a file."""
        return self._ask("GET", path, query).content

    def send(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **query: Any
    ) -> dict[str, Any]:
        """Send a JSON object and return the answer, {} when it is empty. `key` is an Idempotency-Key."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._object(self._ask(method, path, query, json=body, headers=headers))

    def change(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change an object as it is now. Raises Rejected (`precondition.failed`) if somebody was faster."""
        version = self._ask("GET", path, {}).headers["ETag"]
        return self._object(self._ask("PATCH", path, {}, json=body, headers={"If-Match": version}))

    def take_back(self, path: str) -> list[Any]:
        """Delete what stands at a path, and return what the server lists as changed by that."""
        changed = self._ask("DELETE", path, {}).json()
        return changed if isinstance(changed, list) else [changed]

    def upload(self, path: str, parts: Files, **query: Any) -> dict[str, Any]:
        """Send a form of texts and files, and return the answer."""
        return self._object(self._ask("POST", path, query, files=parts))

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        *,
        json: Any = None,
        files: Files | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Ask, wait where the server asks to, and return its answer. Raises AuthcheckError for a refusal.

        A path that the server named must be one of the server's own: the key is for no other.
        """
        if not path.startswith("/") or path.startswith("//"):
            raise self._foreign()
        content = {"json": json} if json is not None else {"files": files} if files is not None else {}
        for turn in range(MOST_WAITS + 1):
            with self._translated_faults():
                answer = self._http.request(
                    method,
                    path,
                    params={name: value for name, value in query.items() if value not in (None, "")},
                    headers=dict(headers or {}),
                    **content,
                )
            if answer.status_code != httpx2.codes.TOO_MANY_REQUESTS or turn == MOST_WAITS:
                break
            _wait(answer)
        if not answer.is_success:
            raise self._refusal(answer)
        return answer

    @contextmanager
    def _translated_faults(self) -> Iterator[None]:
        """Raises Unavailable (`server.unreachable`) for a fault of the network."""
        url = self._login.url
        try:
            yield
        except httpx2.TimeoutException as error:
            message = (
                f"{url} did not answer in time. Look whether it did what you asked before you repeat it."
            )
            raise Unavailable(message, code="server.unreachable", url=url) from error
        except httpx2.HTTPError as error:
            message = f"{url} cannot be reached: {error}."
            raise Unavailable(message, code="server.unreachable", url=url) from error

    def _object(self, answer: httpx2.Response) -> dict[str, Any]:
        if not answer.content:
            return {}
        try:
            found = answer.json()
        except ValueError as error:
            raise self._foreign() from error
        if not isinstance(found, dict):
            raise self._foreign()
        return found

    def _foreign(self) -> Rejected:
        url = self._login.url
        message = f"{url} does not answer as an authcheck server does. Check the address."
        return Rejected(message, code="server.foreign", url=url)

    def _refusal(self, answer: httpx2.Response) -> AuthcheckError:
        """Return the error that the server names, with the faults of the single values."""
        try:
            problem = answer.json()
            code, detail = str(problem["code"]), str(problem["detail"])
            faults = [str(fault["detail"]) for fault in problem.get("errors") or ()]
        except (ValueError, KeyError, TypeError):
            return self._foreign()
        if answer.status_code == httpx2.codes.UNAUTHORIZED:
            detail = f"{detail} Log in with `authcheck login {self._login.url}`."
        text = console.plain(" ".join([detail, *(fault for fault in faults if fault not in detail)]))
        kind = Unavailable if answer.is_server_error else KINDS.get(answer.status_code, Rejected)
        return kind(text, code=code)


def is_about_the_caller(error: Rejected) -> bool:
    """Return whether a refusal is about the caller or the server. Every row of a table would meet it."""
    return error.code.startswith(("auth.", "organisation.", "server."))


def _wait(answer: httpx2.Response) -> None:
    """Wait as long as the server says. Ctrl-C ends the command."""
    try:
        seconds = float(answer.headers.get("Retry-After", "1"))
    except ValueError:
        seconds = 1.0
    seconds = min(max(seconds, 0.1), LONGEST_WAIT_S)
    console.say(f"The server is busy. Waiting {seconds:.0f} s.")
    time.sleep(seconds)


def place(*words: str) -> str:
    """Return a path below /v1 of these words: `place("designs", "KITE-1")`."""
    return "/v1/" + "/".join(quote(word, safe="") for word in words)
