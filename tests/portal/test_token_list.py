"""The list Authenticate Tokens: what it shows of a log-in that reaches many accounts, and what that costs."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account, AccountToken
from accounts.pool.queries import log_ins_seen_by
from tests.support.factories import link, make_account, make_team, make_token, make_user
from tokens.models import Token
from users.models import Membership, Team

pytestmark = pytest.mark.django_db
LIST = reverse("admin:tokens_token_changelist")


@pytest.fixture
def mira(client: Client) -> Client:
    client.force_login(make_user("mira@example.com", name="Mira", is_staff=True, is_superuser=True))
    return client


def reach(token: Token, count: int) -> None:
    """Put a token into the pools of so many new accounts, by two statements."""
    team = Team.default()
    accounts = Account.objects.bulk_create(
        Account(channel="facebook", native_id=f"9{number:05}", name=f"Brand {number:05}", team=team)
        for number in range(count)
    )
    AccountToken.objects.bulk_create(AccountToken(account=account, token=token) for account in accounts)


def read_rows(client: Client) -> tuple[str, int, int]:
    """Return the page, how many queries it took, and how many pool entries the application read."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = client.get(LIST)
        page = response.content.decode()
    entries = sum(len(token.seen_entries) for token in response.context["cl"].result_list)
    return page, len(queries), entries


@pytest.mark.parametrize(("count", "words"), [(3, None), (4, "and 1 more"), (103, "and 99+ more")])
def test_a_log_in_names_three_accounts_and_counts_the_others(
    mira: Client, count: int, words: str | None
) -> None:
    reach(make_token(), count)

    page, _, entries = read_rows(mira)

    assert entries == 3
    assert (words or "") in page
    assert ("more" in page.split("Brand 00002")[1].split("</td>")[0]) is (words is not None)


def test_reports_only_is_said_of_what_the_viewer_sees(client: Client) -> None:
    team, other = make_team("Mine"), make_team("Other")
    reader = make_token()
    link(make_account(team=team), reader, can_publish="no")
    link(make_account(team=other), reader, can_publish="yes")
    staff = make_user("staff@example.com", team=team, is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_token"))
    client.force_login(staff)

    page, _, _ = read_rows(client)

    assert "Read only" in page


def test_the_log_ins_that_a_person_sees_are_those_of_the_accounts_that_they_see() -> None:
    team, other = make_team(), make_team()
    noor = make_user("noor@example.com", is_staff=True)
    Membership.objects.create(user=noor, team=team)
    of_team, own, foreign = make_account(team=team), make_account(team=other), make_account(team=other)
    link(of_team, make_token(consented_by=make_user()))
    link(own, make_token(consented_by=noor))
    link(own, make_token(consented_by=make_user()))
    link(foreign, make_token(consented_by=make_user()))
    make_token(consented_by=noor)  # in no pool

    seen = log_ins_seen_by(Token.objects.all(), noor)

    pools = AccountToken.objects.filter(account__in=Account.objects.visible_to(noor))
    assert set(seen.values_list("pk", flat=True)) == set(pools.values_list("token", flat=True))
    assert len(seen) == 3
