"""Actions on accounts, one or many: the page says who gets what and why not, POST does it, and a page says what came of each."""

import re
from html import unescape

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import message_history, tasks
from accounts.asks import mails
from accounts.models import Account, AccountEvent, Job
from accounts.pool import services as pool
from notifications.models import Message
from tests.portal.support import linked, notices, pool_url, staff, token_of
from tests.support import acting
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens.models import Token, TokenEvent
from users.models import Team
from users.people.models import Role
from users.people.services import give_role

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/accounts/account/"
JOBS = f"{LIST}jobs/"
ALL = ("tokens.ask_token", "tokens.probe_token", "accounts.pause_account", "accounts.resume_account")
MOVES = "accounts.move_account"


def text(client: Client, address: str) -> str:
    return " ".join(unescape(client.get(address).content.decode()).split())


def press(client: Client, address: str, **data: str) -> str:
    """Send the page that asks, and return what the page of the job says."""
    return text(client, client.post(address, {"note": "", **data})["Location"])


def bulk(name: str, *accounts: Account) -> str:
    return f"{LIST}bulk/{name}/?ids={','.join(str(one.pk) for one in accounts)}"


def test_the_list_leads_to_the_page_with_what_is_ticked_or_with_its_filters_and_does_nothing_itself(
    client: Client,
) -> None:
    staff(client, *ALL)
    soon = linked(token_of("Soon", days=3), name="Soon")
    late = linked(token_of("Late", days=80), name="Late")
    sent = {"action": "pause", "index": "0"}

    ticked = client.post(LIST, {**sent, "_selected_action": [soon.pk, late.pk]})["Location"]
    found = client.post(f"{LIST}?days=7", {**sent, "select_across": "1", "_selected_action": ["0"]})
    page = text(client, found["Location"])

    assert "Pause 2 accounts?" in text(client, ticked)
    assert "Pause 1 account?" in page
    assert "Soon" in page
    assert "Late" not in page
    assert not Account.objects.exclude(paused_at=None).exists()


def test_nobody_acts_without_the_permission_or_on_another_teams_accounts(
    client: Client,
) -> None:
    team = make_team()
    account = linked(token_of("Ada Okafor", days=3))
    names = ["ask", "check", "pause", "resume", "move", "backup", "apply_macro"]
    addresses = [bulk(name.replace("_", "-"), account) for name in names]

    staff(client)
    refused = {client.get(one).status_code for one in addresses}
    refused |= {client.post(one, {"note": ""}).status_code for one in addresses}
    give_role(make_user(team=team), Role.ADMINISTRATOR)
    staff(client, *ALL, MOVES, "accounts.add_backup", "users.invite_user", "macros.apply_macro", team=team)
    foreign = {client.post(one, {"note": "", "team": team.pk})["Location"] for one in addresses}
    nowhere = {
        client.get(f"{LIST}bulk/pause/?ids={ids}")["Location"] for ids in ("", "x", "1,'", "9" * 20, "²")
    }

    assert refused == {403}
    assert foreign == nowhere == {LIST}
    assert not Job.objects.exists()
    assert not Message.objects.exists()
    assert Account.objects.get().paused_at is None
    assert Token.objects.get().due_at is None


def test_from_the_page_of_an_account_it_is_about_that_one_and_leads_back_there(client: Client) -> None:
    lumen, fern = make_team("Lumen"), make_team("Fern")
    user = staff(client, *ALL, MOVES, team=lumen)
    account = make_account(name="Shop", team=lumen)
    home = pool_url(account)

    def act(slug: str, **data: str | int) -> str:
        answer = client.post(f"{LIST}bulk/{slug}/?account={account.pk}", {"note": "audit", **data})
        return answer["Location"]

    offered, asked = text(client, home), text(client, f"{LIST}bulk/pause/?account={account.pk}")
    led = [act("pause")]
    said = text(client, home)
    led.append(act("resume"))
    fern.memberships.create(user=user)
    led.append(act("move", team=fern.pk))
    moved = text(client, home)
    fern.memberships.all().delete()
    gone = client.get(f"{LIST}bulk/pause/?account={account.pk}", follow=True).status_code

    for slug in ("pause", "move"):
        assert f"{LIST}bulk/{slug}/?account={account.pk}" in offered
    assert "Pause Shop?" in asked
    assert led == [home] * 3
    assert "Shop is paused." in said
    assert f'href="{LIST}bulk/resume/?account={account.pk}"' in said
    assert "Shop is in the team Fern now." in moved
    assert f"{LIST}bulk/move/?account={account.pk}&team={lumen.pk}" in moved
    assert gone == 404
    kinds = AccountEvent.objects.filter(actor=user, note="audit").values_list("kind", flat=True)
    assert {"paused", "resumed", "moved"} <= set(kinds)


def test_asking_sends_one_mail_a_person_and_leaves_its_note_on_every_account(client: Client) -> None:
    user = staff(client, *ALL)
    ada = token_of("Ada Okafor", days=5)
    at_x = make_token(make_app("x"), consented_by=ada.consented_by, state="dead", native_user_name="ada_x")
    accounts = [linked(ada, name="Harbor Coffee"), linked(ada, name="Fern Gardens")]
    accounts.append(linked(at_x, channel="x", name="Fern Gardens"))

    page = client.get(bulk("ask", *accounts)).content.decode()
    client.post(bulk("ask", *accounts), {"note": "Before Friday", "seen": "page1"})
    tasks.run_asks()

    assert "Ask 1 person to re-authenticate?" in page
    assert "Fern Gardens (Facebook), Fern Gardens (X) and Harbor Coffee" in page
    mail = mails.build_ask_mail(Message.objects.get())
    assert mail.subject == f"{user} asks you to re-authenticate X and Facebook"  # what is dark goes first
    assert mail.html.count('class="card"') == 2
    for text in ("2 of your log-ins have stopped or should be renewed", "“Before Friday”"):
        assert text in " ".join(mail.text.split())
    events = AccountEvent.objects.filter(kind="asked", note="Before Friday", actor=user)
    assert set(events.values_list("account", flat=True)) == {account.pk for account in accounts}
    assert TokenEvent.objects.filter(kind="asked").count() == 2
    for account in accounts:
        assert [one.message.kind for one in message_history.messages_about(account, limit=9)] == ["ask"]


def test_accounts_of_one_name_are_told_apart_by_channel_and_id(client: Client) -> None:
    staff(client, *ALL)
    ada = token_of("Ada Okafor", days=5)
    elsewhere = make_token(make_app("x"), consented_by=ada.consented_by, deadline=ada.deadline)
    accounts = [
        linked(ada, name="Twin"),
        linked(ada, name="Twin"),
        linked(elsewhere, channel="x", name="Twin"),
    ]

    pages = [client.get(bulk(action, *accounts)).content.decode() for action in ("check", "ask")]

    for page in pages:
        assert f"Twin (Facebook, {accounts[0].native_id})" in page
        assert f"Twin (Facebook, {accounts[1].native_id})" in page
        assert "Twin (X)" in page


def test_whom_re_authenticating_does_not_help_is_not_asked(client: Client) -> None:
    staff(client, *ALL)
    lost, narrow = make_account(name="Lost", state="connected"), make_account(name="Narrow")
    link(lost, token_of("Ada Okafor"), access="lost", access_reason="access_lost")
    link(narrow, token_of("Ben Lindqvist"), can_publish="no", access_reason="scope_missing")
    for account in (lost, narrow):
        with transaction.atomic():
            pool.settle(account_ids=[account.pk], cause="access_lost", now=timezone.now())

    page = client.get(bulk("ask", lost, narrow)).content.decode()

    assert "Narrow" in page
    assert "Lost" not in page


def test_check_now_makes_the_tokens_due_at_once(client: Client) -> None:
    staff(client, *ALL)
    account = linked(token_of("Ada"), token_of("Ben"))
    other = linked(token_of("Chiara"))

    press(client, bulk("check", account))

    assert set(Token.objects.due(timezone.now())) == set(Token.objects.filter(pool_entries__account=account))
    assert not Token.objects.due(timezone.now()).filter(pool_entries__account=other).exists()


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
    twice = client.post(address, {"note": "", "seen": seen})["Location"]

    assert [one.name for one in Account.objects.exclude(paused_at=None)] == ["Dark"]
    assert Job.objects.get().total == 1
    assert twice == leads  # though it matches no longer
    Account.objects.filter(pk=dark.pk).update(state="connected")
    gone = client.post(address, {"note": "", "seen": seen.rpartition(".")[0] + ".other"})
    assert "none of these accounts matches any longer" in notices(gone)


def test_it_names_each_account_with_what_was_there_before_and_leads_to_what_changes_it_back(
    client: Client,
) -> None:
    first, second, new = make_team("First"), make_team("Second"), make_team("New")
    user = staff(client, *ALL, MOVES, team=new)
    for team in (first, second):
        team.memberships.create(user=user)
    accounts = [make_account(name=team.name, team=team) for team in (first, second, new)]
    acting.pause(account=accounts[2], actor=user, note="", now=timezone.now())

    paused = press(client, bulk("pause", *accounts), note="budget")
    job = Job.objects.latest("pk")
    back = f"{LIST}bulk/resume/?job={job.pk}"
    asked = text(client, back)
    resumed = press(client, back)
    moved = press(client, bulk("move", *accounts), team=str(new.pk))
    move = Job.objects.latest("pk")
    of_first = f"{LIST}bulk/move/?job={move.pk}&team={first.pk}"
    moving_back = text(client, of_first)

    assert "2 paused, 1 skipped" in paused
    assert "paused already" in paused
    assert "before: Deactivated" in paused
    assert f'href="{back}">' in paused
    assert "Resume 2 accounts?" in asked
    assert "2 resumed" in resumed
    assert "before: budget" in resumed
    assert "before: First" in moved
    assert f'href="{of_first}">' in moved
    assert "Move to Second (1)" in moved
    assert "Move 1 account to another team?" in moving_back
    assert f'<option value="{first.pk}" selected>' in moving_back


def test_what_failed_is_done_again_and_nothing_else(client: Client) -> None:
    user = staff(client, *ALL)
    accounts = [make_account(name=f"Shop {number}") for number in range(3)]
    press(client, bulk("pause", *accounts))
    job = Job.objects.get()
    job.items.filter(place=2).update(outcome="failed", why="our_fault")
    Job.objects.update(acted=2, failed=1)
    acting.resume(account=accounts[1], actor=user, note="", now=timezone.now())
    again = f"{LIST}bulk/pause/?job={job.pk}&failed=1"

    page = text(client, job.get_absolute_url())
    result = press(client, again)

    assert f'href="{again}">' in page
    assert "Run again for the failed one" in page
    assert page.index("Shop 1") < page.index("Shop 0"), "what failed stands first"
    assert "1 paused" in result
    assert Job.objects.latest("pk").total == 1


def test_the_page_is_the_persons_own_begins_with_what_was_not_done_and_asks_as_often_for_many(
    client: Client,
) -> None:
    user = staff(client, *ALL)
    accounts = Account.objects.bulk_create(
        Account(channel="facebook", native_id=str(number), name=f"Shop {number:03}", team=Team.default())
        for number in range(130)
    )
    acting.pause(account=accounts[7], actor=user, note="", now=timezone.now())
    client.post(f"{LIST}bulk/pause/?across=1", {"note": ""})
    job = Job.objects.get(kind="pause", total=130)
    home = job.get_absolute_url()
    waits = client.get(home)
    tasks.run_jobs()

    with CaptureQueriesContext(connection) as whole:
        first = text(client, home)
    with CaptureQueriesContext(connection) as few:
        second = text(client, f"{home}?p=2")
    staff(client, *ALL)
    foreign = [client.get(one).status_code for one in (home, f"{LIST}bulk/resume/?job={job.pk}")]

    assert "0 of 130 accounts are done" in waits.content.decode()
    assert waits["Refresh"] == "2"
    assert "101–130 of 130" in second
    assert "paused already" in first
    assert first.index("Shop 007") < first.index("Shop 000")
    assert len(whole) == len(few)
    assert foreign == [404, 302]


def test_my_jobs_lists_ones_own_and_administrators_open_everybodys(client: Client) -> None:
    team = make_team("Lumen")
    shop = make_account(name="Shop", team=team)
    mona = staff(client, *ALL, "users.offboard_user", team=team)
    Job.objects.create(
        user=mona, kind="remove", subject_id=mona.pk, total=1, state="ready"
    )  # on her own pages
    before = [text(client, LIST), text(client, JOBS)]
    page = client.post(bulk("pause", shop), {"note": "audit"})["Location"]
    leaver = make_user(name="Lea Left", team=team)
    Job.objects.create(user=mona, kind="offboard", subject_id=leaver.pk, total=9, done=4)
    Job.objects.create(user=mona, kind="move", subject_id=team.pk, total=2, state="failed")

    start, mine, listed = text(client, "/admin/"), client.get(JOBS), text(client, LIST)
    staff(client, team=team)
    foreign = [text(client, JOBS), str(client.get(page).status_code)]
    boss = make_user(name="Boss")
    give_role(boss, Role.ADMINISTRATOR)
    client.force_login(boss)
    opened = text(client, page)

    assert JOBS not in before[0]
    assert "No job within the last day." in before[1]
    assert JOBS in listed
    assert "1 job is under way" in start
    for shown in (
        "Pause accounts (1)",
        "1 paused",
        "Lea Left",
        "4 of 9",
        "Move to Lumen (2)",
        f'href="{page}"',
    ):
        assert shown in unescape(mine.content.decode())
    assert mine["Refresh"]
    assert "No job within the last day." in foreign[0]
    assert foreign[1] == "404"
    assert str(mona) in opened
