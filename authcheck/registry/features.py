"""The local features of a picture that is registered, and the foreground mask they were taken through."""

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
Masking = (
    Literal["auto", "none"] | bytes
)  # find the product; the whole picture counts; the mask in this picture file


@dataclass(frozen=True, slots=True)
class ReadFeatures:
    """The local features of a picture, not yet stored: the columns of ViewFeatures, see there."""

    scheme: str
    record: bytes
    thumbnail: bytes
    mask: bytes | None
    mask_source: str | None
    findability: Findability

    def entity(self) -> ViewFeatures:
        """A row without its view."""
        return ViewFeatures(
            scheme=self.scheme,
            record=self.record,
            thumbnail=self.thumbnail,
            mask=self.mask,
            mask_source=self.mask_source,
            findability=self.findability.to_json(),
        )

    def write_to(self, kept: ViewFeatures) -> None:
        """Put these in the place of those that an earlier release took."""
        kept.scheme, kept.record, kept.thumbnail = self.scheme, self.record, self.thumbnail
        kept.mask, kept.mask_source = self.mask, self.mask_source
        kept.findability = self.findability.to_json()

    def equals(self, kept: ViewFeatures | None) -> bool:
        """Whether a view has just these features already."""
        return kept is not None and (self.scheme, self.record, self.mask, self.mask_source) == (
            kept.scheme,
            kept.record,
            kept.mask,
            kept.mask_source,
        )


def usual_masking(kind: str) -> Masking:
    """What is done where an owner says nothing: only photos have a ground that is no part of the design."""
    return "auto" if kind == "photo" else "none"


def read_features(data: bytes, limits: Limits, masking: Masking) -> ReadFeatures:
    """Decode in colour, find or read the mask, extract. Raises ImageRejected, Rejected (`mask.*`)."""
    picture = open_picture(data, limits, detail_px=extract.DESIGN_DETAIL_PX)
    if isinstance(masking, bytes):
        return _features_of(
            picture, read_mask(masking, limits, picture.width_px, picture.height_px), UPLOADED
        )
    if masking == "auto":
        return _features_of(picture, foreground_of(picture.image), AUTOMATIC)
    return _features_of(picture, None, None)


def renew_features(data: bytes, limits: Limits, kept: ViewFeatures | None, kind: str) -> ReadFeatures:
    """The features of a registered picture made anew; what its owner chose of the mask stays. Raises ImageRejected."""
    if kept is None:
        return read_features(data, limits, usual_masking(kind))
    if kept.mask_source == UPLOADED and kept.mask is not None:
        picture = open_picture(data, limits, detail_px=extract.DESIGN_DETAIL_PX)
        return _features_of(picture, stored_mask(kept.mask), UPLOADED)
    return read_features(data, limits, "auto" if kept.mask_source == AUTOMATIC else "none")


def _features_of(picture: Picture, mask: Mask | None, source: str | None) -> ReadFeatures:
    """Of a picture through a mask; a `source` without a mask says that none could be found."""
    features = extract.of_design(picture.image, mask)
    unknown = mask is None and source is not None
    return ReadFeatures(
        scheme=SCHEME,
        record=features.to_bytes(),
        thumbnail=thumbnail_bytes(picture.image, mask),
        mask=None if mask is None else mask_png(mask),
        mask_source=None if mask is None else source,
        findability=findability_of(picture.image, len(features), mask, ground_unknown=unknown),
    )
