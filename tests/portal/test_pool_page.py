"""The tab Authenticate Tokens and its neighbours: what they say, to whom, and that checks and renewals really ask."""

import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.account_pages import pool_rows
from accounts.models import AccountEvent
from tests.portal.support import action_url, line_url, linked, pool_url, settle, staff, token_of
from tests.support.ends import end
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tokens import lifecycle
from tokens.channels.kinds import (
    Credentials,
    Dates,
    Grant,
    Identity,
    Reason,
)
from tokens.models import Token
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client: Client) -> None:
    client.force_login(make_user(name="Mira Ode", is_staff=True, is_superuser=True))


def die(token: Token, reason: Reason = Reason.PASSWORD_CHANGED, source: str = "report") -> None:
    end(token, reason, timezone.now(), source=source, evidence={"body": {"error": {"code": 190}}})


def rows(page: str) -> list[str]:
    """The names in the pool, in order."""
    return re.findall(r'<div class="at-who">\s*<b>([^<]*)</b>', page)


def test_a_log_in_behind_the_others_says_so_unless_it_carries_the_account_alone(
    client: Client, boss: User
) -> None:
    ada, ben = token_of("Ada", days=50), token_of("Ben", days=5)
    shared, alone = linked(ada, ben), linked(ada)
    Token.objects.filter(pk=ada.pk).update(demoted_at=timezone.now())
    settle(shared)
    settle(alone)

    pages = {account: client.get(pool_url(account)).content.decode() for account in (shared, alone)}

    assert rows(pages[shared]) == ["Ben", "Ada"]
    assert "Others go first" in pages[shared]
    assert "Retrying" in pages[shared]
    assert "Others go first" not in pages[alone]


def test_the_active_token_is_first_the_others_follow_as_they_are_tried_and_dates_say_where_they_come_from(
    client: Client, boss: User
) -> None:
    days = {"Ben": 5, "Chiara": 50, "Deniz": None, "Emil": 90}
    account = linked(*(token_of(name, days=number) for name, number in days.items()))

    page = client.get(pool_url(account)).content.decode()

    assert rows(page) == ["Ben", "Emil", "Chiara", "Deniz"]
    assert "said by Facebook" in page
    assert "Not available" in page
    assert "linked before dates were stored" in page
    assert "Works at least until" in page
    assert "+1 with unknown date" in page


def test_stopped_tokens_say_what_happened_and_whom_to_ask_and_stand_in_the_time_line_with_cause_and_evidence(
    client: Client, boss: User
) -> None:
    ada, ben, chiara = token_of("Ada Okafor"), token_of("Ben Lindqvist"), token_of("Chiara Rossi", days=30)
    imported = make_token(native_user_name="Imported One")
    account = linked(ada, ben, chiara, imported)
    die(ada)
    die(chiara, source="sweep")
    die(imported)

    page = client.get(pool_url(account)).text + client.get(line_url(account)).text

    assert "Shifted from Ada Okafor to Ben Lindqvist" in page
    assert "Found by a publishing job, confirmed with Facebook." in page
    assert "The log-in of Ada Okafor stopped" not in page  # the shift says it
    told = ("Stopped", "What happened", "Who can fix it", "Steps", "Facebook’s answer")
    assert [word for word in (*told, "Ask Ada to re-authenticate") if word not in page] == []
    assert "&quot;code&quot;: 190" in page
    assert "The log-in of Chiara Rossi stopped" in page
    assert "Found by our own check." in page
    assert 'aria-disabled="true"' in page
    assert "It was imported" in page


def test_the_time_line_shows_twenty_entries_then_the_older_ones_on_demand(client: Client, boss: User) -> None:
    account, mira = linked(token_of("Ben")), make_user()
    for number in range(30):
        at = timezone.now() - timedelta(days=number + 1)
        AccountEvent.objects.create(account=account, kind="paused", note=f"note {number}", actor=mira, at=at)

    first = client.get(line_url(account)).content.decode()
    more = client.get(line_url(account) + "&shown=70").content.decode()

    assert first.count("at-line-dot ") == 20
    assert "Show older" in first
    assert more.count("at-line-dot ") == 31
    assert "Show older" not in more


def test_each_tab_is_for_those_who_see_the_account(client: Client) -> None:
    mine, other = make_team(), make_team()
    staff(client, "notifications.view_message", team=mine)
    seen, hidden = make_account(team=mine), make_account(team=other)

    found = [
        client.get(reverse(f"admin:accounts_account_{tab}", args=[one.pk])).status_code
        for tab in ("change", "line", "macros")
        for one in (seen, hidden)
    ]

    assert found == [200, 404] * 3


def test_staff_without_the_right_to_see_accounts_are_refused(client: Client) -> None:
    staff(client, view=False)

    response = client.get(pool_url(make_account()))

    assert response.status_code == 403


def test_people_of_other_teams_are_someone_in_another_team(client: Client) -> None:
    mine = make_team()
    staff(client, "tokens.ask_token", team=mine)
    strange = token_of("Strange Person", team=make_team())
    account = linked(token_of("Colleague", team=mine), strange, team=mine)
    die(strange)

    pages = [client.get(pool_url(account)), client.get(action_url("token_ask", account, strange))]

    for page in pages:
        assert "Strange" not in page.content.decode()
        assert "strange" not in page.content.decode()
    assert "Someone in another team" in pages[0].content.decode()
    assert "&quot;code&quot;: 190" not in pages[0].content.decode()


def test_a_log_in_that_stopped_has_one_date_and_no_channel_is_said_to_have_ended_what_staff_removed() -> None:
    found, removed = (
        pool_rows.date_lines(
            token_of(
                "Ada",
                state="dead",
                reason=reason,
                state_since=timezone.now(),
                access_expires_at=None,
                dates_source={"access": "never"},
            ),
            "tiktok",
            timezone.now(),
        )
        for reason in ("authorisation_cancelled", Token.REMOVED)
    )

    assert [(one.label, one.source) for one in found] == [("Ended", "checked at TikTok")]
    assert [(one.label, one.source) for one in removed] == [("Ended", "")]


def test_an_empty_pool_invites_to_add_a_token_and_one_person_to_add_a_second(
    client: Client, boss: User
) -> None:
    empty, alone, two = make_account(), linked(token_of("Ben")), linked(token_of("Cleo"), token_of("Dora"))
    dark = linked(token_of("Ada", state="dead", reason="removed"))
    accounts = [empty, alone, dark, two]

    pages = [client.get(pool_url(one)).content.decode() for one in accounts]

    assert "Nobody is linked to this account." in pages[0]
    assert f'href="/link/facebook/?account={empty.pk}"' in pages[0]
    assert "Add a second person." in pages[1]
    assert "Nobody keeps it connected now." in pages[2]
    assert "to re-authenticate" not in pages[2], "staff removed that log-in"
    invites = [
        f'href="/backups/invite/?account={one.pk}&amp;next=' in page
        for one, page in zip(accounts, pages, strict=True)
    ]
    assert invites == [True, True, True, False], "each account that is to find a person, and no other"


def test_the_page_costs_as_many_queries_for_many_tokens_as_for_two(client: Client, boss: User) -> None:
    account = linked(token_of("A"), token_of("B"))
    client.get(pool_url(account))
    with CaptureQueriesContext(connection) as few:
        client.get(pool_url(account))
    for number in range(5):
        link(account, token_of(f"Person {number}"))
    settle(account)

    with CaptureQueriesContext(connection) as many:
        client.get(pool_url(account))

    assert len(many) == len(few)


def test_a_re_authentication_stands_in_the_time_line_and_the_first_consent_only_once(
    client: Client, boss: User
) -> None:
    ada = make_user(name="Ada Okafor")
    app, first = make_app(), timezone.now() - timedelta(days=3)

    def consent(at: datetime) -> Token:
        grant = Grant(Credentials("SBXTOKEN-1"), Dates())
        return lifecycle.store_consent(
            app=app, identity=Identity("77", "Ada O."), grant=grant, user=ada, now=at
        )

    account = linked(consent(first))
    before = client.get(line_url(account)).content.decode()
    consent(timezone.now())
    after = client.get(line_url(account)).content.decode()

    assert "re-authenticated" not in before
    assert after.count("Ada Okafor re-authenticated") == 1


def test_the_start_page_says_which_channel_refuses_our_app(client: Client, boss: User) -> None:
    make_app("facebook", fault="client secret", fault_since=timezone.now())

    page = client.get(reverse("admin:index")).content.decode()

    assert "Facebook refuses AdToken itself: client secret" in page
    assert "Open Channel apps" in page


def test_an_access_date_that_is_renewed_is_shown_as_no_end_and_after_a_refusal_as_one(client: Client) -> None:
    staff(client)
    app = make_app("snapchat")
    soon = timezone.now() + timedelta(minutes=20)
    fields = {
        "access_expires_at": soon,
        "has_refresh_token": True,
        "dates_source": {"access": "provider", "refresh": "never"},
    }
    renewed = make_token(app, deadline_kind="never", **fields)
    refused = make_token(
        app, refresh_refused_at=timezone.now(), deadline_kind="date", deadline=soon, **fields
    )
    account = settle(linked(renewed, refused, channel="snapchat"))

    page = client.get(reverse("admin:accounts_account_change", args=[account.pk])).content.decode()

    assert "said by Snapchat, renewed by AdToken" in page
    assert "said by Snapchat, no longer renewed" in page


def test_what_the_channel_does_not_renew_has_no_renew_now(client: Client, boss: User) -> None:
    account = make_account("x")
    link(account, make_token(make_app("x")))
    settle(account)

    assert "Renew now" not in client.get(pool_url(account)).content.decode()


def test_a_permission_that_was_not_granted_asks_the_person(client: Client, boss: User) -> None:
    account, ada = make_account(restriction="unpaid bill"), make_user(name="Ada")
    link(account, make_token(consented_by=ada), can_publish="no", access_reason=Reason.SCOPE_MISSING)
    settle(account)

    page = client.get(pool_url(account)).content.decode()

    assert "Permission missing" in page
    assert "Ask to re-authenticate" in page
    assert "See steps" not in page
    assert re.search(r"Facebook restricts this ad account</b>\s*<p>Unpaid bill</p>", page)


def test_a_row_says_in_one_sentence_how_its_token_came_and_who_added_it(client: Client, boss: User) -> None:
    account, mira = make_account(), make_user(name="Mira Lund")
    link(account, token_of("Ada"))
    link(account, token_of("Ben"), added_by=mira)
    link(account, make_token(native_user_name="Chiara"), added_by=mira)
    link(account, make_token(native_user_name="Bot", kind=Token.Kind.SYSTEM))
    settle(account)

    page = client.get(pool_url(account)).content.decode()

    said = re.findall(r"<span>\s*((?:system|linked|imported).*?)</span>", page, re.DOTALL)
    came = {" ".join(re.sub(r"<time[^>]*>[^<]*</time>", "DAY", one).split()) for one in said}
    assert came == {
        "linked DAY",
        "linked DAY by Mira Lund",
        "imported DAY by Mira Lund",
        "system user, added DAY",
    }
