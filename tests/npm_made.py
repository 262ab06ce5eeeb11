"""Programs of others that npm brings: a chain's node and its compiler, readers of credentials, generators."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NPM = {
    "@foundry-rs/anvil": "1.7.1",
    "solc": "0.8.37",
    "jose": "6.2.17",
    "did-jwt": "9.0.1",
    "jsonld": "9.0.0",
    "@digitalbazaar/credentials-context": "3.2.0",
    "openapi-typescript": "7.13.0",
    "openapi-fetch": "0.17.0",
    "typescript": "5.9.3",
    "@types/node": "24.10.1",
}
TIMEOUT_S = 180
FOLDER = Path(__file__).parents[1] / ".tools" / "npm"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need npm, so that `-m "not npm"` leaves them out."""
    for item in items:
        if "node_modules" in getattr(item, "fixturenames", ()):
            item.add_marker("npm")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Return a folder with these packages, or skip the test with the reason why npm cannot install them."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine: nothing was tried on programs of others")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(
            lock, fcntl.LOCK_EX
        )  # CI runs the suite twice at once: the second run uses the installation of the first
        return _install(npm, FOLDER)


def run_script(node_modules: Path, script: Path, question: Any) -> Any:
    """Run a script of ours in Node with these packages. It reads JSON from stdin and writes JSON to stdout."""
    here = node_modules.parent / script.name  # Node looks for packages beside the script
    if here != script:
        shutil.copy(script, here)
    return json.loads(run_node(here, text=json.dumps(question)))


def run_node(*words: str | Path, text: str = "") -> str:
    """Run Node with a script and its arguments. Return what it printed."""
    node = shutil.which("node")
    assert node
    done = subprocess.run(  # noqa: S603 - our own command line
        [node, *words], input=text, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout


def _install(npm: str, folder: Path) -> Path:
    packages = [f"{name}@{version}" for name, version in NPM.items()]
    installed = folder / "installed"
    if installed.exists() and installed.read_text() == " ".join(packages):
        return folder / "node_modules"
    words = [npm, "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(  # noqa: S603 - our own command line
        [*words, *packages], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"npm could not fetch {', '.join(packages)}: {done.stderr[-300:]}")
    installed.write_text(" ".join(packages))
    return folder / "node_modules"
