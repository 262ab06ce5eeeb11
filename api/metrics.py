"""Prometheus metrics of one app: requests, checks, the size of the index."""

import time
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authcheck.checks.tables import Check
from authcheck.workspace import Workspace

METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})


class Metrics:
    """The metrics of one app. Each app has its own registry, so that two apps in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "authcheck_requests", "Requests answered.", ["route", "method", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "authcheck_request_seconds", "Time to answer.", ["route", "method"], registry=self.registry
        )
        self.checks = Counter(
            "authcheck_checks", "Checks answered.", ["verdict", "source"], registry=self.registry
        )
        self.check_seconds = Histogram(
            "authcheck_check_seconds", "Time to decode, search and store one check.", registry=self.registry
        )
        self.indexed = Gauge("authcheck_index_views", "Pictures in the search index.", registry=self.registry)

    def note_check(self, check: Check, seconds: float) -> None:
        """Count one check of the API or of the page."""
        self.checks.labels(check.verdict, check.source).inc()
        self.check_seconds.observe(seconds)

    def render(self, workspace: Workspace) -> bytes:
        """Return the metrics in Prometheus' text format."""
        self.indexed.set(len(workspace.finder.live))
        return generate_latest(self.registry)


class Measured:
    """A middleware that counts requests by the template of their route.

    There are too many paths to count by path.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on. Count the request, its status and its time."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = int(HTTPStatus.INTERNAL_SERVER_ERROR)
        started_s = time.perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        finally:
            route = getattr(scope.get("route"), "path", None) or "(none)"
            method = scope["method"] if scope["method"] in METHODS else "(other)"
            self.metrics.requests.labels(route, method, str(status)).inc()
            self.metrics.seconds.labels(route, method).observe(time.perf_counter() - started_s)
