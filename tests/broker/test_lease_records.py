"""Every token handed out and every request signed is on record, or nothing is handed out."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

import broker
from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey, LeaseRecord
from accounts.pool import services as pool
from broker.leases import callers, records
from tests.macros.support import lasting
from tests.support.factories import NOW, link, make_account, make_app, make_token
from users.models import Team

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def key() -> Iterator[tuple[ApiKey, Client]]:
    callers._facts.clear()
    row, text = api_keys.issue_key(
        name="Nightly job", scopes=list(ApiKey.Scope.values), teams=[Team.default()]
    )
    yield row, Client(headers={"authorization": f"Bearer {text}"}, REMOTE_ADDR="192.0.2.7")
    callers._facts.clear()


@pytest.fixture
def x_account() -> Account:
    account = make_account("x", native_id="18ce54d4x5t")
    link(account, make_token(make_app("x")))
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=NOW)
    return account


def lease(client: Client, account: Account, **wanted: Any) -> Any:
    path = f"/api/v1/accounts/{account.channel}/{account.native_id}/lease"
    return client.post(path, wanted, content_type=JSON)


def test_a_lease_leaves_who_took_whose_token_for_what_when_and_from_where(key: tuple[ApiKey, Client]) -> None:
    row, client = key
    account = lasting()

    given = lease(client, account, purpose="read").json()

    written = LeaseRecord.objects.get()
    assert (written.kind, written.key_id, written.caller, written.address) == (
        "lease", row.pk, "Nightly job", "192.0.2.7",
    )  # fmt: skip
    assert (written.account_id, written.token_id, written.generation) == (
        account.pk, account.active_token_id, 1,
    )  # fmt: skip
    assert (written.purpose, written.lease_hash) == ("read", records.hash_of(given["lease_id"]))
    assert isinstance(written.at, datetime)
    assert given["lease_id"] not in str(vars(written))


def test_a_signature_leaves_the_path_that_was_signed_and_no_parameter(
    key: tuple[ApiKey, Client], x_account: Account, settings: Any
) -> None:
    settings.X_ADS_URL = "https://ads-api.x.com"
    client = key[1]
    lease_id = lease(client, x_account).json()["lease_id"]
    url = "https://ads-api.x.com/12/accounts/18ce54d4x5t/campaigns?name=secret"

    answer = client.post(f"/api/v1/leases/{lease_id}/sign", {"method": "POST", "url": url}, content_type=JSON)

    assert answer.status_code == 200, answer.content
    written = LeaseRecord.objects.get(kind="signature")
    assert written.request == "POST /12/accounts/18ce54d4x5t/campaigns"
    assert (written.key_id, written.account_id) == (key[0].pk, x_account.pk)
    assert written.lease_hash == LeaseRecord.objects.get(kind="lease").lease_hash


def test_our_own_code_is_recorded_by_its_name() -> None:
    account = lasting()

    broker.lease(
        caller=broker.Caller(name="sync"), channel=account.channel, native_id=account.native_id, now=NOW
    )

    written = LeaseRecord.objects.get()
    assert (written.key_id, written.caller, written.address) == (None, "sync", None)


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_recorded_is_not_handed_out(key: tuple[ApiKey, Client]) -> None:
    account = lasting()
    lease(key[1], account)
    with connection.cursor() as cursor:
        cursor.execute("alter table accounts_leaserecord rename to elsewhere")

    try:
        answer = lease(key[1], account)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("alter table elsewhere rename to accounts_leaserecord")

    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert int(answer["Retry-After"]) > 0
    assert "send" not in answer.json()


@pytest.mark.django_db(transaction=True)
def test_no_signature_without_a_record(key: tuple[ApiKey, Client], x_account: Account, settings: Any) -> None:
    settings.X_ADS_URL = "https://ads-api.x.com"
    lease_id = lease(key[1], x_account).json()["lease_id"]
    wanted = {"method": "GET", "url": "https://ads-api.x.com/12/accounts/18ce54d4x5t"}
    with connection.cursor() as cursor:
        cursor.execute("alter table accounts_leaserecord rename to elsewhere")

    try:
        answer = key[1].post(f"/api/v1/leases/{lease_id}/sign", wanted, content_type=JSON)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("alter table elsewhere rename to accounts_leaserecord")

    assert answer.status_code == 503
    assert "authorization" not in answer.json()


@pytest.mark.parametrize(
    ("sent", "proxies", "address"),
    [
        ("203.0.113.5", 1, "203.0.113.5"),
        ("198.51.100.1, 203.0.113.5", 1, "203.0.113.5"),
        (" 2001:db8::1 ", 1, "2001:db8::1"),
        ("fe80::1%eth0", 1, "fe80::1"),
        ("nonsense'; drop table", 1, None),
        ("203.0.113.5", 3, None),  # fewer proxies than there should be
        ("203.0.113.5", 0, "192.0.2.7"),  # nobody vouches for the header
    ],
)
def test_the_address_is_the_clients_behind_the_trusted_proxies(
    key: tuple[ApiKey, Client], settings: Any, sent: str, proxies: int, address: str | None
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    account = lasting()
    path = f"/api/v1/accounts/{account.channel}/{account.native_id}/lease"

    answer = key[1].post(path, {}, content_type=JSON, headers={"x-forwarded-for": sent})

    assert answer.status_code == 200
    assert LeaseRecord.objects.get().address == address
