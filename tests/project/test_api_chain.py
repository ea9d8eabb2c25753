"""What runs for a job and what runs for a page; and the operations that are served without ninja answer as ninja does."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import resolve
from django.utils.module_loading import import_string
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account
from adtoken_project.api import routes as api_routes
from adtoken_project.api.application import api
from tests.macros.support import lasting
from tests.support.jobs import issued_key

pytestmark = pytest.mark.django_db
JSON = "application/json"
FOR_JOBS = [
    "adtoken_project.telemetry.request_ids.RequestIdMiddleware",
    "adtoken_project.api.middleware.ApiMiddleware",
]
UNSEEN = {
    "allauth.account.middleware.AccountMiddleware",  # a function, which cannot be watched
}


@pytest.fixture
def key() -> Iterator[str]:
    with issued_key() as text:
        yield text


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which middleware a request came through."""
    found: list[str] = []

    def watch(name: str) -> None:
        middleware: Any = import_string(name)
        original = middleware.__call__

        def call(self: Any, request: HttpRequest) -> HttpResponse:
            found.append(name)
            answer: HttpResponse = original(self, request)
            return answer

        monkeypatch.setattr(middleware, "__call__", call)

    for name in settings.MIDDLEWARE:
        if name not in UNSEEN:
            watch(name)
    return found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/accounts"),
        ("GET", "/api/v1/openapi.json"),
        ("POST", "/api/v1/accounts/facebook/1/lease"),
        ("POST", "/api/v1/leases/x/report"),
        ("GET", "/api/nowhere"),
    ],
)
def test_what_pages_need_does_not_run_for_a_job(ran: list[str], key: str, method: str, path: str) -> None:
    Client(headers={"authorization": f"Bearer {key}"}).generic(method, path, b"{}", JSON)

    assert ran == FOR_JOBS


@pytest.mark.parametrize("path", ["/", "/api/v1/docs"])
def test_everything_runs_for_a_page(ran: list[str], path: str) -> None:
    Client().get(path)

    assert ran == [name for name in settings.MIDDLEWARE if name not in UNSEEN]


def test_a_job_with_the_cookie_of_a_person_is_still_a_job_without_a_key() -> None:
    client = Client()
    client.cookies["sessionid"] = "somebody"

    answer = client.get("/api/v1/accounts")

    assert answer.status_code == 401
    assert not answer.cookies


def test_an_answer_of_the_api_has_the_headers_that_make_sense_for_json(key: str, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 3600
    client = Client(headers={"authorization": f"Bearer {key}"})

    answer = client.get("/api/v1/accounts", secure=True)

    assert answer["Strict-Transport-Security"] == "max-age=3600"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Length"] == str(len(answer.content))
    assert "X-Request-ID" in answer


def test_a_live_token_stays_in_no_cache(key: str) -> None:
    account = lasting()
    client = Client(headers={"authorization": f"Bearer {key}"})

    answer = client.post(f"/api/v1/accounts/facebook/{account.native_id}/lease", {}, content_type=JSON)

    assert answer.json()["send"]["headers"]
    assert answer["Cache-Control"] == "no-store"


# ---- the operations that jobs call all the time, beside ninja's own way

Way = Callable[[HttpRequest], HttpResponse]
TEXTS = st.text(max_size=8) | st.sampled_from(["publish", "read", "POST", "GET", "", "5", "true", "1.0"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["min_valid_for", "purpose", "method", "url", "params", "status", "body", "wanted", "accounts"]
)
BODIES = st.one_of(
    st.dictionaries(NAMES | st.text(max_size=5), VALUES, max_size=5).map(json.dumps),
    VALUES.map(json.dumps),
    st.sampled_from(["", "{", "[" * 2000, "null", "NaN", "\ufeff{}", '{"status": 200, "status": "x"}']),
    st.binary(max_size=20),
)


def by_ninja(request: HttpRequest) -> HttpResponse:
    match = resolve(request.path_info)
    answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return answer


def plainly(request: HttpRequest) -> HttpResponse:
    answer = api_routes.serve(request)
    assert answer is not None
    return answer


def told(way: Way, path: str, body: str | bytes, key: str, **more: Any) -> tuple[int, str, Any]:
    """What is answered, without what differs between two calls."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = RequestFactory(headers=headers).generic("POST", path, body, content_type=JSON, **more)
    answer = way(request)
    said = json.loads(answer.content)
    for name in ("lease_id", "expires_at"):
        said.pop(name, None)
    if isinstance(said.get("lease"), dict):
        said["lease"] = {**said["lease"], "lease_id": "", "expires_at": ""}
    return answer.status_code, answer["Content-Type"], said


@pytest.fixture
def account() -> Account:
    return lasting()


@pytest.fixture
def lease_id(key: str, account: Account) -> str:
    client = Client(headers={"authorization": f"Bearer {key}"})
    answer = client.post(f"/api/v1/accounts/facebook/{account.native_id}/lease", {}, content_type=JSON)
    return str(answer.json()["lease_id"])


@given(body=BODIES, operation=st.sampled_from(["lease", "sign", "report"]))
def test_any_body_is_answered_as_the_schema_s_own_models_would(
    key: str, account: Account, lease_id: str, body: str | bytes, operation: str
) -> None:
    of_account = f"/api/v1/accounts/facebook/{account.native_id}/lease"
    path = of_account if operation == "lease" else f"/api/v1/leases/{lease_id}/{operation}"

    assert told(plainly, path, body, key) == told(by_ninja, path, body, key)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer adt_x", "bearer {key}", "Basic {key}", "Bearer  {key}"]
)
def test_who_is_let_in_is_the_same(key: str, account: Account, authorization: str) -> None:
    path = f"/api/v1/accounts/facebook/{account.native_id}/lease"
    header = {"HTTP_AUTHORIZATION": authorization.format(key=key)}

    assert told(plainly, path, "{}", "", **header) == told(by_ninja, path, "{}", "", **header)


def test_every_operation_that_is_served_plainly_is_the_one_that_the_schema_describes() -> None:
    served = {api_routes.PREFIX + route.path for route, _ in api_routes.ROUTES}
    described = api.get_openapi_schema()["paths"]

    assert served <= set(described)
    assert all("post" in described[path] for path in served)
