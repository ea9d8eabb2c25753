"""A signature is for the lease's ad account, and only as long as the caller would still get the lease."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.models import Account, AccountToken, ApiKey, LeaseRecord
from accounts.pool import services as pool
from broker.leases import callers
from tests.support.factories import NOW, link, make_account, make_app, make_team, make_token
from tokens.models import Token
from users.models import Team

pytestmark = pytest.mark.django_db
ADS = "https://ads-api.x.com/12/accounts"
MINE, OTHER = "18ce54d4x5t", "18ce55gq7fk"


@pytest.fixture(autouse=True)
def _ads_api(settings: Any) -> Iterator[None]:
    settings.X_ADS_URL, settings.X_API_URL = "https://ads-api.x.com", "https://api.x.com"
    callers._facts.clear()
    yield
    callers._facts.clear()


@pytest.fixture
def account() -> Account:
    """Two ad accounts of one person: this one of the key's team, the other of another team."""
    mine, other = make_account("x", native_id=MINE), make_account("x", native_id=OTHER, team=make_team())
    token = make_token(make_app("x"))
    link(mine, token)
    link(other, token)
    with transaction.atomic():
        pool.settle(account_ids=[mine.pk, other.pk], cause="linked", now=NOW)
    mine.refresh_from_db()
    return mine


class Job:
    """A publishing job with a lease for `account`."""

    def __init__(self, account: Account, purpose: str = "publish") -> None:
        self.row, text = api_keys.issue_key(
            name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()], channels=["x"]
        )
        self.client = Client(headers={"authorization": f"Bearer {text}"})
        path = f"/api/v1/accounts/x/{account.native_id}/lease"
        answer = self.client.post(path, {"purpose": purpose}, content_type="application/json")
        self.lease_id = answer.json()["lease_id"]

    def sign(self, url: str = f"{ADS}/{MINE}", method: str = "GET", **params: str) -> Any:
        wanted = {"method": method, "url": url, "params": params}
        path = f"/api/v1/leases/{self.lease_id}/sign"
        return self.client.post(path, wanted, content_type="application/json")


def test_a_request_about_the_leases_account_is_signed(account: Account) -> None:
    answer = Job(account).sign(f"{ADS}/{MINE}/campaigns", "POST", name="Autumn")

    assert answer.status_code == 200, answer.content
    assert answer.json()["authorization"].startswith("OAuth ")


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", f"{ADS}/{OTHER}"),
        ("POST", f"{ADS}/{OTHER}/campaigns"),
        ("GET", ADS),
        ("POST", "https://api.x.com/2/tweets"),
        ("GET", "https://api.x.com/2/dm_events"),
        ("GET", f"{ADS}/{MINE}/../{OTHER}"),
        ("POST", f"{ADS}/{MINE}/tweet?nullcast=false"),
    ],
)
def test_a_person_who_serves_two_teams_gives_neither_the_others_account(
    account: Account, method: str, url: str
) -> None:
    answer = Job(account).sign(url, method)

    assert answer.status_code == 400
    assert "authorization" not in answer.json()
    assert not LeaseRecord.objects.filter(kind="signature").exists()


def pause(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(paused_at=timezone.now())
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="paused", now=timezone.now())


def restrict(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(restriction="unpaid bill")


def lose_access(account: Account) -> None:
    AccountToken.objects.filter(account=account).update(access="lost")


def lose_writing(account: Account) -> None:
    AccountToken.objects.filter(account=account).update(can_publish="no")


def unlink(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(active_token=None)
    AccountToken.objects.filter(account=account).delete()


def renew(account: Account) -> None:
    Token.objects.update(generation=2)


def cool(account: Account) -> None:
    Token.objects.update(state="cooling", reason="unknown")


def move(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(team=make_team())


def narrow_the_key(account: Account) -> None:
    ApiKey.objects.update(channels=["facebook"])
    callers._facts.clear()


def take_the_team(account: Account) -> None:
    ApiKey.objects.get().teams.clear()
    callers._facts.clear()


def revoke_the_key(account: Account) -> None:
    ApiKey.objects.update(revoked_at=timezone.now())
    callers._facts.clear()


@pytest.mark.parametrize(
    ("change", "status", "reads_on"),
    [
        (pause, 409, False),
        (restrict, 409, True),
        (lose_access, 410, False),
        (lose_writing, 410, True),
        (unlink, 410, False),
        (renew, 410, False),
        (cool, 410, False),
        (move, 404, False),
        (narrow_the_key, 404, False),
        (take_the_team, 404, False),
        (revoke_the_key, 401, False),
    ],
)
@pytest.mark.parametrize("purpose", ["publish", "read"])
def test_a_lease_signs_only_while_it_would_still_be_given(
    account: Account, change: Any, status: int, reads_on: bool, purpose: str
) -> None:
    job = Job(account, purpose)
    assert job.sign().status_code == 200

    change(account)

    answer = job.sign()
    assert answer.status_code == (200 if reads_on and purpose == "read" else status), answer.content


def test_a_lease_signs_for_a_quarter_of_an_hour(account: Account) -> None:
    job = Job(account)

    with time_machine.travel(timezone.now() + timedelta(minutes=14)):
        before = job.sign().status_code
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        after = job.sign().status_code

    assert (before, after) == (200, 410)


def test_a_forged_lease_signs_for_no_account_that_the_pool_does_not_hold(account: Account) -> None:
    """Whoever has SECRET_KEY could write any lease; it still signs what a real one would and no more."""
    from django.core import signing

    from broker.leases import services as leases

    job = Job(account)
    stranger = make_token(make_app("x"))
    seconds = int(datetime.now(UTC).timestamp())
    parts = [leases.VERSION, job.row.pk, account.pk, stranger.pk, 1, seconds, seconds + 31_536_000, "publish"]
    job.lease_id = signing.dumps(parts, salt=leases.SALT)

    assert job.sign().status_code == 410


def test_signing_asks_again_in_one_read(account: Account) -> None:
    job = Job(account)
    job.sign()

    with CaptureQueriesContext(connection) as queries:
        assert job.sign().status_code == 200

    assert [query["sql"].split()[0] for query in queries] == ["select", "insert"]
