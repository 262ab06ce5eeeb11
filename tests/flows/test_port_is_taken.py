"""Flow: a server whose port is taken says so at once, with the command that helps."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from authcheck.errors import Unavailable
from authcheck.terminal import server

Cli = Callable[..., Any]


def test_a_taken_port_is_named_with_the_next_one(cli: Cli, settings: Any) -> None:
    """Nothing else is said before: no address that nobody serves, and no link to a first account."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = cli("serve", "--port", port)
    assert (done.code, done.out) == (3, "")
    assert f"The port {port} of 127.0.0.1 is in use" in done.err
    assert f"authcheck serve --port {port + 1}" in done.err
    assert "[serve.port]" in done.err
    assert "set-up" not in done.err
    assert not (settings.data_dir / "authcheck.db").exists() or "http://" not in done.err


def test_a_free_port_is_free() -> None:
    """A port that nobody uses is no error, also right after a server has left it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
    server.require_free("127.0.0.1", port)


def test_an_address_of_nobody_is_named() -> None:
    """A host that is not this computer's cannot be listened on."""
    with pytest.raises(Unavailable, match=r"cannot be used"):
        server.require_free("192.0.2.1", 8000)
