"""Actions on many accounts: the page says who gets what and why not, POST has a worker do it, and a page says what came of each."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import actions, deeds, message_history, pool, tasks
from accounts.deed_kinds import KINDS
from accounts.deeds import Kind
from accounts.mails import ask_mail
from accounts.models import Account, AccountEvent, Deed, DeedRow
from notifications.models import Message
from portal import bulk_deeds
from tests.macros.support import make_macro
from tests.portal.support import linked, staff, token_of
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens.models import Token, TokenEvent

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/accounts/account/"
ALL = ("tokens.ask_token", "tokens.probe_token", "accounts.pause_account", "accounts.resume_account")
NAMES = ["ask", "check", "pause", "resume"]


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_deeds, "PATIENCE", 0.0)


def press(client: Client, address: str, **data: str) -> str:
    """Send the page that asks, have a worker do it, and return what the page of the deed says."""
    leads = client.post(address, {"note": "", **data})["Location"]
    tasks.do_deeds()
    return " ".join(unescape(client.get(leads).content.decode()).split())


def bulk(name: str, *accounts: Account) -> str:
    return f"{LIST}bulk/{name}/?ids={','.join(str(one.pk) for one in accounts)}"


def test_the_list_leads_to_the_confirm_page_and_does_nothing_itself(client: Client) -> None:
    staff(client, *ALL)
    one, two = make_account(), make_account()

    response = client.post(LIST, {"action": "pause", "index": "0", "_selected_action": [one.pk, two.pk]})

    assert response["Location"] in {bulk("pause", one, two), bulk("pause", two, one)}.union(
        {address.replace(",", "%2C") for address in (bulk("pause", one, two), bulk("pause", two, one))}
    )
    assert not Account.objects.exclude(paused_at=None).exists()


def test_all_that_match_keeps_the_filters_of_the_list(client: Client) -> None:
    staff(client, *ALL)
    linked(token_of("Soon", days=3), name="Soon")
    linked(token_of("Late", days=80), name="Late")

    response = client.post(
        f"{LIST}?days=7", {"action": "pause", "index": "0", "select_across": "1", "_selected_action": ["0"]}
    )
    page = client.get(response["Location"]).content.decode()

    assert "Pause 1 account?" in page
    assert "Soon" in page
    assert "Late" not in page


@pytest.mark.parametrize("name", NAMES)
def test_get_changes_nothing(client: Client, name: str) -> None:
    staff(client, *ALL)
    account = linked(token_of("Ada Okafor", days=3))

    page = client.get(bulk(name, account))

    assert page.status_code == 200
    assert not Message.objects.exists()
    assert Account.objects.get().paused_at is None
    assert Token.objects.get().due_at is None


@pytest.mark.parametrize("name", NAMES)
def test_each_needs_its_own_permission(client: Client, name: str) -> None:
    staff(client)
    account = linked(token_of("Ada Okafor", days=3))

    found = [
        client.get(bulk(name, account)).status_code,
        client.post(bulk(name, account), {"note": ""}).status_code,
    ]

    assert found == [403, 403]
    assert not Message.objects.exists()


@pytest.mark.parametrize("name", NAMES)
def test_accounts_of_other_teams_are_left_out(client: Client, name: str) -> None:
    staff(client, *ALL, team=make_team())
    account = linked(token_of("Ada Okafor", days=3))

    client.post(bulk(name, account), {"note": ""})
    tasks.do_deeds()

    assert not Message.objects.exists()
    assert Account.objects.get().paused_at is None
    assert Token.objects.get().due_at is None


def test_asking_sends_one_mail_a_person_and_leaves_its_note_on_every_account(client: Client) -> None:
    user = staff(client, *ALL)
    ada = token_of("Ada Okafor", days=5)
    at_x = make_token(make_app("x"), consented_by=ada.consented_by, state="dead", native_user_name="ada_x")
    accounts = [linked(ada, name="Harbor Coffee"), linked(ada, name="Fern Gardens")]
    accounts.append(linked(at_x, channel="x", name="Fern Gardens"))

    page = client.get(bulk("ask", *accounts)).content.decode()
    press(client, bulk("ask", *accounts), note="Before Friday")

    assert "Ask 1 person to re-authenticate?" in page
    assert "Send 1 mail<" in page
    assert "Fern Gardens (Facebook), Fern Gardens (X) and Harbor Coffee" in page
    mail = ask_mail.build(Message.objects.get())
    assert mail.subject == f"{user} asks you to re-authenticate X and Facebook"  # what is dark goes first
    assert mail.html.count('class="card"') == 2
    for text in ("2 of your log-ins have stopped or should be renewed", "“Before Friday”"):
        assert text in " ".join(mail.text.split())
    events = AccountEvent.objects.filter(kind="asked", note="Before Friday", actor=user)
    assert set(events.values_list("account", flat=True)) == {account.pk for account in accounts}
    assert TokenEvent.objects.filter(kind="asked").count() == 2
    for account in accounts:
        assert [one.message.kind for one in message_history.about(account, limit=9)] == ["ask"]


def test_18_people_get_18_mails(client: Client) -> None:
    staff(client, *ALL)
    accounts = []
    for number in range(18):
        first = token_of(f"Person {number % 3}", days=5)  # people of one name are still several people
        second = make_token(make_app("x"), consented_by=first.consented_by, deadline=first.deadline)
        accounts += [linked(first), linked(second, channel="x")]

    page = client.get(bulk("ask", *accounts)).content.decode()
    press(client, bulk("ask", *accounts))

    assert "Ask 18 people to re-authenticate?" in page
    assert "Send 18 mails" in page
    assert Message.objects.filter(kind="ask").values("recipient").distinct().count() == 18
    assert Message.objects.count() == 18


def test_accounts_of_one_name_are_told_apart_by_channel_and_id(client: Client) -> None:
    staff(client, *ALL)
    ada = token_of("Ada Okafor", days=5)
    elsewhere = make_token(make_app("x"), consented_by=ada.consented_by, deadline=ada.deadline)
    accounts = [
        linked(ada, name="Twin"),
        linked(ada, name="Twin"),
        linked(elsewhere, channel="x", name="Twin"),
    ]

    pages = [client.get(bulk(action, *accounts)).content.decode() for action in ("check", "ask", "pause")]

    for page in pages:
        assert f"Twin (Facebook, {accounts[0].native_id})" in page
        assert f"Twin (Facebook, {accounts[1].native_id})" in page
        assert "Twin (X)" in page


def test_what_was_asked_today_is_left_out_of_the_mail_unless_ticked(client: Client) -> None:
    user = staff(client, *ALL)
    ada = token_of("Ada Okafor", days=5)
    second = make_token(make_app("x"), consented_by=ada.consented_by, deadline=ada.deadline)
    one, two = linked(ada, name="Asked"), linked(second, channel="x", name="Fresh")
    actions.ask_to_reauthenticate(account=one, token=ada, actor=user, note="", now=timezone.now())

    page = client.get(bulk("ask", one, two)).content.decode()
    press(client, bulk("ask", one, two))
    without = Message.objects.order_by("-pk")[0].payload["tokens"]
    later = client.get(bulk("ask", one, two)).content.decode()
    press(client, bulk("ask", one, two), again="1")

    assert "Now, not about Asked: asked today" in page
    assert without == [second.pk]
    assert "Everybody was asked today. Ask again?" in later
    assert "Ask 0 people" not in later
    assert set(Message.objects.order_by("-pk")[0].payload["tokens"]) == {ada.pk, second.pk}
    assert Message.objects.count() == 3


def test_whom_re_authenticating_does_not_help_is_not_asked(client: Client) -> None:
    staff(client, *ALL)
    lost, narrow = make_account(name="Lost", state="connected"), make_account(name="Narrow")
    link(lost, token_of("Ada Okafor"), access="lost", access_reason="access_lost")
    link(narrow, token_of("Ben Lindqvist"), can_publish="no", access_reason="scope_missing")
    for account in (lost, narrow):
        with transaction.atomic():
            pool.settle(account_ids=[account.pk], cause="access_lost", now=timezone.now())

    page = client.get(bulk("ask", lost, narrow)).content.decode()
    press(client, bulk("ask", lost, narrow))

    assert "Skipped: waiting for an admin at Facebook" in page
    assert [one.payload["accounts"] for one in Message.objects.all()] == [[narrow.pk]]


def test_asking_says_whom_it_skips_and_why(client: Client) -> None:
    user = staff(client, *ALL)
    asked = token_of("Ada Okafor", days=5)
    today = linked(asked, name="Asked today")
    actions.ask_to_reauthenticate(account=today, token=asked, actor=user, note="", now=timezone.now())
    fine, imported = linked(token_of("Ben", days=80)), make_account()
    link(imported, make_token(state="dead"))
    paused = linked(token_of("Chiara", days=3))
    actions.pause(account=paused, actor=user, note="", now=timezone.now())

    page = client.get(bulk("ask", today, fine, imported, paused)).content.decode()
    result = press(client, bulk("ask", today, fine, imported, paused))
    before = Message.objects.count()
    press(client, bulk("ask", today, fine, imported, paused), again="1")

    for word in (
        "Skipped: asked today",
        "Skipped: nothing ends within 30 days",
        "it was imported",
        "Skipped: paused",
    ):
        assert word in page
    assert "Ask Ada Okafor again about what was asked today" in page
    assert before == 1  # the first ask
    for word in ("0 accounts asked about, 4 skipped", "Ada Okafor was asked today", "it was imported"):
        assert word in result
    assert Message.objects.count() == 2


def test_check_now_makes_the_tokens_due_at_once(client: Client) -> None:
    staff(client, *ALL)
    account = linked(token_of("Ada"), token_of("Ben"))
    other = linked(token_of("Chiara"))

    press(client, bulk("check", account))

    assert set(Token.objects.due(timezone.now())) == set(Token.objects.filter(pool_entries__account=account))
    assert not Token.objects.due(timezone.now()).filter(pool_entries__account=other).exists()


def test_pause_pauses_each_once_and_counts_what_was_skipped(client: Client) -> None:
    user = staff(client, *ALL)
    one, two = make_account(), make_account()
    actions.pause(account=one, actor=user, note="earlier", now=timezone.now())

    result = press(client, bulk("pause", one, two), note="budget")

    assert "1 paused, 1 skipped" in result
    assert Account.objects.get(pk=one.pk).pause_note == "earlier"
    assert Account.objects.get(pk=two.pk).pause_note == "budget"


@pytest.mark.parametrize("ids", ["", "x", "1,'", "99999999999999999999", "²"])
def test_an_address_without_accounts_leads_back_to_the_list(client: Client, ids: str) -> None:
    staff(client, *ALL)
    make_user()

    response = client.get(f"{LIST}bulk/pause/?ids={ids}")

    assert response["Location"] == LIST


# --- the page of a deed -------------------------------------------------------------------------------------------------


def test_all_that_match_are_taken_however_many_and_the_page_names_the_first(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.bulk.MOST", 3)
    monkeypatch.setattr("portal.bulk.SHOWN", 2)
    staff(client, *ALL)
    for number in range(5):
        make_account(name=f"Shop {number}")
    make_account("x", name="Other")
    address = f"{LIST}bulk/pause/?across=1&channel=facebook"

    page = " ".join(client.get(address).content.decode().split())
    result = press(client, address)

    assert "Pause 5 accounts?" in page
    assert "and 3 more" in page
    assert "5 paused" in result
    assert Account.objects.filter(paused_at=None).get().name == "Other"


def seen_on(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]*)"', page)
    assert found
    return found[1]


def test_what_matches_only_since_the_page_was_opened_is_left_alone(client: Client) -> None:
    staff(client, *ALL)
    dark, recovers = (make_account(name=name, state="deactivated") for name in ("Dark", "Recovers"))
    address = f"{LIST}bulk/pause/?across=1&state=deactivated"

    seen = seen_on(client.get(address).content.decode())
    for number in range(3):  # one cause
        make_account(name=f"Later {number}", state="deactivated")
    Account.objects.filter(pk=recovers.pk).update(state="connected")
    leads = client.post(address, {"note": "", "seen": seen})["Location"]
    tasks.do_deeds()
    twice = client.post(address, {"note": "", "seen": seen})["Location"]

    assert [one.name for one in Account.objects.exclude(paused_at=None)] == ["Dark"]
    assert Deed.objects.get().total == 1
    assert twice == leads  # though it matches no longer
    Account.objects.filter(pk=dark.pk).update(state="connected")
    gone = client.post(address, {"note": "", "seen": seen.rpartition(".")[0] + ".other"}, follow=True)
    assert "none of these accounts matches any longer" in gone.content.decode()


def test_of_very_many_the_page_is_shown_anew_where_clearly_more_match(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.bulk.MOST", 3)
    monkeypatch.setattr("portal.bulk.SHOWN", 2)
    monkeypatch.setattr("portal.as_read.SPARE", 5)
    staff(client, *ALL)
    address = f"{LIST}bulk/pause/?across=1&channel=facebook"
    for _ in range(10):
        make_account()

    seen = seen_on(client.get(address).content.decode())
    for _ in range(3):  # and two would be let pass
        make_account()
    again = client.post(address, {"note": "", "seen": seen}, follow=True).content.decode()
    nothing_yet = Deed.objects.exists()
    for _ in range(2):
        make_account()
    client.post(address, {"note": "", "seen": seen_on(again)})

    assert "what matches has changed" in again
    assert "Pause 13 accounts?" in again
    assert not nothing_yet
    assert Deed.objects.get().total == 15


def test_the_page_is_the_persons_own_filters_its_rows_and_asks_as_often_for_many(client: Client) -> None:
    user = staff(client, *ALL)
    accounts = [make_account(name=f"Shop {number:03}") for number in range(130)]
    actions.pause(account=accounts[7], actor=user, note="", now=timezone.now())
    press(client, f"{LIST}bulk/pause/?across=1")
    deed = Deed.objects.get()
    home = bulk_deeds.address(deed)

    with CaptureQueriesContext(connection) as whole:
        second = client.get(f"{home}?p=2").content.decode()
    with CaptureQueriesContext(connection) as few:
        skipped = client.get(f"{home}?show=skipped").content.decode()
    staff(client, *ALL)
    foreign = [client.get(address).status_code for address in (home, f"{home}undo/", f"{home}again/")]

    assert "101–130 of 130" in second
    assert "paused already" in skipped
    assert "Shop 007" in skipped
    assert "Shop 008" not in skipped
    assert len(whole) == len(few)
    assert foreign == [404, 404, 404]


def test_undo_is_asked_first_and_offered_once_to_whoever_may(client: Client) -> None:
    user = staff(client, "accounts.pause_account")
    account = make_account()
    page = press(client, bulk("pause", account))
    home = bulk_deeds.address(Deed.objects.get())
    without = client.post(f"{home}undo/").status_code
    user.user_permissions.add(*permission("resume_account"))

    offered = client.get(home).content.decode()
    asks = unescape(client.get(f"{home}undo/").content.decode())
    still = Account.objects.get().paused_at
    result = press(client, f"{home}undo/")
    after = client.get(home).content.decode()

    assert f"{home}undo/" not in page
    assert without == 403
    assert f"{home}undo/" in offered
    assert "Undo it for 1 account?" in asks
    assert still is not None
    assert "1 taken back" in result
    assert Account.objects.get().paused_at is None
    assert "It was taken back." in after
    assert f"{home}undo/" not in after


def permission(codename: str) -> list[Permission]:
    return list(Permission.objects.filter(codename=codename))


def test_what_failed_is_run_again_and_nothing_else(client: Client) -> None:
    user = staff(client, *ALL)
    accounts = [make_account(name=f"Shop {number}") for number in range(3)]
    press(client, bulk("pause", *accounts), note="audit")
    deed = Deed.objects.get()
    deed.rows.filter(place=2).update(outcome=DeedRow.Outcome.FAILED, why="our_fault")
    Deed.objects.update(acted=2, failed=1)
    actions.resume(account=accounts[1], actor=user, note="", now=timezone.now())
    home = bulk_deeds.address(deed)

    page = client.get(home).content.decode()
    asks = unescape(client.get(f"{home}again/").content.decode())
    result = press(client, f"{home}again/")

    assert "Run again for the failed one" in page
    assert "Run it again for 1 account that failed?" in asks
    assert "1 paused" in result
    assert Account.objects.get(pk=accounts[1].pk).pause_note == "audit"
    assert Deed.objects.latest("pk").total == 1


@pytest.mark.parametrize("kind", ["move", "pause", "resume", "apply_macro", "remove_macro"])
def test_an_undo_that_failed_in_part_is_run_again_and_takes_back_what_was_done(
    client: Client, kind: str
) -> None:
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    client.force_login(boss)
    accounts = [make_account(name=f"Shop {number}") for number in range(2)]
    macro = make_macro(accounts=accounts if kind == "remove_macro" else (), scope="chosen").macro
    if kind == "resume":
        Account.objects.update(paused_at=timezone.now(), paused_by=boss)
    subject = {"move": make_team("New").pk, "apply_macro": macro.pk, "remove_macro": macro.pk}.get(kind, 0)
    before = _touched()

    def have(kind: str, **more: Any) -> Deed:
        found = Account.objects.order_by("pk").values("pk")
        facts: dict[str, Any] = {"user": boss, "subject_id": subject, "now": timezone.now()}
        made = deeds.start_on(found, kind=kind, **facts, **more)[0]
        tasks.do_deeds()
        made.refresh_from_db()
        return made

    done = have(kind)
    changed = _touched()
    with pytest.MonkeyPatch.context() as patch:
        broken = Kind(KINDS[f"undo_{kind}"].permission, many=lambda *_: bool(1 / 0))  # type: ignore[arg-type]
        patch.setitem(KINDS, f"undo_{kind}", broken)
        undone = have(f"undo_{kind}", undoes=done)
    Deed.objects.filter(pk=done.pk).update(created_at=timezone.now() - timedelta(hours=25), ended_at=None)
    deeds.sweep(now=timezone.now())  # what it takes back is known as long as it is
    home = bulk_deeds.address(undone)

    result = press(client, f"{home}again/", seen=f"again-{undone.pk}")
    Deed.objects.filter(once=f"again-{undone.pk}").update(state="failed")
    once_more = client.post(f"{home}again/", {"seen": f"again-{undone.pk}"})

    assert changed != before
    assert (done.acted, undone.failed) == (2, 2)
    assert "2 taken back" in result
    assert _touched() == before
    assert once_more.status_code == 302  # to the one that failed, too


def _touched() -> list[Any]:
    """What deeds on many accounts change."""
    rows = Account.objects.order_by("pk").values_list("team", "paused_by", "macros")
    return list(rows)


def test_a_small_deed_that_is_done_in_a_moment_is_shown_at_once_and_a_big_one_opens_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = staff(client, *ALL)
    monkeypatch.setattr(bulk_deeds, "PATIENCE", 5.0)
    monkeypatch.setattr(bulk_deeds, "sleep", lambda _seconds: tasks.do_deeds())
    leads = client.post(bulk("pause", make_account()), {"note": ""})["Location"]

    small = client.get(leads)
    big = Deed.objects.create(user=user, kind="pause", subject_id=0, total=1000, done=200)
    Deed.objects.filter(pk=big.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    waits = client.get(bulk_deeds.address(big))

    assert "1 paused" in small.content.decode()
    assert "Refresh" not in small
    assert "200 of 1,000 accounts are done" in waits.content.decode()
    assert "No worker has begun yet" in waits.content.decode()
    assert waits["Refresh"] == "2"
