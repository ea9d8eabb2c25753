"""What all handlers share: the store, the parameters of a call, the pages."""

import base64
import binascii
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from sandbox.store import Store
from sandbox.world import App

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def store_of(request: Request) -> Store:
    """The one store of this process."""
    store: Store = request.app.state.store
    return store


def page(template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """An HTML page; everything in `context` is escaped."""
    return HTMLResponse(_PAGES.get_template(template).render(**context), status_code=status)


Params = dict[str, list[str]]
"""Parameters of a call by name; a name may come more than once."""


async def params_of(request: Request) -> Params:
    """Query and body together (form, multipart or a JSON object), as the Graph API reads them."""
    found: Params = {}
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    for name, value in await _body_items(request):
        found.setdefault(name, []).append(value)
    return found


async def _body_items(request: Request) -> list[tuple[str, str]]:
    kind = _kind_of(request)
    if kind == FORM:
        return parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    if kind == "multipart/form-data":
        form = await request.form()
        return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    if kind == "application/json":
        return _json_items(await request.body())
    return []


FORM = "application/x-www-form-urlencoded"


async def form_of(request: Request) -> dict[str, str] | None:
    """The fields of a form body, the last of a name; None for any other body. The address is not read: secrets do not belong there."""
    if _kind_of(request) != FORM:
        return None
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def basic_of(request: Request) -> list[tuple[str, str]]:
    """The id and the secret of a Basic header as they came, and as they are if both were form-encoded first; empty without one.

    RFC 6749, section 2.3.1, has them form-encoded, which certified clients do and many others do not.
    """
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        name, colon, secret = base64.b64decode(sent.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return []
    return [(name, secret), (unquote_plus(name), unquote_plus(secret))] if colon else []


def app_by_basic(request: Request, channel: str) -> App | None:
    """The app whose id and secret the Basic header holds, or None."""
    for client_id, secret in basic_of(request):
        app = store_of(request).app(channel, client_id)
        if app is not None and hmac.compare_digest(secret.encode(), app.secret.encode()):
            return app
    return None


def _kind_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip()


def _json_items(body: bytes) -> list[tuple[str, str]]:
    try:
        data = json.loads(body)
    except ValueError:
        return []
    if not isinstance(data, dict):
        return []
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in data.items()]


def first(params: Params, name: str, default: str = "") -> str:
    """The first value of a parameter."""
    return params.get(name, [default])[0]
