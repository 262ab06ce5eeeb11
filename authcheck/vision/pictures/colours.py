"""Any of Pillow's modes to RGB in sRGB, the way a viewer would show it."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageCms, ImageStat

from authcheck.errors import ImageRejected

DEEP_MODES = {"I", "I;16", "I;16B", "I;16L", "I;16N"}
DEEP_WHITE = 65535
LIGHT_GROUND = (255, 255, 255)
DARK_GROUND = (32, 32, 32)
LIGHT_LUMA = 208  # pictures lighter than this would be invisible on white
PROFILE_BYTES = 4 * 1024 * 1024  # the largest honest ones, of printing presses, have about 2 MB
SAME_LEVELS = 3  # a profile that moves no colour further than this is sRGB, whatever it calls itself

SRGB = ImageCms.createProfile("sRGB")


def shallow(image: Image.Image) -> Image.Image:
    """A mode of 8 bits a channel that can be averaged: L, LA, RGB, RGBA, CMYK.

    Raises ImageRejected (`image.depth`) for floating-point numbers and for integers beyond 16 bits, whose white nobody
    can know.
    """
    if image.mode == "F":
        raise ImageRejected("Pictures of floating-point numbers are not accepted.", code="image.depth")
    if image.mode in DEEP_MODES:
        return _eight_bits(image)
    if has_alpha(image):
        return image if image.mode in {"LA", "RGBA"} else image.convert("RGBA")
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB, transparency put on a ground. `image` is `shallow`; `profile` is its ICC profile, if any."""
    if image.mode not in {"LA", "RGBA"}:
        return _from_profile(image, profile)
    alpha = image.getchannel("A")
    colours = image.getchannel("L") if image.mode == "LA" else image.convert("RGB")
    return _on_ground(_from_profile(colours, profile), alpha)


def has_alpha(image: Image.Image) -> bool:
    """Whether anything of it may be transparent: a channel, or a colour or palette entry named so."""
    return image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info


def _eight_bits(image: Image.Image) -> Image.Image:
    deep = np.asarray(image)
    least, most = int(deep.min()), int(deep.max())
    if least < 0 or most > DEEP_WHITE:
        raise ImageRejected("Pictures of more than 16 bits a channel are not accepted.", code="image.depth")
    shift = 8 if most > 255 else 0  # noqa: PLR2004 - some writers keep 8 bits in 16
    return Image.fromarray((deep >> shift).astype(np.uint8))


def _on_ground(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """Put on white, or on dark grey where what is visible of the picture is itself light."""
    visible = ImageStat.Stat(alpha).sum[0]
    luma = ImageStat.Stat(ImageChops.multiply(image.convert("L"), alpha)).sum[0] * 255 / max(visible, 1.0)
    ground = Image.new("RGB", image.size, DARK_GROUND if luma > LIGHT_LUMA else LIGHT_GROUND)
    ground.paste(image, mask=alpha)
    return ground


def _from_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB; a profile that does not parse or does not fit is ignored, as browsers do."""
    if profile and len(profile) <= PROFILE_BYTES:
        try:
            transform = _transform(profile, image.mode)
            return image.convert("RGB") if transform is None else transform.apply(image)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")


@lru_cache(maxsize=8)  # most pictures carry one of a handful of profiles, and a transform takes 5 ms to build
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From `mode` in that profile to sRGB; None where the two are the same.

    The name inside a profile does not count: a forger could hide a picture's true colours behind "sRGB".
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.ImageCmsTransform(source, ImageCms.ImageCmsProfile(SRGB), mode, "RGB")
    if mode != "RGB":
        return transform
    levels = np.arange(0, 256, 15, dtype=np.int16)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    moved = np.asarray(transform.apply(Image.fromarray(cube.astype(np.uint8))), dtype=np.int16)
    return None if np.abs(moved - cube).max() <= SAME_LEVELS else transform
