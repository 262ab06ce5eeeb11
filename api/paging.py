"""Pages of lists: `?limit=50&after=<opaque>` gives `{"items": [...], "next": ...}` and a Link header."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Query, Request, Response

from .wire.forms import Item, Page

Row = TypeVar("Row")
Direction = Annotated[Literal["oldest", "newest"], Query(description="Which items come first.")]
by_id: Callable[[Any], str] = attrgetter("id")


@dataclass(frozen=True, slots=True)
class Paging:
    """The requested page. An endpoint fetches `fetch` rows after the id `after`.

    `fetch` is one row more than the page shows, so that we know whether another page follows.
    """

    limit: int
    after: str
    request: Request
    response: Response

    @property
    def fetch(self) -> int:
        """Return the number of rows to fetch from the database."""
        return self.limit + 1

    def page(
        self,
        rows: Sequence[Row],
        show: Callable[[Row], Item],
        *,
        key: Callable[[Row], str] = by_id,
    ) -> Page[Item]:
        """Return the page. Set the Link header when another page follows. Rows are ordered by `key`."""
        shown = rows[: self.limit]
        following = key(shown[-1]) if len(rows) > self.limit else None
        if following:
            url = self.request.url.include_query_params(after=following)
            self.response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return Page(items=[show(row) for row in shown], next=following)


async def get_paging(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of items.")] = 50,
    after: Annotated[
        str, Query(max_length=40, pattern=r"^[A-Za-z0-9_-]*$", description="`next` of the previous page.")
    ] = "",
) -> Paging:
    """Return the page that a request asks for."""
    return Paging(limit, after, request, response)


PagingDep = Annotated[Paging, Depends(get_paging)]
