"""A person whom the channel suspended is not asked to re-authenticate: they appeal, and whoever else has access is told and links."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.account_pages import rows as account_rows
from accounts.asks import queries, rules
from accounts.models import Account
from accounts.pool import services as pool
from macros.warnings import mails as news_mail
from notifications.models import Message
from tests.accounts.test_backups import carried, log_in, settled
from tests.support import news
from tests.support.factories import make_team, make_user
from tokens.models import Token
from users.models import Membership, User
from users.people.queries import names_for

pytestmark = pytest.mark.django_db
REASONS = ("suspended", "policy_violation")
PLEASE = "lease re-authenticate"


def suspend(token: Token, reason: str) -> list[Account]:
    """The channel ends the log-in of a suspended person; its accounts are settled and people are told."""
    Token.objects.filter(pk=token.pk).update(state="dead", reason=reason, state_since=timezone.now())
    pool.note_news(Account.objects.filter(pool__token=token).values_list("pk", flat=True), token.state_since)
    accounts = list(Account.objects.filter(pool__token=token).order_by("pk"))
    for account in accounts:
        settled(account)
    news.tell()
    return accounts


def test_the_person_reads_what_helps_and_the_team_lead_hears_of_what_went_dark() -> None:
    team = make_team("Nordbad")
    lead = make_user("lead@example.com", name="Lea Ahl", team=team)
    Membership.objects.filter(user=lead).update(role="manager")
    ada = log_in("Ada", team=team)
    carried(ada, team=team, name="Nordbad Mode")
    other = make_user("other@example.com", team=make_team("Other"))
    Membership.objects.filter(user=other).update(role="manager")

    suspend(ada, "policy_violation")

    mails = {one.recipient: one for one in Message.objects.all()}
    assert set(mails) == {"ada@example.com", "lead@example.com"}
    own, beside = (news_mail.build_mail(mails[who]) for who in ("ada@example.com", "lead@example.com"))
    assert own.subject == "Nordbad Mode is deactivated: waiting for somebody else with access at Facebook"
    assert PLEASE not in own.text
    assert "/renew/" not in own.text
    assert "See the steps" in own.text
    assert "Re-authenticating would not help." in " ".join(own.text.split())
    assert beside.subject == own.subject
    assert "because you lead the team" in " ".join(beside.text.split())
    assert PLEASE not in beside.text


def test_whoever_goes_on_through_a_backup_needs_no_lead_and_a_contact_gets_no_page_that_needs_a_password() -> (
    None
):
    team = make_team("Nordbad")
    lead = make_user("lead@example.com", team=team)
    Membership.objects.filter(user=lead).update(role="manager")
    ada, ben = log_in("Ada", team=team), log_in("Ben", team=team)
    User.objects.filter(tokens=ada).update(is_contact=True, password="!")
    carried(ada, ben, team=team, name="Nordbad Mode")

    suspend(ada, "suspended")

    mail = news.built()
    assert mail.subject == "Nordbad Mode goes on through Ben"
    assert "/reauthenticate/" not in mail.text


@pytest.mark.parametrize("reason", REASONS)
def test_nobody_asks_a_suspended_person_and_the_start_page_does_not_count_them(reason: str) -> None:
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    ada, ben = log_in("Ada"), log_in("Ben")
    dark, second = carried(ada), carried(ben)
    suspend(ada, reason)
    Token.objects.filter(pk=ben.pk).update(state="dead", reason="password_changed")
    settled(second)
    ada.refresh_from_db()
    now = timezone.now()

    assert "somebody else with access" in rules.why_not(ada)
    found = queries.people_due(queries.entries_due(boss, now), now, most=5)

    assert [(one.user, one.accounts) for one in found] == [(ben.consented_by, 1)]
    names = names_for(boss)
    row = account_rows.listed_account(Account.objects.get(pk=dark.pk), names=names, now=now)
    assert row.fixer == "somebody else with access at Facebook"


def test_the_page_of_a_suspended_person_says_what_helps_first(client: Client) -> None:
    ada = log_in("Ada")
    account = carried(ada, name="Nordbad Mode")
    suspend(ada, "suspended")
    assert ada.consented_by
    client.force_login(ada.consented_by)

    page = client.get(reverse("reauthenticate", args=[account.pk])).content.decode()
    mine = client.get(reverse("my_accounts")).content.decode()

    assert page.index("What helps") < page.index("appeal") < page.index("Continue to Facebook")
    assert "Ask somebody else with access" in page
    assert 'at-btn-primary">Continue' not in page
    assert "See steps" in mine
    assert ">Re-authenticate" not in mine
