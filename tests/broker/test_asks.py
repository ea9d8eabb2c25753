"""Asks by a key: within its teams and channels, in its maker's name, as our own pages begin and show them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts.asks import services as asking
from accounts.asks.admin import ask_url
from accounts.models import Account, AccountEvent, ApiKey, Ask, AskLine
from notifications.models import Message
from tests.macros.support import ending, settle
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tests.support.jobs import system
from ui import stored_phrases as kept
from users.models import Team, User

pytestmark = pytest.mark.django_db
PATH = "/api/v1/asks"
HOME = "https://portal.example.com"


@pytest.fixture(autouse=True)
def _world(settings: Any) -> None:
    settings.ASK_RETURN_ORIGINS = [HOME]
    make_app()


def ask(client: Client, kind: str, *accounts: Account, **more: Any) -> Any:
    named = [{"channel": one.channel, "native_id": one.native_id} for one in accounts]
    body = {"kind": kind, **({"accounts": named} if named else {}), **more}
    return client.post(PATH, body, content_type="application/json")


def test_people_are_asked_to_re_authenticate_in_the_makers_name_by_the_key(boss: User, team: Team) -> None:
    mara = make_user("mara@example.com", name="Mara Lindt", team=team)
    account = ending(3, team=team, person=mara)
    client = system(boss, team)

    made = ask(client, "renew", account, note="Before the\nholidays")
    asking.send_due_requests(clock=timezone.now, goes_on=lambda: True)
    seen = client.get(made.json()["asks"][0]["url"]).json()

    assert (made.status_code, made["Location"]) == (201, seen["url"])
    assert (seen["kind"], seen["state"], seen["address"]) == ("renew", "open", None)
    assert seen["by"] == {"person": "An administrator", "api_key": "Portal"}  # of no team of the key
    assert seen["progress"] == {"total": 1, "done": 0, "failed": 0}
    (line,) = seen["lines"]
    assert (line["account"], line["person"], line["stage"]) == (account.name, "Mara Lindt", "waiting")
    assert Message.objects.get(recipient=mara.email).kind == "ask"
    browser = Client()
    browser.force_login(boss)
    assert "(API key Portal)" in browser.get(ask_url("change", Ask.objects.get())).text
    event = AccountEvent.objects.get(account=account, kind="asked")
    assert (event.actor, kept.said(event.note)) == (boss, "API key Portal: Before the holidays")


def test_a_client_link_has_its_address_for_the_key_that_made_it_alone(boss: User, team: Team) -> None:
    client, other = system(boss, team), system(boss, team)
    wanted = {"email": "clara@client.example", "channels": ["facebook"], "return_url": f"{HOME}/clients/42"}

    made = ask(client, "client_link", send_mail=False, **wanted).json()["asks"][0]
    listed = other.get(f"{PATH}?kind=client_link&state=open").json()["asks"]

    stored = Ask.objects.get()
    assert made["address"] == stored.link_address
    assert (made["team"], made["email"], made["return_url"]) == (
        "Lumen",
        wanted["email"],
        wanted["return_url"],
    )
    assert made["progress"] == {"total": 1, "done": 0, "failed": 0}
    assert [(one["id"], one["address"]) for one in listed] == [(made["id"], None)]
    assert other.get(f"{PATH}?mine=true").json()["asks"] == []
    assert not Message.objects.exists()
    said = LogEntry.objects.get()
    assert (said.user, kept.said(said.change_message).endswith("API key Portal")) == (boss, True)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/", f"{HOME}.evil.example/", f"{HOME}@evil.example/", f"{HOME}:444/", "http://portal.example.com/",
        "//portal.example.com/", "/clients", "javascript:alert(1)", f"{HOME}\\@evil.example/", f"{HOME}/\nx", " " + HOME, HOME.upper(),
    ],
)  # fmt: skip
def test_a_link_leads_back_to_named_origins_alone(boss: User, team: Team, url: str) -> None:
    wanted = {"email": "clara@client.example", "channels": ["facebook"], "return_url": url}

    refused = ask(system(boss, team), "client_link", **wanted)

    assert (refused.status_code, refused.json()["code"]) == (409, "not_possible")
    assert not Ask.objects.exists()


def test_a_second_person_is_invited_for_several_accounts_by_one_mail(boss: User, team: Team) -> None:
    ben = make_user("ben@example.com", team=team)
    carried, other = ending(40, team=team, person=ben), ending(40, team=team)
    client = system(boss, team)

    for email in ("ben@example.com", "new@example.com"):  # whoever it is, the answer says the same
        made = ask(client, "second_person", carried, other, email=email).json()["asks"]
        assert [(one["kind"], one["email"], one["progress"]["total"]) for one in made] == [
            ("second_person", email, 2)
        ]
    again = ask(client, "second_person", carried, other, email="new@example.com")

    assert again.status_code == 409
    assert Message.objects.filter(recipient="ben@example.com").count() == 1
    assert Message.objects.filter(recipient="new@example.com").count() == 1


def test_the_walls_of_key_and_maker_hold(boss: User, team: Team) -> None:
    fern = make_team("Fern")
    mine, foreign = ending(3, team=team), ending(3, team=fern)
    on_x = make_account("x", team=team)
    plain = make_user("plain@example.com", team=team)
    gone = make_user("gone@example.com", is_staff=True, is_superuser=True, is_active=False)
    client = system(boss, team)
    link_ = {"email": "clara@client.example", "channels": ["facebook"]}
    theirs = ask(system(boss, fern), "renew", foreign).json()["asks"][0]
    before = Ask.objects.count()

    found = {
        "another team's account": ask(client, "renew", mine, foreign),
        "another channel": ask(system(boss, team, channels=["facebook"]), "renew", on_x),
        "another channel's link": ask(system(boss, team, channels=["x"]), "client_link", **link_),
        "another team's link": ask(client, "client_link", team="Fern", **link_),
        "which team": ask(system(boss, team, fern), "client_link", **link_),
        "nothing ends": ask(client, "renew", ending(300, team=team)),
        "maker may not ask": ask(system(plain, team), "renew", mine),
        "maker left": ask(system(gone, team), "renew", mine),
        "no maker": ask(system(None, team), "client_link", **link_),
        "no scope": ask(system(boss, team, scopes=[ApiKey.Scope.READ]), "renew", mine),
        "no accounts": ask(client, "renew"),
        "a field of another kind": ask(client, "renew", mine, send_mail=False),
        "others' ask": client.get(theirs["url"]),
        "no such channel": ask(client, "client_link", **{**link_, "channels": ["myspace"]}),
    }

    assert {name: answer.status_code for name, answer in found.items()} == {
        "another team's account": 404, "another channel": 404, "another channel's link": 409, "another team's link": 409,
        "which team": 409, "nothing ends": 409, "maker may not ask": 409, "maker left": 409, "no maker": 409, "no scope": 403,
        "no accounts": 422, "a field of another kind": 422, "others' ask": 404, "no such channel": 409,
    }  # fmt: skip
    assert Ask.objects.count() == before
    assert client.get(PATH).json()["asks"] == []


def test_of_an_ask_for_several_teams_a_key_sees_its_own_part(boss: User, team: Team) -> None:
    fern = make_team("Fern")
    mine, foreign = (
        ending(3, team=team),
        ending(3, team=fern, person=make_user("fern@example.com", team=fern)),
    )
    shared = make_token(make_app(), consented_by=make_user("both@example.com"), deadline=timezone.now())
    link(mine, shared)
    settle(mine)
    tokens = [entry.token_id for one in (mine, foreign) for entry in one.pool.all()]
    started = asking.start_ask(user=boss, token_ids=tokens, now=timezone.now())

    seen = system(boss, team).get(f"{PATH}/{started.pk}").json()

    assert seen["progress"]["total"] == 2
    assert {(line["account"], line["person"]) for line in seen["lines"]} == {(mine.name, None)}


def test_of_another_teams_link_for_an_account_of_its_own_a_key_reads_what_is_asked_for_alone(
    boss: User, team: Team
) -> None:
    account = make_account("facebook", team=team)
    wanted = {
        "email": "clara@client.example",
        "channels": ["facebook"],
        "note": "Of Fern",
        "return_url": f"{HOME}/42",
    }
    ask(system(boss, make_team("Fern")), "client_link", **wanted)
    theirs = Ask.objects.get()
    AskLine.objects.create(ask=theirs, account=account, channel="facebook", native_id=account.native_id)

    seen = system(boss, team).get(f"{PATH}/{theirs.pk}").json()

    known = {name: seen[name] for name in ("name", "note", "email", "team", "address", "return_url")}
    assert known == {"name": "", "note": "", "email": None, "team": None, "address": None, "return_url": None}
    assert seen["by"]["api_key"] is None


def test_the_list_goes_on_with_its_cursor(boss: User, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.asks.api.PAGE", 2)
    client = system(boss, team)
    for number in range(3):
        ask(client, "client_link", email=f"{number}@client.example", channels=["facebook"], days=1)
    Ask.objects.filter(email="0@client.example").update(ends_at=timezone.now() - timedelta(days=1))

    first = client.get(PATH).json()
    last = client.get(PATH, {"cursor": first["next"]}).json()

    assert [one["email"] for one in first["asks"]] == ["2@client.example", "1@client.example"]
    assert [(one["email"], one["state"], one["address"]) for one in last["asks"]] == [
        ("0@client.example", "expired", None)
    ]
    assert last["next"] is None
    assert [one["email"] for one in client.get(f"{PATH}?state=over").json()["asks"]] == ["0@client.example"]
