"""Re-auth campaigns in the portal: begun in four places, the board with its filter and file, stopping; who may do what."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import tasks
from accounts.campaigns import stages
from accounts.models import Account, Campaign, CampaignLogIn
from notifications.models import Message
from tests.portal.support import linked, staff, token_of
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens.models import Token
from users import roles
from users.models import User
from users.role_choices import Role

pytestmark = pytest.mark.django_db(transaction=True)
MOST_QUERIES = 30  # of the board, whatever it holds
RUN = ("accounts.run_campaign", "accounts.view_campaign", "tokens.view_token", "tokens.view_channelapp")


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
    staff(client, *RUN, "tokens.ask_token")
    address = "/admin/accounts/account/bulk/campaign/?across=1"

    pages = [client.get(one).content.decode() for one in (address, "/admin/ask-due/")]
    seen = [re.search(r'name="seen" value="([^"]*)"', page) for page in pages]
    linked(token_of("Dora", days=3), name="Account of Dora")
    assert seen[0]
    assert seen[1]
    client.post(address, posted(seen=seen[0][1]))
    client.post("/admin/ask-due/", {"note": "", "seen": seen[1][1]})
    tasks.run_jobs()

    asked = CampaignLogIn.objects.values_list("token__native_user_name", flat=True)
    assert set(asked) == {"Ada", "Ben"}
    assert Message.objects.filter(kind="ask").count() == 2


def test_a_campaign_begins_in_four_places_once_however_often_the_page_is_sent(client: Client) -> None:
    tokens = log_ins()
    retiring = make_app("facebook", client_id="old", is_default=False)
    moving = make_token(retiring, consented_by=make_user(name="Dora"), native_user_name="Dora")
    linked(moving, name="Account of Dora")
    staff(client, *RUN)
    ids = ",".join(str(pk) for pk in Account.objects.values_list("pk", flat=True))
    places = {
        f"/admin/accounts/account/bulk/campaign/?ids={ids}": {"Ada", "Ben"},
        "/admin/accounts/account/bulk/campaign/?across=1&state=deactivated": {"Ada"},
        f"/admin/tokens/token/campaign/?ids={tokens[2].pk}": {"Cleo"},
        "/admin/tokens/token/campaign/?across=1&q=Dora": {"Dora"},
        f"/admin/tokens/channelapp/{retiring.pk}/campaign/": {"Dora"},
        "/admin/campaign-due/": {"Ada", "Ben"},
    }

    found = {}
    for number, address in enumerate(places):
        asks = client.get(address)
        answers = [client.post(address, posted(seen=f"page{number}")) for _ in range(2)]
        board = client.get(answers[0]["Location"]).content.decode()
        campaign = Campaign.objects.latest("pk")
        assert {answer["Location"] for answer in answers} == {
            f"/admin/accounts/campaign/{campaign.pk}/change/"
        }
        names = campaign.log_ins.values_list("token__native_user_name", flat=True)
        found[address] = set(names)
        assert "Begin the campaign" in asks.content.decode()
        assert all(name in board and name in asks.content.decode() for name in names)
    tasks.run_campaigns()

    assert found == places
    assert Campaign.objects.count() == len(places)
    assert Message.objects.filter(kind="ask").count() == 4  # one a person, whatever number of campaigns
    assert "campaign-due" in client.get("/admin/").content.decode()
    assert "Begin a re-auth campaign" in client.get("/admin/tokens/token/").content.decode()


def test_the_board_counts_filters_and_sorts_and_its_file_runs_no_formula(client: Client) -> None:
    tokens = log_ins()
    evil = token_of("=HYPERLINK(1)", days=2)
    linked(evil, name="+Account")
    for number in range(4):
        link(make_account(name=f"Another {number}"), tokens[2])
    staff(client, *RUN)
    address = "/admin/tokens/token/campaign/?across=1"
    board = client.post(address, posted(note="Hello <b>you</b>"))["Location"]
    tasks.run_campaigns()
    queued = client.get(board).content.decode()
    Message.objects.update(state=Message.State.SENT, sent_at=timezone.now())
    stages.note_opened(token_ids=[tokens[1].pk], now=timezone.now())
    Token.objects.filter(pk=tokens[2].pk).update(linked_at=timezone.now())
    tasks.run_campaigns()

    page = client.get(board).content.decode()
    opened = client.get(board, {"stage": "opened"}).content.decode()
    User.objects.update(language="de")  # the file is the same for all
    Message.objects.filter(recipient=evil.consented_by.email).update(state="failed")  # type: ignore[union-attr]
    tasks.run_campaigns()
    file = client.get(board.replace("change", "result"))

    assert "Sent" not in queued.split("<tbody", 1)[1]  # its mail has not left
    assert "1 of 4 log-ins are renewed" in page
    order = [page.index(f"Account of {name}") for name in ("Ada", "Ben", "Cleo")]
    assert order == sorted(order)
    assert "Account of Cleo and 4 more" in page
    assert "Hello &lt;b&gt;you&lt;/b&gt;" in page
    assert ("Account of Ben" in opened, "Account of Ada" in opened) == (True, False)
    rows = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert [(row["person"], row["stage"], row["why"]) for row in rows] == [
        ("Ada", "sent", ""),
        ("'=HYPERLINK(1)", "failed", "mail_failed"),
        ("Ben", "opened", ""),
        ("Cleo", "done", ""),
    ]
    assert rows[1]["first_account"] == "'+Account"


def test_stopping_asks_first_and_is_the_makers_or_an_administrators(client: Client) -> None:
    log_ins()
    maker = staff(client, *RUN)
    board = client.post("/admin/campaign-due/", posted())["Location"]
    stop = board.replace("change", "stop")
    staff(client, *RUN)
    of_another = [
        client.get(stop).status_code,
        client.post(stop).status_code,
        stop in client.get(board).content.decode(),
    ]
    auditor = make_user("audit@example.com")
    roles.give(auditor, Role.AUDITOR)
    client.force_login(User.objects.get(pk=auditor.pk))
    of_auditor = [client.get(board).status_code, client.get(stop).status_code, client.post(stop).status_code]
    begin = [
        client.get("/admin/campaign-due/").status_code,
        client.post("/admin/campaign-due/", posted()).status_code,
    ]
    client.force_login(maker)

    asks = client.get(stop).content.decode()
    untouched = Campaign.objects.get().ended_at
    client.post(stop, {"seen": ""})
    page = client.get(board).content.decode()
    again = client.get(stop).content.decode()

    assert of_another == [403, 403, False]
    assert of_auditor == [200, 403, 403]
    assert begin == [403, 403]
    assert "2 log-ins are not renewed yet." in asks
    assert untouched is None
    assert Campaign.objects.get().ending == Campaign.Ending.STOPPED
    assert set(CampaignLogIn.objects.values_list("stage", flat=True)) == {"left"}
    assert "The campaign is stopped. Nobody is reminded." in page
    assert "over already" in again


def test_a_managers_pages_and_file_hold_nothing_of_other_teams_and_their_number_of_queries_is_fixed(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    ours, theirs = make_team("Ours"), make_team("Theirs")
    mine, other = token_of("Ada", days=3, team=ours), token_of("Ben", days=3, team=theirs)
    linked(mine, name="Ours GmbH", team=ours)
    linked(other, name="Theirs GmbH", team=theirs)
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    client.force_login(boss)
    board = client.post("/admin/tokens/token/campaign/?across=1", posted())["Location"]
    staff(client, *RUN, team=ours)
    foreign = client.get(f"/admin/tokens/token/campaign/?ids={other.pk}").content.decode()

    pages = [
        client.get(one).content.decode()
        for one in (board, board.replace("change", "result"), "/admin/accounts/campaign/")
    ]
    with django_assert_max_num_queries(MOST_QUERIES):
        client.get(board)
    outsider = staff(client, *RUN, team=make_team("Third"))
    outside = [client.get(board).status_code, client.get(board.replace("change", "result")).status_code]
    nothing = client.get("/admin/accounts/campaign/").content.decode()

    assert outsider
    assert ["Ours GmbH" in page for page in pages] == [True, True, False]
    assert not any("Theirs GmbH" in page or "Ben" in page for page in pages)
    assert "0 of 1" in pages[2]
    assert "None of these log-ins is linked" in foreign
    assert outside == [404, 404]
    assert "No campaign yet." in nothing


def test_the_form_refuses_a_day_that_is_over_and_a_note_that_is_too_long(client: Client) -> None:
    log_ins()
    staff(client, *RUN)

    wrong = client.post(
        "/admin/campaign-due/", posted(last_day="2020-01-01", note="x" * 301)
    ).content.decode()

    assert "Choose a day between tomorrow and in 90 days." in wrong
    assert "at most 300 characters" in wrong
    assert not Campaign.objects.exists()
