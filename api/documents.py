"""Documents that prove rights, handed out as files to save: browsers never open them on our address."""

from fastapi import Response

from authcheck.files.documents import ending_of
from authcheck.licences.design_rights import no_document_error
from authcheck.licences.right_tables import DesignRight
from authcheck.workspace import Workspace

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}


def document_response(workspace: Workspace, right: DesignRight) -> Response:
    """Return the document of a right. Raises NotFound (`document.not_found`) for a right without one."""
    if not right.document_sha256:
        raise no_document_error()
    file_name = f"{right.id}.{ending_of(right.document_type)}"
    name = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    data = workspace.documents.get(right.document_sha256)
    return Response(data, media_type=right.document_type, headers=HEADERS | name)
