"""The web application: `uvicorn --factory api.app:create_app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from authcheck import config
from authcheck.config import Settings
from authcheck.ledger import addresses
from authcheck.members.mail import open_mailer
from authcheck.workspace import Workspace

from . import openapi, problems
from .case_places import CasePlaces
from .drawings import Drawings
from .dropping import dropped_in_background
from .metrics import Measured, Metrics
from .middleware import BodyLimit, Edge
from .notifying import notified_in_background
from .pages import (
    account,
    alert_desk,
    applying,
    batch_files,
    buyer,
    case_acts,
    case_alike,
    certificate,
    design_rights,
    designs_one,
    designs_pictures,
    error_page,
    expectations,
    help_page,
    issuing,
    label_photo,
    label_report,
    licence,
    licence_badges,
    licence_offer,
    licence_pictures,
    licence_tester,
    nowhere,
    official_shop,
    one_time,
    own_organisation,
    own_shops,
    owner,
    privacy,
    product_pictures,
    reference,
    register_files,
    register_seen,
    report,
    revoking,
    rights_review,
    scan_figures,
    scan_list,
    sign_in,
)
from .pages import batches as batch_pages
from .pages import cases as case_pages
from .pages import designs as design_pages
from .pages import disputes as dispute_pages
from .pages import feedback as feedback_pages
from .pages import hits as hit_pages
from .pages import keys as key_pages
from .pages import licences as licence_pages
from .pages import notices as notice_pages
from .pages import organisations as organisation_pages
from .pages import people as people_pages
from .pages import products as product_pages
from .pages import register as register_pages
from .pages import scan as scan_pages
from .pages import today as today_pages
from .places import Places
from .previews import Previews
from .proving import proved_in_background
from .rates import Rates
from .recorder import recording
from .routes import (
    alerts,
    appointments,
    buyer_reports,
    case_bulks,
    case_decisions,
    cases,
    certificates,
    checks,
    crawlers,
    designs,
    disputes,
    domains,
    drops,
    feedback,
    hits,
    imports,
    keys,
    labels,
    ledger,
    licences,
    listings,
    lookup,
    masks,
    members,
    negatives,
    notices,
    operations,
    people,
    products,
    rights,
    scans,
    signing_keys,
    storefronts,
    today,
    views,
)
from .scanners import Scanners
from .settling import settled_in_background

DESCRIPTION = (
    "Register designs, and find the registered designs that a picture shows."
    " The page /errors explains every code of an error."
)
STATIC = Path(__file__).parent / "static"
ROUTERS = (
    lookup, scan_pages, scans, certificate,  # first, because buyers send millions of look-ups and scans
    checks, designs, views, masks, disputes, negatives, imports, drops, labels, certificates, products,
    rights, signing_keys, licences,
    storefronts, listings, cases, case_decisions, case_bulks, feedback, notices, hits, buyer_reports,
    alerts, today, ledger, members, domains, keys, people, appointments, operations, buyer, label_photo,
    reference, error_page, help_page, crawlers, sign_in, one_time, account, people_pages, key_pages,
    organisation_pages, own_organisation,
    own_shops, rights_review, design_rights, dispute_pages,
    applying, case_pages, case_acts,
    case_alike, hit_pages, notice_pages, feedback_pages, report, owner, privacy, label_report,
    licence_pages, licence_pictures, licence_tester, licence_offer, licence, licence_badges,
    official_shop, issuing, revoking, expectations, product_pages, product_pictures, batch_files, batch_pages,
    scan_figures, scan_list, alert_desk, today_pages, design_pages, designs_one, designs_pictures,
    register_pages, register_files, register_seen,
)  # fmt: skip


def create_app(settings: Settings | None = None) -> FastAPI:
    """Create the application. Without `settings`, read the settings from AUTHCHECK_*. Raises BadSetting.

    The application opens its workspace when it starts and closes the workspace when it stops. The start
    raises StorageFailed, DatabaseBusy, Unavailable, BadSetting, or Conflict (`address.differs`).
    """
    settings = settings or config.load()
    app = FastAPI(
        title="authcheck",
        description=DESCRIPTION,
        lifespan=_lifespan,
        openapi_url=None,  # see `openapi.install`
        docs_url=None,  # FastAPI's two pages of documentation load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.rates = Rates(settings)
    app.state.metrics = Metrics()
    app.state.previews = Previews()
    app.state.drawings = Drawings()
    app.state.case_places = CasePlaces()
    app.state.places = Places(settings.workers)
    app.state.mailer = open_mailer(settings)
    openapi.install(app, settings.public_url)
    app.state.routes = [*app.routes, *(route for module in ROUTERS for route in module.router.routes)]
    for module in ROUTERS:  # as they are: `include_router` would build each route again for each application
        app.router.routes.extend(module.router.routes)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    problems.install(app)
    nowhere.install(app)
    app.add_middleware(BodyLimit, settings=settings)  # the middleware added last sees a request first
    app.add_middleware(Measured, metrics=app.state.metrics)
    app.add_middleware(Edge)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.workspace = Workspace.open(app.state.settings)
    try:
        app.state.scanners = Scanners.open(app.state.settings, app.state.rates)
        with app.state.workspace.database.reading() as session:
            addresses.refuse_other(session, app.state.settings)
        async with (
            settled_in_background(app.state.workspace),
            dropped_in_background(app.state.workspace, app.state.places),
            proved_in_background(app.state.workspace),
            notified_in_background(app.state.workspace, lambda: app.state.mailer),
            recording(app.state.workspace) as recorder,
        ):
            app.state.recorder = recorder
            yield
    finally:
        app.state.workspace.database.dispose()
