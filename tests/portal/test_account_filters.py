"""The filters of Social Accounts: what they show, and that no wall is crossed by them."""

from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account
from macros.models import Macro
from tests.portal.support import context_of, linked, settle, staff, token_of
from tests.support.factories import link, make_account, make_team, make_token, make_user
from tokens.models import Token
from users.models import Membership

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/account/"


def page(client: Client, query: str = "") -> str:
    return " ".join(unescape(client.get(f"{LIST}{query}").content.decode()).split())


def shown(client: Client, query: str) -> set[str]:
    return found(client, query)[0]


def found(client: Client, query: str) -> tuple[set[str], set[str], bool]:
    """The names of the accounts, what the chips say, and whether a filter names what is not there."""
    drawn_from = context_of(client, f"{LIST}{query}")
    chips = {f"{chip.title}: {chip.chosen}" for chip in (*drawn_from["chips"], *drawn_from["more_chips"])}
    return {one.name for one in drawn_from["cl"].result_list}, chips, bool(drawn_from["gone"])


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

    chosen, chips, _ = found(client, f"?person={ada.consented_by.pk}")
    walled = page(client, f"?person={ben.consented_by.pk}")

    assert chosen == {"Of Ada", "Both"}
    assert shown(client, "?person=okafor") == {"Of Ada", "Both"}
    assert "Person: Ada Okafor" in chips
    for value in (str(ben.consented_by.pk), "beyond", "9" * 30):
        assert shown(client, f"?person={value}") == set()
    assert "Ben Beyond" not in walled
    assert "Name or e-mail" in walled
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

    text = page(client, f"?{query}")
    four = shown(client, f"?{query}")
    without = {part: shown(client, f"?{query.replace(part, '')}") for part in parts}

    assert four == {"All four"}
    assert [sorted(names - four) for names in without.values()] == [
        ["Of another person"], ["For another reason"], ["Of another team"], ["Needs nobody"],
    ]  # fmt: skip
    assert "<strong>1</strong> of 5 accounts" in text
    assert (
        '<a href="?person=' in text.partition("Needs a person")[2].partition("My team")[0]
    )  # a tab keeps the filters
    assert all(words in text for words in ("Person: Ada", "Reason: Password changed", "Team: Fern"))


GONE = "names something that is no longer there, or that you may not see."


def test_a_filter_whose_value_is_gone_shows_nothing_and_says_so(client: Client) -> None:
    team, macro = make_team(), Macro.objects.create(name="Gone", scope="all")
    left = make_user()
    staff(client)
    linked(token_of("Ada"), name="One")
    queries = {
        f"team={team.pk}": "Team: unknown", f"person={left.pk}": "Person: unknown", f"macro={macro.pk}": "Macro: unknown",
        "channel=myspace": "Channel: unknown", "reason=boredom": "Reason: unknown", "state=happy": "State: unknown",
        "days=soon": "Days left: unknown",
        "view=mine": "", "alone=2": "", "backup=no": "", "undated=x": "", "lost=x": "",
    }  # fmt: skip
    for row in (team, macro):
        row.delete()
    Membership.objects.filter(user=left).delete()
    left.delete()

    text = page(client, "?channel=myspace")

    for query, chip in queries.items():
        names, chips, gone = found(client, f"?{query}")
        assert (names, gone) == (set(), True), query
        assert not chip or chip in chips, query
    assert GONE in text
    assert "Channel: unknown" in text
    assert "Clear all filters" in text


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

    names, chips, _ = found(client, "?reason=password_changed")

    assert names == {"Carried on"}
    assert "Reason: Password changed" in chips
    assert shown(client, "?reason=access_lost") == {"Lost"}


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


def test_filters_cost_the_same_however_many_there_are(client: Client) -> None:
    staff(client)
    counts = []
    for number in (1, 6):
        for place in range(number):
            linked(token_of(f"P{number} {place}"), name=f"A{number} {place}")
        client.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            client.get(f"{LIST}?person=P&reason=")
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert Account.objects.count() == 7
