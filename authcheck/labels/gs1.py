"""GS1 identifiers of goods: GTIN, lot and serial number.

The source is the General Specifications, s3.2, s3.4, s3.5.2, s7.9 and s7.11.
"""

import re
from urllib.parse import quote

from authcheck.errors import Rejected
from authcheck.ids import fold, tidy

GTIN_CHARS = (7, 8, 11, 12, 13, 14)  # 7 and 11: a spreadsheet drops the zero before 8 and 12 digits
SCANNED = re.compile(r"^(?:\][A-Za-z][0-9A-Za-z])?(?:\(01\))?")  # ISO/IEC 15424, and the element's number
ROUNDED = re.compile(r"[0-9][.,][0-9]+E\+[0-9]{1,2}", re.IGNORECASE)  # of a lot or shop, which may be 1E5
SCIENTIFIC = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]{1,2}", re.IGNORECASE)
LOT_OR_SERIAL = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}")  # the 82 characters of s7.11
CODE_ATTRIBUTE = "c"  # of a Digital Link: the code of a unit whose serial number the brand chose
PATH_STEPS = {".", ".."}  # GS1 allows these texts, but browsers remove them from the path of an address


def link_path(gtin: str, lot: str | None, serial: str) -> str:
    """Return the path of a unit's GS1 Digital Link (URI Syntax s4): `/01/GTIN/10/LOT/21/SERIAL`.

    The lot may be missing: GTIN and serial number name a unit.
    """
    of_lot = f"/10/{quote(lot, safe='')}" if lot else ""
    return f"/01/{gtin}{of_lot}/21/{quote(serial, safe='')}"


def check_gtin(text: str) -> str:
    """Return a GTIN of 8, 12, 13 or 14 digits as 14 digits.

    Reads blanks, hyphens and what a hand scanner adds, and a GTIN of 8 or 12 digits whose zero a spreadsheet
    has dropped. Raises Rejected (`gs1.gtin`) for another length, another character, or a wrong check digit.
    """
    written = SCANNED.sub("", fold(text.replace("\x1d", "")))
    if SCIENTIFIC.fullmatch(written):
        raise Rejected(
            f"{text.strip()} is a number that a spreadsheet has rounded. Format the column as text, and "
            "write the GTIN again.",
            code="gs1.gtin",
            gtin=text,
        )
    digits = re.sub(r"[ \-.]", "", re.sub(r"[.,]0+$", "", written))
    if len(digits) == len("01") + 14 and digits.startswith("01"):  # the GTIN as a GS1 element string
        digits = digits[2:]
    if not (len(digits) in GTIN_CHARS and digits.isascii() and digits.isdecimal()):
        message = f"{text!r} is not a GTIN. A GTIN has 8, 12, 13 or 14 digits."
        raise Rejected(message, code="gs1.gtin", gtin=text)
    gtin = digits.zfill(14)
    if check_digit(gtin[:-1]) != gtin[-1]:
        raise Rejected(f"{text} is not a GTIN: the check digit is wrong.", code="gs1.gtin", gtin=text)
    return gtin


def check_digit(digits: str) -> str:
    """Compute the check digit that follows these digits (s7.9).

    The weights are 3, 1, 3, 1, ... from the last digit to the first.
    """
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def check_lot(text: str) -> str:
    """Return the lot without unseen characters.

    Raises Rejected (`gs1.lot`) unless it is 1 to 20 of GS1's 82 characters.
    """
    text = tidy(text)
    if not LOT_OR_SERIAL.fullmatch(text) or text in PATH_STEPS or ROUNDED.fullmatch(text):
        raise Rejected(
            f"{text!r} is not a lot. A lot has 1 to 20 letters, digits or punctuation signs of GS1, "
            "and no blanks.",
            code="gs1.lot",
            lot=text,
        )
    return text


def check_serial(text: str) -> str:
    """Return the serial number without unseen characters.

    Raises Rejected (`gs1.serial`) by the rules of `check_lot`.
    """
    text = tidy(text)
    if not LOT_OR_SERIAL.fullmatch(text) or text in PATH_STEPS or ROUNDED.fullmatch(text):
        raise Rejected(
            f"{text!r} is not a serial number. It has 1 to 20 letters, digits or punctuation signs of GS1, "
            "and no blanks.",
            code="gs1.serial",
            serial=text,
        )
    return text
