"""Pictures that were read and compared, and that no transaction has registered yet."""

from dataclasses import dataclass, replace

from authcheck.errors import Rejected
from authcheck.registry.comparison import Compared, Comparer, NewPicture
from authcheck.registry.features import Masking, ReadFeatures, read_features
from authcheck.registry.tables import View
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.pictures.decode import Limits, stills_of


@dataclass(frozen=True, slots=True)
class ReadView:
    """A picture that was read and fingerprinted but not yet registered. `data` has its original bytes.

    `fingerprint` covers the whole picture. `local` has the features within the picture's mask. `compared` is
    the comparison with the views of all other owners, None before the comparison.
    """

    data: bytes
    sha256: str
    format: str
    width_px: int
    height_px: int
    fingerprint: Fingerprint
    local: ReadFeatures
    compared: Compared | None = None

    def compare(self, comparer: Comparer, owner_id: str | None) -> "ReadView":
        """Return this picture, compared with the views of all owners but one. Takes half a second.

        Call it before any transaction. Raises Unavailable.
        """
        return replace(self, compared=comparer.compare(self.picture, owner_id))

    @property
    def picture(self) -> NewPicture:
        """Return what a comparison needs."""
        return NewPicture(
            self.data,
            self.sha256,
            self.width_px,
            self.height_px,
            self.fingerprint,
            self.local.record,
            self.local.thumbnail,
        )

    def entity(self) -> View:
        """Return a row that has neither a design nor a time yet."""
        return View(
            picture_sha256=self.sha256,
            picture_format=self.format,
            width_px=self.width_px,
            height_px=self.height_px,
            scheme=self.fingerprint.scheme,
            fingerprint=self.fingerprint.reference().to_bytes(),
            local=self.local.entity(),
        )


def read_pictures(data: bytes, limits: Limits, masking: Masking = "none") -> list[ReadView]:
    """Read a file that may have several pictures: each page of a PDF or TIFF is one.

    Raises as `read_view`, and Rejected (`mask.pages`) for one mask file and several pages.
    """
    stills = stills_of(data, limits)
    if len(stills) > 1 and isinstance(masking, bytes):
        raise Rejected(
            f"The file has {len(stills)} pages, and a mask fits one picture. Export the page as PNG.",
            code="mask.pages",
        )
    return [read_view(still, limits, masking) for still in stills]


def read_view(data: bytes, limits: Limits, masking: Masking = "none") -> ReadView:
    """Decode and fingerprint a picture and extract its features. Call this slow step before any transaction.

    Raises ImageRejected, Rejected (`mask.*`).
    """
    picture, hashes = fingerprint.read(data, limits)
    local = read_features(data, limits, masking)
    return ReadView(data, picture.sha256, picture.format, picture.width_px, picture.height_px, hashes, local)
