"""Secrets outside the database: 32 bytes in base64, in a private file or in an environment variable.

`openssl rand -base64 32` makes a secret. A key management service would be another scheme beside `file:` and
`env:`.
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
    """Encrypts values for the database: AES-256-GCM, with a random nonce before the ciphertext."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt a value.

        `context` names its owner, so that the value of one row does not open in another row.
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt. Raises NotTrue (`key.sealed`) for another secret, another context or changed bytes."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise NotTrue(
                "The stored secret was encrypted with another key or for another row, or was changed.",
                code="key.sealed",
            ) from error


def load_key(uri: str | None, default: Path) -> Ed25519PrivateKey:
    """Return the Ed25519 key at `file:PATH` or `env:NAME`.

    Without a URI, use the file `default`, made at first use.

    Raises BadSetting (`key.unreadable`, `key.exposed` for a file that others may read), StorageFailed.
    """
    return Ed25519PrivateKey.from_private_bytes(load_secret(uri, default))


def load_vault(uri: str | None, default: Path) -> Vault:
    """Return a vault with the secret at a URI. Finds the secret, and raises, as `load_key`."""
    return Vault(load_secret(uri, default))


def load_secret(uri: str | None, default: Path) -> bytes:
    """Return the 32 bytes at a URI.

    Make only the file `default`: a mistyped path must not become a new identity.
    """
    if uri is None:
        with suppress(FileExistsError):
            _make_secret(default)
        return _decode(_read_private_file(default), str(default))
    scheme, _, place = uri.partition(":")
    if scheme == "file" and place:
        return _decode(_read_private_file(Path(place)), uri)
    if scheme == "env" and place in os.environ:
        return _decode(os.environ[place], uri)
    raise BadSetting(f"There is no key at {scheme}:{place}.", code="key.unreadable", place=uri)


def _make_secret(path: Path) -> None:
    """Write a new secret whole or not at all. Of two processes, the first one wins."""
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


def _read_private_file(path: Path) -> str:
    try:
        with path.open() as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & OTHERS:
                raise BadSetting(
                    f"Other users may read {path}. Run `chmod 600 {path}`.",
                    code="key.exposed",
                    place=str(path),
                )
            return file.read(1000)
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"The key file {path} cannot be read.", code="key.unreadable", place=str(path)
        ) from error


def _decode(text: str, place: str) -> bytes:
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise BadSetting(f"The key at {place} is not 32 bytes in base64.", code="key.unreadable", place=place)
    return secret
