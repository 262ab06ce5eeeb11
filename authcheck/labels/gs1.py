"""Numbers of goods as GS1 writes them (General Specifications s3.2, s3.4, s3.5.2, s7.9, s7.11)."""

import re

from authcheck.errors import Rejected

GTIN_CHARS = (8, 12, 13, 14)
LOT_OR_SERIAL = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}")  # the 82 characters of s7.11
PATH_STEPS = {".", ".."}  # GS1 characters, but browsers take them out of an address


def check_gtin(text: str) -> str:
    """A GTIN of 8, 12, 13 or 14 digits as 14. Raises Rejected (`gs1.gtin`) where the check digit does not fit."""
    if not (len(text) in GTIN_CHARS and text.isascii() and text.isdecimal()):
        raise Rejected("A GTIN has 8, 12, 13 or 14 digits.", code="gs1.gtin", gtin=text)
    gtin = text.zfill(14)
    if check_digit(gtin[:-1]) != gtin[-1]:
        raise Rejected(f"{text} is no GTIN: its check digit is wrong.", code="gs1.gtin", gtin=text)
    return gtin


def check_digit(digits: str) -> str:
    """The digit that follows these (s7.9): every other one counts three times, the last one among them."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def check_lot(text: str) -> str:
    """The lot as given. Raises Rejected (`gs1.lot`) for more than 20 characters, or others than GS1's 82."""
    if not LOT_OR_SERIAL.fullmatch(text) or text in PATH_STEPS:
        raise Rejected(
            "A lot has 1 to 20 letters, digits or GS1's other signs, no blanks.", code="gs1.lot", lot=text
        )
    return text


def check_serial(text: str) -> str:
    """The serial number as given. Raises Rejected (`gs1.serial`), as `check_lot`."""
    if not LOT_OR_SERIAL.fullmatch(text) or text in PATH_STEPS:
        raise Rejected(
            "A serial number has 1 to 20 letters, digits or GS1's other signs, no blanks.",
            code="gs1.serial",
            serial=text,
        )
    return text
