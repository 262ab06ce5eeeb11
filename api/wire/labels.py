"""Labels, in JSON."""

from pydantic import Field

from .forms import Wire


class ReadLabelOut(Wire):
    """A QR code in a picture. `ours` says that it has the form of our labels, which proves nothing yet."""

    ours: bool
    code: str | None
    gtin: str | None
    lot: str | None
    serial: str | None
    lookup: str | None = Field(description="The address to look it up. Null unless it is one of ours.")
    text: str = Field(
        description="Its text. Of a foreign text, only the beginning, with colons and dots in brackets."
    )


class ReadLabelsOut(Wire):
    """All QR codes in a picture, from top to bottom."""

    labels: list[ReadLabelOut]
