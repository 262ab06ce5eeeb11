"""Flow: an operator issues certificates before the public address is set, and is asked once."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certificates_made as made
import httpx2
import make
import pytest
import sqlalchemy as sa

from authcheck.ledger import addresses
from authcheck.ledger.tables import Address
from authcheck.terminal.output import console
from authcheck.workspace import Workspace

HOME, PUBLIC = "http://127.0.0.1:8000", "https://authcheck.example"
ORDER = ("--design", "KITE-1", "--gtin", made.GTIN, "--lot", "L1", "--product", "Kite", "--count", "1")


@pytest.fixture
def fresh(workspace: Workspace) -> Workspace:
    """A new installation with a design and no key."""
    with workspace.database.writing() as session:
        session.execute(sa.delete(Address))
    make.register(workspace, "KITE-1")
    return workspace


def recorded(workspace: Workspace) -> list[str]:
    """Return the recorded addresses."""
    with workspace.database.reading() as session:
        return [row.url for row in addresses.list_addresses(session)]


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run commands as if a person could answer."""
    monkeypatch.setattr(console, "can_ask", lambda: True)


def test_a_script_is_refused_and_told_what_to_set(fresh: Workspace, cli: Any) -> None:
    """Without a terminal the command asks nobody. It exits with 2, and nothing is recorded."""
    for words in (("signing-keys", "create"), ("signing-keys", "rotate"), ("certificates", "issue", *ORDER)):
        done = cli(*words, "--org", "acme")
        assert (done.code, "[address.unconfirmed]" in done.err) == (2, True)
        assert "Set AUTHCHECK_PUBLIC_URL" in done.err
        assert "--yes" in done.err
    assert recorded(fresh) == []


def test_yes_confirms_for_every_later_command(fresh: Workspace, cli: Any, tmp_path: Path) -> None:
    """One `--yes` is enough for keys, certificates and labels."""
    done = cli("signing-keys", "create", "--org", "acme", "--yes")
    assert (done.code, done.out) == (0, "did:web:127.0.0.1%3A8000:brands:acme#key-1\n")
    assert "Only this computer can reach it" in done.err
    done = cli("certificates", "issue", "--org", "acme", *ORDER)
    assert (done.code, "Only this computer" in done.err) == (0, False)
    done = cli("labels", done.out.strip(), "--out", tmp_path / "sheet.pdf")
    assert (done.code, "Buyers cannot reach" in done.err) == (0, True)
    assert recorded(fresh) == [HOME]


@pytest.mark.parametrize(("answer", "code", "kept"), [(b"y\n", 0, [HOME]), (b"n\n", 2, []), (b"\n", 2, [])])
def test_a_person_is_asked_once(  # noqa: PLR0917 - one fixture or parameter each
    fresh: Workspace, cli: Any, at_terminal: None, answer: bytes, code: int, kept: list[str]
) -> None:
    """Only the answer yes goes on. The answer no records nothing."""
    done = cli("signing-keys", "create", "--org", "acme", stdin=answer)
    assert (done.code, recorded(fresh)) == (code, kept)
    assert f"Use {HOME}?" in done.err
    if kept:
        assert f"Use {HOME}?" not in cli("certificates", "issue", "--org", "acme", *ORDER).err


def test_a_public_address_needs_no_question(fresh: Workspace, cli: Any, environment: dict[str, str]) -> None:
    """With AUTHCHECK_PUBLIC_URL the first key records the address. Then a shell without it is refused."""
    environment["AUTHCHECK_PUBLIC_URL"] = PUBLIC
    assert (
        cli("signing-keys", "create", "--org", "acme").out == "did:web:authcheck.example:brands:acme#key-1\n"
    )
    assert recorded(fresh) == [PUBLIC]
    environment["AUTHCHECK_PUBLIC_URL"] = ""  # as compose files leave a variable out
    for words in ((), ("--yes",)):
        done = cli("certificates", "issue", "--org", "acme", *ORDER, *words)
        assert (done.code, "[address.differs]" in done.err) == (2, True)
        assert PUBLIC in done.err
        assert f"not set here, which means {HOME}" in done.err
    assert "not set here" in cli("serve", "--port", "1").err
    assert cli("certificates", "list", "--org", "acme").code == 0
    assert cli("ledger", "audit").code == 0


def test_an_operator_shows_records_and_moves(fresh: Workspace, cli: Any, environment: dict[str, str]) -> None:
    """The commands show the current address, the older addresses and the ledger's name."""
    assert cli("address", "show", "--json").objects[0]["recorded"] is None
    assert "not yet" in cli("address", "show").out
    assert cli("address", "record").code == 2
    assert cli("address", "record", "--yes").code == 0
    done = cli("address", "move", HOME, PUBLIC)
    assert (done.code, f"Set AUTHCHECK_PUBLIC_URL={PUBLIC}" in done.err) == (0, True)
    (shown,) = cli("address", "show", "--json").objects
    assert (shown["address"], shown["older"], shown["ledger"]) == (PUBLIC, [HOME], "127.0.0.1:8000/ledger")
    assert "[address.unconfirmed]" in cli("address", "move", PUBLIC, HOME).err
    assert cli("address", "move", PUBLIC, "https://labels.example", "--new-ledger").code == 0
    (shown,) = cli("address", "show", "--json").objects
    assert (shown["ledger"], shown["older"]) == ("labels.example/ledger", [PUBLIC, HOME])


@pytest.fixture
def port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_the_default_address_follows_the_port(
    fresh: Workspace, as_process: Callable[..., "subprocess.Popen[bytes]"], port: int
) -> None:
    """Issuers and ledger name the server's own port until an address is recorded. Then the server warns."""
    said, origin = serve(as_process, port)
    assert origin == f"127.0.0.1:{port}/ledger"
    assert f"The public address is http://127.0.0.1:{port}" in said
    assert "but this server has port" not in said
    with fresh.database.writing() as session:
        addresses.record_first(session, fresh.settings, make.NOW)
    said, origin = serve(as_process, port)
    assert origin == "127.0.0.1:8000/ledger"
    assert f"name {HOME}, but this server has port {port}" in said


def serve(as_process: Callable[..., "subprocess.Popen[bytes]"], port: int) -> tuple[str, str]:
    """Run the server. Return what it printed, and the name of its ledger."""
    server = as_process("serve", "--port", str(port))
    try:
        for _ in range(200):
            try:
                note = httpx2.get(f"http://127.0.0.1:{port}/ledger/checkpoint").text
                break
            except httpx2.TransportError:
                time.sleep(0.1)
    finally:
        server.terminate()
        _, err = server.communicate(timeout=20)
    return err.decode(), note.split("\n")[0]


@pytest.mark.slow
def test_a_server_with_another_address_does_not_start(
    workspace: Workspace, as_process: Callable[..., "subprocess.Popen[bytes]"], environment: dict[str, str]
) -> None:
    """The server names both addresses and both ways out, and exits with 2."""
    environment["AUTHCHECK_PUBLIC_URL"] = PUBLIC
    server = as_process("serve", "--port", "1")
    _, err = server.communicate(timeout=60)
    assert server.returncode == 2
    assert re.search(
        rf"{HOME}.*{PUBLIC}.*Set AUTHCHECK_PUBLIC_URL={HOME}.*address move.*\[address.differs\]", err.decode()
    )


def test_a_pipe_is_no_person() -> None:
    """A process whose standard input is no terminal cannot ask."""
    words = [sys.executable, "-c", "from authcheck.terminal.output import console; print(console.can_ask())"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=True, env=os.environ)  # noqa: S603 - our own
    assert done.stdout == b"False\n"
