"""A member who works at a server with the commands, on another computer than the server's data."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import licences_made as licences
import make
import pytest
from servers_made import serving

from api.app import create_app
from authcheck.config import Settings
from authcheck.workspace import Workspace

Cli = Callable[..., Any]
SCOPES = [
    "designs:write",
    "licences:write",
    "certificates:issue",
    "listings:check",
    "scans:write",
    "people:write",
    "disputes:read",
]


@pytest.fixture
def server_url(settings: Settings, workspace: Workspace) -> Iterator[str]:
    """A server on the data of the workspace, which has a licensee and a marketplace's shop."""
    make.confirm_address(workspace.database)
    licences.organisation(workspace, "maker")
    with serving(create_app(settings), lifespan="on") as address:
        yield address


@pytest.fixture
def member_key(workspace: Workspace) -> str:
    """An API key of acme."""
    return make.key(workspace, *SCOPES)


@pytest.fixture
def member(cli: Cli, server_url: str, member_key: str, environment: dict[str, str], tmp_path: Path) -> Cli:
    """Run commands as acme on another computer: no data of the service is there."""
    environment["XDG_CONFIG_HOME"] = str(tmp_path / "settings")
    logged_in = cli("login", server_url, stdin=f"{member_key}\n".encode())
    assert logged_in.code == 0, logged_in.err
    assert f"Logged in to {server_url} as acme." in logged_in.err
    assert member_key not in logged_in.out + logged_in.err

    def run(*words: str | Path, stdin: bytes = b"") -> Any:
        with pytest.MonkeyPatch.context() as elsewhere:
            elsewhere.setitem(environment, "AUTHCHECK_DATA_DIR", str(tmp_path / "nothing"))
            elsewhere.setitem(environment, "AUTHCHECK_DATABASE_URL", "")
            return cli(*words, stdin=stdin)

    return run


def picture(folder: Path, name: str, seed: int) -> Path:
    """Write a picture into a folder of the member's computer."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(make.picture_bytes(seed))
    return path
