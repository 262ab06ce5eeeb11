"""Secrets outside the database: their sources, invalid secrets, and the vault."""

import base64
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authcheck.errors import BadSetting, NotTrue, StorageFailed
from authcheck.vault import Vault, load_key, load_secret, load_vault

SECRET = bytes(range(32))
TEXT = base64.b64encode(SECRET).decode()


def test_the_default_file_is_made_once(tmp_path: Path) -> None:
    """The key file is made at first use, for its owner only. Later uses read the same key."""
    path = tmp_path / "keys" / "ledger.key"
    key = load_key(None, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_key(None, path).private_bytes_raw() == key.private_bytes_raw()
    assert [found.name for found in path.parent.iterdir()] == ["ledger.key"]


def test_processes_that_race_get_one_key(tmp_path: Path) -> None:
    """The first process makes the key. No process sees half a file or a key that is then replaced."""
    path = tmp_path / "ledger.key"
    gate = threading.Barrier(8)
    found: list[bytes] = []

    def load() -> None:
        gate.wait()
        found.append(load_secret(None, path))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_file_or_a_variable_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`file:PATH` and `env:NAME` hold 32 bytes in base64. The default file is not made then."""
    path = tmp_path / "my.key"
    path.write_text(TEXT + "\n")
    path.chmod(0o600)
    monkeypatch.setenv("LEDGER_KEY", TEXT)
    unused = tmp_path / "unused"
    assert load_secret(f"file:{path}", unused) == load_secret("env:LEDGER_KEY", unused) == SECRET
    assert not unused.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644, 0o620, 0o601])
def test_attack_a_key_that_others_may_read(tmp_path: Path, mode: int) -> None:
    """A key file that others may read is refused, whether it is the default file or another."""
    path = tmp_path / "my.key"
    path.write_text(TEXT)
    path.chmod(mode)
    for uri in (f"file:{path}", None):
        with pytest.raises(BadSetting) as caught:
            load_secret(uri, path)
        assert caught.value.code == "key.exposed"


@pytest.mark.parametrize("uri", ["file:nowhere", "file:", "env:NOT_SET", "env:", "kms:key", "", "nonsense"])
def test_a_key_that_is_not_there_is_not_made(tmp_path: Path, uri: str) -> None:
    """A mistyped path must not become a new identity of the ledger."""
    unused = tmp_path / "unused"
    with pytest.raises(BadSetting) as caught:
        load_secret(uri, unused)
    assert caught.value.code == "key.unreadable"
    assert not unused.exists()
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("text", [b"", b"AAAA", b"!" * 44, TEXT.encode() * 2, b"\xff" * 32, b"-----BEGIN"])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, text: bytes) -> None:
    """A PEM file and secrets of another length are refused. The message does not repeat the secret."""
    path = tmp_path / "my.key"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(BadSetting) as caught:
        load_secret(f"file:{path}", path)
    assert caught.value.code == "key.unreadable"
    assert not text or text.decode(errors="replace") not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_cannot_be_written_is_told_so(tmp_path: Path) -> None:
    """A file in place of the folder gives an error that says so."""
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises((StorageFailed, BadSetting)):
        load_secret(None, tmp_path / "keys" / "ledger.key")


@pytest.mark.slow
@given(st.binary(max_size=100), st.text(st.characters(codec="utf-8"), max_size=20), st.data())
def test_what_is_sealed_opens_only_as_it_was(plain: bytes, context: str, data: st.DataObject) -> None:
    """Sealed text opens only with the same secret, for the same purpose, and unchanged."""
    vault = Vault(SECRET)
    sealed = vault.seal(plain, context)
    assert vault.open(sealed, context) == plain
    assert sealed != vault.seal(plain, context)
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
    for holder, what, purpose in (
        (vault, changed, context),
        (vault, sealed[:-1], context),
        (vault, sealed[:5], context),
        (vault, b"", context),
        (vault, sealed, context + "x"),
        (Vault(bytes(32)), sealed, context),
    ):
        with pytest.raises(NotTrue) as caught:
            holder.open(what, purpose)
        assert caught.value.code == "key.sealed"


def test_vaults_are_found_like_keys(tmp_path: Path) -> None:
    """All processes after the first use the same default file."""
    path = tmp_path / "secrets.key"
    assert load_vault(None, path).open(load_vault(None, path).seal(b"pin", "a"), "a") == b"pin"
