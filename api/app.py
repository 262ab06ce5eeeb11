"""The web application: `uvicorn --factory api.app:create_app`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from authcheck import config
from authcheck.config import Settings
from authcheck.workspace import Workspace

from . import openapi, problems
from .drawings import Drawings
from .metrics import Measured, Metrics
from .middleware import BodyLimit, Edge
from .pages import buyer, certificate
from .previews import Previews
from .rates import Rates
from .routes import (
    certificates,
    checks,
    designs,
    imports,
    labels,
    ledger,
    licences,
    listings,
    lookup,
    masks,
    members,
    negatives,
    operations,
    signing_keys,
    storefronts,
    views,
)

DESCRIPTION = "Registered designs, and the question which of them a picture shows. Errors: docs/errors.md."
STATIC = Path(__file__).parent / "static"
ROUTERS = (
    lookup,  # first: the request that buyers send by the million
    checks, designs, views, masks, negatives, imports, labels, certificates, signing_keys, licences, storefronts,
    listings, ledger, members, operations, buyer, certificate,
)  # fmt: skip


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application, with settings from AUTHCHECK_* unless given. Raises BadSetting.

    It opens its workspace when it starts (then: StorageFailed, DatabaseBusy, Unavailable) and closes it when it ends.
    """
    settings = settings or config.load()
    app = FastAPI(
        title="authcheck",
        description=DESCRIPTION,
        lifespan=_lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # these two load their scripts from another host
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.rates = Rates(settings)
    app.state.metrics = Metrics()
    app.state.previews = Previews()
    app.state.drawings = Drawings()
    # Decoding is work for a core; one more place keeps the cores busy while another request waits for the disk.
    app.state.places = anyio.CapacityLimiter((os.cpu_count() or 1) + 1)
    for module in ROUTERS:
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    problems.install(app)
    openapi.install(app)
    app.add_middleware(BodyLimit, settings=settings)  # the last one added is the first to see a request
    app.add_middleware(Measured, metrics=app.state.metrics)
    app.add_middleware(Edge)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.workspace = Workspace.open(app.state.settings)
    try:
        yield
    finally:
        app.state.workspace.database.dispose()
