"""Every error authcheck raises on purpose, with a stable code.

    AuthcheckError
    ├── Rejected            the caller's input; asking again with the same input fails again
    │   ├── ImageRejected       image.*       the bytes are not a picture we can compare
    │   ├── RowRejected         row.* ...     one row of an import
    │   ├── NotFound            *.not_found   nothing by that id, or not yours
    │   ├── Conflict            *.conflict    the state of the thing forbids it
    │   ├── Forbidden           auth.*        the key is missing, revoked, or lacks the scope
    │   └── BadSetting          setting.*     a setting or command-line value
    ├── NotTrue             a proof, a signature or a replay does not hold
    └── Unavailable         nothing wrong with the input: ask again later
        ├── DatabaseBusy        database.busy
        └── StorageFailed       storage.*     disk full, folder read-only

A negative verdict is a value, never an exception. Messages here are for logs and terminals; pages translate
codes.
"""

from typing import ClassVar


class AuthcheckError(Exception):
    """Something authcheck refused or could not do.

    `code` is stable and documented in api/errors.md; `params` are the numbers and names that a sentence
    about it needs.
    """

    default_code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, *, code: str | None = None, **params: object) -> None:
        self.code = code or self.default_code
        self.params = params
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class Rejected(AuthcheckError):
    """The input was refused."""

    default_code = "rejected"


class ImageRejected(Rejected):
    """The bytes are not a picture that can be compared."""

    default_code = "image.unreadable"


class RowRejected(Rejected):
    """A row of the import was refused."""

    default_code = "row.invalid"


class NotFound(Rejected):
    """Nothing is known by that id."""

    default_code = "not_found"


class Conflict(Rejected):
    """The present state does not allow that."""

    default_code = "conflict"


class Forbidden(Rejected):
    """The key is missing, revoked or not allowed to do that."""

    default_code = "auth.forbidden"


class BadSetting(Rejected):
    """A setting has a value that cannot be used."""

    default_code = "setting.invalid"


class NotTrue(AuthcheckError):
    """What was claimed does not hold."""

    default_code = "not_true"


class Unavailable(AuthcheckError):
    """Not possible right now; the input was not at fault."""

    default_code = "unavailable"


class DatabaseBusy(Unavailable):
    """The database is locked by another writer; try again."""

    default_code = "database.busy"


class StorageFailed(Unavailable):
    """A file could not be written."""

    default_code = "storage.failed"
