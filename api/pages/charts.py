"""The geometry of charts: from numbers to places in an SVG that a template draws. Bars begin at zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from authcheck.cases.precision import FEW, Share

WIDTH, HEIGHT = 720, 180  # of the plot, in units of the SVG
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar: what it counts, how many, and its place."""

    name: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart with its pieces from the bottom. A running one counts a period that is not over."""

    x: float
    width: float
    total: int
    pieces: tuple[Piece, ...]
    is_running: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars on one axis, which ends at `top`. `ticks` are numbers with their places."""

    width: int
    height: int
    top: int
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[int, float], ...]


def stack(counts: Sequence[Mapping[str, int]], *, running: int = 0) -> Chart:
    """Return a chart with a bar for each mapping from a name to a count. The last `running` bars run."""
    top = round_up(max((sum(bar.values()) for bar in counts), default=0))
    step = WIDTH / max(len(counts), 1)
    bars = tuple(
        Bar(
            round(place * step + step * 0.1, 2),
            round(step * 0.8, 2),
            sum(bar.values()),
            _pieces(bar, top),
            place >= len(counts) - running,
        )
        for place, bar in enumerate(counts)
    )
    ticks = tuple((value, HEIGHT * (1 - value / top)) for value in sorted({0, top // 2, top}))
    return Chart(WIDTH, HEIGHT, top, bars, ticks)


def _pieces(counts: Mapping[str, int], top: int) -> tuple[Piece, ...]:
    pieces, below = [], 0
    for name, count in counts.items():
        height = HEIGHT * count / top
        pieces.append(Piece(name, count, round(HEIGHT * (1 - below / top) - height, 2), round(height, 2)))
        below += count
    return tuple(pieces)


def round_up(number: int) -> int:
    """Return the next 1, 2, 5, 10, 20, ... for the end of an axis, at least 2."""
    scale = int("1" + "0" * (len(str(max(number - 1, 1))) - 1))
    return max(2, next(step * scale for step in STEPS if step * scale >= number))


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of a whole as a page shows it: a fraction below 25, else a share with its 95 % bounds."""

    count: int
    whole: int

    @property
    def is_few(self) -> bool:
        """Return whether the whole is too small for a share."""
        return self.whole < FEW

    @property
    def value(self) -> float:
        """Return the share, 0 without a whole."""
        return self.count / self.whole if self.whole else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """Return the 95 % bounds of the share by Wilson's score interval."""
        return Share(self.count, self.whole).bounds or (0.0, 1.0)
