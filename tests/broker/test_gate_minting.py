"""Credentials of the gate: who gets one, for what, and what they say. By API, and on the page of an ad account."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.models import Account, AccountEvent, ApiKey
from broker.gate.credentials import read_credential
from tests.portal.support import line_url, linked, pool_url, staff, token_of
from tests.support.factories import make_account, make_team
from tokens.channels import declarations
from users.models import Team

pytestmark = pytest.mark.django_db
JSON = "application/json"
DAY = timedelta(days=1)
IDS = {"snapchat": "e4cd371b-8de8-4011-a8d2-860fe77c09e1", "x": "18ce54d4x5t"}


def job(**fields: Any) -> tuple[ApiKey, Client]:
    fields = {"name": "job", "scopes": list(api_keys.FOR_JOBS), "teams": [Team.default()]} | fields
    key, secret = api_keys.issue_key(**fields)
    return key, Client(headers={"authorization": f"Bearer {secret}"})


def ask(client: Client, account: Account, **body: Any) -> Any:
    path = f"/api/v1/accounts/{account.channel}/{account.native_id}/credential"
    return client.post(path, body, content_type=JSON)


@pytest.mark.parametrize("channel", declarations.channel_keys())
def test_a_key_of_a_job_makes_a_credential_and_hears_where_the_client_wants_it(channel: str) -> None:
    key, client = job()
    account, now = make_account(channel, native_id=IDS.get(channel, "123")), timezone.now()

    said = ask(client, account, purpose="read", days=3).json()

    found = read_credential(said["credential"], now=now)
    assert (found.key_id, found.account_id, found.purpose) == (key.pk, account.pk, "read")
    assert abs(found.expires_at - now - 3 * DAY) < timedelta(minutes=1)
    assert said["expires_at"] == f"{found.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    assert said["base_url"] == f"http://testserver/proxy/{channel}"
    assert said["credential"] in " ".join(said["send"]["headers"].values())
    for part in (said["base_url"], said["credential"]):
        assert any(part in line for line in said["client"])
    path = f"/api/v1/accounts/{channel}/{account.native_id}/credential"
    assert client.post(path, content_type=JSON).json()["purpose"] == "publish"  # no body is {}


def test_no_credential_is_made_that_the_key_has_no_right_to_or_that_outlives_it() -> None:
    ends = timezone.now().replace(microsecond=0) + 2 * DAY
    _, client = job(expires_at=ends)
    account = make_account()

    assert read_credential(ask(client, account).json()["credential"], now=timezone.now()).expires_at == ends
    assert ask(client, account, days=91).status_code == 422
    assert ask(client, make_account(team=make_team())).status_code == 404
    assert ask(job(channels=["x"])[1], account).status_code == 404
    refused = ask(job(scopes=["accounts:read", "tokens:lease"])[1], account)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


# ---- on the page of an ad account


def test_staff_make_one_on_the_accounts_page_see_it_once_and_the_history_names_them_and_the_key(
    client: Client,
) -> None:
    viewer = staff(client, "accounts.add_apikey")
    key, _ = job(name="Nightly", created_by=viewer)
    job(name="Reader", scopes=["accounts:read"])
    job(name="Elsewhere", teams=[make_team()])
    account = linked(token_of("Ada"))
    address = reverse("admin:accounts_account_connect", args=[account.pk])

    asked = client.get(address)
    shown = client.post(address, {"key": key.pk, "purpose": "read", "days": "7"}).content.decode()

    assert address in client.get(pool_url(account)).content.decode()
    assert list(asked.context["form"].fields["key"].queryset) == [key]
    secret = shown.split('at-pickable">')[1].split("<")[0]
    found = read_credential(secret, now=timezone.now())
    assert (found.key_id, found.account_id, found.purpose) == (key.pk, account.pk, "read")
    assert "FacebookSession.GRAPH = &quot;http://testserver/proxy/facebook&quot;" in shown
    event = AccountEvent.objects.get(kind="credential")
    assert (event.actor, event.note) == (viewer, "Nightly")
    line = client.get(line_url(account)).content.decode()
    assert "A credential of the API key “Nightly” was made" in line
    assert secret not in line


def test_without_a_key_for_the_gate_the_page_leads_to_where_one_is_made_and_back(client: Client) -> None:
    staff(client, "accounts.add_apikey")
    account = linked(token_of("Ada"))
    address = reverse("admin:accounts_account_connect", args=[account.pk])

    led = client.get(address, follow=True)

    assert "Make one first" in led.content.decode()
    assert led.context["back"] == address
    assert led.context["form"]["scopes"].initial == ["accounts:read", "gate:use"]
    assert led.context["form"]["teams"].initial == [account.team_id]
    staff(client)
    assert client.get(address).status_code == 403
    assert address not in client.get(pool_url(account)).content.decode()
