"""Social Accounts and Authenticate Tokens: what the lists show to whom, in which order, and at what price."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.sessions.backends.base import SessionBase
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from accounts.pool import queries as pool_queries
from accounts.pool.health import Health
from tests.portal.support import context_of, linked, rows_of, settle, staff, token_of
from tests.support.factories import link, make_account, make_team, make_token, make_user
from tokens.models import Token
from users.models import Team, User

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/account/"
DAY = timedelta(days=1)
LIMIT_OF_START = 70  # queries of the start page, each with a limit or kept where accounts are very many


def names(client: Client, query: str = "") -> list[str]:
    """The accounts that the list shows, in order."""
    return [account.name for account in rows_of(client, LIST + query)]


def test_what_is_deactivated_comes_first_then_by_deadline_then_unknown_then_never(
    client: Client, boss: User
) -> None:
    linked(token_of("A", days=None, deadline_kind="never"), name="Never")
    linked(token_of("B", days=None), name="Unknown")
    linked(token_of("C", days=50), name="Late")
    linked(token_of("D", days=3), name="Soon")
    make_account(name="Dark")

    page = client.get(LIST).content.decode()

    found = re.findall(r'class="at-name" href="[^"]*"[^>]*>([^<]*)<', page)
    assert found == ["Dark", "Soon", "Late", "Unknown", "Never"]


def test_staff_see_their_teams_accounts_and_those_that_their_own_token_keeps(client: Client) -> None:
    mine, other = make_team(), make_team()
    user = staff(client, team=mine)
    make_account(name="Of my team", team=mine)
    make_account(name="Of another team", team=other)
    linked(token_of("X", days=9), name="Of another team too", team=other)
    own = make_account(name="Kept by me", team=other)
    link(own, token_of("Y"))
    Token.objects.filter(pool_entries__account=own).update(consented_by=user)

    found = names(client)

    assert sorted(found) == ["Kept by me", "Of my team"]


def test_people_of_other_teams_are_not_named_and_not_found_by_name(client: Client) -> None:
    mine = make_team()
    staff(client, team=mine)
    linked(token_of("Strange Person", team=make_team()), name="Shared", team=mine)

    page = client.get(LIST).content.decode()

    assert "Strange" not in page
    assert "Someone in another team" in page
    assert names(client, "?q=Strange") == []


def test_search_finds_by_name_id_person_and_e_mail(client: Client, boss: User) -> None:
    token = make_token(
        consented_by=make_user("ada@example.com", name="Ada Okafor"), native_user_name="A. Okafor"
    )
    linked(token, name="Lumen Shoes EU", native_id="402188371102")
    linked(token_of("Ben"), name="Other")
    terms = ("lumen", "402 188", "act_402188371102", "Ada Okafor", "ada@example.com")

    found = [names(client, f"?q={term}") for term in terms]

    assert found == [["Lumen Shoes EU"]] * len(terms)


def a_fleet() -> None:
    """One account for each pill, and some that are close to another one."""
    for days in (3, 20, 60):
        linked(token_of(f"P{days}", days=days), token_of(f"Q{days}", days=days), name=f"{days} days")
    linked(token_of("Alone", days=60), name="Alone")
    linked(token_of("U1", days=None), token_of("U2", days=None), name="Undated")
    linked(token_of("U3", days=None), name="Undated and alone")
    linked(
        token_of("N1", days=None, deadline_kind="never"),
        token_of("N2", days=None, deadline_kind="never"),
        name="Endless",
    )
    linked(token_of("R", days=60), name="Restricted", restriction="unpaid bill")
    linked(token_of("K", state="cooling", reason="unknown"), name="Cooling")
    make_account(name="Dark")
    paused = linked(token_of("Z", days=60), name="Paused")
    Account.objects.filter(pk=paused.pk).update(paused_at=timezone.now())
    settle(paused)
    two_of_one_person = linked(token_of("Same", days=60), name="One person, two tokens")
    second = token_of("Same too", days=60)
    Token.objects.filter(pk=second.pk).update(consented_by=two_of_one_person.active_token.consented_by)  # type: ignore[union-attr]  # it has one
    link(two_of_one_person, second)
    settle(two_of_one_person)


FILTERS = {
    "?view=needs": {"Dark", "3 days", "20 days"},
    "?days=7": {"3 days"},
    "?days=25": {"3 days", "20 days"},
    "?undated=1": {"Undated", "Undated and alone"},
    "?alone=1": {"Alone", "Undated and alone", "Restricted", "Cooling", "One person, two tokens"},
}


def test_each_account_is_under_the_filter_of_its_pill_and_under_no_other(client: Client, boss: User) -> None:
    a_fleet()
    now = timezone.now()
    health = {one.name: pool_queries.summarise(one, now).health for one in Account.objects.with_pools()}

    found = {key: set(names(client, f"?state={key}")) for key in Health}
    filtered = {query: set(names(client, query)) for query in FILTERS}

    assert found == {key: {name for name, own in health.items() if own == key} for key in Health}
    assert set(health.values()) == set(Health)  # the fleet has one of each
    assert filtered == FILTERS


def test_add_account_leads_to_the_same_flow_as_self_service(client: Client) -> None:
    staff(client, "accounts.link_account")

    response = client.get(LIST + "add/")

    assert response["Location"] == reverse("add_account")


def test_there_is_no_plain_form_and_no_deletion(client: Client, boss: User) -> None:
    account = make_account()

    found = [
        client.get(f"{LIST}{account.pk}/{tail}").status_code for tail in ("change/", "delete/", "history/")
    ]

    assert found == [404, 404, 404]


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_a_page_costs_as_many_queries_for_many_accounts_as_for_two(client: Client, boss: User) -> None:
    def costs(times: int) -> dict[str, int]:  # some things are read once a process, or once a second
        return {
            url: min(queries(client, url) for _ in range(times))
            for url in (LIST, "/admin/tokens/token/", "/admin/")
        }

    linked(token_of("Person", days=5), token_of("Second", days=90))
    linked(token_of("Alone", days=5))  # so that the start page has whom to ask, as it has later
    settle(make_account())  # and what is dark
    few = costs(2)
    people = [make_user() for _ in range(5)]
    tokens = [
        make_token(consented_by=people[number % 5], deadline=timezone.now() + (number + 5) * DAY)
        for number in range(12)
    ]
    for number in range(12):
        account = make_account()
        for place in range(number % 4):
            link(account, tokens[number - place])
    settle(*Account.objects.all())

    many = costs(1)
    if many != few:
        many = costs(2)

    assert many == few
    start = many.pop("/admin/")  # 8 cards, a banner, four figures, first steps, and how background work is
    assert start <= LIMIT_OF_START
    assert max(many.values()) < 40


def test_counts_stop_at_a_thousand_and_pages_go_on(
    client: Client, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(admin.site.get_model_admin(Account)), "list_per_page", 10)
    team = Team.default()
    Account.objects.bulk_create(
        Account(channel="facebook", native_id=str(number), name=f"Bulk {number}", team=team)
        for number in range(1_060)
    )

    first, beyond, last = (client.get(LIST, {"p": page}) for page in (1, 101, 106))

    assert "<strong>1,000+</strong> of 1,000+ accounts" in first.text
    assert "1,001–1,010 of 1,010+" in beyond.text
    assert 'rel="next"' in beyond.text
    assert "1,051–1,060 of 1,060" in last.text
    assert 'rel="next"' not in last.text


def test_five_filters_are_in_sight_and_a_selection_has_four_deeds_the_rest_is_under_more(
    client: Client, boss: User
) -> None:
    linked(token_of("Ada"), team=make_team())

    shown = context_of(client, LIST)

    assert [chip.title for chip in shown["chips"]] == ["Channel", "State", "Days left", "Person", "Team"]
    assert [chip.title for chip in shown["more_chips"]] == [
        "Could be backed up at once", "Reason", "Macro", "Access lost",
    ]  # fmt: skip
    assert [one["label"] for one in shown["bulk_actions"]] == ["Ask", "Back up", "Apply macro", "Export"]
    assert [one["label"] for one in shown["more_actions"]] == [
        "Check now", "Move to team", "Remove macro", "Pause", "Resume",
    ]  # fmt: skip


def test_tokens_of_all_accounts_are_those_in_pools_that_one_sees(client: Client) -> None:
    mine, other = make_team(), make_team()
    staff(client, "tokens.view_token", team=mine)
    shared = token_of("Strange Person", team=other)
    linked(shared, token_of("Colleague", team=mine), name="Seen", team=mine)
    hidden = make_account(name="Hidden", team=other)
    link(hidden, shared)
    linked(token_of("Elsewhere", team=other), team=other)

    page = client.get("/admin/tokens/token/").content.decode()

    assert "Colleague" in page
    assert "Someone in another team" in page
    for word in ("Strange", "Elsewhere", "Hidden"):
        assert word not in page


def test_a_token_that_works_and_is_linked_to_nothing_is_no_backup(client: Client, boss: User) -> None:
    make_token()

    page = client.get("/admin/tokens/token/").content.decode()

    assert "Not linked" in page
    assert "Backup" not in page


def test_the_sidebar_draws_only_what_one_may_use_and_counts_the_deactivated(client: Client) -> None:
    staff(client)
    make_account(name="Dark")

    page = client.get(LIST).content.decode()

    assert '<span class="at-nav-badge">1' in page
    assert "Channel apps" not in page
    assert "API keys" not in page


def test_the_portal_allows_inline_styles_for_its_theme_and_no_page_script_but_our_own(
    client: Client, boss: User
) -> None:
    portal = client.get(LIST)["Content-Security-Policy"]
    own = client.get(reverse("profile"))["Content-Security-Policy"]

    assert re.findall(r"([\w-]+) [^;]*'unsafe", portal) == ["style-src"]
    assert "unsafe" not in own


def test_the_site_itself_refuses_staff_who_have_not_shown_a_second_factor(
    rf: RequestFactory, settings: Settings
) -> None:
    request = rf.get("/admin/")
    request.user, request.session = make_user(is_staff=True, is_superuser=True), SessionBase()
    without = admin.site.has_permission(request)
    settings.STAFF_SECOND_FACTOR = True

    asked_for = admin.site.has_permission(request)

    assert (without, asked_for) == (True, False)
