"""The routes of an application."""

from collections.abc import Iterator

from fastapi.routing import APIRoute


def routes_of(app: object) -> Iterator[APIRoute]:
    """Return every route, also those of included routers."""
    for route in app.routes:  # type: ignore[attr-defined]
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from routes_of(inner)
        elif isinstance(route, APIRoute):
            yield route
