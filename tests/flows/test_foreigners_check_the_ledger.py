"""Flow: foreign programs read our log. PyPI's aics-tlog verifies it. PyPI's aics-witness cosigns it.

They need Python 3.12, so they run in an environment of their own that uv makes. Without it, the tests are
skipped with the reason.
"""

import base64
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_made import ORIGIN, entry_bodies, entry_body, log_signer
from log_made import Log, MemoryLog, checkpoint_of, consistency, prove

from authcheck.errors import Conflict, NotTrue, Unavailable
from authcheck.tlog import tiles
from authcheck.tlog.note import Signer, Verifier
from authcheck.tlog.witness import Witness, quorum, read_witnesses, submit

ROOT = Path(__file__).parents[2]
PACKAGES = ("aics-tlog==0.2.1", "aics-witness==0.1.0")
LOG = log_signer()
Check = Callable[..., dict[str, Any]]


def run(*words: str | Path, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(  # noqa: S603 - programs that the test itself installed
        [str(word) for word in words], capture_output=True, text=True, timeout=timeout_s, check=False
    )


def new_python() -> str:
    """Find an interpreter of at least 3.12: this one, one on PATH, or one installed beside this one."""
    beside = sorted(Path(sys.base_prefix).parent.glob("*/bin/python3.1[2-9]"))
    named = [shutil.which(f"python3.{minor}") for minor in range(12, 20)]
    question = "import sys; raise SystemExit(sys.version_info < (3, 12))"
    for found in (sys.executable, *filter(None, named), *beside):
        if run(found, "-c", question).returncode == 0:
            return str(found)
    pytest.skip("no Python >= 3.12 on this machine: foreign programs did not check the ledger")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the foreign programs."""
    uv = run(ROOT / ".ci" / "get-uv", sys.executable).stdout.strip()
    if not uv:
        pytest.skip("no uv on this machine: foreign programs did not check the ledger")
    folder = tmp_path_factory.mktemp("foreign") / "env"
    made = run(uv, "venv", "--no-config", "--python", new_python(), folder)
    if made.returncode == 0:
        install = (uv, "pip", "install", "--no-config", "--python", folder / "bin" / "python")
        made = run(*install, *PACKAGES, timeout_s=300)
    if made.returncode:
        pytest.skip(f"the foreign programs cannot be installed: {made.stderr.strip()[-300:]}")
    return folder / "bin"


@pytest.fixture
def check(foreign: Path) -> Check:
    """A function that runs aics-tlog and returns its report."""

    def ask(*words: str | Path) -> dict[str, Any]:
        done = run(foreign / "aics-tlog", *words)
        report: dict[str, Any] = json.loads(done.stdout)
        assert report["ok"] is (done.returncode == 0)
        return report

    return ask


def mirror(log: Log, folder: Path, note: str) -> Path:
    """Write a log as files in the layout of C2SP tlog-tiles."""
    size = log.size()
    files = {"checkpoint": note.encode()}
    level = 0
    while count := size >> 8 * level:
        for number in range(-(-count // 256)):
            width = min(256, count - 256 * number)
            hashes = log.read_tile(level, number)[: 32 * width]
            files[tiles.tile_path(level, number, width)] = hashes
            if level == 0:
                bundle = tiles.encode_entries(log.entries(256 * number, width))
                files[tiles.entries_path(number, width)] = bundle
        level += 1
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def grown(count: int) -> Log:
    """A log with this number of entries."""
    log = MemoryLog()
    log.append(entry_bodies(count))
    return log


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 255, 256, 257, 70_000])
def test_a_foreign_verifier_reads_our_tiles(check: Check, tmp_path: Path, size: int) -> None:
    """The verifier fetches the checkpoint and the tiles, and finds the first and the last entry."""
    log = grown(size)
    folder = mirror(log, tmp_path / "log", checkpoint_of(log, ORIGIN, LOG))
    known = ("--tiles", folder, "--log-key", LOG.verifier.vkey, "--origin", ORIGIN)
    assert check("verify-checkpoint", *known)["size"] == size
    for number in {0, size - 1}:
        (tmp_path / "entry").write_bytes(entry_body(number))
        report = check("verify-inclusion", *known, "--index", str(number), "--leaf", tmp_path / "entry")
        assert report["ok"], report


@pytest.mark.slow
def test_a_foreign_verifier_takes_our_proofs(check: Check, tmp_path: Path) -> None:
    """The verifier accepts our proofs without tiles, and refuses them for another entry or another old tree."""
    log = grown(1000)
    roots = {size: base64.b64encode(tiles.root_at(size, log.read_tile)).decode() for size in (700, 1000)}
    hashes = [base64.b64encode(one).decode() for one in prove(log, 321, 1000)]
    (tmp_path / "proof").write_text("\n".join(hashes))
    (tmp_path / "entry").write_bytes(entry_body(321))
    asked = (
        "--size",
        "1000",
        "--root",
        roots[1000],
        "--proof",
        tmp_path / "proof",
        "--leaf",
        tmp_path / "entry",
    )
    assert check("verify-inclusion", *asked, "--index", "321")["ok"]
    assert not check("verify-inclusion", *asked, "--index", "320")["ok"]
    (tmp_path / "proof").write_text(
        "\n".join(base64.b64encode(one).decode() for one in consistency(log, 700, 1000))
    )
    sizes = (
        "--old-size",
        "700",
        "--new-size",
        "1000",
        "--new-root",
        roots[1000],
        "--proof",
        tmp_path / "proof",
    )
    assert check("verify-consistency", *sizes, "--old-root", roots[700])["ok"]
    assert not check("verify-consistency", *sizes, "--old-root", roots[1000])["ok"]


@pytest.mark.slow
def test_attack_tile_replaced(check: Check, tmp_path: Path) -> None:
    """The verifier refuses a mirror with one changed hash, or with the checkpoint of another log."""
    log = grown(700)
    folder = mirror(log, tmp_path / "log", checkpoint_of(log, ORIGIN, LOG))
    known = ("--tiles", folder, "--log-key", LOG.verifier.vkey)
    (tmp_path / "entry").write_bytes(entry_body(300))
    asked = ("verify-inclusion", *known, "--index", "300", "--leaf", tmp_path / "entry")
    assert check(*asked)["ok"]
    tile = folder / "tile" / "0" / "001"
    whole = tile.read_bytes()
    tile.write_bytes(whole[:5] + bytes([whole[5] ^ 1]) + whole[6:])
    assert not check(*asked)["ok"]
    tile.write_bytes(whole)
    (folder / "checkpoint").write_text(checkpoint_of(log, ORIGIN, log_signer(5)))
    assert not check(*asked)["ok"]


@pytest.fixture
def witness(foreign: Path, tmp_path: Path) -> Iterator[Witness]:
    """A running foreign witness that knows our log."""
    config = ("--config", tmp_path / "witness.json")
    made = run(foreign / "aics-witness", "init", *config, "--name", "witness.example/w1")
    vkey = made.stdout.strip()
    run(foreign / "aics-witness", "add-log", *config, "--origin", ORIGIN, "--vkey", LOG.verifier.vkey)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = [str(foreign / "aics-witness"), "serve", *map(str, config), "--listen", address]
    with (tmp_path / "witness.log").open("w") as log:
        process = subprocess.Popen(words, stderr=log)  # noqa: S603 - as above
        for _ in range(200):
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))):
                    break
            time.sleep(0.05)
        yield read_witnesses(f"{vkey} http://{address}")[0]
        process.terminate()
        process.wait(timeout=30)


def submitted(witness: Witness, log: Log, old_size: int, signer: Signer = LOG, origin: str = ORIGIN) -> str:
    """Submit the present log. Return the note with the witness's answer."""
    note = checkpoint_of(log, origin, signer)
    size = log.size()
    proof = consistency(log, old_size, size) if 0 < old_size <= size else []
    return note + submit(witness, origin, old_size, proof, note)


@pytest.mark.slow
def test_a_foreign_witness_cosigns_our_log(witness: Witness, check: Check, tmp_path: Path) -> None:
    """The witness cosigns each growth and tells its size to a client that lost it.

    A third party counts the quorum.
    """
    log = grown(5)
    assert quorum(submitted(witness, log, 0), [witness.verifier], 1) == 1
    log.append(entry_bodies(995, first=5))
    with pytest.raises(Conflict) as caught:
        submitted(witness, log, 0)
    assert caught.value.params == {"size": 5}
    note = submitted(witness, log, 5)
    (tmp_path / "note").write_text(note)
    asked = (
        "verify-checkpoint",
        "--note",
        tmp_path / "note",
        "--log-key",
        LOG.verifier.vkey,
        "--quorum",
        "1",
    )
    assert check(*asked, "--witness-key", witness.verifier.vkey)["ok"]
    stranger = Verifier("other.example/w", log_signer(9).verifier.public_key, 4)
    assert not check(*asked, "--witness-key", stranger.vkey)["ok"]


@pytest.mark.slow
def test_attack_rewritten_history_before_a_foreign_witness(witness: Witness) -> None:
    """The witness refuses a tree with a changed old entry, larger or of the same size, signed by the right key."""
    submitted(witness, grown(100), 0)
    forged = MemoryLog()
    forged.append([*entry_bodies(40), entry_body(4040), *entry_bodies(59, first=41)])
    for count in (0, 200):
        forged.append(entry_bodies(count, first=5000))
        with pytest.raises(NotTrue) as caught:
            submitted(witness, forged, 100)
        assert caught.value.code == "ledger.forked"


@pytest.mark.slow
def test_attack_restored_backup_before_a_foreign_witness(witness: Witness) -> None:
    """The witness refuses an old copy of the log, however much the copy grows."""
    submitted(witness, grown(100), 0)
    restored = grown(60)
    with pytest.raises(Conflict) as caught:
        submitted(witness, restored, 60)
    assert caught.value.params == {"size": 100}
    restored.append(entry_bodies(90, first=9000))
    with pytest.raises(NotTrue):
        submitted(witness, restored, 100)


@pytest.mark.slow
def test_a_foreign_witness_knows_neither_other_logs_nor_other_keys(witness: Witness) -> None:
    """The witness does not answer for other logs or keys, and the note stays without its cosignature."""
    for signer, origin in ((log_signer(5), ORIGIN), (LOG, "other.example/ledger")):
        with pytest.raises(Unavailable) as caught:
            submitted(witness, grown(3), 0, signer, origin)
        assert caught.value.code == "witness.refused"
