"""The HTTP server process, with limits on its connections and open files."""

import errno
import os
import resource
import socket

import uvicorn

from authcheck.config import Settings
from authcheck.errors import Unavailable
from authcheck.terminal.output import console

FILES_PER_CONNECTION = 2  # the connection and the temporary file of an upload
USUAL_PORT, PRIVILEGED, LAST_PORT = 8000, 1023, 65535
OTHER_FILES = 256  # databases, indexes, logs, standard streams


def run(settings: Settings, *, host: str, port: int) -> None:
    """Serve the pages and the API until Ctrl-C, in `settings.workers` processes."""
    os.environ["AUTHCHECK_PUBLIC_URL"] = settings.public_url  # the server processes read their settings again
    os.environ["AUTHCHECK_WORKERS"] = str(settings.workers)
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=settings.workers,
        http="api.connections:BoundedConnection",
        ws="none",
        limit_concurrency=limit_connections(settings.max_connections),
        timeout_keep_alive=15,
        server_header=False,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # AUTHCHECK_TRUSTED_PROXIES names the proxies whose X-Forwarded-For we trust
    )


def require_free(host: str, port: int) -> None:
    """Raise Unavailable (`serve.port`) if nobody can listen on an address, with the command that helps."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        why = (
            "is in use, perhaps by an authcheck that runs already"
            if in_use
            else f"cannot be used: {error.strerror}"
        )
        other = port + 1 if PRIVILEGED <= port < LAST_PORT else USUAL_PORT
        raise Unavailable(
            f"The port {port} of {host} {why}. Choose another one: authcheck serve --port {other}",
            code="serve.port",
        ) from error


def limit_connections(wanted: int) -> int:
    """Return how many connections a process may accept: `wanted`, or as many as its open files permit.

    Raise the soft limit of open files first, as far as the hard limit permits. Say when there are fewer
    connections than wanted.
    """
    needed = FILES_PER_CONNECTION * wanted + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    most = max((soft - OTHER_FILES) // FILES_PER_CONNECTION, 16)
    console.say(
        f"This process may open {soft} files, so it accepts {most} connections instead of {wanted}."
        " Raise the limit of open files (ulimit -n).",
        style="yellow",
    )
    return most
