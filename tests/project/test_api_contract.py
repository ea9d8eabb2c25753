"""The API keeps its word: what is described is what is answered, and every answer below /api/ is JSON that nobody keeps."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from accounts.models import Account
from accounts.pool import services as pool
from adtoken_project.api.application import api
from broker.api import limits
from macros.events.models import Event
from tests.macros.support import lasting
from tests.support.factories import NOW, link, make_account, make_team, make_token, make_user
from tests.support.jobs import issued_key
from tokens.models import Token

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def client() -> Iterator[Client]:
    with issued_key() as text:
        yield Client(headers={"authorization": f"Bearer {text}"}, raise_request_exception=False)


@pytest.fixture
def account() -> Account:
    return lasting()


@pytest.fixture(scope="module")
def schema() -> Any:
    return api.get_openapi_schema()


def is_problem(answer: Any, status: int) -> bool:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "no-store"
    assert "Vary" not in answer
    body = answer.json()
    assert body["type"].endswith(body["code"])
    return body["status"] == status and {"type", "code", "title", "detail"} <= set(body)


# ---- every error is a problem


def test_a_method_that_an_address_does_not_take_is_a_problem_with_those_it_takes(client: Client) -> None:
    for method in ("post", "put", "patch", "delete", "options", "trace"):
        answer = getattr(client, method)("/api/v1/accounts")

        assert is_problem(answer, 405)
        assert answer["Allow"] == "GET"


@pytest.mark.parametrize("address", ["/api/v1/nowhere", "/api/v2/accounts", "/api/", "/api/v1/accounts/"])
def test_an_unknown_address_is_a_problem_for_every_method(address: str) -> None:
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)

    for method in ("get", "post", "put", "delete"):
        assert is_problem(getattr(strict, method)(address), 404)


def test_a_crash_is_a_problem_that_says_nothing_of_it(
    client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(**_: Any) -> None:
        raise RuntimeError("one of our secrets")

    monkeypatch.setattr("broker.lease", crash)

    answer = client.post(f"/api/v1/accounts/facebook/{account.native_id}/lease", {}, content_type=JSON)

    assert is_problem(answer, 500)
    assert "secret" not in answer.content.decode()


def test_a_body_that_is_too_large_is_a_problem(client: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    answer = client.post("/api/v1/leases/x/report", {"status": 200, "body": "a" * 2000}, content_type=JSON)

    assert is_problem(answer, 413)


@pytest.mark.parametrize("body", ["{", "", "\xff", "[" * 5000])
def test_a_body_that_is_no_json_is_a_problem(client: Client, account: Account, body: str) -> None:
    answer = client.generic("POST", f"/api/v1/accounts/facebook/{account.native_id}/lease", body, JSON)

    assert answer.status_code in {400, 422}
    assert is_problem(answer, answer.status_code)


def test_a_foreign_host_is_a_problem(client: Client) -> None:
    assert is_problem(client.get("/api/v1/accounts", headers={"host": "evil.example"}), 400)


def test_plain_http_is_refused_and_not_redirected(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True

    answer = client.get("/api/v1/accounts")

    assert is_problem(answer, 403)
    assert "https" in answer.json()["detail"]
    assert client.get("/api/v1/accounts", secure=True).status_code == 200


def test_head_is_answered_as_get_without_a_body(client: Client, account: Account) -> None:
    asked = client.get("/api/v1/accounts")

    answer = client.head("/api/v1/accounts")

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer["Content-Length"]) == len(asked.content)
    assert client.head(f"/api/v1/accounts/facebook/{account.native_id}/lease").status_code == 405


def test_no_good_answer_is_kept_or_depends_on_a_cookie(client: Client, account: Account) -> None:
    one = f"/api/v1/accounts/facebook/{account.native_id}"

    for answer in (
        client.get("/api/v1/accounts"),
        client.get(one),
        client.post(f"{one}/lease", {}, content_type=JSON),
        client.get("/api/v1/openapi.json"),
        client.get("/api/v1/docs"),
    ):
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store"
        assert "Vary" not in answer


def test_a_refusal_is_logged_with_key_and_address_and_without_the_lease(
    client: Client, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    lease = client.post(f"/api/v1/accounts/facebook/{account.native_id}/lease", {}, content_type=JSON).json()
    wanted = {"method": "GET", "url": "https://evil.example/"}

    client.post(
        f"/api/v1/leases/{lease['lease_id']}/sign", wanted, content_type=JSON, REMOTE_ADDR="192.0.2.7"
    )
    Client().get("/api/v1/accounts", REMOTE_ADDR="192.0.2.8")

    lines = [record.getMessage() for record in caplog.records if record.levelname != "INFO"]
    assert len(lines) == 2
    assert "sign answered 400 to key" in lines[0]
    assert "(job) from 192.0.2.7" in lines[0]
    assert lease["lease_id"] not in lines[0]
    assert "GET /api/v1/accounts answered 401 to no valid key from 192.0.2.8" in lines[1]


# ---- what is not known is refused by the caller's own names


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"min_valid": 3600}, "min_valid", "no such field"),
        ({"min_valid_for": -1}, "min_valid_for", "greater than"),
        ({"min_valid_for": "soon"}, "min_valid_for", "integer"),
        ({"purpose": "fun"}, "purpose", "publish"),
        ([], "", ""),
    ],
)
def test_a_wrong_or_unknown_field_is_named_as_the_caller_wrote_it(
    client: Client, account: Account, body: Any, field: str, words: str
) -> None:
    answer = client.post(f"/api/v1/accounts/facebook/{account.native_id}/lease", body, content_type=JSON)

    assert is_problem(answer, 422)
    [error] = answer.json()["errors"]
    assert (error["location"], error["field"]) == ("body", field)
    assert words in error["detail"]
    assert answer.json()["detail"].startswith(field or "the body")
    assert "wanted" not in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("updated_since=5", "updated_since"),
        ("limit=1001", "limit"),
        ("state=gone", "state"),
        ("deadline_within_days=x", "deadline_within_days"),
        ("channel=facebook&channel=x", "channel"),
        ("cursor=nonsense", "cursor"),
    ],
)
def test_a_wrong_unknown_or_doubled_parameter_is_named(client: Client, query: str, field: str) -> None:
    answer = client.get(f"/api/v1/accounts?{query}")

    assert is_problem(answer, 422)
    [error] = answer.json()["errors"]
    assert (error["location"], error["field"]) == ("query", field)


def test_addresses_without_parameters_take_none(client: Client, account: Account) -> None:
    one = f"/api/v1/accounts/facebook/{account.native_id}"

    assert client.get(f"{one}?verbose=1").status_code == 422
    assert client.post(f"{one}/lease?min_valid_for=3", {}, content_type=JSON).status_code == 422


# ---- connected means that a lease is given


def state_of(client: Client, account: Account) -> tuple[str, int]:
    path = f"/api/v1/accounts/{account.channel}/{account.native_id}"
    state = client.get(path).json()["state"]
    found = client.get(f"/api/v1/accounts?state={state}").json()["accounts"]
    assert account.native_id in {one["native_id"] for one in found}
    return state, client.post(f"{path}/lease", {}, content_type=JSON).status_code


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ("connected", 200)),
        ({"account": {"restriction": "unpaid bill"}}, ("restricted", 409)),
        ({"token": {"state": "cooling", "reason": "unknown"}}, ("interrupted", 503)),
        ({"token": {"state": "cooling", "reason": "unknown"}, "account": {"restriction": "unpaid"}}, ("restricted", 409)),
        ({"token": {"state": "dead", "reason": "expired"}}, ("deactivated", 409)),
        ({"account": {"paused_at": NOW, "restriction": "unpaid bill"}}, ("paused", 409)),
    ],
)  # fmt: skip
def test_the_state_tells_what_a_lease_would_answer(
    client: Client, account: Account, change: dict[str, Any], expected: tuple[str, int]
) -> None:
    Token.objects.update(**change.get("token", {"generation": 1}))
    Account.objects.update(**change.get("account", {"name": "A"}))
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="test", now=NOW)
    account.refresh_from_db()

    assert state_of(client, account) == expected


def test_no_other_state_lists_a_restricted_account(client: Client, account: Account) -> None:
    Account.objects.update(restriction="unpaid bill")

    listed = {
        state: len(client.get(f"/api/v1/accounts?state={state}").json()["accounts"])
        for state in ("connected", "interrupted", "deactivated", "paused", "restricted")
    }

    assert listed == {"connected": 0, "interrupted": 0, "deactivated": 0, "paused": 0, "restricted": 1}


# ---- pages, and what has not changed


def test_a_page_has_as_many_accounts_as_were_asked_for_and_leads_to_the_next(client: Client) -> None:
    names = {lasting().native_id for _ in range(3)}

    first = client.get("/api/v1/accounts?limit=2").json()
    second = client.get(f"/api/v1/accounts?limit=2&cursor={first['next']}").json()

    assert (len(first["accounts"]), len(second["accounts"]), second["next"]) == (2, 1, None)
    assert {one["native_id"] for page in (first, second) for one in page["accounts"]} == names


@pytest.mark.parametrize("path", ["/api/v1/accounts", "/api/v1/accounts/facebook/{id}", "/api/v1/events"])
def test_what_has_not_changed_is_not_sent_again(client: Client, account: Account, path: str) -> None:
    path = path.format(id=account.native_id)
    first = client.get(path)

    again = client.get(path, headers={"if-none-match": first["ETag"]})
    Account.objects.update(name="Renamed")
    Event.objects.create(
        key="a", type=Event.Type.SHIFTED, team=account.team, channel="facebook", at=NOW, created_at=NOW
    )
    changed = client.get(path, headers={"if-none-match": first["ETag"]})

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"] == "no-store"
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


# ---- how often a key may call


def test_a_key_that_calls_too_often_waits_and_no_other_does(client: Client, settings: Any) -> None:
    settings.API_CALLS_A_MINUTE = 2
    path = f"/api/v1/accounts/facebook/{lasting().native_id}/lease"
    limits._counts.clear()
    with time_machine.travel(datetime(2026, 11, 25, 9, 0, 15, tzinfo=UTC), tick=False):
        answers = [
            client.get("/api/v1/accounts"),
            client.post(path, {}, content_type=JSON, headers={"idempotency-key": "a"}),
            client.post(path, {}, content_type=JSON),
            client.post("/api/v1/people/offboard", headers={"idempotency-key": "a"}),
        ]
        with issued_key() as other:
            unhindered = Client().get("/api/v1/accounts", headers={"authorization": f"Bearer {other}"})

    assert [one["RateLimit"] for one in answers] == [f'"key";r={left};t=45' for left in (1, 0, 0, 0)]
    assert {one["RateLimit-Policy"] for one in answers} == {'"key";q=2;w=60'}
    assert [one.status_code for one in answers[:2]] == [200, 200]
    for one in answers[2:]:
        assert is_problem(one, 429)
        assert (one.json()["code"], one["Retry-After"]) == ("rate_limited", "45")
    assert unhindered.status_code == 200
    assert "RateLimit" not in Client().get("/api/v1/accounts")  # nobody's call


# ---- names by the key's teams


def test_people_of_other_teams_are_not_named(client: Client) -> None:
    account = make_account(name="Lumen Shoes EU")
    ours, theirs = make_user(name="Ada Okafor"), make_user(name="Ben Lindqvist", team=make_team())
    seen = make_token(consented_by=ours, native_user_name="Ada O.")
    hidden = make_token(consented_by=theirs, native_user_name="Ben L.")
    imported = make_token(native_user_name="Import")
    system = make_token(kind="system", team=make_team(), native_user_name="Bot of theirs")
    for token in (seen, hidden, imported, system):
        link(account, token)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=NOW)

    read = client.get(f"/api/v1/accounts/facebook/{account.native_id}")

    named = {entry["token_id"]: (entry["person"], entry["native_user"]) for entry in read.json()["pool"]}
    assert named == {
        seen.pk: ("Ada Okafor", "Ada O."),
        hidden.pk: (None, None),
        imported.pk: ("Import", "Import"),
        system.pk: (None, None),
    }


@pytest.mark.parametrize("other_team", [True, False])
def test_neither_a_lease_nor_a_refusal_names_people_of_other_teams(client: Client, other_team: bool) -> None:
    account = make_account()
    ben = make_user(name="Ben Lindqvist", team=make_team() if other_team else None)
    token = make_token(consented_by=ben, native_user_name="Ben L.")
    link(account, token)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=NOW)
    address = f"/api/v1/accounts/facebook/{account.native_id}/lease"

    given = client.post(address, {}, content_type=JSON)
    Token.objects.update(state="dead", reason="password_changed")
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="password_changed", now=NOW)
    refused = client.post(address, {}, content_type=JSON)

    assert given.json()["native_user"] == (None if other_team else "Ben L.")
    assert refused.json()["who"] == ["Someone in another team" if other_team else "Ben Lindqvist"]


# ---- the description


def test_every_operation_describes_its_errors_as_problems(schema: Any) -> None:
    for methods in schema["paths"].values():
        for operation in methods.values():
            errors = {
                status: answer for status, answer in operation["responses"].items() if int(status) >= 400
            }
            assert {400, 401, 403, 405, 413, 422, 429, 500, 503} <= set(errors)
            for status, answer in errors.items():
                assert list(answer["content"]) == ["application/problem+json"], status
            for status in (429, 503):
                assert "Retry-After" in errors[status]["headers"]


def test_the_page_for_people_shows_the_description_with_scripts_of_our_own_and_no_other(
    client: Client,
) -> None:
    answer = Client().get("/api/v1/docs")

    page = answer.content.decode()
    assert "/api/v1/openapi.json" in page
    assert re.findall(r'(?:src|href)="([^"/]*//|/(?!static/))', page) == []
    assert re.findall(r"<script(?![^>]* src=)(?![^>]*application/json)", page) == []
    assert "script-src" not in answer["Content-Security-Policy"]  # so that of `default-src`: our own alone


def test_each_reason_that_a_log_in_can_have_is_one_of_the_types_of_clients(schema: Any) -> None:
    known = schema["components"]["schemas"]["Reason"]["enum"]
    field = Token._meta.get_field("reason")

    assert {reason for reason, _ in field.choices or ()} <= set(known)
