"""What all handlers share: the store, the parameters of a call, the pages."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from sandbox.store import Store

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
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind == "application/x-www-form-urlencoded":
        return parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    if kind == "multipart/form-data":
        form = await request.form()
        return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    if kind == "application/json":
        return _json_items(await request.body())
    return []


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
