"""Lists, a page at a time: `?limit=50&after=<opaque>` to `{"items": [...], "next": ...}` and a Link header."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Query, Request, Response

from .wire.forms import Item, Page


class Identified(Protocol):
    """A row that a list is ordered by."""

    id: str


Row = TypeVar("Row", bound=Identified)


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page is asked for. Fetch `fetch` rows after `after`: one more than are shown, to know whether more follow."""

    limit: int
    after: str
    request: Request
    response: Response

    @property
    def fetch(self) -> int:
        """How many rows to ask the database for."""
        return self.limit + 1

    def page(self, rows: Sequence[Row], show: Callable[[Row], Item]) -> Page[Item]:
        """The page, and its Link header where another follows."""
        shown = rows[: self.limit]
        following = shown[-1].id if len(rows) > self.limit else None
        if following:
            url = self.request.url.include_query_params(after=following)
            self.response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return Page(items=[show(row) for row in shown], next=following)


async def get_paging(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many items.")] = 50,
    after: Annotated[
        str, Query(max_length=40, pattern=r"^[A-Za-z0-9_-]*$", description="`next` of the page before.")
    ] = "",
) -> Paging:
    """The page a request asks for."""
    return Paging(limit, after, request, response)


PagingDep = Annotated[Paging, Depends(get_paging)]
