"""What brands tell buyers about their products, in JSON."""

from pydantic import Field

from authcheck.certificates.products import TEXT_CHARS, URL_CHARS

from .forms import Text, Wire


class ProductIn(Wire):
    """The text about a product. It replaces the present one."""

    text: Text = Field(max_length=TEXT_CHARS, examples=["The label is inside the collar."])


class ContactIn(Wire):
    """How buyers reach you. Empty texts say nothing."""

    url: Text = Field("", max_length=URL_CHARS, examples=["https://brand.example/help"])
    email: Text = Field("", max_length=254, examples=["help@brand.example"])


class ContactOut(Wire):
    """How buyers reach you."""

    url: str
    email: str


class ProductPictureOut(Wire):
    """A picture of a product. `path` is public."""

    id: str
    path: str


class ProductOut(Wire):
    """What buyers see of a product beside each of its labels."""

    gtin: str
    text: str
    pictures: list[ProductPictureOut]
    contact: ContactOut
