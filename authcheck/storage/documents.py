"""The documents that owners hand in: what proves a right, or speaks for a side of a dispute."""

from authcheck.config import Settings
from authcheck.errors import NotFound
from authcheck.storage.pictures import PictureStore


def document_store(settings: Settings) -> PictureStore:
    """Return the folder of documents."""
    return PictureStore(settings.data_dir / "documents")


def no_document_error() -> NotFound:
    """Return the error for a right or a statement that has no document."""
    return NotFound("There is no document.", code="document.not_found")
