"""What a key does to accounts and reads of their past: as on our pages, in its maker's name, within its teams and channels."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AccountEvent, ApiKey, LeaseRecord
from broker.api import cursors
from macros.models import MacroAccount
from tests.macros.support import ending, lasting, make_macro, settle
from tests.support.factories import link, make_app, make_team, make_token, make_user
from tests.support.jobs import system
from tokens.models import Token
from ui import stored_phrases as kept
from users.models import Team, User

pytestmark = pytest.mark.django_db(transaction=True)  # a small job is done once its transaction is committed
JSON = "application/json"


def at(account: Account, deed: str = "") -> str:
    return f"/api/v1/accounts/{account.channel}/{account.native_id}{deed}"


def press(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, content_type=JSON)


def test_an_account_is_paused_and_resumed_and_its_history_names_the_key(boss: User, team: Team) -> None:
    account, client = lasting(team=team), system(boss, team)

    paused = press(client, at(account, "/pause"), note="Stock-take")
    again = press(client, at(account, "/pause"))
    refused = press(client, at(account, "/lease"))
    resumed = press(client, at(account, "/resume"))

    assert [one.status_code for one in (paused, again, resumed)] == [200, 200, 200]
    assert [one.json()["state"] for one in (paused, again, resumed)] == ["paused", "paused", "connected"]
    assert "API key Portal: Stock-take" in refused.json()["detail"]
    events = AccountEvent.objects.filter(account=account, kind__in=["paused", "resumed"]).order_by("pk")
    assert [(one.actor, kept.said(one.note)) for one in events] == [
        (boss, "API key Portal: Stock-take"),
        (boss, "API key Portal"),
    ]


def test_a_check_is_answered_at_once_and_says_where_its_result_is(boss: User, team: Team) -> None:
    account, client = lasting(team=team), system(boss, team)
    token = Token.objects.get()

    asked = press(client, at(account, "/check"))
    said = asked.json()
    waiting = client.get(said["url"]).json()
    answered = timezone.now() - timedelta(seconds=4)
    Token.objects.update(due_at=None, last_checked_at=answered, last_check_result="ok")
    late = client.get(
        at(account, "/check"), {"asked_at": (timezone.now() - timedelta(seconds=5)).isoformat()}
    )
    over = client.get(at(account, "/check"), {"asked_at": (timezone.now() - timedelta(hours=1)).isoformat()})

    assert (asked.status_code, asked["Location"]) == (202, said["url"])
    assert waiting == said
    assert (said["done"], said["tokens"]) == (False, [{"token_id": token.pk, "result": None}])
    assert (late.json()["done"], late.json()["tokens"][0]["result"]) == (True, "fine")
    assert over.status_code == 404


def test_a_macro_is_applied_to_accounts_that_the_key_sees(boss: User, team: Team) -> None:
    one, other, foreign = ending(20, team=team), ending(25, team=team), ending(20, team=make_team("Fern"))
    macro = make_macro(accounts=[one, foreign]).macro
    client = system(boss, team)
    before = client.get("/api/v1/macros").json()["macros"]

    applied = press(
        client,
        f"/api/v1/macros/{macro.pk}/apply",
        accounts=[{"channel": each.channel, "native_id": each.native_id} for each in (one, other)],
    ).json()

    assert [(each["id"], each["team"], each["accounts"]) for each in before if each["id"] == macro.pk] == [
        (macro.pk, None, 1)
    ]
    assert [(each["native_id"], each["outcome"]) for each in applied["accounts"]] == [
        (one.native_id, "skipped"),
        (other.native_id, "applied"),
    ]
    assert MacroAccount.objects.filter(macro=macro, account=other).exists()
    event = AccountEvent.objects.get(kind="macro_applied")
    assert (event.actor, kept.said(event.note)) == (boss, f"{macro.name} (API key Portal)")
    assert kept.said(LogEntry.objects.latest("pk").change_message).endswith("API key Portal")


def test_the_time_line_is_read_page_by_page_without_names_that_the_key_may_not_see(
    boss: User, team: Team, mara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, client = lasting(team=team, person=mara), system(boss, team)
    link(account, make_token(make_app(), consented_by=make_user("x@example.com", name="Xaver Fremd")))
    settle(account)
    for note in ("one", "two", "three"):
        press(client, at(account, "/pause"), note=note)
        press(client, at(account, "/resume"))
    whole = client.get(at(account, "/timeline")).json()
    monkeypatch.setattr("broker.histories.api.PAGE", 2)
    pages: list[Any] = []
    cursor: str | None = ""

    while cursor is not None:
        page = client.get(at(account, "/timeline"), {"cursor": cursor}).json()
        pages, cursor = [*pages, *page["entries"]], page["next"]

    assert pages == whole["entries"]
    assert {"paused", "resumed"} <= {one["kind"] for one in pages}
    said = str(pages)
    assert "API key Portal: three" in said
    assert [name for name in ("Xaver", "Mira") if name in said] == []
    forged = {
        "bm8": 422,
        cursors.make(["2026-01-01", 1, 1]): 200,
        cursors.make(["2026-01-01T00:00:00Z", 1]): 422,
    }
    asked = {one: client.get(at(account, "/timeline"), {"cursor": one}).status_code for one in forged}
    assert asked == forged


def test_the_record_says_which_key_took_whose_token(boss: User, team: Team, mara: User) -> None:
    account, client = lasting(team=team, person=mara), system(boss, team)
    foreign = lasting(team=make_team("Fern"))
    both = system(boss, team, Team.objects.get(name="Fern"), name="Both")
    for who, what in ((client, account), (both, account), (both, foreign)):
        assert press(who, at(what, "/lease")).status_code == 200

    seen = client.get("/api/v1/hand-outs").json()
    of_one = client.get("/api/v1/hand-outs", {"channel": "facebook", "native_id": account.native_id}).json()
    other = client.get("/api/v1/hand-outs", {"channel": "facebook", "native_id": foreign.native_id})

    rows = seen["hand_outs"]
    assert [(one["key"], one["person"], one["native_id"], one["from_address"]) for one in rows] == [
        (None, "Mara Lindt", account.native_id, "127.0.0.1"),
        ("Portal", "Mara Lindt", account.native_id, "127.0.0.1"),
    ]
    assert rows[1]["id"] == LeaseRecord.objects.earliest("pk").pk
    assert (of_one, other.status_code) == (seen, 404)


def test_the_walls_of_key_and_maker_hold(boss: User, team: Team) -> None:
    account, foreign = lasting(team=team), lasting(team=make_team("Fern"))
    macro = make_macro(accounts=[foreign], team=foreign.team).macro
    whole = make_macro(team=team).macro
    plain = make_user("plain@example.com", team=team)
    reader = system(boss, team, scopes=[ApiKey.Scope.READ])
    client, weak = system(boss, team), system(plain, team)
    mine = [{"channel": account.channel, "native_id": account.native_id}]

    found = {
        **{f"foreign {deed}": press(client, at(foreign, deed)) for deed in ("/pause", "/resume", "/check")},
        **{f"weak {deed}": press(weak, at(account, deed)) for deed in ("/pause", "/resume", "/check")},
        **{f"reader {deed}": press(reader, at(account, deed)) for deed in ("/pause", "/resume", "/check")},
        "foreign time-line": client.get(at(foreign, "/timeline")),
        "foreign macro": press(client, f"/api/v1/macros/{macro.pk}/apply", accounts=mine),
        "macro of all accounts": press(client, f"/api/v1/macros/{whole.pk}/apply", accounts=mine),
        "reader's record": reader.get("/api/v1/hand-outs"),
        "reader's macros": reader.get("/api/v1/macros"),
        "weak macros": weak.get("/api/v1/macros"),
    }

    assert {name: answer.status_code for name, answer in found.items()} == {
        "foreign /pause": 404, "foreign /resume": 404, "foreign /check": 404, "weak /pause": 409, "weak /resume": 409, "weak /check": 409,
        "reader /pause": 403, "reader /resume": 403, "reader /check": 403, "foreign time-line": 404, "foreign macro": 404,
        "macro of all accounts": 409,
        "reader's record": 403, "reader's macros": 403, "weak macros": 409,
    }  # fmt: skip
    assert not AccountEvent.objects.filter(kind__in=["paused", "resumed", "macro_applied"]).exists()
