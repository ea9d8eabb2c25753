"""What the gate decides of a request, by what PostgreSQL holds now of its credential's key and account."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from django.db import connection, transaction
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey
from accounts.pool import services as pool
from broker.gate import decisions, owners
from broker.gate.credentials import PREFIX, SALT, ends_at, make_credential
from broker.gate.decisions import Asked, Refusal, Sending, decide
from broker.gate.threads import in_thread
from broker.leases import slow
from broker.leases.queries import READ_FOR_KEY
from infra import async_database
from tests.support.factories import MARKER, link, make_account, make_app, make_team, make_token
from tokens.channels import registry
from tokens.channels.kinds import Answer, Owner
from tokens.models import Token
from users.installation import hold
from users.models import Team

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    owners.forget()
    yield
    owners.forget()


class Job:
    """A job with a credential for one account."""

    def __init__(
        self, channel: str = "facebook", *, purpose: Any = "publish", scopes: Any = (ApiKey.Scope.GATE,)
    ) -> None:
        self.account = make_account(channel, native_id={"x": "18ce54d4x5t"}.get(channel, "123456"))
        self.token = make_token(make_app(channel))
        link(self.account, self.token)
        self.settle()
        self.key, self.key_text = api_keys.issue_key(name="job", scopes=list(scopes), teams=[Team.default()])
        self.text = make_credential(
            key_id=self.key.pk, account_id=self.account.pk, purpose=purpose, expires_at=ends_at(NOW(), 1)
        )

    def settle(self) -> None:
        with transaction.atomic():
            pool.settle(account_ids=[self.account.pk], cause="linked", now=NOW())
        self.account.refresh_from_db()

    def asked(self, line: str = "GET /v26.0/act_123456/campaigns", **more: Any) -> Asked:
        method, _, address = line.partition(" ")
        path, _, query = address.partition("?")
        facts: dict[str, Any] = {
            "headers": {"authorization": f"Bearer {self.text}"},
            "body": b"",
            "host": "",
            **more,
        }
        return Asked(channel=self.account.channel, method=method, path=path, query=query, **facts)

    def ask(self, line: str = "GET /v26.0/act_123456/campaigns", **more: Any) -> Sending | Refusal:
        async def decided() -> Sending | Refusal:
            try:
                return await decide(self.asked(line, **more), now=NOW())
            finally:
                await async_database.close()

        return asyncio.run(decided())

    def refused(self, line: str = "GET /v26.0/act_123456/campaigns", **more: Any) -> tuple[int, str]:
        found = self.ask(line, **more)
        assert isinstance(found, Refusal), found.url
        return found.status, str(json.loads(found.body))

    def sent(self, line: str = "GET /v26.0/act_123456/campaigns", **more: Any) -> Sending:
        found = self.ask(line, **more)
        assert isinstance(found, Sending), found
        return found


def test_the_credential_is_replaced_by_the_token_wherever_it_stood() -> None:
    job = Job()
    headers = {
        "cookie": "a=b", "connection": "close", "x-forwarded-for": "1.2.3.4", "accept": "*/*", "host": "adtoken",
    }  # fmt: skip
    query = f"limit=5&access_token={job.text}&appsecret_proof=00&fields=id%2Cname"

    found = job.sent(f"GET /v26.0/act_123456/campaigns?{query}", headers=headers)

    asked = parse_qs(urlsplit(found.url).query)
    assert found.url.startswith(
        "https://graph.facebook.com/v26.0/act_123456/campaigns?limit=5&fields=id%2Cname&appsecret_proof="
    )
    assert set(asked) == {"limit", "fields", "appsecret_proof"}
    assert asked["appsecret_proof"] != ["00"]
    assert set(found.headers) == {"authorization", "accept"}
    assert MARKER in found.headers["authorization"]
    assert job.text not in str(vars(found) | {"text": ""})
    assert (found.repeatable, found.caller.key_id, found.row.account_id) == (True, job.key.pk, job.account.pk)


def test_the_ordinary_path_is_one_statement_and_no_thread_and_outlives_a_restart_of_postgresql(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = Job()
    job.sent()  # notes that key and token are in use, once an hour
    statements = list[str]()
    read = async_database.read

    async def counted(sql: str, facts: Any) -> Any:
        statements.append(sql)
        return await read(sql, facts)

    async def no_thread(function: Any, *args: Any, **more: Any) -> Any:
        raise AssertionError(f"{function} went to a thread")

    monkeypatch.setattr(async_database, "read", counted)
    monkeypatch.setattr(decisions, "in_thread", no_thread)

    def end_them() -> None:
        ended = """
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and query like '%cross join lateral%' and pid <> pg_backend_pid()"""
        with connection.cursor() as cursor:
            cursor.execute(ended)

    async def both() -> None:
        for _ in range(2):
            assert isinstance(await decide(job.asked(), now=NOW()), Sending)
            await in_thread(end_them)
        await async_database.close()

    asyncio.run(both())
    assert statements == [READ_FOR_KEY] * 2


def test_a_token_that_must_be_renewed_first_is_later_in_the_channels_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = Job()
    over = NOW() - timedelta(minutes=1)
    Token.objects.filter(pk=job.token.pk).update(access_expires_at=over, dates_source={"access": "provider"})
    monkeypatch.setattr(slow, "wait_for_longer", lambda wanted, now: slow.Later(7, "being_renewed"))

    found = job.ask()

    assert isinstance(found, Refusal)
    assert (found.status, found.headers["retry-after"]) == (503, "7")
    assert json.loads(found.body)["error"]["is_transient"] is True


def test_a_form_loses_the_credential_and_nothing_else() -> None:
    job = Job()
    long = "1" * 100_000  # is read beside the event loop
    body = f"name=A%20b+c&access_token={job.text}&x={long}".encode()

    kind = {"content-type": "Application/X-WWW-Form-Urlencoded"}
    found = job.sent("POST /v26.0/act_123456/campaigns", headers=kind, body=body)

    assert (found.body, found.repeatable) == (f"name=A%20b+c&x={long}".encode(), False)


def test_x_is_signed_with_the_parameters_of_query_and_form() -> None:
    job = Job("x")
    oauth = f'OAuth oauth_consumer_key="any", oauth_token="{job.text}", oauth_signature="any"'

    found = job.sent(
        "POST /12/accounts/18ce54d4x5t/campaigns?a=1",
        headers={**FORM, "authorization": oauth},
        body=b"name=A",
    )

    assert found.url == "https://ads-api.x.com/12/accounts/18ce54d4x5t/campaigns?a=1"
    assert found.headers["authorization"].startswith("OAuth ")
    assert f'oauth_token="{MARKER}' in found.headers["authorization"]
    assert job.text not in found.headers["authorization"]
    assert job.refused("GET /12/accounts/18ce55gq7fk")[0] == 403


@pytest.mark.parametrize(
    ("headers", "query", "status", "said"),
    [
        ({}, "", 401, "no credential"),
        ({"authorization": "Bearer EAABforeign"}, "", 401, "Only AdToken"),
        ({"authorization": "Bearer {text}"}, "access_token=EAABforeign", 401, "no other token"),
        ({"authorization": "Bearer {text}", "access-token": "{other}"}, "", 401, "Two different"),
        ({"authorization": "Bearer {text}x"}, "", 401, "no credential"),
        ({"authorization": "Bearer {forged}"}, "", 401, "revoked"),
        ({"authorization": "Bearer {key}"}, "", 401, "API key"),
        ({"authorization": "Basic {text}"}, "", 401, "Only AdToken"),
    ],
)
def test_only_our_credential_lets_in(headers: dict[str, str], query: str, status: int, said: str) -> None:
    job = Job()
    other = make_credential(key_id=job.key.pk, account_id=1, purpose="read", expires_at=ends_at(NOW(), 1))
    claims = [job.key.pk, job.account.pk, "publish", 2**33, "0" * 16]
    # With SECRET_KEY and without the database.
    forged = PREFIX + signing.Signer(salt=SALT, sep=".").sign_object(claims)
    facts = {"{text}": job.text, "{key}": job.key_text, "{other}": other, "{forged}": forged}
    sent = {}
    for name, value in headers.items():
        for mark, text in facts.items():
            value = value.replace(mark, text)
        sent[name] = value

    found = job.refused(f"GET /v26.0/act_123456?{query}", headers=sent)

    assert found[0] == status
    assert said in found[1]


def test_what_ends_a_credential_ends_it_at_once() -> None:
    job = Job()
    job.sent()

    Account.objects.filter(pk=job.account.pk).update(team=make_team())
    assert job.refused() == (403, job.refused()[1])
    assert "outside of the teams" in job.refused()[1]
    Account.objects.filter(pk=job.account.pk).update(team=Team.default())
    ApiKey.objects.filter(pk=job.key.pk).update(scopes=[ApiKey.Scope.LEASE])
    assert "gate:use" in job.refused()[1]
    ApiKey.objects.filter(pk=job.key.pk).update(scopes=[ApiKey.Scope.GATE], channels=["x"])
    assert job.refused()[0] == 403
    ApiKey.objects.filter(pk=job.key.pk).update(channels=[], expires_at=NOW() - timedelta(seconds=1))
    assert "last day" in job.refused()[1]
    ApiKey.objects.filter(pk=job.key.pk).update(expires_at=None)
    api_keys.revoke_key(key=job.key, now=NOW())
    assert job.refused()[0] == 401


def test_an_account_that_only_a_person_can_help_is_refused_with_reason_and_steps() -> None:
    job = Job()
    Account.objects.filter(pk=job.account.pk).update(restriction="DISABLED")
    assert "restricts this ad account" in job.refused()[1]

    Account.objects.filter(pk=job.account.pk).update(state="paused", restriction="")
    found = job.ask()

    assert isinstance(found, Refusal)
    assert (found.status, found.headers["adtoken-reason"]) == (403, "paused")
    assert json.loads(found.body)["error"]["type"] == "OAuthException"


def test_an_installation_on_hold_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job()
    monkeypatch.setattr(hold, "_known", SimpleNamespace(hold=hold.Hold("It is a copy."), until=float("inf")))

    found = job.ask()

    assert isinstance(found, Refusal)
    assert (found.status, found.headers["retry-after"]) == (503, "60")
    assert "It is a copy." in json.loads(found.body)["error"]["message"]


def test_a_credential_of_another_channel_is_told_where_it_belongs() -> None:
    job = Job("x")

    found = asyncio.run(_of_facebook(job))

    assert isinstance(found, Refusal)
    assert (found.status, "/proxy/x" in json.loads(found.body)["error"]["message"]) == (401, True)


async def _of_facebook(job: Job) -> Sending | Refusal:
    try:
        return await decide(replace(job.asked(), channel="facebook"), now=NOW())
    finally:
        await async_database.close()


def test_a_credential_for_reading_reads_also_what_the_channel_restricts() -> None:
    job = Job(purpose="read")
    Account.objects.filter(pk=job.account.pk).update(restriction="DISABLED")

    assert job.sent().repeatable
    assert "reading" in job.refused("POST /v26.0/act_123456/campaigns", body=b"")[1]


def test_a_token_that_dies_is_followed_by_the_next_of_the_pool() -> None:
    job = Job()
    second = make_token(make_app())
    link(job.account, second)
    job.settle()
    assert job.sent().row.token_id == job.token.pk

    Token.objects.filter(pk=job.token.pk).update(state="dead", reason="password_changed")
    job.settle()

    assert job.sent().row.token_id == second.pk


def test_an_object_is_asked_for_once_and_another_accounts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    job, asked = Job(), list[str]()

    def owner_of(self: Any, app: Any, credentials: Any, of: str, object_id: str, *, timeout: float) -> Owner:
        asked.append(object_id)
        said = f"does not exist for {credentials.access_token}"
        gone = Answer("api", 400, {}, {"error": {"code": 100, "error_subcode": 33, "message": said}})
        return {"1202345678": Owner("123456"), "55555": Owner("99"), "66666": Owner()}.get(
            object_id, Owner(answer=gone)
        )

    monkeypatch.setattr(type(registry.get("facebook")), "owner_of", owner_of)

    assert job.sent("POST /v26.0/1202345678", body=b"").url.startswith(
        "https://graph.facebook.com/v26.0/1202345678"
    )
    job.sent("GET /v26.0/1202345678/insights")
    owners.forget()  # as another process, which finds it in Valkey
    job.sent("GET /v26.0/1202345678/insights")
    assert asked == ["1202345678"]
    owners.note_made(job.sent().row, {"video_id": 88888, "success": True})  # what a job made through the gate
    job.sent("GET /v26.0/88888?fields=status")
    assert asked == ["1202345678"]
    assert "not known to belong" in job.refused("GET /v26.0/55555")[1]
    assert "not known to belong" in job.refused("GET /v26.0/66666")[1]
    assert job.refused("GET /v26.0/77777") == (
        400,
        str({"error": {"code": 100, "error_subcode": 33, "message": "does not exist for [hidden]"}}),
    )


def test_what_clients_ask_to_begin_with_is_answered_here() -> None:
    job = Job()

    known = job.ask(f"GET /v26.0/debug_token?input_token={job.text}")

    assert isinstance(known, Refusal)
    assert (known.status, json.loads(known.body)["data"]["app_id"]) == (200, job.token.app.client_id)
    assert job.refused("POST /v26.0/1234/instruments", headers={})[0] == 404
