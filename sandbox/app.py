"""The ASGI application of the stand-in channels and their control API."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from sandbox import control, storage
from sandbox.calls import CallLog
from sandbox.facebook.routes import routes as facebook_routes
from sandbox.faults import Faults
from sandbox.front import Front
from sandbox.linkedin.routes import routes as linkedin_routes
from sandbox.mailbox.smtp import SmtpRules
from sandbox.pinterest.routes import routes as pinterest_routes
from sandbox.snapchat.routes import routes as snapchat_routes
from sandbox.store import Store
from sandbox.tiktok.routes import routes as tiktok_routes
from sandbox.web import page
from sandbox.x.limits import RateLimits
from sandbox.x.routes import routes as x_routes
from sandbox.x.signature import Nonces


async def index(request: Request) -> Response:
    """Say what this is, to a person who opens the address."""
    store: Store = request.app.state.store
    return page("index.html", apps=store.apps, users=store.users, mailbox=request.app.state.mailbox_url)


def build(
    *, store: Store, log: CallLog, faults: Faults, smtp_rules: SmtpRules, mailbox_url: str = ""
) -> ASGIApp:
    """Put the parts together. `mailbox_url` is shown on the start page."""
    app = Starlette(
        routes=[
            Route("/", index),
            Mount("/_control", routes=control.routes),
            Mount("/storage", routes=storage.routes),
            Mount("/facebook", routes=facebook_routes),
            Mount("/snapchat", routes=snapchat_routes),
            Mount("/x", routes=x_routes),
            Mount("/linkedin", routes=linkedin_routes),
            Mount("/pinterest", routes=pinterest_routes),
            Mount("/tiktok", routes=tiktok_routes),
        ]
    )
    app.state.store = store
    app.state.log = log
    app.state.faults = faults
    app.state.smtp_rules = smtp_rules
    app.state.limits = RateLimits()
    app.state.nonces = Nonces()
    app.state.mailbox_url = mailbox_url
    return Front(app, store=store, log=log, faults=faults)
