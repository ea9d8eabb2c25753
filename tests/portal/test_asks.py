"""Asks in the portal: begun in four places, the board with its filter, stopping; who may do what."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import tasks
from accounts.asks import links, progress
from accounts.models import Account, Ask, AskLine
from notifications.models import Message
from tests.portal.support import action_url, linked, staff, token_of
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens.models import Token
from users.addresses import services as refused_addresses
from users.models import User
from users.people.models import Role
from users.people.services import give_role

pytestmark = pytest.mark.django_db(transaction=True)
MOST_QUERIES = 30  # of the board, whatever it holds
ASK = ("tokens.ask_token", "accounts.view_ask", "tokens.view_token", "tokens.view_channelapp")


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users


def posted(**more: str) -> dict[str, str]:
    day = timezone.localdate() + timedelta(days=14)
    return {"name": "Before Black Friday", "note": "", "last_day": day.isoformat(), "seen": "page1", **more}


def log_ins() -> list[Token]:
    """Three log-ins: one stopped, one ends soon, one is fine."""
    tokens = [token_of("Ada", state="dead"), token_of("Ben", days=3), token_of("Cleo", days=200)]
    for token in tokens:
        linked(token, name=f"Account of {token.native_user_name}")
    Account.objects.filter(name="Account of Ada").update(state="deactivated")
    return tokens


def test_nobody_is_asked_whom_the_page_did_not_show(client: Client) -> None:
    log_ins()
    staff(client, *ASK)
    address = "/admin/accounts/account/bulk/ask/?across=1"

    page = client.get(address).content.decode()
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    linked(token_of("Dora", days=3), name="Account of Dora")
    assert seen
    client.post(address, posted(seen=seen[1]))
    tasks.run_asks()

    asked = AskLine.objects.values_list("token__native_user_name", flat=True)
    assert set(asked) == {"Ada", "Ben"}
    assert Message.objects.filter(kind="ask").count() == 2


def test_an_ask_begins_in_four_places_once_however_often_the_page_is_sent(client: Client) -> None:
    tokens = log_ins()
    retiring = make_app("facebook", client_id="old", is_default=False)
    moving = make_token(retiring, consented_by=make_user(name="Dora"), native_user_name="Dora")
    linked(moving, name="Account of Dora")
    staff(client, *ASK)
    ids = ",".join(str(pk) for pk in Account.objects.values_list("pk", flat=True))
    places = {
        f"/admin/accounts/account/bulk/ask/?ids={ids}": {"Ada", "Ben"},
        f"/admin/tokens/token/ask/?ids={tokens[2].pk}": {"Cleo"},
        f"/admin/tokens/channelapp/{retiring.pk}/ask/": {"Dora"},
        "/admin/ask-due/": {"Ada", "Ben"},
    }

    found = {}
    for number, address in enumerate(places):
        asks = client.get(address).content.decode()
        answer = client.post(address, posted(seen=f"page{number}"))
        ask = Ask.objects.latest("pk")
        names = ask.lines.values_list("token__native_user_name", flat=True)
        found[address] = set(names)
        assert answer["Location"] == f"/admin/accounts/ask/{ask.pk}/change/"
        assert all(words in asks for words in ("Send the mails", *names))
    again = client.post(address, posted(seen=f"page{number}"))
    board = client.get(answer["Location"]).content.decode()
    tasks.run_asks()

    assert again["Location"] == answer["Location"]
    assert all(name in board for name in names)
    assert found == places
    assert Ask.objects.count() == len(places)
    assert Message.objects.filter(kind="ask").count() == 4  # one a person, whatever number of asks
    people = [one for part in client.get("/admin/").context["sections"] for one in part.people]
    assert [one.is_asked for one in people] == [True] * len(people)


def test_the_page_of_what_is_due_promises_no_second_mail_of_a_day_and_none_for_a_log_in_that_staff_removed(
    client: Client,
) -> None:
    ada, _, _ = log_ins()
    left = token_of("Dora", state="dead", reason=Token.REMOVED)
    linked(left, name="Account of Dora")
    Account.objects.filter(name="Account of Dora").update(state="deactivated")
    staff(client, *ASK)
    client.post(f"/admin/tokens/token/ask/?ids={ada.pk}", posted())
    tasks.run_asks()

    page = client.get("/admin/ask-due/")

    mailed = [(line.who, line.then[:11]) for line in page.context["page"].shown]
    assert sorted(mailed) == [("Ada", "Asked today"), ("Ben", "")]
    assert "Log-ins: 2." in page.text


def test_the_page_and_the_board_say_whom_mail_does_not_reach(client: Client) -> None:
    tokens = [token_of(name, days=3) for name in ("Ada", "Ben")]
    for token in tokens:
        linked(token, name=f"Account of {token.native_user_name}")
    ben = tokens[1].consented_by
    assert ben
    now = timezone.now()
    refused_addresses.park_address(ben.email, said="550", now=now, why=refused_addresses.Why.BOUNCED)
    staff(client, *ASK)
    address = "/admin/tokens/token/ask/?across=1"

    asks = client.get(address).content.decode()
    board = client.post(address, posted())["Location"]
    tasks.run_asks()
    said = client.get(board).content.decode()
    alone = client.get(action_url("token_ask", tokens[1].pool_entries.get().account, tokens[1]))

    parked = "Mail does not reach the person: the address is parked."
    assert [text.count(parked) for text in (asks, said)] == [1, 1]
    assert parked in alone.content.decode()
    assert "Ask 2 people to re-authenticate?" in asks
    assert [one.recipient for one in Message.objects.filter(kind="ask")] == [tokens[0].consented_by.email]  # type: ignore[union-attr]


def test_the_page_asks_the_database_as_often_for_many_log_ins_as_for_few(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    staff(client, *ASK)
    for number in range(30):
        linked(token_of(f"Person {number}", days=3))

    with django_assert_max_num_queries(MOST_QUERIES):
        page = client.get("/admin/ask-due/").content.decode()

    assert "Ask 30 people to re-authenticate?" in page


def test_the_board_counts_filters_and_sorts(client: Client) -> None:
    tokens = log_ins()
    for number in range(4):
        link(make_account(name=f"Another {number}"), tokens[2])
    staff(client, *ASK)
    address = "/admin/tokens/token/ask/?across=1"
    board = client.post(address, posted(note="Hello <b>you</b>"))["Location"]
    tasks.run_asks()
    queued = client.get(board).content.decode()
    Message.objects.update(state=Message.State.SENT, sent_at=timezone.now())
    progress.note_opened(token_ids=[tokens[1].pk], now=timezone.now())
    Token.objects.filter(pk=tokens[2].pk).update(linked_at=timezone.now())
    tasks.run_asks()

    page = client.get(board).content.decode()
    opened = client.get(board, {"stage": "opened"}).content.decode()

    assert "Sent" not in queued.split("<tbody", 1)[1]  # its mail has not left
    assert "1 of 3 log-ins are renewed" in page
    order = [page.index(f"Account of {name}") for name in ("Ada", "Ben", "Cleo")]
    assert order == sorted(order)
    assert "Account of Cleo and 4 more" in page
    assert "Hello &lt;b&gt;you&lt;/b&gt;" in page
    assert ("Account of Ben" in opened, "Account of Ada" in opened) == (True, False)


def test_stopping_asks_first_and_is_the_makers_or_an_administrators(client: Client) -> None:
    log_ins()
    maker = staff(client, *ASK)
    board = client.post("/admin/ask-due/", posted())["Location"]
    stop = board.replace("change", "stop")
    staff(client, *ASK)
    of_another = [
        client.get(stop).status_code,
        client.post(stop).status_code,
        stop in client.get(board).content.decode(),
    ]
    auditor = make_user("audit@example.com")
    give_role(auditor, Role.AUDITOR)
    client.force_login(User.objects.get(pk=auditor.pk))
    of_auditor = [client.get(board).status_code, client.get(stop).status_code, client.post(stop).status_code]
    begin = [
        client.get("/admin/ask-due/").status_code,
        client.post("/admin/ask-due/", posted()).status_code,
    ]
    client.force_login(maker)

    asks = client.get(stop).content.decode()
    untouched = Ask.objects.get().ended_at
    client.post(stop, {"seen": ""})
    page = client.get(board).content.decode()
    again = client.get(stop).content.decode()

    assert of_another == [403, 403, False]
    assert of_auditor == [200, 403, 403]
    assert begin == [403, 403]
    assert "Not renewed yet: 2." in asks
    assert untouched is None
    assert Ask.objects.get().ending == Ask.Ending.STOPPED
    assert set(AskLine.objects.values_list("stage", flat=True)) == {"left"}
    assert "Stopped. Nobody is reminded." in page
    assert "over already" in again


def test_a_managers_pages_hold_nothing_of_other_teams_and_their_number_of_queries_is_fixed(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    ours, theirs = make_team("Ours"), make_team("Theirs")
    mine, other = token_of("Ada", days=3, team=ours), token_of("Ben", days=3, team=theirs)
    linked(mine, name="Ours GmbH", team=ours)
    linked(other, name="Theirs GmbH", team=theirs)
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    client.force_login(boss)
    board = client.post("/admin/tokens/token/ask/?across=1", posted())["Location"]
    staff(client, *ASK, team=ours)
    foreign = client.get(f"/admin/tokens/token/ask/?ids={other.pk}").content.decode()

    with django_assert_max_num_queries(MOST_QUERIES):
        pages = [client.get(board).content.decode()]
    pages.append(client.get("/admin/accounts/ask/").content.decode())
    outsider = staff(client, *ASK, team=make_team("Third"))
    outside = client.get(board).status_code
    nothing = client.get("/admin/accounts/ask/").content.decode()

    assert outsider
    assert ["Ours GmbH" in page for page in pages] == [True, False]
    assert not any("Theirs GmbH" in page or "Ben" in page for page in pages)
    assert "0 of 1" in pages[1]
    assert "None of these log-ins is linked" in foreign
    assert outside == 404
    assert "No request yet." in nothing


def test_a_client_link_is_counted_by_its_channels_and_leads_to_its_own_page(client: Client) -> None:
    team = make_team("Lumen")
    maker = staff(client, *ASK, team=team)
    about: dict[str, Any] = {"email": "ada@client.example", "name": "", "channels": ["facebook", "x"]}
    link = links.make_link(**about, team=team, made_by=maker, now=timezone.now())
    Ask.objects.filter(pk=link.pk).update(used={"x": []})

    listed = client.get("/admin/accounts/ask/").content.decode()
    board = client.get(f"/admin/accounts/ask/{link.pk}/change/")
    auditor = make_user("audit@example.com")
    give_role(auditor, Role.AUDITOR)
    client.force_login(User.objects.get(pk=auditor.pk))
    of_auditor = client.get(f"/admin/accounts/ask/{link.pk}/change/").content.decode()

    assert "1 of 2" in listed
    assert board["Location"] == f"/client-links/{link.pk}/"
    assert "/client-links/" not in of_auditor.split("<main", 1)[1], "which is not theirs to see"


def test_the_form_refuses_a_day_that_is_over_and_a_note_that_is_too_long(client: Client) -> None:
    log_ins()
    staff(client, *ASK)

    wrong = client.post("/admin/ask-due/", posted(last_day="2020-01-01", note="x" * 301)).content.decode()

    assert "Choose a day between tomorrow and in 90 days." in wrong
    assert "at most 300 characters" in wrong
    assert not Ask.objects.exists()
