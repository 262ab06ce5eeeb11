"""Documents of rights and disputes, handed out as files to save: browsers never open them on our address."""

from fastapi import Response

from authcheck.files.documents import ending_of
from authcheck.licences.right_tables import DesignRight
from authcheck.registry.tables import DisputeStatement
from authcheck.storage.documents import no_document_error
from authcheck.workspace import Workspace

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}


def document_response(workspace: Workspace, row: DesignRight | DisputeStatement, name: str) -> Response:
    """Return the document of a row as a file with this name, without its ending.

    Raises NotFound (`document.not_found`) for a row without one.
    """
    if not row.document_sha256:
        raise no_document_error()
    file_name = f"{name}.{ending_of(row.document_type)}"
    disposition = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    data = workspace.documents.get(row.document_sha256)
    return Response(data, media_type=row.document_type, headers=HEADERS | disposition)
