"""What runs for a job and what runs for a page; and the operations that are served without ninja answer as ninja does."""

import asyncio
import io
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import Account, LeaseRecord
from accounts.pool import services as pool
from adtoken_project.api import native
from adtoken_project.api.application import ApiKeyAuth
from broker.api import limits
from broker.leases import records
from broker.leases.callers import Caller
from infra import async_database
from tests.macros.support import lasting
from tests.support.factories import link, make_account, make_app, make_token
from tests.support.jobs import issued_key
from tokens.models import Token

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


# ---- the operations that jobs call all the time: on their ordinary way they never leave the event loop, and are answered as by a thread

BODIES = {
    "lease": [
        "{}",
        '{"min_valid_for": 60, "purpose": "read"}',
        '{"purpose": "x"}',
        "{",
        "",
        "null",
        '{"more": 1}',
    ],
    "leases": [
        '{"accounts": [{"channel": "facebook", "native_id": "ID"}, {"channel": "facebook", "native_id": "5"}]}',
        '{"accounts": []}',
    ],
    "report": [
        '{"status": 200, "body": {"id": "1"}, "method": "GET"}',
        '{"status": 200, "method": "POST"}',
        "[]",
    ],
    "sign": [
        '{"method": "GET", "url": "https://ads-api.x.com/12/accounts/ID/campaigns", "params": {}}',
        "{}",
    ],
}


def environ(path: str, body: str, key: str, **more: str) -> dict[str, Any]:
    """Return a request as the bridge has it."""
    sent = {"Authorization": f"Bearer {key}", **more} if key else more
    made = RequestFactory(headers=sent).generic("POST", path, body, content_type=JSON).environ
    return {**made, "wsgi.input": io.BytesIO(body.encode()), "adtoken.began": time.monotonic()}


def natively(path: str, body: str, key: str, **more: str) -> HttpResponse | None:
    async def asked() -> HttpResponse | None:
        try:
            return await native.answer(environ(path, body, key, **more))
        finally:
            await async_database.close()

    return asyncio.run(asked())


def told(answer: Any) -> tuple[int, dict[str, str], str]:
    """What is answered, without what differs between two calls."""
    headers = {**answer.headers}
    for name in ("X-Request-ID", "RateLimit", "Content-Length"):
        headers.pop(name)
    said = re.sub(
        r'"(lease_id|expires_at)":"[^"]+"',
        r'"\1":""',
        answer.content.decode(),
    )
    return answer.status_code, headers, re.sub(r"oauth_(nonce|timestamp|signature)=[^,]+", "", said)


@pytest.fixture
def names(key: str) -> dict[str, str]:
    """Paths of the operations, about accounts whose tokens were used lately."""
    of_facebook, of_x = lasting(), make_account("x", native_id="18ce54d4x5t")
    link(of_x, make_token(make_app("x")))
    with transaction.atomic():
        pool.settle(account_ids=[of_x.pk], cause="linked", now=timezone.now())
    Token.objects.all().update(last_used_at=timezone.now())
    client, found = Client(headers={"authorization": f"Bearer {key}"}), {}
    for operation, account in (("report", of_facebook), ("sign", of_x)):
        path = f"/api/v1/accounts/{account.channel}/{account.native_id}/lease"
        lease = client.post(path, {}, content_type=JSON).json()["lease_id"]
        found[operation] = f"/api/v1/leases/{lease}/{operation}"
    one = f"/api/v1/accounts/facebook/{of_facebook.native_id}/lease"
    return {
        **found,
        "lease": one,
        "leases": "/api/v1/leases",
        "facebook": of_facebook.native_id,
        "x": of_x.native_id,
    }


@pytest.mark.django_db(transaction=True)
def test_the_event_loop_answers_as_a_thread_does_or_leaves_it_to_one(key: str, names: dict[str, str]) -> None:
    client, answered = Client(headers={"authorization": f"Bearer {key}"}), []
    for operation, bodies in BODIES.items():
        for body in bodies:
            text = body.replace("ID", names["x" if operation == "sign" else "facebook"])
            before = LeaseRecord.objects.count()
            ours = natively(names[operation], text, key)
            rows = LeaseRecord.objects.count() - before
            by_ninja = client.post(names[operation], text, content_type=JSON)
            if ours is None:
                assert rows == 0, "what is left to a thread was not begun"
                continue
            answered.append(operation)
            assert told(ours) == told(by_ninja)
            assert LeaseRecord.objects.count() - before == 2 * rows

    assert Counter(answered) == {"lease": 2, "leases": 1, "report": 1, "sign": 1}


@pytest.mark.django_db(transaction=True)
def test_whom_the_event_loop_does_not_know_and_what_is_not_ordinary_is_left_to_a_thread(
    key: str, names: dict[str, str], settings: Any
) -> None:
    assert natively(names["lease"], "{}", "adt_nobody") is None
    assert natively(names["lease"], "{}", "") is None
    assert natively(f"{names['lease']}?a=1", "{}", key) is None
    assert natively(names["lease"], "{}", key, host="evil.example.com") is None
    assert natively("/api/v1/accounts/facebook/0/lease", "{}", key) is None
    settings.SECURE_SSL_REDIRECT = True
    assert natively(names["lease"], "{}", key) is None
    settings.SECURE_SSL_REDIRECT = False
    Account.objects.update(state=Account.State.PAUSED, paused_at=timezone.now())
    assert natively(names["lease"], "{}", key) is None
    assert LeaseRecord.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_rows_that_come_at_the_same_time_share_a_commit_and_none_depends_on_another(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = lasting()
    statements: list[int] = []
    write = async_database.write

    async def watched(sql: str, facts: Any) -> None:
        statements.append(len(facts) // 11)
        await asyncio.sleep(0.05)
        await write(sql, facts)

    monkeypatch.setattr(async_database, "write", watched)
    given = records.Given(account.pk, account.active_token_id or 0, 1, "publish", "x")
    caller = Caller(name="job")
    rows = [records.row_of(caller, LeaseRecord.Kind.LEASE, given, timezone.now()) for _ in range(5)]
    rows[2] = (*rows[2][:4], "no address", *rows[2][5:])

    async def all_of_them() -> list[Any]:
        try:
            together = records.Together()
            return await asyncio.gather(*[together.write(row) for row in rows], return_exceptions=True)
        finally:
            await async_database.close()

    said = asyncio.run(all_of_them())

    assert [type(one).__name__ for one in said].count("NoneType") == 4
    assert isinstance(said[2], psycopg.Error)
    assert statements == [5, 1, 1, 1, 1, 1]
    assert LeaseRecord.objects.count() == 4


def test_a_job_s_header_of_deeds_is_ignored_where_tokens_are_answered(key: str) -> None:
    path = f"/api/v1/accounts/facebook/{lasting().native_id}/lease"
    client = Client(headers={"authorization": f"Bearer {key}", "idempotency-key": "1"})

    ids = {
        client.post(path, {"purpose": one}, content_type=JSON).json()["lease_id"]
        for one in ("read", "publish")
    }

    assert len(ids) == 2


@pytest.mark.django_db(transaction=True)
def test_a_call_that_the_event_loop_leaves_to_a_thread_is_counted_once(
    key: str, names: dict[str, str]
) -> None:
    began = environ("/api/v1/accounts/facebook/0/lease", "{}", key)

    async def asked() -> HttpResponse | None:
        try:
            return await native.answer(began)
        finally:
            await async_database.close()

    assert asyncio.run(asked()) is None
    left = began[limits.COUNTED].left
    assert ApiKeyAuth()(request := WSGIRequest(began))
    assert request.share.left == left  # type: ignore[attr-defined]
