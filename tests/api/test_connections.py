"""Attacks on the server's connections: each is a client that a stranger could write in a minute."""

import asyncio
import json
import logging
import resource
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from api import connections
from authcheck.terminal import server

LIMIT = 20


@dataclass
class Running:
    """A server on a free port, and the requests whose bodies its application has read whole."""

    port: int
    bodies: list[bytes] = field(default_factory=list)
    answer_bytes: int = 2
    reads_body: bool = True
    work_s: float = 0.0

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Open a connection and send bytes."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        connection.sendall(sent)
        return connection

    def ask(self, sent: bytes = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") -> bytes:
        """Send bytes, and return all that comes back."""
        with self.connect(sent) as connection:
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def read_answer(connection: socket.socket) -> bytes:
    """Read one answer of two bytes, and leave the connection open."""
    answer = b""
    while not answer.endswith(b"\r\n\r\nxx"):
        piece = connection.recv(1000)
        assert piece, answer
        answer += piece
    return answer


def is_open(connection: socket.socket) -> bool:
    """Return whether the server has not closed the connection yet."""
    connection.setblocking(False)
    try:
        return connection.recv(65536) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    finally:
        connection.settimeout(5)


def can_send(connection: socket.socket, data: bytes) -> bool:
    """Return whether the server still takes bytes."""
    try:
        connection.sendall(data)
    except (ConnectionError, TimeoutError):
        return False
    return True


def problem_of(answer: bytes) -> dict[str, Any]:
    """Return the problem in an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return dict(json.loads(body))


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true, at most 5 s."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A server with the limits of the product, and times a hundred times shorter."""
    monkeypatch.setattr(connections, "HEADER_S", 0.1)
    monkeypatch.setattr(connections, "BODY_CHECK_S", 0.1)
    monkeypatch.setattr(connections, "AFTER_ANSWER_S", 0.1)
    monkeypatch.setattr(connections, "WRITE_S", 0.1)
    monkeypatch.setattr(connections, "CLOSING_S", 0.05)
    monkeypatch.setattr(connections.BoundedConnection, "warned_at_s", -1000.0)
    state = Running(0)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body, has_more = b"", state.reads_body
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, has_more = body + message["body"], message["more_body"]
        state.bodies.append(body)
        await asyncio.sleep(state.work_s)
        length = str(state.answer_bytes).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": b"x" * state.answer_bytes})

    config = uvicorn.Config(
        application,
        port=0,
        http=connections.BoundedConnection,
        ws="none",
        lifespan="off",
        limit_concurrency=LIMIT,
        log_config=None,
    )
    service = uvicorn.Server(config)
    thread = threading.Thread(target=service.run)  # with the event loop of the product
    thread.start()
    wait_for(lambda: service.started)
    state.port = service.servers[0].sockets[0].getsockname()[1]
    yield state
    service.should_exit = service.force_exit = True
    thread.join(10)


def test_an_ordinary_request_is_answered(running: Running) -> None:
    """The limits do not touch an ordinary request."""
    assert running.ask().endswith(b"xx")


def test_a_connection_serves_several_requests(running: Running) -> None:
    """A connection is kept for the next request."""
    with running.connect() as connection:
        for _ in range(3):
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            read_answer(connection)
    assert running.bodies == [b"abc"] * 3


@pytest.mark.parametrize(
    "endless",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 200_000,
        b"GET /" + b"a" * 200_000,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n",
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n" + b"a: b\r\n" * 101 + b"\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: " + b"a" * 200_000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;name=" + b"a" * 200_000,
        b"\r\n" * 100_000,
    ],
    ids=["value", "path", "many", "many and an upgrade", "trailer", "chunk extension", "blank lines"],
)
def test_headers_without_end_are_refused(running: Running, endless: bytes) -> None:
    """Each way to send headers without end gets 431, and costs at most 64 KiB."""
    answer = problem_of(running.ask(endless))
    assert (answer["status"], answer["code"]) == (431, "request.headers_too_large")
    assert running.bodies == []  # no request begins without its last headers
    assert running.ask().endswith(b"xx")


def test_headers_of_64_kib_are_read(running: Running) -> None:
    """Large cookies are no attack."""
    cookie = b"Cookie: " + b"a" * 60_000
    assert running.ask(b"GET / HTTP/1.1\r\nConnection: close\r\n" + cookie + b"\r\n\r\n").endswith(b"xx")


def test_what_is_no_request_gets_a_problem(running: Running) -> None:
    """Bytes that are no HTTP get a problem, not a line of text."""
    answer = problem_of(running.ask(b"hello\r\n\r\n"))
    assert (answer["status"], answer["code"]) == (400, "request.malformed")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    ],
    ids=["hosts", "version", "coding", "chunks in 1.0", "length and chunks", "lengths"],
)
def test_a_request_with_two_meanings_is_refused(
    running: Running, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    """A proxy before us could see another request. The log does not grow with such requests."""
    answer = running.ask(sent + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (problem_of(answer)["code"], answer.count(b"HTTP/1.1")) == ("request.malformed", 1)
    assert (running.bodies, caplog.records) == ([], [])


def test_the_offer_of_another_protocol_is_ignored(running: Running) -> None:
    """Java's client offers HTTP/2 with each request. The request, its body and the next one are served."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    post = b"POST / HTTP/1.1\r\nHost: x\r\n" + offer + b"Content-Length: 20000\r\n\r\n"
    with running.connect(post) as connection:
        connection.sendall(b"a" * 20_000)
        read_answer(connection)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + offer + b"\r\n")
        read_answer(connection)
    assert running.bodies == [b"a" * 20_000, b""]


def test_what_follows_connect_is_no_request(running: Running) -> None:
    """A tunnel is not opened, and its bytes are not read."""
    answers = running.ask(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answers.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("times", [1, 3])
def test_a_client_may_end_its_side_before_the_answer(running: Running, times: int) -> None:
    """`nc -N` and simple programs send all, end their side, and then read."""
    with running.connect(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na" * times) as client:
        client.shutdown(socket.SHUT_WR)
        assert read_all(client).count(b"\r\n\r\nxx") == times


def test_an_answer_before_the_end_of_the_body_is_read(running: Running) -> None:
    """A client that closes after the answer still reads an answer that did not need its whole body."""
    running.reads_body = False
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5000000\r\n\r\n"
    assert running.ask(head + b"a" * 5_000_000).endswith(b"xx")


def test_a_malformed_body_ends_the_request_of_the_application(running: Running) -> None:
    """The application does not wait for the rest of a malformed body."""
    sent = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    assert problem_of(running.ask(sent))["code"] == "request.malformed"
    assert running.bodies == []


@pytest.mark.parametrize("sent", [b"", b"\r\n"], ids=["nothing", "blank line"])
def test_a_silent_connection_ends(running: Running, sent: bytes) -> None:
    """A connection without a request ends after HEADER_S."""
    began_s = time.monotonic()
    assert running.ask(sent) == b""
    assert time.monotonic() - began_s < 3


def test_unfinished_headers_end(running: Running) -> None:
    """Headers that do not arrive in time get 408."""
    assert problem_of(running.ask(b"GET / HTTP/1.1\r\nHost:"))["code"] == "request.timeout"


def test_unfinished_headers_of_a_second_request_end(running: Running) -> None:
    """The limit holds for every request of a connection."""
    with running.connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        read_answer(connection)
        connection.sendall(b"GET / HTTP/1.1\r\n")
        assert problem_of(read_all(connection))["code"] == "request.timeout"


def test_a_stalled_upload_ends(running: Running) -> None:
    """An upload that stops gets 408, and the application never sees it."""
    answer = problem_of(running.ask(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc"))
    assert answer["code"] == "request.timeout"
    assert running.bodies == []


def test_a_slow_but_steady_upload_is_read(running: Running) -> None:
    """A telephone on a bad line may take its time."""
    with running.connect(b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 600\r\n\r\n") as upload:
        for _ in range(6):  # about 2,000 bytes per second, four times the least
            upload.sendall(b"a" * 100)
            time.sleep(0.05)
        assert read_all(upload).endswith(b"xx")


def test_a_body_that_nobody_reads_ends_soon_after_the_answer(running: Running) -> None:
    """After an early answer the rest of an endless body is read for a short time only."""
    running.reads_body = False
    with running.connect(b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n") as upload:
        wait_for(lambda: not can_send(upload, b"a" * 10_000))


def test_a_connection_is_reused_after_a_body_that_nobody_read(running: Running) -> None:
    """An honest client sends the rest of its body, then its next request."""
    running.reads_body = False
    with running.connect(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n") as upload:
        read_answer(upload)
        upload.sendall(b"abcGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        read_answer(upload)


def test_a_client_that_does_not_read_the_answer_is_cut_off(running: Running) -> None:
    """An answer does not wait for its reader for ever."""
    running.answer_bytes = 50_000_000
    with running.connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        time.sleep(0.4)
        assert len(read_all(client)) < running.answer_bytes


def test_a_client_that_goes_with_requests_sent_ahead_leaves_no_trace(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer to a client that has gone is dropped. It is no error of ours in the log."""
    running.work_s = 0.02
    for _ in range(10):
        client = running.connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 6 + b"POST / HTTP/1.1\r\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # end with a reset
        client.close()
    time.sleep(0.1)
    assert running.ask().endswith(b"xx")
    assert [record.message for record in caplog.records] == []


def test_requests_sent_ahead_are_bounded(running: Running) -> None:
    """A client that sends ten thousand requests ahead loses its connection."""
    answers = running.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 10_000)
    assert answers.count(b"HTTP/1.1 200") < 2 * connections.PIPELINED


def test_idle_connections_lock_nobody_out(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At the limit the connection that has waited longest makes room for a new one."""
    monkeypatch.setattr(connections, "HEADER_S", 30.0)
    idle = [running.connect() for _ in range(3 * LIMIT)]
    with caplog.at_level(logging.WARNING, "authcheck.api"):
        assert running.ask().endswith(b"xx")
    wait_for(lambda: sum(map(is_open, idle)) < LIMIT)
    assert is_open(idle[-1])
    assert not is_open(idle[0])
    for connection in idle:
        connection.close()


def test_the_log_says_once_a_minute_that_connections_are_at_their_limit(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator learns of the limit, and the log does not grow with the attack."""
    monkeypatch.setattr(connections, "HEADER_S", 30.0)
    with caplog.at_level(logging.WARNING, "authcheck.api"):
        idle = [running.connect() for _ in range(2 * LIMIT)]
        assert running.ask().endswith(b"xx")
    assert [record.args for record in caplog.records if "connections are open" in record.message] == [
        (LIMIT,)
    ]
    for connection in idle:
        connection.close()


def test_the_connections_stay_below_the_limit_of_open_files() -> None:
    """The process raises its limit of open files, so that each connection has its files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (400, before[1]))
        assert server.limit_connections(500) == 500
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 1256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_fewer_files_mean_fewer_connections_and_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the hard limit is low, there are fewer connections, and the operator is told."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert server.limit_connections(1000) == 384
    assert "384 connections instead of 1000" in " ".join(capsys.readouterr().err.split())
