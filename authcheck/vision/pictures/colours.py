"""The conversion of any of Pillow's modes to RGB in sRGB, as a viewer would show the picture."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageCms, ImageStat

from authcheck.errors import ImageRejected

DEEP_MODES = {"I", "I;16", "I;16B", "I;16L", "I;16N"}
DEEP_WHITE = 65535
LIGHT_GROUND = (255, 255, 255)
DARK_GROUND = (32, 32, 32)
LIGHT_LUMA = 208  # a transparent picture lighter than this would be invisible on white
PROFILE_BYTES = 4 * 1024 * 1024  # the largest honest profiles, of printing presses, have about 2 MB
SAME_LEVELS = 3  # a profile that moves no colour further than this is sRGB, whatever its name

SRGB = ImageCms.createProfile("sRGB")


def shallow(image: Image.Image) -> Image.Image:
    """Return the picture in a mode of 8 bits a channel that can be averaged: L, LA, RGB, RGBA, CMYK.

    Raises ImageRejected (`image.depth`) for floating-point numbers and for integers beyond 16 bits, because
    their white level is unknown.
    """
    if image.mode == "F":
        raise ImageRejected(
            "We cannot read pictures with floating-point colours. Save the picture as PNG or JPEG.",
            code="image.depth",
        )
    if image.mode in DEEP_MODES:
        return _reduce_depth(image)
    if has_alpha(image):
        return image if image.mode in {"LA", "RGBA"} else image.convert("RGBA")
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture as RGB in sRGB, with transparent parts on a plain ground.

    `image` is the result of `shallow`. `profile` is the picture's ICC profile, if any.
    """
    if image.mode not in {"LA", "RGBA"}:
        return _convert_profile(image, profile)
    alpha = image.getchannel("A")
    colours = image.getchannel("L") if image.mode == "LA" else image.convert("RGB")
    return _put_on_ground(_convert_profile(colours, profile), alpha)


def has_alpha(image: Image.Image) -> bool:
    """Return whether a part may be transparent: by a channel, or by a transparent colour or palette entry."""
    return image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info


def _reduce_depth(image: Image.Image) -> Image.Image:
    levels = np.asarray(image)
    least, most = int(levels.min()), int(levels.max())
    if least < 0 or most > DEEP_WHITE:
        raise ImageRejected(
            "We cannot read pictures with more than 16 bits a channel. Save the picture as PNG or JPEG.",
            code="image.depth",
        )
    shift = 8 if most > 255 else 0  # noqa: PLR2004 - some writers keep 8 bits in 16
    return Image.fromarray((levels >> shift).astype(np.uint8))


def _put_on_ground(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """Put a picture on white, or on dark grey when its visible part is light."""
    visible = ImageStat.Stat(alpha).sum[0]
    luma = ImageStat.Stat(ImageChops.multiply(image.convert("L"), alpha)).sum[0] * 255 / max(visible, 1.0)
    ground = Image.new("RGB", image.size, DARK_GROUND if luma > LIGHT_LUMA else LIGHT_GROUND)
    ground.paste(image, mask=alpha)
    return ground


def _convert_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB. A profile that does not parse or does not fit is ignored, as in browsers."""
    if profile and len(profile) <= PROFILE_BYTES:
        try:
            transform = _make_transform(profile, image.mode)
            return image.convert("RGB") if transform is None else transform.apply(image)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")


@lru_cache(maxsize=8)  # most pictures carry one of a handful of profiles, and a transform takes 5 ms to build
def _make_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform from `mode` in this profile to sRGB, or None when the two are the same.

    Ignores the name inside the profile: a forger could hide a picture's true colours behind "sRGB".
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.ImageCmsTransform(source, ImageCms.ImageCmsProfile(SRGB), mode, "RGB")
    if mode != "RGB":
        return transform
    levels = np.arange(0, 256, 15, dtype=np.int16)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    moved = np.asarray(transform.apply(Image.fromarray(cube.astype(np.uint8))), dtype=np.int16)
    return None if np.abs(moved - cube).max() <= SAME_LEVELS else transform
