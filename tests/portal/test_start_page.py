"""The portal's start page: its numbers are those of the lists that they lead to, and what it asks the database."""

import re
from datetime import timedelta
from functools import partial
from html import unescape
from urllib.parse import urlsplit

import pytest
from django.test import Client, RequestFactory
from django.urls import resolve, reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AccountEvent
from adtoken_project.ops import start_page as operations_notices
from notifications.models import Message
from portal.start import queries
from portal.start import views as start_page
from tests.portal.support import context_of, linked, settle, staff, token_of
from tests.support.factories import make_account, make_app, make_team, make_token, make_user
from tests.tools import visible
from tokens.models import Token
from ui.text import counted
from users.models import Team, User

pytestmark = pytest.mark.django_db


def test_the_root_has_registered_its_notices_and_each_stands_on_the_page(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    registered = list(start_page.BACKGROUND)
    monkeypatch.setattr(start_page, "BACKGROUND", [lambda _now: (["No worker runs for: mails."], [])])

    page = client.get("/admin/").content.decode()

    assert registered == [operations_notices.background]
    assert "No worker runs for: mails." in page


def fleet(team: Team, name: str) -> None:
    """Accounts of a team in every state: people and dates such that each part of the page has something to say of some."""
    now = timezone.now()
    ada, ben = (token_of(f"{one} of {name}", days=days, team=team) for one, days in (("Ada", 3), ("Ben", 45)))
    never = token_of(f"Cleo of {name}", days=None, deadline_kind="never", team=team)
    gone = token_of(f"Dora of {name}", state="dead", team=team)
    linked(ada, name=f"{name} ends soon", team=team)
    linked(ada, ben, name=f"{name} two", team=team)
    linked(ben, never, ada, name=f"{name} three", team=team)
    linked(ben, name=f"{name} alone", team=team)
    linked(token_of(f"Emil of {name}", days=20, team=team), name=f"{name} at risk", team=team)
    linked(token_of(f"Finn of {name}", days=None, team=team), name=f"{name} undated", team=team)
    pinterest = make_app("pinterest")
    renewing = token_of(f"Gil of {name}", days=59, team=team, app=pinterest, has_refresh_token=True)
    linked(renewing, name=f"{name} renews itself", channel="pinterest", team=team)
    linked(never, name=f"{name} paused", team=team, paused_at=now)
    linked(never, name=f"{name} restricted", team=team, restriction="unpaid bill")
    lost = linked(never, ben, name=f"{name} lost", team=team)
    lost.pool.filter(token=ben).update(access="lost", access_reason="access_lost")
    dark = linked(gone, name=f"{name} dark", team=team)
    settle(lost, dark)
    for account, kind, cause in (
        (dark, "deactivated", "password_changed"),
        (lost, "shifted", "access_lost"),
        (dark, "shifted", "password_changed"),
        (dark, "shifted", "password_changed"),  # again: it counts once
    ):
        AccountEvent.objects.create(account=account, kind=kind, cause=cause, at=now - timedelta(days=2))
    AccountEvent.objects.create(
        account=lost, kind="deactivated", cause="expired", at=now - timedelta(days=40)
    )
    Token.objects.filter(pk=never.pk).update(linked_at=now, created_at=now - timedelta(days=9))


LISTS = r"/admin/(?:accounts/account|tokens/token|notifications/message)/\?"
COUNTED = r"\d[\d,]* (?:more )?(?:accounts?|log-ins?|people|person|reasons?|waits?|failed)\b"


def numbers(page: str) -> dict[str, int]:
    """Return the lists that the page's numbers lead to, with the first number in each link."""
    links = re.findall(rf'<a [^>]*?href="({LISTS}[^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL)
    found: dict[str, int] = {}
    for address, inside in links:
        said = re.sub(r"<svg.*?</svg>", "", inside, flags=re.DOTALL)
        figure = re.search(r"([\d,]*\d)", re.sub(r"<[^>]+>", "", said))
        if figure:
            number = int(figure[1].replace(",", ""))
            assert found.setdefault(unescape(address), number) == number, address
    return found


def listed(user: User, address: str) -> int:
    """Return how many rows a list finds."""
    request = RequestFactory().get(address)
    request.user = user
    page = resolve(urlsplit(address).path).func.model_admin  # type: ignore[attr-defined]  # Django's admin sets it
    return int(page.get_changelist_instance(request).result_count)


def counts_without_a_link(page: str) -> list[str]:
    """Return what the page counts and does not lead to."""
    main = page.partition('id="at-main"')[2]
    bare = re.sub(r"<(a|svg|button)\b.*?</\1>", " ", main, flags=re.DOTALL)
    return re.findall(COUNTED, " ".join(re.sub(r"<[^>]+>", "", bare).split()))


def test_every_number_is_that_of_the_list_it_leads_to_and_a_team_sees_its_own(client: Client) -> None:
    fern, moss = make_team("Fern"), make_team("Moss")
    fleet(fern, "Fern")
    linked(token_of("Ada of Moss", days=3, team=moss), name="Moss ends soon", team=moss)
    linked(token_of("Dora of Moss", state="dead", team=moss), name="Moss dark", team=moss)
    user = staff(client, "tokens.ask_token", "tokens.view_channelapp", "tokens.view_token", team=fern)

    page = visible.dense(client.get("/admin/").text)
    found = numbers(page)

    assert found == {address: listed(user, address) for address in found}
    assert counts_without_a_link(page) == []
    assert "Moss" not in page
    expected = {
        "state=deactivated": 1, "state=urgent": 1, "state=restricted": 1, "alone=1": 7, "lost=1": 1, "undated=1": 1,
    }  # fmt: skip
    assert {query: found[f"/admin/accounts/account/?{query}"] for query in expected} == expected


def test_who_can_fix_what_stands_by_person_and_a_press_asks_exactly_them(client: Client) -> None:
    fern = make_team("Fern")
    fleet(fern, "Fern")
    make_account(name="Nobody linked it", team=fern)
    stranger = token_of("Zoe Stranger", state="dead")
    settle(linked(stranger, name="Fern through a stranger", team=fern))
    staff(client, "tokens.ask_token", team=fern)

    page = client.get("/admin/")
    dark, urgent = page.context["sections"]
    people = {one.who: (one.what, one.button, one.is_asked) for one in (*dark.people, *urgent.people)}
    asked = client.get(next(one.link for one in dark.people if one.button == "Ask Dora")).text

    assert dark.title.text == "3 accounts are deactivated"
    assert people == {
        "Dora of Fern": ("1 account at Facebook", "Ask Dora", False),
        "Someone in another team": ("1 account at Facebook", "Ask them", False),
        "Ada of Fern": ("1 account at Facebook", "Ask Ada", False),
    }
    assert [one.text for one in dark.rest] == ["For 1 of them nobody can be asked: its page says what helps."]
    assert dark.button.text == "Ask all 3 to re-authenticate"
    assert urgent.button is None
    assert "Zoe" not in page.text
    assert "Ask 1 person to re-authenticate?" in asked
    staff(client, team=fern)  # who may not ask is not led there
    assert "ask-due" not in client.get("/admin/").text


def test_where_pages_stop_counting_nothing_is_said_that_needs_the_whole_number(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "counted", partial(counted, limit=1))
    monkeypatch.setattr(queries, "LIMIT", 1)
    team, dora = make_team("Fern"), token_of("Dora", state="dead")
    settle(*(linked(dora, name=f"Dark {number}", team=team) for number in range(3)))
    staff(client, "tokens.ask_token", team=team)

    page = client.get("/admin/")

    assert [one.text for one in page.context["sections"][0].rest] == []


def test_mails_that_failed_are_counted_with_the_list_of_them_for_whoever_reads_all(
    client: Client,
) -> None:
    make_account()
    now = timezone.now()
    states = [
        ("queued", 0),
        ("queued", 0),
        ("sending", 0),
        ("queued", -1),
        ("failed", 0),
        ("failed", 0),
        ("sent", 0),
    ]
    for number, (state, hours) in enumerate(states):
        due = now - timedelta(minutes=1) - timedelta(hours=hours)
        Message.objects.create(
            kind="test", recipient="a@example.com", dedupe_key=str(number), state=state, next_attempt_at=due
        )
    old = Message.objects.create(kind="test", recipient="a@example.com", dedupe_key="old", state="failed")
    Message.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=2))
    client.force_login(boss := make_user(is_staff=True, is_superuser=True))

    found = numbers(client.get("/admin/").content.decode())
    mails = {address: number for address, number in found.items() if "message" in address}

    home = "/admin/notifications/message/?sending="
    assert mails == {f"{home}failed": 2}
    assert {address: listed(boss, address) for address in mails} == mails
    staff(client, "tokens.view_channelapp", "notifications.view_message")
    assert home not in client.get("/admin/").content.decode()  # of all teams, of which they read one alone


def test_who_left_or_took_a_log_in_back_is_never_who_can_fix_it(client: Client) -> None:
    lea, ben = token_of("Lea Winter"), token_of("Ben Berg", state="dead", reason="expired")
    gone = token_of("Mona Moll", state="dead", reason="removed")
    imported = make_token(native_user_name="Iris", consented_by=None)
    both = linked(ben, lea, name="Ben stopped before her")
    alone = linked(lea, gone, name="Nobody else is left")
    later = linked(ben, imported, name="Imported stopped last")
    ending = linked(token_of("Olaf Ott", days=3), ben, name="Ends with who left")
    Token.objects.filter(pk=lea.pk).update(state="dead", reason="removed", state_since=timezone.now())
    Token.objects.filter(pk=imported.pk).update(state="dead", reason="expired", state_since=timezone.now())
    User.objects.filter(name__in=("Lea Winter", "Olaf Ott")).update(is_active=False)
    settle(both, alone, later, ending)
    staff(client, "tokens.ask_token")

    page = client.get("/admin/")
    whole = client.get("/admin/accounts/account/").content.decode()
    asks = client.get("/admin/ask-due/").content.decode()
    client.post(page.context["sections"][0].people[0].link, {"note": "", "seen": "0"})
    asked = context_of(client, "/admin/")["sections"][0].people

    said = [[(one.who, one.what) for one in part.people] for part in page.context["sections"]]
    assert said == [[("Ben Berg", "2 accounts at Facebook")], [("Ben Berg", "1 account at Facebook")]]
    assert "For 1 of them nobody can be asked" in page.text
    assert "somebody else with access at Facebook" in whole
    assert not re.search(r"(Lea Winter|Mona Moll)[^<]*can fix it", whole)
    assert "Ask 1 person to re-authenticate?" in asks
    assert "The log-in was removed." not in asks  # the start page has counted them
    assert [one.is_asked for one in asked] == [False]  # not before the worker did it


def test_an_installation_without_an_account_says_what_to_do_first_and_to_staff_alone_which_version_runs(
    client: Client, settings: Settings
) -> None:
    settings.RELEASE = "blue"
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get("/admin/").content.decode()
    log_in = Client().get(reverse("account_login")).content.decode()

    assert "First steps" in page
    assert "No worker runs for:" in page
    assert "AdToken 0.2.0, release blue" in page
    assert "AdToken" in log_in
    assert "blue" not in log_in
