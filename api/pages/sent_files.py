"""Forms with files that a person sends: read, and refused when another site sends them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from authcheck.errors import AuthcheckError, ImageRejected, Rejected, Unavailable

from .. import cookies
from ..multipart import Form, FormPart
from ..uploads import FORM_PARTS, read_form, take_place


@dataclass(frozen=True, slots=True)
class Sent:
    """A form with files, or the error that stopped its reading, for the page to show at the form."""

    form: Form | None
    error: AuthcheckError | None = None

    def file(self, name: str) -> tuple[FormPart, bytes]:
        """Return the first file of a field that is not empty, and its bytes.

        Raises the error of the form, Rejected (`request.image_missing`), ImageRejected (`image.too_large`).
        """
        form = self.whole()
        part = next((part for part in form.files(name) if part.size_bytes), None)
        if part is None:
            raise Rejected("Choose a file first.", code="request.image_missing")
        return part, form.picture(part)

    def whole(self) -> Form:
        """Return the form. Raises the error that stopped its reading."""
        if self.form is None:
            raise self.error or Rejected("We cannot read this form.", code="request.form")
        return self.form

    def text(self, name: str) -> str:
        """Return a text field, or ""."""
        return self.form.text(name) if self.form else ""


async def read_sent(request: Request) -> Sent:
    """Return a form with one picture that a page of ours has sent, and wait for a place to work on it.

    Raises Forbidden (`request.cross_site`).
    """
    sent = await read_files(request, FORM_PARTS)
    if sent.form is not None:
        try:
            await take_place(request)
        except Unavailable as error:
            return Sent(None, error)
    return sent


async def read_files(request: Request, most_parts: int) -> Sent:
    """Return a form with files that a page of ours has sent. Raises Forbidden (`request.cross_site`)."""
    if cookies.from_our_site(request) is False:  # before the body is read
        raise cookies.cross_site_error()
    request.state.principal = request.state.signed_in.principal
    try:
        form = (await read_form(request, most_parts)).form
        token = form.text(cookies.TOKEN_FIELD)
    except (Rejected, ImageRejected, Unavailable) as error:
        return Sent(None, error)
    cookies.refuse_other_sites(request, token)
    return Sent(form)


SentDep = Annotated[Sent, Depends(read_sent)]
