"""Serving the operations that jobs call all the time (`broker.api.urls`), by the key, the errors and the models of the one API object.

Everything below /api/v1 that is not served here goes through Django's addresses to ninja.
"""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import ValidationError as Mismatch

from adtoken_project.api.application import api, key_auth
from broker.api.api import routes
from broker.api.urls import Route
from broker.leases.texts import text

PREFIX = "/api/v1"
JSON = "application/json; charset=utf-8"
ROUTES = [
    (route, ResolverMatch(route.view, (), {}, route=f"{PREFIX[1:]}{route.django}"))
    for route in routes.declared
]


def serve(request: HttpRequest) -> HttpResponse | None:
    """Answer a request that is one of these operations; None where it is another's."""
    path = request.path_info
    if request.method != "POST" or not path.startswith(PREFIX):
        return None
    for route, match in ROUTES:
        names = route.match(path[len(PREFIX) :])
        if names is not None:
            request.resolver_match = match  # traces name requests by it
            return _answer(request, route, names)
    return None


def _answer(request: HttpRequest, route: Route, names: Any) -> HttpResponse:
    """Answer as ninja does: who asks, what is wanted, the view, and every error by the API's own words."""
    try:
        caller = key_auth(request)
        if not caller:
            raise AuthenticationError  # one place words all errors
        request.auth = caller  # type: ignore[attr-defined]  # as ninja does; the log line names it
        answer = route.view(request, **names, **{route.body_name: _body(request, route)})
    except Exception as error:  # noqa: BLE001  # what the API has no words for, it raises again
        found: HttpResponse = api.on_exception(request, error)
        return found
    return HttpResponse(answer.model_dump_json(), content_type=JSON)


def _body(request: HttpRequest, route: Route) -> Any:
    """Return the body as its model. Raises HttpError where it is no JSON, ValidationError with ninja's items where it does not fit."""
    raw = request.body
    if not raw:
        raise ValidationError(
            [{"type": "missing", "loc": ("body", route.body_name), "msg": "Field required"}]
        )
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, text("no_json")) from error
    try:
        return route.body.model_validate(found)
    except Mismatch as error:
        items = error.errors(include_url=False, include_context=False, include_input=False)
        raise ValidationError(
            [{**item, "loc": ("body", route.body_name, *item["loc"])} for item in items]
        ) from error
