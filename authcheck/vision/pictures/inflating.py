"""Compressed drawings (.svgz), unpacked within a limit."""

import zlib

from authcheck.errors import ImageRejected


def inflate(data: bytes, most_bytes: int) -> bytes:
    """Unpack a gzip file.

    Raises ImageRejected (`image.too_large` before more than `most_bytes` bytes exist, `image.truncated`,
    `image.unreadable`).
    """
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(data, most_bytes + 1)
    except zlib.error as error:
        raise ImageRejected("The compressed drawing is damaged. Send another file.") from error
    if len(unpacked) > most_bytes:
        raise ImageRejected(
            f"The drawing has more than {most_bytes} bytes when it is unpacked. Send a smaller file.",
            code="image.too_large",
            limit_bytes=most_bytes,
        )
    if not unpacker.eof:
        raise ImageRejected(
            "The file ends before the picture is complete. Send the file again.", code="image.truncated"
        )
    return unpacked
