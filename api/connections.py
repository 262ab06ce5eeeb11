"""HTTP connections with limits of time, size and number. Pass `BoundedConnection` to uvicorn as its `http`.

A stranger may open connections and send nothing, a header or a body without end, or never read our answer.
Each connection has one timer for the next step of its client. A connection that exceeds a limit ends.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from authcheck.ids import new_id
from authcheck.storage.opening import utc_now

from .framing import Malformed, refuse_ambiguous, write_answer, write_head
from .problems import problem

HEADER_BYTES = 64 * 1024  # of a request line and all headers, of trailers, or of framing without content
HEADERS = 100
HEADER_S = 10.0  # from the first byte, or from the connection, to the end of the headers
KEEP_ALIVE_S = 15  # between two requests of a connection
BODY_CHECK_S = 10.0
BODY_BYTES_PER_S = 500  # a body must arrive at least so fast, while we are ready to read
AFTER_ANSWER_S = 5.0  # for the rest of a body that was answered before its end
WRITE_S = 60.0  # a client may let our answer wait for so long
CLOSING_S = 1.0  # the client may read why we refuse its request
PIPELINED = 16  # requests of one connection that wait for the first one
PIECE_BYTES = 16 * 1024  # the parser sees so much before the limits are checked again
WARN_EVERY_S = 60.0
log = logging.getLogger("authcheck.api")


class BoundedConnection(HttpToolsProtocol):
    """A connection of uvicorn's server with limits. `Config.limit_concurrency` is the number of connections.

    When there are too many connections, one of the address with the most connections ends: the one that has
    waited longest for its client's next byte. A connection with a whole request is never ended this way.
    """

    warned_at_s = -WARN_EVERY_S

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.most_connections, self.limit_concurrency = self.limit_concurrency, None
        self.waiting_since_s: float | None = None  # None while we work on a whole request
        self._step_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._silent_bytes = self._header_count = self._body_bytes = 0
        self._in_message = self._is_refused = self._is_upgrade = self.has_ended = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request. End another connection, or this one, when there are too many."""
        super().connection_made(transport)
        self._wait(HEADER_S, self._end_slow_headers)
        if self.most_connections is not None and len(self.connections) > self.most_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self.has_ended = True
        self._stop_waiting()
        self._stop_write_timer()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer the requests that have arrived whole. A client may end its side and then read."""
        if self._in_message or not self._is_answering():
            return False
        self.cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        """Parse the bytes in pieces, and check the limits after each piece."""
        for start in range(0, len(data), PIECE_BYTES):
            if self._is_refused or self.transport.is_closing():
                return
            if self._step_timer is None and not self._is_answering():
                self._wait(HEADER_S, self._end_slow_headers)  # the first bytes of another request
            piece = data[start : start + PIECE_BYTES]
            self._silent_bytes += len(piece)
            self._parse(piece)
            if self._silent_bytes > HEADER_BYTES or self._header_count > HEADERS:
                self._refuse(
                    431,
                    "request.headers_too_large",
                    f"The headers of this request are too large. Send at most {HEADER_BYTES} bytes"
                    f" in {HEADERS} headers.",
                )
            elif len(self.pipeline) > PIPELINED:
                self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to count the headers."""
        super().on_message_begin()
        self._silent_bytes = self._header_count = 0
        self._in_message = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, unless there are too many."""
        self._header_count += 1
        if self._header_count <= HEADERS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to wait for the body. Raises Malformed, which the parser turns into its own error.

        A request without all its headers would be another request, so it never begins.
        """
        if self._header_count > HEADERS:
            raise Malformed
        self._is_upgrade = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._is_upgrade:
            return
        refuse_ambiguous(self.parser.get_http_version(), self.headers)
        super().on_headers_complete()
        self.cycle.transport = _Answer(self)  # type: ignore[assignment]
        self._silent_bytes = self._body_bytes = 0
        self._wait(BODY_CHECK_S, self._check_body)

    def on_body(self, body: bytes) -> None:
        """Count the bytes of the body."""
        self._silent_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop waiting: the client has sent all."""
        if self._is_upgrade:
            return
        self._in_message = False
        self._stop_waiting()
        super().on_message_complete()
        if not self._is_answering():  # the answer came before the end of the body
            self._wait(KEEP_ALIVE_S, self.transport.close)

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a body whose answer did not need the rest."""
        super().on_response_complete()
        if self.transport.is_closing() or self.pipeline or self._is_answering():
            return
        if self._in_message:
            self._wait(AFTER_ANSWER_S, self.transport.close)
        else:
            self.waiting_since_s = self.loop.time()  # uvicorn's own timer ends it after KEEP_ALIVE_S

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(WRITE_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop waiting: the client reads."""
        super().resume_writing()
        self._stop_write_timer()

    def send_400_response(self, _msg: str) -> None:
        """Answer bytes that are no HTTP request. uvicorn's text says nothing more."""
        self._refuse(400, "request.malformed", "This is not a valid HTTP request.")

    def end_after_answer(self) -> None:
        """End the connection. A client that still sends its body gets some time to read the answer."""
        if self._in_message and self.transport.can_write_eof():
            self._is_refused = True
            self._wait(AFTER_ANSWER_S, self.transport.close)
            self.transport.write_eof()
        else:
            self.transport.close()

    @property
    def address(self) -> str:
        """Return the address of the other side: the client, or a proxy."""
        return self.client[0] if self.client else ""

    def _parse(self, data: bytes) -> None:
        """Parse bytes. Write nothing to the log about what strangers send.

        We upgrade to no other protocol. A request that offers one, as Java's client does, is an ordinary
        request (RFC 9110 s7.8). The parser stops after its headers, so parse it again without the offer.
        """
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            if not self._is_upgrade:  # CONNECT: what follows is no HTTP
                self.cycle.keep_alive = False
                return
            head = write_head(
                self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers
            )
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self._parse(head + data[stop.args[0] :])
        except (httptools.HttpParserError, Malformed):
            if self._header_count <= HEADERS:  # else `data_received` says what is wrong
                self.send_400_response("")

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_waiting()
        self.waiting_since_s = self.loop.time()
        self._step_timer = self.loop.call_later(seconds, then)

    def _stop_waiting(self) -> None:
        self.waiting_since_s = None
        if self._step_timer is not None:
            self._step_timer.cancel()
            self._step_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _end_slow_headers(self) -> None:
        if self.flow.read_paused:  # we do not read yet: an earlier request of this connection is at work
            self._wait(HEADER_S, self._end_slow_headers)
        elif self._in_message:
            self._refuse(408, "request.timeout", f"The headers did not arrive within {HEADER_S:.0f} s.")
        else:
            self.transport.close()

    def _check_body(self) -> None:
        is_ours = self.flow.read_paused or (self.cycle is not None and self.cycle.waiting_for_100_continue)
        if not is_ours and self._body_bytes < BODY_BYTES_PER_S * BODY_CHECK_S:
            self._refuse(
                408,
                "request.timeout",
                f"The body arrives too slowly. Send at least {BODY_BYTES_PER_S} bytes per second.",
            )
            return
        since_s, self._body_bytes = self.waiting_since_s, 0
        self._wait(BODY_CHECK_S, self._check_body)
        self.waiting_since_s = since_s

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Answer with a problem and end the connection. Read no more, but let the client read the answer."""
        self._is_refused = True
        self._wait(CLOSING_S, self.transport.close)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # the application stops waiting for the body
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
                return
        response = problem(new_id("req", utc_now()), status, code, detail, headers={"Connection": "close"})
        self.transport.write(write_answer(status, response.raw_headers, bytes(response.body)))
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _make_room(self) -> None:
        """End the connection that has waited longest, of the address that has most. Else end this one."""
        others = cast("set[BoundedConnection]", self.connections) - {self}
        counts = Counter(peer.address for peer in others)
        waiting = [
            (-counts[peer.address], peer.waiting_since_s, id(peer), peer)
            for peer in others
            if peer.waiting_since_s is not None and not peer.transport.is_closing()
        ]
        (min(waiting)[-1] if waiting else self).transport.abort()
        if self.loop.time() - BoundedConnection.warned_at_s > WARN_EVERY_S:
            BoundedConnection.warned_at_s = self.loop.time()
            log.warning(
                "%d connections are open, the most that this process accepts. The longest waiting ones end."
                " AUTHCHECK_MAX_CONNECTIONS and the limit of open files (ulimit -n) set this number.",
                self.most_connections,
            )


class _Answer:
    """The transport of a connection for its answers. The end of an answer does not cut its reader off.

    Of several requests sent ahead, uvicorn tells only the last one that its client has gone.
    """

    def __init__(self, connection: BoundedConnection) -> None:
        self._connection = connection
        self.is_closing = connection.transport.is_closing

    def write(self, data: bytes) -> None:
        if not self._connection.has_ended:
            self._connection.transport.write(data)

    def close(self) -> None:
        if not self._connection.has_ended:
            self._connection.end_after_answer()
