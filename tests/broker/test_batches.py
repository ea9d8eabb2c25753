"""Leases for many accounts in one call: each is answered as its own lease would be, and nothing of it waits for a channel."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import broker
from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey, LeaseRecord
from accounts.pool import services as pool
from adtoken_project.ops import metrics
from broker.leases import callers, records
from broker.leases import services as batches
from broker.leases.services import MOST
from tests.macros.support import lasting
from tests.support.factories import NOW, link, make_account, make_app, make_team, make_token
from tests.support.jobs import issued_key
from tokens.models import Token
from tokens.vault import services as vault
from users.models import Team

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def client() -> Iterator[Client]:
    with issued_key() as text:
        yield Client(headers={"authorization": f"Bearer {text}"}, raise_request_exception=False)


@pytest.fixture(autouse=True)
def enough_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    monkeypatch.setattr(batches, "LOOK_FOR", 600.0)


def ask(client: Client, *accounts: Account | tuple[str, str], **wanted: Any) -> list[dict[str, Any]]:
    """Lease for these accounts in one call; returns what became of each."""
    answer = client.post("/api/v1/leases", {"accounts": named(*accounts), **wanted}, content_type=JSON)
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    found: list[dict[str, Any]] = answer.json()["leases"]
    return found


def named(*accounts: Account | tuple[str, str]) -> list[dict[str, str]]:
    pairs = [(one.channel, one.native_id) if isinstance(one, Account) else one for one in accounts]
    return [{"channel": channel, "native_id": native_id} for channel, native_id in pairs]


def singly(client: Client, account: Account | tuple[str, str], **wanted: Any) -> Any:
    [name] = named(account)
    path = f"/api/v1/accounts/{name['channel']}/{name['native_id']}/lease"
    return client.post(path, wanted, content_type=JSON).json()


def statuses(found: list[dict[str, Any]]) -> list[int]:
    return [one["problem"]["status"] if one["problem"] else 200 for one in found]


def token_of(account: Account) -> QuerySet[Token]:
    return Token.objects.filter(pk=account.active_token_id or 0)


def settle(*accounts: Account) -> None:
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in accounts], cause="test", now=NOW)


@pytest.fixture
def paused() -> Account:
    account = lasting()
    Account.objects.filter(pk=account.pk).update(paused_at=NOW, pause_note="Christmas")
    settle(account)
    return account


@pytest.fixture
def dead() -> Account:
    account = lasting()
    token_of(account).update(state="dead", reason="password_changed")
    settle(account)
    return account


@pytest.fixture
def elsewhere() -> Account:
    """Another team's."""
    account = make_account(team=make_team())
    link(account, make_token())
    settle(account)
    return account


def test_each_account_is_answered_as_its_own_lease_would_be(
    client: Client, paused: Account, dead: Account, elsewhere: Account
) -> None:
    good, unknown = lasting(), ("facebook", "999")
    restricted = lasting()
    Account.objects.filter(pk=restricted.pk).update(restriction="unpaid bill")
    asked: list[Account | tuple[str, str]] = [
        good,
        paused,
        dead,
        elsewhere,
        unknown,
        restricted,
        ("nowhere", "1"),
        ("nowhere" * 8, "1"),
        ("facebook", "not a number"),
    ]

    found = ask(client, *asked)

    assert [(one["channel"], one["native_id"]) for one in found] == [
        (name["channel"], name["native_id"]) for name in named(*asked)
    ]
    assert statuses(found) == [200, 409, 409, 404, 404, 409, 404, 404, 404]
    for account, one in zip(asked, found, strict=True):
        alone = singly(client, account)
        given = one["lease"] or one["problem"]
        differ = {"lease_id", "expires_at"}
        compared = {name: value for name, value in given.items() if name not in differ and value is not None}
        assert compared == {name: value for name, value in alone.items() if name in compared}
        assert set(alone) - differ - set(compared) <= {"native_user"}


def test_every_lease_of_a_batch_is_on_record_and_reports_and_signs_as_any_other(client: Client) -> None:
    accounts = [lasting() for _ in range(12)]

    found = ask(client, *accounts, purpose="read")

    written = LeaseRecord.objects.order_by("account_id")
    assert [one.account_id for one in written] == [account.pk for account in accounts]
    assert {(one.kind, one.purpose, one.caller, one.address) for one in written} == {
        ("lease", "read", "job", "127.0.0.1")
    }
    assert [one.lease_hash for one in written] == [records.hash_of(one["lease"]["lease_id"]) for one in found]
    report = f"/api/v1/leases/{found[0]['lease']['lease_id']}/report"
    told = client.post(report, {"status": 200, "body": {"id": "1"}}, content_type=JSON)
    assert told.json()["verdict"] == "ok"


def test_a_batch_is_one_read_and_one_statement_of_the_record() -> None:
    accounts = [lasting() for _ in range(20)]
    names = [(one.channel, one.native_id) for one in accounts]
    caller = broker.Caller(name="job")
    broker.lease_many(caller=caller, accounts=names, now=NOW)  # notes the uses of this hour

    with CaptureQueriesContext(connection) as captured:
        answers = broker.lease_many(caller=caller, accounts=names, now=NOW)

    assert all(isinstance(one, broker.Lease) for one in answers)
    assert [query["sql"].split()[0] for query in captured] == ["select", "insert"]


def test_an_account_named_twice_gets_two_leases_and_both_are_on_record(client: Client) -> None:
    account = lasting()

    found = ask(client, account, ("facebook", f"act_{account.native_id}"))

    assert statuses(found) == [200, 200]
    assert LeaseRecord.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_recorded_is_not_handed_out(client: Client, paused: Account) -> None:
    account = lasting()
    with connection.cursor() as cursor:
        cursor.execute("alter table accounts_leaserecord rename to elsewhere")

    try:
        found = ask(client, account, paused)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("alter table elsewhere rename to accounts_leaserecord")

    assert statuses(found) == [503, 409]
    assert found[0]["lease"] is None
    assert found[0]["problem"]["retry_after"] > 0


def test_one_account_whose_credentials_do_not_open_costs_no_other_its_lease(client: Client) -> None:
    good, bad, worse = lasting(), lasting(), lasting()
    token_of(bad).update(credentials=vault.seal("somebody else", {}))
    token = token_of(worse).select_related("app").get()
    owner = token.app.token_owner(token.native_user_id)
    Token.objects.filter(pk=token.pk).update(credentials=vault.seal(owner, {"no": "credentials"}))

    found = ask(client, good, bad, worse)

    assert statuses(found) == [200, 503, 500]
    assert "credentials" not in str(found[2]["problem"])


# ---- nothing waits for a channel


@pytest.fixture
def renewable() -> Token:
    """A token of Snapchat whose half hour is over, in the pools of 100 accounts. No channel answers in this test."""
    now = timezone.now()
    app = make_app("snapchat")
    token = make_token(
        app,
        credentials=vault.seal(app.token_owner("77"), {"access_token": "a", "refresh_token": "r"}),
        native_user_id="77",
        access_expires_at=now - timedelta(minutes=1),
        dates_source={"access": "provider"},
        has_refresh_token=True,
        linked_at=now - timedelta(days=1),
    )
    accounts = [
        make_account("snapchat", native_id=f"{number:08}-0000-4000-8000-000000000000")
        for number in range(MOST)
    ]
    for account in accounts:
        link(account, token)
    settle(*accounts)
    return token


def test_a_hundred_accounts_behind_a_token_that_must_be_renewed_ask_for_it_once_and_wait_for_nothing(
    client: Client, renewable: Token
) -> None:
    accounts = list(Account.objects.filter(channel="snapchat"))

    with CaptureQueriesContext(connection) as captured:
        found = ask(client, *accounts)

    assert statuses(found) == [503] * MOST
    assert {one["problem"]["detail"] for one in found} == {
        "The token must be renewed first, which has been asked for."
    }
    assert {one["problem"]["retry_after"] for one in found} == {5}
    renewable.refresh_from_db()
    assert renewable.refresh_wanted["renew"] is True
    assert renewable.claimed_until is None
    wishes = [query["sql"] for query in captured if 'SET "refresh_wanted' in str(query["sql"])]
    assert len(wishes) == 1


def test_what_another_asks_about_now_is_not_disturbed(client: Client, renewable: Token) -> None:
    held = timezone.now() + timedelta(minutes=1)
    Token.objects.filter(pk=renewable.pk).update(claimed_until=held, claimed_by=7)

    found = ask(client, *Account.objects.filter(channel="snapchat")[:2])

    assert statuses(found) == [503, 503]
    renewable.refresh_from_db()
    assert (renewable.claimed_until, renewable.refresh_wanted_at) == (held, None)


def test_another_token_of_the_pool_serves_meanwhile(client: Client, renewable: Token) -> None:
    account = Account.objects.filter(channel="snapchat").first()
    assert account is not None
    backup = make_token(renewable.app, native_user_name="Ben")
    link(account, backup)
    settle(account)

    [found] = ask(client, account)

    assert found["lease"]["native_user"] == "Ben"


def test_what_needs_too_long_a_look_is_put_off_and_the_rest_is_given(
    client: Client, dead: Account, paused: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LOOK_FOR", -1.0)

    found = ask(client, dead, lasting(), paused)

    assert statuses(found) == [503, 200, 503]
    assert found[0]["problem"]["retry_after"] == 1


# ---- the same rights, the same limits


def test_a_batch_needs_the_scope_and_sees_the_key_s_channels_alone() -> None:
    callers._facts.clear()
    _, reading = api_keys.issue_key(name="reader", scopes=[ApiKey.Scope.READ], teams=[Team.default()])
    _, of_x = api_keys.issue_key(
        name="x", scopes=list(ApiKey.Scope.values), teams=[Team.default()], channels=["x"]
    )
    account = lasting()

    refused = Client(headers={"authorization": f"Bearer {reading}"}).post(
        "/api/v1/leases", {"accounts": named(account)}, content_type=JSON
    )
    found = ask(Client(headers={"authorization": f"Bearer {of_x}"}), account)

    assert refused.status_code == 403
    assert statuses(found) == [404]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "accounts"),
        ({"accounts": []}, "accounts"),
        ({"accounts": [{"channel": "facebook", "native_id": "1"}] * (MOST + 1)}, "accounts"),
        ({"accounts": [{"channel": "facebook"}]}, "accounts.0.native_id"),
        ({"accounts": [{"channel": "facebook", "native_id": "1", "x": 1}]}, "accounts.0.x"),
        ({"accounts": [{"channel": "facebook", "native_id": "1" * 201}]}, "accounts.0.native_id"),
        ({"accounts": [{"channel": "facebook", "native_id": "1"}], "purpose": "fun"}, "purpose"),
    ],
)
def test_a_batch_that_is_not_one_is_refused_by_the_field(
    client: Client, body: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/v1/leases", body, content_type=JSON)

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_the_figures_count_each_lease_of_a_batch(client: Client, paused: Account) -> None:
    before = counts()

    ask(client, lasting(), lasting(), paused)
    singly(client, paused)

    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 1, 2, 2]


def counts() -> list[float]:
    requests, leases = metrics.REQUESTS, metrics.LEASES
    of = [
        requests.labels("leases", "200"),
        requests.labels("lease", "409"),
        leases.labels("200"),
        leases.labels("409"),
    ]
    return [one._value.get() for one in of]
