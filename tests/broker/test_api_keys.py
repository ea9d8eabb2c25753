"""API keys: how long they work, who is told of their end, and what they took."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.api_keys import mails as api_key_mail
from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey, LeaseRecord
from broker.leases import admin as handed_out
from broker.leases import callers
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.portal.support import linked, pool_url, staff, token_of
from tests.support.factories import make_team, make_user
from tokens.models import Token
from users.models import Team

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ADD = "/admin/accounts/apikey/add/"
LIST = "/admin/accounts/apikey/"


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    callers._facts.clear()


def make_key(*, days: float | None = None, **fields: Any) -> tuple[ApiKey, str]:
    ends = None if days is None else timezone.now() + days * DAY
    fields.setdefault("teams", [Team.default()])
    return api_keys.issue_key(name="Nightly job", scopes=list(ApiKey.Scope.values), expires_at=ends, **fields)


def status(secret: str) -> int:
    return Client(headers={"authorization": f"Bearer {secret}"}).get("/api/v1/accounts").status_code


# ---- the end


def test_a_key_is_taken_until_its_end_and_not_after(monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = make_key(days=1)
    assert status(secret) == 200

    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    callers._facts.clear()

    assert status(secret) == 401


def test_a_long_name_of_a_key_gives_way_in_the_subject_before_the_day_it_ends() -> None:
    key, _ = make_key(days=20)
    ApiKey.objects.filter(pk=key.pk).update(name="Nightly reports of all the accounts of the whole agency")

    api_key_mail.tell_of_keys(now=timezone.now())
    subject = api_key_mail.build_key_mail(Message.objects.get()).subject

    assert key.last_day is not None
    day = timezone.localtime(key.last_day)
    assert subject.startswith("AdToken: The API key “Nightly reports")
    assert subject.endswith(f"…” ends on {day.day} {day:%B %Y}")
    assert len(subject) <= 78


def form(**changes: Any) -> dict[str, Any]:
    return {"name": "job", "scopes": ["accounts:read"], "teams": [Team.default().pk], **changes}


@pytest.mark.usefixtures("at_now")
def test_a_new_key_ends_in_a_year_unless_another_day_is_chosen(client: Client) -> None:
    staff(client, "accounts.add_apikey", "accounts.view_apikey")
    page = client.get(ADD)
    proposed = page.context["form"]["last_day"].initial

    client.post(ADD, form(last_day=proposed.isoformat()))
    client.post(ADD, form(name="for ever", last_day=""))
    refused = client.post(ADD, form(name="over", last_day="2020-01-01"))
    never = client.post(ADD, form(name="never", last_day="9999-12-31"))

    assert f'value="{proposed.isoformat()}"' in page.content.decode()
    ends = ApiKey.objects.get(name="job").expires_at
    assert ends is not None
    assert timezone.localtime(ends).date() == proposed + DAY == timezone.localdate() + 366 * DAY
    assert ApiKey.objects.get(name="for ever").expires_at is None
    assert "This day is over" in refused.content.decode()
    assert "Empty: the key has no end" in never.content.decode()


def test_the_page_that_makes_a_key_says_what_a_token_can_do(client: Client) -> None:
    staff(client, "accounts.add_apikey")

    page = client.get(ADD).content.decode()

    assert "reaches further than the teams you tick" in page
    assert "every ad account of that person" in page


@pytest.mark.parametrize(
    ("days", "stage"), [(30, "30"), (29.5, "30"), (6, "7"), (0.5, "1"), (31, None), (-1, None)]
)
def test_the_maker_and_operators_hear_of_the_end_30_7_and_1_days_ahead(
    days: float, stage: str | None
) -> None:
    maker = make_user("mira@example.com")
    make_key(days=days, created_by=maker)

    written = api_key_mail.tell_of_keys(now=timezone.now() + timedelta(seconds=1))

    expected = {"mira@example.com", "ops@example.com"} if stage else set()
    assert set(Message.objects.values_list("recipient", flat=True)) == expected
    assert written == len(expected)
    assert all(f":{stage}:" in message.dedupe_key for message in Message.objects.all())
    assert api_key_mail.tell_of_keys(now=timezone.now() + timedelta(seconds=1)) == 0


def test_the_mail_names_key_day_last_use_and_steps_and_no_secret() -> None:
    key, secret = make_key(days=20, created_by=make_user("mira@example.com", name="Mira Ode"))
    api_key_mail.tell_of_keys(now=timezone.now())

    mail = api_key_mail.build_key_mail(Message.objects.get(recipient="mira@example.com"))

    for body in (mail.text, mail.html):
        assert key.name in mail.subject
        assert all(
            word in body
            for word in (key.prefix, "Mira Ode", "never", "Revoke this one", "/admin/accounts/apikey/")
        )
        assert secret not in body
        assert key.sha256 not in body
    assert "You made" not in mail.subject


def test_a_mail_about_a_key_that_was_revoked_meanwhile_is_not_sent() -> None:
    make_key(days=20)
    api_key_mail.tell_of_keys(now=timezone.now())
    ApiKey.objects.update(revoked_at=timezone.now())

    with pytest.raises(NotWanted, match="revoked"):
        api_key_mail.build_key_mail(Message.objects.get())


@pytest.mark.parametrize("deleted", [True, False])
def test_operators_hear_once_that_whoever_made_a_key_has_left(client: Client, deleted: bool) -> None:
    maker = make_user("mira@example.com", name="Mira Ode")
    _key, _ = make_key(created_by=maker)
    if deleted:
        maker.delete()
    else:
        type(maker).objects.filter(pk=maker.pk).update(is_active=False)

    api_key_mail.tell_of_keys(now=timezone.now())
    api_key_mail.tell_of_keys(now=timezone.now() + DAY)

    [message] = Message.objects.all()
    assert (message.recipient, message.payload["about"]) == ("ops@example.com", "maker")
    assert "has left" in api_key_mail.build_key_mail(message).subject
    client.force_login(make_user(is_staff=True, is_superuser=True))
    assert "who has left" in client.get(LIST).content.decode()


# ---- what must not be asked


def test_the_list_answers_no_questions_about_hashes(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    make_key()

    for query in (
        "sha256__startswith=a",
        "sha256=a",
        "prefix__startswith=adt",
        "created_by__password__startswith=p",
    ):
        answer = client.get(f"{LIST}?{query}")
        assert answer.status_code in {302, 400}
        assert "Nightly job" not in answer.content.decode()


# ---- what was handed out


def record(account: Account, token: Token, key: ApiKey | None, *, at: datetime, **fields: Any) -> LeaseRecord:
    facts = {"kind": "lease", "generation": 1, "purpose": "publish", "lease_hash": "ab" * 16}
    facts |= {
        "key_id": key.pk if key else None,
        "caller": key.name if key else "sync",
        "address": "192.0.2.7",
    }
    return LeaseRecord.objects.create(account_id=account.pk, token_id=token.pk, at=at, **facts | fields)


@pytest.fixture
def scene(client: Client) -> tuple[Account, Token, ApiKey]:
    """An account of Ada's with a key; staff of its team may see the record."""
    token = token_of("Ada Okafor")
    account = linked(token, name="Lumen Shoes EU")
    staff(client, "accounts.view_leaserecord", "accounts.view_apikey")
    return account, token, make_key()[0]


def test_the_page_of_a_key_says_what_it_took_when_whose_and_from_where(
    client: Client, scene: tuple[Account, Token, ApiKey]
) -> None:
    account, token, key = scene
    at = timezone.now()
    record(account, token, key, at=at)
    record(account, token, key, at=at, purpose="read")
    record(account, token, key, at=at, kind="signature", request="POST /12/accounts/1/campaigns")

    page = client.get(handed_out.url(key=key.pk)).content.decode()

    assert "Tokens handed out to Nightly job" in page
    for words in (
        "Token, for publishing",
        "Token, for reading",
        "Signed POST /12/accounts/1/campaigns",
        f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "Lumen Shoes EU",
        "Ada Okafor",
        "192.0.2.7",
    ):
        assert words in page


def test_account_and_token_lead_to_their_part_of_the_record(
    client: Client, scene: tuple[Account, Token, ApiKey]
) -> None:
    account, token, key = scene
    other = token_of("Ben Lindqvist")
    record(account, token, key, at=timezone.now())
    record(account, other, key, at=timezone.now())
    Token.objects.update(last_used_at=timezone.now())

    pool = client.get(pool_url(account)).content.decode()
    of_account = client.get(handed_out.url(account=account.pk)).content.decode()
    of_token = client.get(handed_out.url(token=token.pk)).content.decode()

    assert f"?account={account.pk}" in pool
    assert f"?token={token.pk}" in pool
    assert "Ada Okafor" in of_account
    assert "Ben Lindqvist" in of_account
    assert "Ada Okafor" in of_token
    assert "Ben Lindqvist" not in of_token


@pytest.mark.usefixtures("at_now")
def test_the_record_is_filtered_by_day_and_account(
    client: Client, scene: tuple[Account, Token, ApiKey]
) -> None:
    account, token, key = scene
    other = linked(token_of("Ben Lindqvist"), name="Fern Gardens")
    yesterday = timezone.now() - DAY
    record(account, token, key, at=yesterday)
    record(other, token, key, at=timezone.now())

    by_day = client.get(f"{handed_out.url(key=key.pk)}&day={timezone.localdate(yesterday).isoformat()}")
    by_account = client.get(f"{handed_out.url(key=key.pk)}&q=fern")

    assert [line.account for line in by_day.context["lines"]] == [account]
    assert [line.account for line in by_account.context["lines"]] == [other]


def test_the_record_is_paged_to_its_end_without_gaps(
    client: Client, scene: tuple[Account, Token, ApiKey]
) -> None:
    account, token, key = scene
    now = timezone.now()
    made = [record(account, token, key, at=now - timedelta(seconds=number // 3)).pk for number in range(120)]

    seen: list[int] = []
    address = handed_out.url(key=key.pk)
    while address:
        page = client.get(address)
        seen += [line.record.pk for line in page.context["lines"]]
        older = page.context["older"]
        address = f"{reverse('admin:accounts_apikey_handed_out')}{older}" if older else ""

    assert sorted(seen) == sorted(made)
    assert len(seen) == len(set(seen))


def test_a_page_costs_the_same_however_long_the_record_is(
    client: Client, scene: tuple[Account, Token, ApiKey]
) -> None:
    account, token, key = scene
    for _ in range(3):
        record(account, token, key, at=timezone.now())
    with CaptureQueriesContext(connection) as few:
        client.get(handed_out.url(key=key.pk))
    for _ in range(60):
        record(account, token, key, at=timezone.now())

    with CaptureQueriesContext(connection) as many:
        client.get(handed_out.url(key=key.pk))

    assert len(few) == len(many)


def test_the_record_keeps_to_the_viewers_teams(client: Client, scene: tuple[Account, Token, ApiKey]) -> None:
    account, token, key = scene
    elsewhere = make_team()
    foreign_token = token_of("Chiara Rossi", team=elsewhere)
    foreign = linked(foreign_token, name="Kelp Surf", team=elsewhere)
    foreign_key = make_key(teams=[elsewhere])[0]
    record(account, token, key, at=timezone.now())
    record(foreign, token, key, at=timezone.now())  # it was of the key's team then
    record(account, foreign_token, foreign_key, at=timezone.now())

    of_key = client.get(handed_out.url(key=key.pk))
    of_account = client.get(handed_out.url(account=account.pk)).content.decode()

    assert [line.account for line in of_key.context["lines"]] == [account]
    assert "Someone in another team" in of_account
    assert "Chiara Rossi" not in of_account
    assert "A key of another team" in of_account
    for hidden in (
        {"key": foreign_key.pk},
        {"account": foreign.pk},
        {"token": foreign_token.pk},
        {},
        {"key": 999},
    ):
        assert client.get(handed_out.url(**hidden)).status_code == 404, hidden


def test_without_the_permission_there_is_neither_page_nor_link(client: Client) -> None:
    account = linked(token_of("Ada"))
    key = make_key()[0]
    staff(client, "accounts.view_apikey")

    assert client.get(handed_out.url(key=key.pk)).status_code == 403
    assert "handed-out" not in client.get(pool_url(account)).content.decode()
    assert "handed-out" not in client.get(LIST).content.decode()


def test_a_bad_address_of_the_record_is_not_found_and_no_error(
    client: Client, scene: tuple[Account, Token, ApiKey]
) -> None:
    odd = ["before=x", "before=2026-01-01", "before=9999-12-31T23:59:59~1", "key=x", "key=-1"]
    odd += ["day=x", "day=9999-12-31", "day=0001-01-01"]

    answers = {client.get(f"{handed_out.url(key=scene[2].pk)}&{query}").status_code for query in odd}

    assert answers <= {200, 404}


def test_what_was_removed_since_is_still_on_record(
    client: Client, scene: tuple[Account, Token, ApiKey]
) -> None:
    account, token, key = scene
    record(account, token, key, at=timezone.now())
    Account.objects.filter(pk=account.pk).update(active_token=None)
    account.delete()
    token.delete()
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get(handed_out.url(key=key.pk)).content.decode()

    assert "an account that was removed" in page
    assert "a token that was removed" in page
