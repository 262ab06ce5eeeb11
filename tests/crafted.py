"""Files built byte by byte: what an attacker sends, and what no available encoder writes."""

import struct
import zlib

PIXELS_200_MEGA = (20_000, 10_000)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    size: tuple[int, int], deflated: bytes = b"", *, depth: int = 8, colour: int = 2, extra: bytes = b""
) -> bytes:
    """Return a PNG whose header says `size`.

    `deflated` are its filtered rows, `extra` the chunks before them.
    """
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", deflated)
        + png_chunk(b"IEND", b"")
    )


def gif(canvas: tuple[int, int], frame: tuple[int, int] | None = None, *, before: bytes = b"") -> bytes:
    """Return a GIF of one black pixel on a canvas. `frame` may exceed the canvas. `before` precedes it."""
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", *canvas, 0x80, 0, 0)
        + b"\0\0\0\xff\xff\xff"
        + before
        + b","
        + struct.pack("<HHHHB", 0, 0, *(frame or canvas), 0)
        + b"\x02\x02\x4c\x01\x00;"
    )


GIF_DISPOSE = b"!\xf9\x04\x08\0\0\0\0"  # "restore to background": some readers allocate the frame at once


def webp(size: tuple[int, int], canvas: tuple[int, int] | None = None) -> bytes:
    """Return a lossless WebP header of `size` without data. The canvas may have another size."""
    frame = b"\x2f" + struct.pack("<I", (size[0] - 1) | (size[1] - 1) << 14) + bytes(5)
    body = b"VP8L" + struct.pack("<I", len(frame)) + frame
    if canvas:
        sides = b"".join(struct.pack("<I", side - 1)[:3] for side in canvas)
        body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + sides + body
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def tiff(strip: bytes, **tags: int) -> bytes:
    """Return a TIFF of 8-bit grey.

    `tags` are named `t256` and so on, and override the defaults of 100 x 100 pixels.
    """
    values = {256: 100, 257: 100, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 100, 279: len(strip)}
    values |= {int(name[1:]): value for name, value in tags.items()}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(values.items()))
    return (
        b"II*\0"
        + struct.pack("<I", 8 + len(strip))
        + strip
        + struct.pack("<H", len(values))
        + directory
        + bytes(4)
    )


def bmp(width: int, height: int) -> bytes:
    """Return a BMP header that promises `width` x `height` pixels of 24 bits, without the pixels."""
    return (
        b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    )


def tiled_tiff(side: int) -> bytes:
    """Return a TIFF of 100 x 100 pixels whose only tile is deflated and has `side` x `side` pixels."""
    deflate = zlib.compressobj(1)
    tile = b"".join(deflate.compress(bytes(side)) for _ in range(side)) + deflate.flush()
    return tiff(tile, t259=8, t322=side, t323=side, t324=8, t325=len(tile))


def jpeg_of_many_scans(progressive: bytes, scans: int) -> bytes:
    """Return a progressive JPEG that repeats its last scan many times."""
    last = progressive.rfind(b"\xff\xda")
    return progressive[:last] + progressive[last:-2] * scans + b"\xff\xd9"


MIB = 1024 * 1024
INFLATING = zlib.compress(bytes(200 * MIB), 1)
INFLATING_LESS = zlib.compress(bytes(900_000))
BOMBS = {  # name: (bytes, code of the rejection)
    "png_of_200_megapixels": (png(PIXELS_200_MEGA), "image.too_many_pixels"),
    "gif_of_200_megapixels": (gif(PIXELS_200_MEGA), "image.too_many_pixels"),
    "tiff_of_200_megapixels": (tiff(b"", t256=20_000, t257=10_000), "image.too_many_pixels"),
    "webp_of_200_megapixels": (webp((16_384, 12_300)), "image.too_many_pixels"),
    "webp_canvas_of_200_megapixels": (webp((16, 16), PIXELS_200_MEGA), "image.too_many_pixels"),
    "bmp_of_200_megapixels": (bmp(*PIXELS_200_MEGA), "image.too_many_pixels"),
    "bmp_of_absurd_sides": (bmp(2**31 - 1, -(2**31)), "image.too_many_pixels"),
    "gif_frame_beyond_its_canvas": (gif((16, 16), (65_535, 65_535)), "image.too_many_pixels"),
    "gif_disposing_of_4_gigapixels": (gif((65_535,) * 2, before=GIF_DISPOSE), "image.too_many_pixels"),
    "gif_disposing_of_a_frame_beyond_its_canvas": (
        gif((16, 16), (65_000, 65_000), before=GIF_DISPOSE),
        "image.too_many_pixels",
    ),
    "tiff_of_one_huge_tile": (tiled_tiff(8_192), "image.too_many_pixels"),
    "tiff_of_one_wide_tile": (tiff(b"", t259=8, t322=21_168_128), "image.too_many_pixels"),
    "gif_of_a_million_extensions": (gif((100, 100), before=b"!\1\0" * MIB), "image.unreadable"),
    "gif_of_junk": (gif((100, 100), before=bytes(3 * MIB)), "image.unreadable"),
    "png_of_empty_chunks": (png((100, 100), extra=png_chunk(b"abCd", b"") * 200_000), "image.unreadable"),
    "jpeg_of_empty_comments": (b"\xff\xd8" + b"\xff\xfe\0\2" * MIB, "image.unreadable"),
    "jpeg_of_fill_bytes": (b"\xff\xd8" + b"\xff" * 3 * MIB, "image.unreadable"),
    "png_of_an_inflating_text": (
        png((100, 100), extra=png_chunk(b"zTXt", b"k\0\0" + INFLATING)),
        "image.unreadable",
    ),
    "png_of_an_inflating_unicode_text": (
        png((100, 100), extra=png_chunk(b"iTXt", b"k\0\1\0\0\0" + INFLATING)),
        "image.unreadable",
    ),
    "png_of_many_inflating_texts": (
        png((100, 100), extra=png_chunk(b"zTXt", b"k\0\0" + INFLATING_LESS) * 300),
        "image.unreadable",
    ),
    "png_of_an_inflating_profile": (
        png((100, 100), extra=png_chunk(b"iCCP", b"k\0\0" + INFLATING)),
        "image.unreadable",
    ),
}
