"""**Ask all to re-authenticate** of the start page: who is asked, by how many mails, and who may press it."""

import re

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import due_asks, health, pool, summary, tasks
from accounts.models import Account, Job
from notifications.models import Message
from portal import asking, jobs
from tests.portal.support import linked, staff, token_of
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens.models import Token
from users import roles
from users.models import Team, User
from users.role_choices import Role
from users.visibility import names_for

pytestmark = pytest.mark.django_db(transaction=True)
ASK_ALL = "/admin/ask-due/"


@pytest.fixture(autouse=True)
def _by_a_worker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users
    monkeypatch.setattr(jobs, "SMALL", 0)


def dark_fleet(*, accounts: int, people: int, team: Team | None = None) -> None:
    """So many accounts that one cause made dark, each through one of so many people's log-ins."""
    app = make_app("facebook")
    tokens = [make_token(app, consented_by=make_user(team=team), state="dead") for _ in range(people)]
    made = [make_account("facebook", team=team) for _ in range(accounts)]
    for number, account in enumerate(made):
        link(account, tokens[number % people])
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in made], cause="password_changed", now=timezone.now())
    Account.objects.filter(pk__in=[one.pk for one in made]).update(state="deactivated")


def start(client: Client) -> str:
    return " ".join(client.get("/admin/").content.decode().split())


def test_300_dark_accounts_of_25_people_are_25_mails_and_the_button_is_gone(client: Client) -> None:
    dark_fleet(accounts=300, people=25)
    other = make_team("Other")
    dark_fleet(accounts=2, people=2, team=other)
    staff(client, "tokens.ask_token")

    before = start(client)
    asks = client.get(ASK_ALL).content.decode()
    leads = client.post(ASK_ALL, {"note": "All of you."})["Location"]
    again = client.post(ASK_ALL, {"note": ""})["Location"]  # a second press while it is under way
    tasks.run_jobs()
    after = start(client)

    assert "300 accounts are deactivated." in before
    assert "25 people can fix all of that." in before
    assert "Ask all 25 to re-authenticate" in before
    assert "Send 25 mails" in asks
    assert leads == again
    assert "25 done" in client.get(leads).content.decode()
    mails = Message.objects.filter(kind="ask")
    assert mails.count() == mails.values("recipient").distinct().count() == 25
    assert sum(len(mail.payload["accounts"]) for mail in mails) == 300
    assert "Everybody who can was asked today." in after
    assert "Ask all" not in after
    assert "Ask again" in after


def test_two_who_press_at_once_ask_nobody_twice(client: Client) -> None:
    dark_fleet(accounts=150, people=3)
    for _ in range(2):
        staff(client, "tokens.ask_token")
        client.post(ASK_ALL, {"note": ""})
    begun = Job.objects.count()

    tasks.run_jobs()

    assert begun == 2
    assert Message.objects.filter(kind="ask").count() == 3
    assert list(Job.objects.order_by("pk").values_list("acted", "skipped")) == [(3, 0), (0, 3)]


def test_nobody_is_asked_who_re_authenticated_while_the_job_waited(client: Client) -> None:
    dark_fleet(accounts=150, people=3)
    staff(client, "tokens.ask_token")
    client.post(ASK_ALL, {"note": ""})
    back = Token.objects.order_by("pk")[0]
    Token.objects.filter(pk=back.pk).update(state="valid", reason="")
    with transaction.atomic():
        pool.settle(
            account_ids=list(back.pool_entries.values_list("account", flat=True)),
            cause="linked",
            now=timezone.now(),
        )

    tasks.run_jobs()

    assert back.consented_by is not None
    asked = set(Message.objects.filter(kind="ask").values_list("recipient", flat=True))
    assert len(asked) == 2
    assert back.consented_by.email not in asked


def test_an_auditor_reads_who_can_fix_it_and_may_ask_nobody(client: Client) -> None:
    dark_fleet(accounts=3, people=2)
    auditor = make_user("audit@example.com")
    roles.give(auditor, Role.AUDITOR)
    client.force_login(User.objects.get(pk=auditor.pk))

    page = start(client)

    assert "2 people can fix all of that." in page
    assert not re.search(r"Ask (all|again|Person)", page)
    assert "See steps" in page
    assert client.get(ASK_ALL).status_code == client.post(ASK_ALL).status_code == 403
    assert not Message.objects.exists()


def test_it_asks_whom_the_list_would_ask_for_the_same_accounts(client: Client) -> None:
    viewer = make_user(is_staff=True, is_superuser=True)
    both = token_of("Ada", state="dead"), token_of("Ben", days=3)
    linked(*both, name="Ends soon, one stopped")
    linked(token_of("Ben again", days=20), token_of("Cleo", state="dead"), name="Ends later")
    linked(token_of("Dora", state="dead", reason="removed"), name="Removed")
    dark = linked(token_of("Emil", days=50), name="Lost")
    dark.pool.update(access="lost", access_reason="access_lost")
    missing = linked(token_of("Finn", days=50), name="Permission missing")
    missing.pool.update(can_publish="no", access_reason="scope_missing")
    imported = make_token(state="dead", consented_by=None)
    linked(imported, name="Imported")
    linked(token_of("Gus", state="dead"), name="Paused", paused_at=timezone.now())
    now = timezone.now()
    with transaction.atomic():
        pool.settle(account_ids=list(Account.objects.values_list("pk", flat=True)), cause="linked", now=now)
    due = Account.objects.filter(health.ends_at_once(now=now, zone=timezone.get_current_timezone()))

    found = due_asks.count(viewer, now)
    waiting = set(due_asks.waiting(viewer, now).entries.values_list("token__native_user_name", flat=True))

    items = asking.needed(list(summary.with_pools(due)), viewer, names_for(viewer), now)
    live = {item.who for item in items if not item.skipped}
    assert live == {"Ada", "Ben", "Finn"}
    assert (
        waiting - {imported.native_user_name, "Dora"} == live
    )  # nobody is asked to bring back what they removed
    assert (found.people, found.fresh) == (len(live), len(live))
    assert due.count() > found.accounts == 2
