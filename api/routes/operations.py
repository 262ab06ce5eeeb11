"""Health and metrics for the operator of the process. They reveal nothing about any tenant."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from authcheck.errors import AuthcheckError
from authcheck.ledger import publishing
from authcheck.storage.database import head, translated_errors
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..metrics import Metrics
from ..wire.forms import HealthOut

router = APIRouter(tags=["operations"])


@router.get("/livez")
async def livez() -> HealthOut:
    """Report that the process answers."""
    return HealthOut(status="alive")


@router.get(
    "/readyz", responses={503: {"model": HealthOut, "description": "Not ready. `checks` has the reasons."}}
)
def readyz(workspace: WorkspaceDep, response: Response) -> HealthOut:
    """Report whether the database answers and is at head, the index loads, and no signed entry is missing."""
    checks = {}
    for name, check in (
        ("database", _check_database),
        ("migrations", _check_migrations),
        ("index", _check_index),
        ("ledger", _check_ledger),
    ):
        try:
            checks[name] = check(workspace)
        except AuthcheckError as error:
            checks[name] = error.code
    if set(checks.values()) == {"ok"}:
        return HealthOut(status="ready", checks=checks)
    response.status_code = 503
    response.headers["Retry-After"] = "2"
    return HealthOut(status="not_ready", checks=checks)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
def show_metrics(request: Request, workspace: WorkspaceDep) -> Response:
    """Return the metrics for Prometheus."""
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.render(workspace), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _check_database(workspace: Workspace) -> str:
    with workspace.database.reading() as session:
        session.execute(text("SELECT 1"))
    return "ok"


def _check_migrations(workspace: Workspace) -> str:
    with translated_errors():
        return "ok" if workspace.database.revision() == head() else "database.not_upgraded"


def _check_index(workspace: Workspace) -> str:
    with workspace.database.reading() as session:
        workspace.finder.live.refresh(session)
    return "ok"


def _check_ledger(workspace: Workspace) -> str:
    publishing.check_heads(workspace.database, workspace.settings)
    return "ok"
