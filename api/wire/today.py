"""What needs somebody now, in JSON."""

from datetime import datetime

from pydantic import Field

from .forms import Wire


class LineOut(Wire):
    """A thing that needs somebody."""

    name: str = Field(description="What it is, such as `copies`, `offers` or `hits`.")
    count: int = Field(description="How many there are. 100 means 100 or more.")
    page: str = Field(description="The page with these rows, for people.")


class TodayOut(Wire):
    """What needs somebody of an organisation, at most seven lines."""

    as_of: datetime
    lines: list[LineOut]
