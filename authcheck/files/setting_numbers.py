"""Numbers in settings: three numbers of a normalisation, shares of a cap."""

import math


def three_numbers(text: str) -> tuple[float, float, float]:
    """Read `red,green,blue`. Raises ValueError unless they are three finite numbers."""
    numbers = [float(part) for part in text.split(",")]
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):  # noqa: PLR2004 - red, green, blue
        raise ValueError("write three numbers: red,green,blue")
    return numbers[0], numbers[1], numbers[2]


def checked_mean(text: str) -> str:
    """Return the text of three numbers. Raises ValueError for another text."""
    three_numbers(text)
    return text


def checked_std(text: str) -> str:
    """Return the text of three numbers above 0. Raises ValueError for another text."""
    if min(three_numbers(text)) <= 0:
        raise ValueError("each of the three numbers must be greater than 0")
    return text


def shares(text: str) -> tuple[float, ...]:
    """Read shares such as `0.8,0.95,1`, in ascending order; "" has none.

    Raises ValueError unless 0 < share <= 1.
    """
    numbers = sorted({float(part) for part in text.split(",") if part.strip()})
    if not all(0 < number <= 1 for number in numbers):
        raise ValueError("shares must be greater than 0 and at most 1, like 0.8,0.95,1")
    return tuple(numbers)


def checked_shares(text: str) -> str:
    """Return the text of shares. Raises ValueError for another text."""
    shares(text)
    return text
