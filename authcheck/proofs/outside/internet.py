"""The internet, as far as proofs need it: TXT records and pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from authcheck.proofs.outside.pages import Pages
from authcheck.proofs.outside.resolving import Names


@dataclass(frozen=True, slots=True)
class Internet:
    """Name servers and web servers of others. Both refuse to harm us, see `pages`."""

    names: Names = field(default_factory=Names)
    pages: Pages = field(default_factory=Pages)

    def read_txt(self, name: str) -> Sequence[str]:
        """Return the texts of a name's TXT records. Raises Unavailable (`dns.*`)."""
        return self.names.read_txt(name)

    def read_page(self, url: str) -> bytes:
        """Return the body of a page. Raises Unavailable (`page.*`, `dns.*`), Rejected (`page.address`)."""
        return self.pages.read(url)
