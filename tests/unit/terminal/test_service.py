"""A server's answers: pages, refusals, waits, and servers that mean no good."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from servers_made import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from authcheck.errors import AuthcheckError, Conflict, Forbidden, NotFound, Rejected, Unavailable
from authcheck.terminal.remote.logins import Login
from authcheck.terminal.remote.service import Service, place

Answer = Callable[[Request], Awaitable[Response]]
KEY = "ack_key_secret"


@pytest.fixture
def heard() -> list[Request]:
    """The requests that the server has got."""
    return []


@pytest.fixture
def serve(heard: list[Request]) -> Iterator[Callable[[Callable[[Request], Response]], Service]]:
    """Return a service whose server answers every request by a function."""
    running = ExitStack()

    def start(answer: Callable[[Request], Response]) -> Service:
        async def hear(request: Request) -> Response:
            heard.append(request)
            return answer(request)

        app = Starlette(routes=[Route("/{path:path}", hear, methods=["GET", "POST", "PATCH"])])
        url = running.enter_context(serving(app))
        return running.enter_context(Service(Login(url, KEY, "acme")))

    with running:
        yield start


def problem(status: int, code: str, detail: str = "It is not so.", **more: Any) -> JSONResponse:
    """A refusal as the API writes it."""
    return JSONResponse({"code": code, "detail": detail, **more}, status)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Forbidden),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (422, Rejected),
        (503, Unavailable),
    ],
)
def test_refusals(serve: Any, status: int, kind: type[AuthcheckError]) -> None:
    """A refusal is the error of the same family, with the server's code and sentence."""
    service = serve(lambda _: problem(status, "design.what"))
    with pytest.raises(kind, match=r"It is not so\.") as caught:
        service.get("/v1/designs")
    assert caught.value.code == "design.what"
    assert ("authcheck login" in str(caught.value)) is (status == 401)


def test_faults_of_single_values_are_told(serve: Any) -> None:
    """A refusal names each wrong value."""
    errors = [{"pointer": "/body/lot", "code": "too_long", "detail": "At most 20 characters."}]
    service = serve(lambda _: problem(422, "request.invalid", errors=errors))
    with pytest.raises(Rejected, match="At most 20 characters"):
        service.send("POST", "/v1/batches", {})


def test_pages_follow_each_other(serve: Any, heard: list[Request]) -> None:
    """A list is read to its end."""
    pages = {"": ([1, 2], "b"), "b": ([3], None)}

    def answer(request: Request) -> Response:
        items, following = pages[request.query_params.get("after", "")]
        return JSONResponse({"items": [{"id": number} for number in items], "next": following})

    rows = list(serve(answer).items("/v1/designs", state="retired", kind=None))
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert [request.query_params.get("state") for request in heard] == ["retired", "retired"]
    assert not any("kind" in request.query_params for request in heard)


def test_a_busy_server_is_waited_for(serve: Any, heard: list[Request]) -> None:
    """A request that came too early is sent again when the server says, with its key."""

    def answer(_: Request) -> Response:
        if len(heard) < 3:
            return JSONResponse({"code": "rate.exceeded", "detail": "Wait."}, 429, {"Retry-After": "0"})
        return JSONResponse({"id": "bat_1"})

    assert serve(answer).send("POST", "/v1/batches", {"lot": "L"}, key="k1") == {"id": "bat_1"}
    assert [request.headers["Idempotency-Key"] for request in heard] == ["k1"] * 3


def test_a_change_names_the_version_that_was_read(serve: Any, heard: list[Request]) -> None:
    """A change of somebody else between reading and writing is refused by the server."""
    service = serve(lambda _: JSONResponse({"id": "d"}, headers={"ETag": '"7"'}))
    service.change("/v1/designs/d", {"title": "New"})
    assert [(request.method, request.headers.get("If-Match")) for request in heard] == [
        ("GET", None),
        ("PATCH", '"7"'),
    ]


def test_the_client_of_an_agent_is_named(serve: Any, heard: list[Request]) -> None:
    """A key of acme with `--org globex` acts for globex, if globex has appointed acme."""
    first = serve(lambda _: JSONResponse({}))
    for organisation in (None, "acme", "globex"):
        with Service(first._login, organisation) as service:
            service.get("/v1/me")
    assert [request.headers.get("Authcheck-Client") for request in heard] == [None, None, "globex"]


def test_attack_a_server_that_sends_the_key_elsewhere(serve: Any, heard: list[Request]) -> None:
    """No redirect is followed, so the key stays with the server that it is for."""
    with serving(Starlette(routes=[Route("/{path:path}", lambda _: PlainTextResponse(""))])) as other:
        service = serve(lambda _: RedirectResponse(f"{other}/v1/designs"))
        with pytest.raises(Rejected) as caught:
            service.get("/v1/designs")
    assert caught.value.code == "server.foreign"
    assert len(heard) == 1


@pytest.mark.parametrize(
    "answer", [PlainTextResponse("<html>"), JSONResponse([1]), PlainTextResponse("no", 404)]
)
def test_what_is_no_authcheck_is_said(serve: Any, answer: Response) -> None:
    """The address of some other website is named as such."""
    with pytest.raises(Rejected, match="does not answer as an authcheck server") as caught:
        serve(lambda _: answer).get("/v1/me")
    assert caught.value.code == "server.foreign"


def test_attack_a_refusal_that_would_write_to_the_terminal(serve: Any) -> None:
    """Control characters of a server are printed as escapes."""
    service = serve(lambda _: problem(422, "x", "\x1b]0;owned\x07gone"))
    with pytest.raises(Rejected) as caught:
        service.get("/v1/me")
    assert "\x1b" not in str(caught.value)
    assert "\\x1b]0;owned\\x07gone" in str(caught.value)


def test_nobody_there() -> None:
    """A server that is down is named, and the exit status says that nothing is known."""
    nobody = Service(Login("http://127.0.0.1:9", KEY, "acme"))
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:9 cannot be reached") as caught, nobody:
        nobody.get("/v1/me")
    assert caught.value.code == "server.unreachable"


@pytest.mark.parametrize("path", ["http://127.0.0.1:9/x", "//127.0.0.1:9/x", "x"])
def test_attack_an_answer_that_names_another_server(serve: Any, heard: list[Request], path: str) -> None:
    """The address of an evidence picture comes from the server. No other host is asked, and gets the key."""
    with pytest.raises(Rejected) as caught:
        serve(lambda _: PlainTextResponse("")).read(path)
    assert caught.value.code == "server.foreign"
    assert heard == []


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("designs", "KITE-1"), "/v1/designs/KITE-1"),
        (("designs", "../me?x#y"), "/v1/designs/..%2Fme%3Fx%23y"),
    ],
)
def test_attack_a_reference_that_is_another_path(words: tuple[str, ...], path: str) -> None:
    """A reference from a table of others cannot name another endpoint."""
    assert place(*words) == path
