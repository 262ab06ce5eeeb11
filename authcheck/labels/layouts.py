"""Sheets of die-cut labels, and the size of a QR code's modules on each sheet."""

from dataclasses import dataclass

from authcheck.errors import BadSetting, Rejected
from authcheck.ids import fold

QUIET_MODULES = 4  # ISO/IEC 18004 s9.1: the white margin on each side
LEAST_MODULE_MM = 0.4  # the smallest module that phones read from an ordinary print
DOT_MM = 25.4 / 300  # a module is a whole number of dots, for printers with 300, 600 or 1,200 dots an inch
MOST_DOTS = 8  # 0.68 mm: larger modules only take room from the text
TEXT_MM = 17.0  # the smallest width of the text beside a QR code
PAD_MM = 1.0  # die-cut sheets shift in the printer
GAP_MM = 0.8


@dataclass(frozen=True, slots=True)
class Layout:
    """A sheet of labels. All lengths are in millimetres.

    A pitch runs from a label's edge to the next label's edge.
    """

    name: str
    page_mm: tuple[float, float]
    label_mm: tuple[float, float]
    columns: int
    rows: int
    left_mm: float
    top_mm: float
    pitch_mm: tuple[float, float]

    @property
    def labels(self) -> int:
        """Return the number of labels on a page."""
        return self.columns * self.rows

    def corner_mm(self, place: int) -> tuple[float, float]:
        """Return a label's left and bottom edge, measured from the page's left bottom corner.

        Places count along the rows, from 0.
        """
        row, column = divmod(place, self.columns)
        left = self.left_mm + column * self.pitch_mm[0]
        return left, self.page_mm[1] - self.top_mm - row * self.pitch_mm[1] - self.label_mm[1]


A4, LETTER = (210.0, 297.0), (215.9, 279.4)
LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("a4-65", A4, (38.1, 21.2), 5, 13, 4.75, 10.7, (40.6, 21.2)),
        Layout("a4-24", A4, (63.5, 33.9), 3, 8, 7.21, 12.9, (66.04, 33.9)),
        Layout("a4-14", A4, (99.1, 38.1), 2, 7, 4.65, 15.15, (101.6, 38.1)),
        Layout("letter-30", LETTER, (66.675, 25.4), 3, 10, 4.7625, 12.7, (69.85, 25.4)),
        Layout("letter-10", LETTER, (101.6, 50.8), 2, 5, 3.96875, 12.7, (106.3625, 50.8)),
    )
}


def find_layout(name: str) -> Layout:
    """Return the sheet with this name. Raises BadSetting (`setting.layout`) when there is no such sheet."""
    layout = LAYOUTS.get(fold(name).lower())
    if layout is None:
        raise BadSetting(
            f"We have no label sheet {name!r}. Use one of: {', '.join(LAYOUTS)}.", code="setting.layout"
        )
    return layout


def module_mm(layout: Layout, modules: int) -> float:
    """Return the side of a module in millimetres for a symbol of `modules` x `modules` and its quiet zone.

    Raises Rejected (`label.too_small`) when a module would be smaller than 0.4 mm.
    """
    width_mm, height_mm = layout.label_mm
    room_mm = min(height_mm - 2 * PAD_MM, width_mm - 2 * PAD_MM - GAP_MM - TEXT_MM)
    side_mm = room_mm / (modules + 2 * QUIET_MODULES)
    if side_mm < LEAST_MODULE_MM:
        raise Rejected(
            f"On {layout.name} a module of this QR code would be {side_mm:.2f} mm wide. "
            f"The smallest width is {LEAST_MODULE_MM} mm. Use larger labels, or short addresses.",
            code="label.too_small",
            module_mm=round(side_mm, 3),
            limit_mm=LEAST_MODULE_MM,
            layout=layout.name,
        )
    dots = min(int(side_mm / DOT_MM), MOST_DOTS)
    return max(dots * DOT_MM, LEAST_MODULE_MM)
