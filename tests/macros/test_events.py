"""The stream of what happened: each thing once, in the order in which it can be read, to whom it is shown."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.api_keys import services as api_keys
from accounts.models import AccountEvent, Ask, AskLine
from accounts.pool import services as pool
from macros.events import queries
from macros.events import services as events
from macros.models import Event
from tests.support.factories import NOW, link, make_account, make_app, make_team, make_token, make_user
from tokens.models import Token, TokenEvent

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def types() -> list[str]:
    return [one.type for one in Event.objects.all()]


def test_what_happens_to_an_account_and_its_log_in_is_told_once_however_often_it_is_read() -> None:
    ada = make_user("ada@example.com", name="Ada")
    account, token = make_account(name="Lumen"), make_token(consented_by=ada)
    link(account, token)
    pool.settle(account_ids=[account.pk], cause="linked", now=NOW)
    events.publish(NOW)
    Token.objects.filter(pk=token.pk).update(
        state=Token.State.DEAD, reason="password_changed", state_since=NOW
    )
    TokenEvent.objects.create(token=token, kind=TokenEvent.Kind.DIED, at=NOW)
    pool.settle(account_ids=[account.pk], cause="password_changed", now=NOW)

    first, second = events.publish(NOW + HOUR), events.publish(NOW + HOUR)

    assert sorted(one.type for one in first) == ["account.deactivated", "login.ended"]
    assert second == []
    told = {one.type: one.as_sent for one in first}
    assert told["account.deactivated"]["data"] | {"sequence": 0} == {
        "sequence": 0, "channel": "facebook", "native_id": account.native_id, "name": "Lumen", "team": account.team.name,
        "state": "deactivated", "works_until": None, "reason": "password_changed",
    }  # fmt: skip
    assert told["login.ended"]["data"]["person"] == "Ada"
    assert told["login.ended"]["data"]["accounts"] == 1


def test_an_account_recovers_only_from_a_stop_and_a_log_in_is_renewed_only_after_its_first_consent() -> None:
    account, token = make_account(), make_token(created_at=NOW)
    link(account, token)
    of_account = [
        "restricted",
        "unrestricted",
        "connected",
        "deactivated",
        "interrupted",
        "connected",
        "connected",
    ]
    of_log_in = [
        "linked",
        "recovered",
        "linked",
        "died",
        "recovered",
    ]  # the first two: of a consent, and of a doubt
    for minute, kind in enumerate(of_account):
        AccountEvent.objects.create(account=account, kind=kind, at=NOW + timedelta(minutes=minute))
    for minute, kind in enumerate(of_log_in):
        TokenEvent.objects.create(token=token, kind=kind, at=NOW + timedelta(minutes=minute))

    events.publish(NOW + HOUR)

    found = [one for one in types() if not one.startswith("login")]
    assert found == ["account.restricted", "account.deactivated", "account.recovered"]
    assert [one for one in types() if one.startswith("login")] == [
        "login.renewed",
        "login.ended",
        "login.renewed",
    ]


def test_a_transaction_that_commits_late_is_told_all_the_same() -> None:
    account = make_account()
    AccountEvent.objects.create(account=account, kind=AccountEvent.Kind.SHIFTED, at=NOW)
    events.publish(NOW)
    AccountEvent.objects.create(
        account=account, kind=AccountEvent.Kind.RESTRICTED, at=NOW - timedelta(minutes=5)
    )

    events.publish(NOW + timedelta(minutes=1))

    assert types() == ["account.shifted", "account.restricted"]


def test_trouble_of_an_app_and_what_people_are_asked_for_begin_and_end() -> None:
    app, team = make_app(fault="refused", fault_kind="our_bug", fault_since=NOW), make_team("Fern")
    account = make_account(team=team)
    ask = Ask.objects.create(
        what=Ask.What.LINK, email="c@example.com", team=team, ends_at=NOW + 9 * HOUR, created_at=NOW
    )
    AskLine.objects.create(ask=ask, account=account, channel="facebook", native_id=account.native_id)
    events.publish(NOW)
    type(app).objects.filter(pk=app.pk).update(fault="", fault_kind="", fault_since=None)
    Ask.objects.filter(pk=ask.pk).update(ended_at=NOW + HOUR, ending=Ask.Ending.ALL_DONE)

    events.publish(NOW + HOUR)
    events.publish(NOW + HOUR)

    assert sorted(types()) == ["ask.done", "ask.opened", "incident.closed", "incident.opened"]


def test_each_team_is_told_of_what_is_asked_for_it(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    fern, lumen = make_team("Fern"), make_team("Lumen")
    account, other = make_account(team=fern), make_account(team=lumen)
    token = make_token()
    for one in (account, other):
        link(one, token)
    asking = {"ends_at": NOW + 9 * HOUR, "created_at": NOW}
    renew = Ask.objects.create(**asking)
    AskLine.objects.create(ask=renew, token=token)
    any_account = Ask.objects.create(what=Ask.What.LINK, key="k", team=fern, channels=["x"], **asking)

    with django_assert_num_queries(2):
        assert len(list(queries.of_asks(NOW))) == 3

    events.publish(NOW)

    told = Event.objects.order_by("pk").values_list("data__ask", "team", "channel", "data__lines")
    assert sorted(told) == [
        (renew.pk, fern.pk, "facebook", 1),
        (renew.pk, lumen.pk, "facebook", 1),
        (any_account.pk, fern.pk, "x", 0),
    ]


def test_a_key_reads_the_events_of_its_teams_and_channels_and_goes_on_where_it_stood(client: Client) -> None:
    mine, foreign = make_team("Mine"), make_team("Foreign")
    for team, channel in ((mine, "facebook"), (foreign, "facebook"), (mine, "x"), (mine, "facebook")):
        AccountEvent.objects.create(
            account=make_account(channel, team=team), kind=AccountEvent.Kind.SHIFTED, at=NOW
        )
    events.publish(NOW)
    _, secret = api_keys.issue_key(name="job", scopes=["accounts:read"], teams=[mine], channels=["facebook"])

    def get(query: str) -> Any:
        return client.get(f"/api/v1/events?{query}", headers={"authorization": f"Bearer {secret}"}).json()

    first = get("limit=1")
    rest = get(f"after={first['next']}")

    assert [one["data"]["team"] for one in first["events"] + rest["events"]] == ["Mine", "Mine"]
    assert first["events"][0]["id"] == f"evt_{first['next']}"
    assert get(f"after={rest['next']}") == {"events": [], "next": rest["next"]}
    assert get("limit=0")["status"] == 422
