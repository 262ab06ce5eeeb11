"""What goes over the wire about labels."""

from pydantic import Field

from .forms import Wire


class ReadLabelOut(Wire):
    """A QR code in a picture. Where `ours` it is shaped like a label of this service, which proves nothing yet."""

    ours: bool
    code: str | None
    gtin: str | None
    lot: str | None
    serial: str | None
    lookup: str | None = Field(description="Where to ask about it; null for what is not one of ours.")
    text: str = Field(
        description="What it says; of what is not ours the beginning, with colons and dots in brackets."
    )


class ReadLabelsOut(Wire):
    """All QR codes in a picture, from top to bottom."""

    labels: list[ReadLabelOut]
