"""How gunicorn serves AdToken: `gunicorn -c deploy/gunicorn.conf.py`. Options of the command line outrank what stands here."""

import gc
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from adtoken_project import env

wsgi_app = "adtoken_project.asgi"
bind = "127.0.0.1:8000"
worker_class = (
    "adtoken_project.web.worker.WebWorker"  # the library's own for ASGI; see there what it does at a stop
)
asgi_loop = "asyncio"
asgi_lifespan = "off"
workers = env.whole("WEB_CONCURRENCY", default=4, least=1)

graceful_timeout = (
    30  # SIGTERM takes nothing new and ends what was begun; no request waits longer for a channel
)
timeout = 60
keepalive = 130  # seconds; longer than clients and proxies keep an idle connection (Caddy: 120): who closes first must not be us
max_requests = 20_000  # then a process is replaced, so that memory that is lost comes back ...
max_requests_jitter = 2_000  # ... one process at a time

logger_class = "adtoken_project.telemetry.access_log.ServerLogger"  # of each request adtoken_project/web/bridge.py writes a line

limit_request_line = 8_190  # bytes; an address that names 500 accounts needs 4,000

control_socket_disable = True  # two gunicorns of one user would take each other's socket
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # works where the disk is read-only, too

# Where the processes put together what they count for /metrics. Before the library is loaded, which looks for it then.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="adtoken-counts-", dir=worker_tmp_dir)

preload_app = True  # loaded once, so that processes share its memory; new code needs a restart


def when_ready(_server: Any) -> None:  # noqa: D103  # gunicorn's hooks
    gc.freeze()  # the collector would write to each page that they share


def on_exit(_server: Any) -> None:  # noqa: D103
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
