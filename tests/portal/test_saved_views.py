"""Saved views and the filters Person and Reason: whose they are, what they show, and that no wall is crossed by them."""

from html import unescape
from urllib.parse import quote

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts import saved_views
from accounts.errors import ActionRefused
from accounts.models import Account, SavedView
from accounts.permissions import SAVE_VIEW
from macros.models import Macro
from portal import view_accounts
from tests.portal.support import linked, settle, staff, token_of
from tests.support.factories import NOW, link, make_account, make_team, make_token, make_user
from tokens.models import Token
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/account/"
SAVE = f"{LIST}views/save/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users


def keep(owner: User, name: str, query: str = "days=7", team: Team | None = None) -> SavedView:
    return saved_views.save(owner=owner, name=name, query=query, team=team, now=NOW)


def page(client: Client, query: str = "") -> str:
    return " ".join(unescape(client.get(f"{LIST}{query}").content.decode()).split())


def shown(client: Client, query: str) -> set[str]:
    return {one.name for one in client.get(f"{LIST}{query}").context["cl"].result_list}


def test_what_the_list_shows_is_saved_under_a_name_and_shown_as_a_tab(client: Client) -> None:
    staff(client, SAVE_VIEW)
    make_account()

    offered = page(client, "?state=healthy&days=7&p=1")
    answer = client.post(f"{SAVE}?state=healthy&days=7&p=1", {"name": "Soon", "team": ""})
    tab = page(client, "?days=7&state=healthy")

    assert f"{SAVE}?days=7&state=healthy" in offered
    assert answer["Location"] == f"{LIST}?days=7&state=healthy"
    assert SavedView.objects.get().query == "days=7&state=healthy"
    assert 'href="?days=7&state=healthy" title="Soon" aria-current="page"><span>Soon</span></a>' in tab
    assert "Change view" in tab
    assert "Save view" not in tab
    assert '<a href="?" aria-current="page">All</a>' not in tab
    assert SAVE not in page(client)  # the whole list is a tab already


def test_a_view_is_seen_by_its_owner_and_by_the_team_that_it_is_shared_with(client: Client) -> None:
    team, elsewhere = make_team(), make_team()
    owner = make_user(team=team, is_staff=True)
    keep(owner, "Mine alone")
    shared = keep(owner, "For all of us", "days=14", team)
    viewer = staff(client, SAVE_VIEW, team=team)

    text = page(client)
    Membership.objects.filter(user=viewer).update(team=elsewhere)
    outside = page(client)
    foreign = [client.get(f"{LIST}views/{shared.pk}/{tail}").status_code for tail in ("", "delete/")]

    assert "For all of us" in text
    assert "Mine alone" not in text
    assert foreign == [404, 404]
    assert "For all of us" not in outside


def test_a_shared_view_shows_each_only_what_they_may_see(client: Client) -> None:
    team, other = make_team(), make_team()
    owner = make_user(is_superuser=True, is_staff=True, team=team)
    make_account(name="Ours", team=team)
    make_account(name="Theirs", team=other)
    keep(owner, "One team", f"team={other.pk}", team)
    staff(client, SAVE_VIEW, team=team)

    assert "One team" in page(client)
    assert "Theirs" not in shown(client, f"?team={other.pk}")


def test_it_is_renamed_shared_and_deleted_by_its_owner(client: Client) -> None:
    team = make_team()
    owner = staff(client, SAVE_VIEW, team=team)
    view = keep(owner, "Old")
    keep(owner, "Taken", "days=1")
    home = f"{LIST}views/{view.pk}/"

    taken = client.post(home, {"name": "Taken", "team": ""}, follow=True).content.decode()
    client.post(home, {"name": "New", "team": team.pk})
    view.refresh_from_db()
    asks = unescape(client.get(f"{home}delete/").content.decode())
    left = SavedView.objects.count()
    client.post(f"{home}delete/")

    assert "You have a view “Taken” already" in unescape(taken)
    assert (view.name, view.team, view.query) == ("New", team, "days=7")
    assert f"The people of {team} lose it, too." in asks
    assert (left, SavedView.objects.count()) == (2, 1)


def test_what_a_leaver_shared_is_renamed_and_deleted_by_managers_of_the_team_and_nobody_else(
    client: Client,
) -> None:
    team = make_team("Lumen")
    lea = make_user(name="Lea Winter", team=team, is_staff=True)
    view, own = keep(lea, "Old", team=team), keep(lea, "Own", "days=1")
    home = f"{LIST}views/{view.pk}/"

    staff(client, SAVE_VIEW, team=team)
    while_she_is_here = [client.get(home).status_code, client.post(f"{home}delete/").status_code]
    while_she_is_here.append(home in page(client, "?days=7"))
    User.objects.filter(pk=lea.pk).update(is_active=False)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    of_administrator = client.get(reverse("admin:users_user_change", args=[lea.pk])).text
    staff(client, SAVE_VIEW, team=make_team())
    refused = [client.get(home).status_code]
    staff(client, team=team)
    refused += [client.post(home, {"name": "Spy"}).status_code, home in page(client, "?days=7")]
    staff(client, SAVE_VIEW, team=team)
    refused.append(client.get(f"{LIST}views/{own.pk}/").status_code)
    offered, asks = page(client, "?days=7"), unescape(client.get(home).text)
    taken = unescape(client.post(home, {"name": "Own"}, follow=True).text)
    client.post(home, {"name": "New", "team": ""})
    view.refresh_from_db()
    deletes = unescape(client.get(f"{home}delete/").text)
    client.post(f"{home}delete/")

    assert while_she_is_here == [404, 404, False]
    assert f'<a class="at-link" href="{home}">Old</a> (Lumen)' in of_administrator
    assert refused == [404, 403, False, 404]
    assert f'href="{home}"' in offered
    assert "It is Lea Winter’s, shared with Lumen." in asks
    assert 'name="team"' not in asks
    assert "Its owner has a view “Own” already" in taken
    assert (view.name, view.team, view.owner) == ("New", team, lea)
    assert "It is Lea Winter’s, shared with Lumen." in deletes
    assert list(SavedView.objects.all()) == [own]


def test_what_somebody_shared_who_is_deleted_is_of_whoever_deletes(client: Client) -> None:
    team = make_team("Lumen")
    lea = make_user(name="Lea Winter", team=team)
    shared, boss = keep(lea, "Soon", team=team), make_user(is_staff=True, is_superuser=True)
    keep(lea, "Own", "days=1")
    keep(boss, "Soon", "days=2")
    client.force_login(boss)
    address = reverse("admin:users_user_delete", args=[lea.pk])

    asks = client.get(address).text
    client.post(address)

    assert "saved views that this person shares with a team" in asks
    assert not User.objects.filter(pk=lea.pk).exists()
    left = SavedView.objects.filter(team=team)
    assert [(one.pk, one.owner, one.name) for one in left] == [(shared.pk, boss, "Soon 2")]
    assert SavedView.objects.count() == 2


def test_nobody_saves_without_the_right_or_shares_with_a_team_of_others_and_there_is_an_end(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "MOST", 1)
    user = staff(client)
    make_account()
    without = (client.get(SAVE).status_code, SAVE in page(client, "?days=7"))
    user = staff(client, SAVE_VIEW)
    foreign = client.post(f"{SAVE}?days=7", {"name": "Spy", "team": make_team().pk}).status_code
    keep(user, "One")

    assert without == (403, False)
    assert foreign == 200  # the form again
    with pytest.raises(ActionRefused, match="as many views"), transaction.atomic():
        keep(user, "Two")
    assert SavedView.objects.get().name == "One"


# --- the filters ----------------------------------------------------------------------------------------------------------


def test_the_filter_of_a_person_finds_by_choice_and_by_name_and_nobody_beyond_the_wall(
    client: Client,
) -> None:
    team, other = make_team(), make_team()
    ada, ben = token_of("Ada Okafor", team=team), token_of("Ben Beyond", team=other)
    linked(ada, name="Of Ada", team=team)
    both = linked(ada, ben, name="Both", team=team)
    linked(token_of("Chiara", team=team), name="Chiara’s", team=team)
    assert ada.consented_by is not None
    assert ben.consented_by is not None
    staff(client, team=team)

    text = page(client)

    assert shown(client, f"?person={ada.consented_by.pk}") == {"Of Ada", "Both"}
    assert shown(client, "?person=okafor") == {"Of Ada", "Both"}
    assert "Person: Ada Okafor" in page(client, f"?person={ada.consented_by.pk}")
    for value in (str(ben.consented_by.pk), "beyond", "Ben", "9" * 30):
        assert shown(client, f"?person={quote(value)}") == set()
        assert "Ben Beyond" not in page(client, f"?person={quote(value)}")
    assert "Name or e-mail" in text
    assert both.pool.count() == 2


def test_filters_of_team_person_reason_and_a_view_each_narrow_what_the_others_leave(client: Client) -> None:
    fern, moss = make_team("Fern"), make_team("Moss")
    ada, ben = token_of("Ada", team=fern, state="dead"), token_of("Ben", team=moss)
    for name, team, tokens in (
        ("All four", fern, [ada]),
        ("Of another team", moss, [ada]),
        ("Of another person", fern, [token_of("Cleo", team=fern, state="dead")]),
        ("For another reason", fern, [ada, token_of("Dora", team=fern, state="dead", reason="expired")]),
        ("Needs nobody", fern, [ada, ben]),
    ):
        linked(*tokens, name=name, team=team)
    Token.objects.filter(reason="expired").update(consented_by=ada.consented_by)
    ada_only = Account.objects.get(name="For another reason")
    ada_only.pool.filter(token=ada).delete()
    client.force_login(make_user(is_staff=True, is_superuser=True))
    query = f"person={ada.consented_by_id}&reason=password_changed&team={fern.pk}&view=needs"
    parts = query.split("&")

    found = shown(client, f"?{query}")
    without = {part: shown(client, f"?{query.replace(part, '')}") for part in parts}
    text = page(client, f"?{query}")

    assert found == {"All four"}
    assert [sorted(names - found) for names in without.values()] == [
        ["Of another person"], ["For another reason"], ["Of another team"], ["Needs nobody"],
    ]  # fmt: skip
    assert "<strong>1</strong> of 5 accounts" in text
    assert (
        '<a href="?person=' in text.partition("Needs a person")[2].partition("My team")[0]
    )  # a tab keeps the filters
    assert all(words in text for words in ("Person: Ada", "Reason: Password changed", "Team: Fern"))


GONE = "names something that is no longer there, or that you may not see."


@pytest.mark.parametrize(
    ("query", "chip"),
    [
        ("team=TEAM", "Team: unknown"), ("person=PERSON", "Person: unknown"), ("macro=MACRO", "Macro: unknown"),
        ("channel=myspace", "Channel: unknown"), ("reason=boredom", "Reason: unknown"), ("state=happy", "State: unknown"),
        ("days=soon", "Days left: unknown"), ("told=me", "Who is told: unknown"), ("ends=well", "Deadline: unknown"),
        ("lately=eaten", "Last 30 days: unknown"), ("week=51", "Deadline in the week of: unknown"), ("left=9-9", "People left: unknown"),
        ("view=mine", ""), ("alone=2", ""), ("backup=no", ""), ("undated=x", ""), ("lost=x", ""),
    ],
)  # fmt: skip
def test_a_filter_whose_value_is_gone_shows_nothing_and_says_so(
    client: Client, query: str, chip: str
) -> None:
    team, macro = make_team(), Macro.objects.create(name="Gone", scope="all")
    gone = make_user()
    user = staff(client, SAVE_VIEW)
    linked(token_of("Ada"), name="One")
    query = (
        query.replace("TEAM", str(team.pk)).replace("PERSON", str(gone.pk)).replace("MACRO", str(macro.pk))
    )
    view = keep(user, "Mine", query)
    for row in (team, macro):
        row.delete()
    Membership.objects.filter(user=gone).delete()
    gone.delete()

    text = page(client, f"?{query}")

    assert shown(client, f"?{query}") == set()
    assert GONE in text
    assert chip in text
    assert "Clear all filters" in text
    assert not view_accounts.of_view(user, view).exists()  # nor does its calendar show everything


def test_a_filter_whose_value_is_another_teams_looks_as_one_that_is_gone(client: Client) -> None:
    mine, other = make_team("Mine"), make_team("Other")
    linked(token_of("Ada", team=mine), name="One", team=mine)
    zoe = token_of("Zoe", team=other)
    linked(zoe, name="Theirs", team=other)
    staff(client, team=mine)

    one = page(client, f"?team={mine.pk}")
    queries = (f"team={other.pk}", f"person={zoe.consented_by_id}")
    hidden = {query: page(client, f"?{query}") for query in queries}
    both = shown(client, f"?team={mine.pk},{other.pk}")

    assert "Team: Mine" in one
    assert GONE not in one
    assert both == {"One"}
    for text in hidden.values():
        assert GONE in text
        assert "Other" not in text
        assert "Zoe" not in text


def test_the_filter_of_a_reason_finds_what_stopped_log_ins_and_what_keeps_them_from_an_account(
    client: Client,
) -> None:
    staff(client)
    dead = make_token(state="dead", reason="password_changed")
    linked(dead, token_of("Ben"), name="Carried on")
    lost = make_account(name="Lost")
    link(lost, token_of("Ada"), access="lost", access_reason="access_lost")
    settle(lost)
    linked(token_of("Chiara"), name="Fine")

    assert shown(client, "?reason=password_changed") == {"Carried on"}
    assert shown(client, "?reason=access_lost") == {"Lost"}
    assert shown(client, "?reason=nonsense") == set()
    assert "Reason: Password changed" in page(client, "?reason=password_changed")


def test_a_dark_account_says_who_can_fix_it(client: Client) -> None:
    staff(client, "tokens.ask_token")
    account = linked(
        token_of("Ada Okafor", state="dead", reason="password_changed"), name="Dark", state="deactivated"
    )

    text = page(client)

    assert "can fix it" in text
    assert 'title="Ada Okafor"' in text
    ask = reverse("admin:accounts_account_bulk_ask")
    assert f'href="{ask}?ids={account.pk}"' in text
    assert reverse("admin:accounts_account_bulk_check") not in text  # it may not be checked by this person


def test_views_and_filters_cost_the_same_however_many_there_are(client: Client) -> None:
    user = staff(client, SAVE_VIEW)
    counts = []
    for number in (1, 25):
        for place in range(number):
            linked(token_of(f"P{number} {place}"), name=f"A{number} {place}")
            keep(user, f"V{number} {place}", f"days={place + number}")
        client.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            client.get(f"{LIST}?person=P&reason=")
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert Account.objects.count() == 26
