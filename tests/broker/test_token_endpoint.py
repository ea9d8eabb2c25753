"""The token endpoint: what generic OAuth clients are granted for a handle or a key, and how they are refused."""

import asyncio
from base64 import b64encode
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest
import time_machine
from django.core import signing
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey, LeaseRecord
from accounts.pool import services as pool
from adtoken_project import asgi
from broker.api import limits
from broker.gate.credentials import PREFIX, SALT, make_credential, read_credential
from tests.macros.support import lasting, token_of
from tests.support.factories import MARKER, make_account
from tokens.models import Token
from users.models import Team

pytestmark = pytest.mark.django_db
PATH = "/api/v1/oauth/token"
DAY = timedelta(days=1)


@pytest.fixture
def account() -> Account:
    return lasting()


def make_key(*scopes: str) -> tuple[ApiKey, str]:
    return api_keys.issue_key(name="job", scopes=list(scopes or ApiKey.Scope.values), teams=[Team.default()])


def handle_of(key: ApiKey, account: Account, *, days: int = 30, purpose: Any = "publish") -> str:
    ends = timezone.now() + days * DAY
    return make_credential(key_id=key.pk, account_id=account.pk, purpose=purpose, expires_at=ends)


def refresh(handle: str, **more: str) -> Any:
    return Client().post(PATH, {"grant_type": "refresh_token", "refresh_token": handle, **more})


def credentials_of(secret: str, **more: str) -> Any:
    basic = b64encode(f"any:{secret}".encode()).decode()
    sent = {"grant_type": "client_credentials", **more}
    return Client(headers={"authorization": f"Basic {basic}"}).post(PATH, sent)


def test_a_handle_gives_a_credential_for_an_hour_again_and_again_by_form_and_json(account: Account) -> None:
    key, _ = make_key("gate:use")
    handle, now = handle_of(key, account), timezone.now()
    sent = {
        "grant_type": "refresh_token",
        "refresh_token": handle,
        "client_id": "any",
        "client_secret": "the app's",
    }

    answers = [Client().post(PATH, sent), Client().post(PATH, sent, content_type="application/json")]

    for answer in answers:
        said = answer.json()
        found = read_credential(said.pop("access_token"), now=now)
        assert (found.key_id, found.account_id, found.purpose) == (key.pk, account.pk, "publish")
        assert said == {"token_type": "Bearer", "expires_in": pytest.approx(3600, abs=5)}
        assert answer["Cache-Control"] == "no-store"
    assert not LeaseRecord.objects.exists()  # nothing of a person was handed out


def test_a_handle_by_itself_counts_as_a_call_of_its_key(account: Account, settings: Any) -> None:
    settings.API_CALLS_A_MINUTE = 1
    limits._counts.clear()
    handle = handle_of(make_key("gate:use")[0], account)

    with time_machine.travel(timezone.now().replace(second=15), tick=False):
        first, second = refresh(handle), refresh(handle)

    assert (first.status_code, first["RateLimit"][:9]) == (200, '"key";r=0')
    assert (second.status_code, second.json()["error"]) == (429, "temporarily_unavailable")


def test_a_key_names_the_account_and_what_for(account: Account) -> None:
    secret = make_key()[1]
    url = f"http://testserver/api/v1/accounts/facebook/{account.native_id}"

    by_resource = credentials_of(secret, resource=url)
    by_scope = credentials_of(secret, scope=f"read facebook/{account.native_id}")

    found = [
        read_credential(one.json()["access_token"], now=timezone.now()) for one in (by_resource, by_scope)
    ]
    assert [(one.account_id, one.purpose) for one in found] == [(account.pk, "publish"), (account.pk, "read")]


def test_the_channels_own_token_takes_the_keys_secret_and_its_scope_and_is_on_record(
    account: Account,
) -> None:
    key, secret = make_key()
    handle = handle_of(key, account)

    raw = refresh(handle, client_secret=secret, scope="tokens:lease").json()
    alone = refresh(handle, scope="tokens:lease")
    without = credentials_of(
        make_key("gate:use")[1], resource=f"facebook/{account.native_id}", scope="tokens:lease"
    )
    of_x = credentials_of(
        secret, resource=f"x/{make_account('x', native_id='18ce54d4x5t').native_id}", scope="tokens:lease"
    )

    assert raw["access_token"].startswith(MARKER)
    assert raw["appsecret_proof"]  # Facebook wants it beside the token
    assert 0 < raw["expires_in"] <= 900
    assert LeaseRecord.objects.get().key_id == key.pk
    assert [(one.status_code, one.json()["error"]) for one in (alone, without, of_x)] == [
        (401, "invalid_client"),
        (400, "unauthorized_client"),
        (400, "invalid_scope"),
    ]


def test_a_handle_outlives_its_days_beside_its_own_key_alone(account: Account) -> None:
    (key, secret), (_, other) = make_key(), make_key()
    over = handle_of(key, account, days=-1)
    said = [key.pk, account.pk, "publish", 2**33, "0" * 16]
    # With SECRET_KEY and without the database.
    forged = PREFIX + signing.Signer(salt=SALT, sep=".").sign_object(said)

    assert refresh(over, client_secret=secret).json()["expires_in"] > 3000
    for answer, words in (
        (refresh(over), "is over"),
        (refresh(over, client_secret=other), "Another API key"),
        (refresh(forged), "revoked"),
        (refresh("EAAB..."), "no credential that AdToken made"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert words in answer.json()["error_description"]
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    assert "revoked" in refresh(handle_of(key, account)).json()["error_description"]


def test_only_what_a_person_must_do_is_invalid_grant_and_the_rest_is_told_when_to_come_again(
    account: Account,
) -> None:
    key, _ = make_key()
    handle, answers = handle_of(key, account), []
    for state, reason in (("dead", "password_changed"), ("cooling", "unknown")):
        Token.objects.filter(pk=token_of(account).pk).update(state=state, reason=reason)
        with transaction.atomic():
            pool.settle(account_ids=[account.pk], cause="test", now=timezone.now())
        answers.append(refresh(handle))

    held, busy = answers
    assert (held.status_code, held.json()["error"]) == (400, "invalid_grant")
    assert "password_changed" in held.json()["error_description"]
    assert (busy.status_code, busy.json()["error"]) == (503, "temporarily_unavailable")
    assert int(busy["Retry-After"]) > 0


def test_refusals_are_those_of_the_standard_and_no_secret_is_logged(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    key, secret = make_key()
    handle, wrong = (
        handle_of(key, account, purpose="read"),
        f"{secret[:-1]}{'0' if secret[-1] != '0' else '1'}",
    )
    as_json = Client().generic("POST", PATH, "[1]", "application/json")

    found = [
        (answer.status_code, answer.json()["error"])
        for answer in (
            credentials_of(wrong, resource=f"facebook/{account.native_id}"),
            credentials_of(secret),
            credentials_of(secret, resource="facebook/999"),
            credentials_of(secret, resource=f"facebook/{account.native_id}", scope="ads_read"),
            refresh(handle, scope="publish"),
            Client().post(PATH, {"grant_type": "password"}),
            Client().post(f"{PATH}?refresh_token={handle}", {"grant_type": "refresh_token"}),
            as_json,
            Client().generic("POST", PATH, '{"resource":"facebook/\\ud800"}', "application/json"),
            Client().get(PATH),
            Client().post(PATH, {}, headers={"host": "evil.example"}),
        )
    ]

    assert found == [
        (401, "invalid_client"), (400, "invalid_target"), (400, "invalid_target"), (400, "invalid_scope"), (400, "invalid_scope"),
        (400, "unsupported_grant_type"), (400, "invalid_request"), (400, "invalid_request"), (400, "invalid_request"),
        (405, "invalid_request"), (400, "invalid_request"),
    ]  # fmt: skip
    assert "oauth/token answered 400 to key" in caplog.text
    assert not any(one in caplog.text for one in (secret, wrong, handle, MARKER))


def test_the_address_where_a_vendors_client_renews_its_token_is_answered_below_the_gate_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def django(scope: Any, _receive: Any, _send: Any) -> None:
        asked.append(scope["path"])

    monkeypatch.setattr(asgi, "_django", django)
    scope = {"type": "http", "path": "/proxy/pinterest/v5/oauth/token"}

    asyncio.run(asgi.application(scope, AsyncMock(), AsyncMock()))  # as Pinterest's own client does

    assert asked == [PATH]
