"""Secrets outside the database: 32 bytes in base64, in a file that only its owner reads or in an environment variable.

`openssl rand -base64 32` makes one. A key management service would be another scheme beside `file:` and `env:`.
"""

import base64
import binascii
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from authcheck.errors import BadSetting, NotTrue, StorageFailed

SECRET_BYTES = 32
NONCE_BYTES = 12
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Vault:
    """Encrypts what the database must not hold in clear: AES-256-GCM, a random nonce before each ciphertext."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt; `context` says what it belongs to, so that no row's secret opens in another's place."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt. Raises NotTrue (`key.sealed`) for another secret, another context or changed bytes."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise NotTrue(
                "That was not sealed by this secret for this purpose.", code="key.sealed"
            ) from error


def load_key(uri: str | None, default: Path) -> Ed25519PrivateKey:
    """The Ed25519 key at `file:PATH` or `env:NAME`, or that of the file `default`, which is made at first use.

    Raises BadSetting: `key.unreadable`, `key.exposed` for a file that others may read; StorageFailed.
    """
    return Ed25519PrivateKey.from_private_bytes(load_secret(uri, default))


def load_vault(uri: str | None, default: Path) -> Vault:
    """The vault of the secret at a URI, found as `load_key` finds its key."""
    return Vault(load_secret(uri, default))


def load_secret(uri: str | None, default: Path) -> bytes:
    """The 32 bytes at a URI. Only `default` is ever made: a mistyped path must not become a new identity."""
    if uri is None:
        with suppress(FileExistsError):
            _make(default)
        return _decoded(_file_text(default), str(default))
    scheme, _, place = uri.partition(":")
    if scheme == "file" and place:
        return _decoded(_file_text(Path(place)), uri)
    if scheme == "env" and place in os.environ:
        return _decoded(os.environ[place], uri)
    raise BadSetting(f"There is no key at {scheme}:{place}.", code="key.unreadable", place=uri)


def _make(path: Path) -> None:
    """Write a new secret whole or not at all: of two processes, the first one's stays."""
    if path.exists():
        return
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        finally:
            fresh.unlink()
    except FileExistsError:
        raise
    except OSError as error:
        raise StorageFailed(f"The key file {path} cannot be written: {error}.") from error


def _file_text(path: Path) -> str:
    try:
        with path.open() as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & OTHERS:
                raise BadSetting(
                    f"Others may read {path}: chmod 600 it.", code="key.exposed", place=str(path)
                )
            return file.read(1000)
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"The key file {path} cannot be read.", code="key.unreadable", place=str(path)
        ) from error


def _decoded(text: str, place: str) -> bytes:
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise BadSetting(f"The key at {place} is not 32 bytes in base64.", code="key.unreadable", place=place)
    return secret
