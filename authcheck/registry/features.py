"""The local features of a registered picture, and the foreground mask that limits them."""

from dataclasses import dataclass
from typing import Literal

from authcheck.registry.tables import ViewFeatures
from authcheck.vision.features import extract
from authcheck.vision.features.features import SCHEME
from authcheck.vision.features.findability import Findability, findability_of
from authcheck.vision.features.foreground import Mask, foreground_of
from authcheck.vision.features.masks import mask_png, read_mask, stored_mask
from authcheck.vision.features.thumbnail import thumbnail_bytes
from authcheck.vision.pictures.decode import Limits, Picture, open_picture

AUTOMATIC, UPLOADED = "automatic", "uploaded"
# "auto": find the product. "none": the whole picture belongs to the design. Bytes: the picture file of a
# mask.
Masking = Literal["auto", "none"] | bytes


@dataclass(frozen=True, slots=True)
class ReadFeatures:
    """The local features of a picture before they are stored. ViewFeatures describes the fields."""

    scheme: str
    record: bytes
    thumbnail: bytes
    mask: bytes | None
    mask_source: str | None
    findability: Findability

    def entity(self) -> ViewFeatures:
        """Return a row that has no view yet."""
        return ViewFeatures(
            scheme=self.scheme,
            record=self.record,
            thumbnail=self.thumbnail,
            mask=self.mask,
            mask_source=self.mask_source,
            findability=self.findability.to_json(),
        )

    def write_to(self, row: ViewFeatures) -> None:
        """Replace the features in a row that an earlier release stored."""
        row.scheme, row.record, row.thumbnail = self.scheme, self.record, self.thumbnail
        row.mask, row.mask_source = self.mask, self.mask_source
        row.findability = self.findability.to_json()

    def equals(self, row: ViewFeatures | None) -> bool:
        """Return whether a row has the same features and mask."""
        return row is not None and (self.scheme, self.record, self.mask, self.mask_source) == (
            row.scheme,
            row.record,
            row.mask,
            row.mask_source,
        )


def usual_masking(kind: str) -> Masking:
    """Return the masking to use when the owner names none.

    Only photos have a background that does not belong to the design.
    """
    return "auto" if kind == "photo" else "none"


def read_features(data: bytes, limits: Limits, masking: Masking) -> ReadFeatures:
    """Decode the picture in colour, find or read the mask, and extract the features.

    Raises ImageRejected, Rejected (`mask.*`).
    """
    picture = open_picture(data, limits, detail_px=extract.DESIGN_DETAIL_PX)
    if isinstance(masking, bytes):
        return _extract_features(
            picture, read_mask(masking, limits, picture.width_px, picture.height_px), UPLOADED
        )
    if masking == "auto":
        return _extract_features(picture, foreground_of(picture.image), AUTOMATIC)
    return _extract_features(picture, None, None)


def renew_features(data: bytes, limits: Limits, stored: ViewFeatures | None, kind: str) -> ReadFeatures:
    """Extract the features of a registered picture again. The owner's choice of mask stays.

    Raises ImageRejected.
    """
    if stored is None:
        return read_features(data, limits, usual_masking(kind))
    if stored.mask_source == UPLOADED and stored.mask is not None:
        picture = open_picture(data, limits, detail_px=extract.DESIGN_DETAIL_PX)
        return _extract_features(picture, stored_mask(stored.mask), UPLOADED)
    return read_features(data, limits, "auto" if stored.mask_source == AUTOMATIC else "none")


def _extract_features(picture: Picture, mask: Mask | None, source: str | None) -> ReadFeatures:
    """Extract the features within a mask. A `source` without a mask means that no foreground was found."""
    features = extract.of_design(picture.image, mask)
    is_ground_unknown = mask is None and source is not None
    return ReadFeatures(
        scheme=SCHEME,
        record=features.to_bytes(),
        thumbnail=thumbnail_bytes(picture.image, mask),
        mask=None if mask is None else mask_png(mask),
        mask_source=None if mask is None else source,
        findability=findability_of(picture.image, len(features), mask, ground_unknown=is_ground_unknown),
    )
