"""One reason, one wording: the mail, the pages of marketers and staff, and the API say the same."""

import html
import re

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey
from accounts.pool import services as pool
from broker.leases import callers
from sandbox.start import start_accounts
from tests.support import news
from tests.support.ends import end
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tokens.channels import registry
from tokens.channels.kinds import AN_APPEAL_HELPS, Reason
from tokens.token import reasons
from users.models import Team, User

pytestmark = pytest.mark.django_db

DEATHS = [("facebook", Reason.PASSWORD_CHANGED), ("linkedin", Reason.SUSPENDED), ("x", Reason.UNKNOWN)]
NATIVE_IDS = {account.channel: account.id for account in start_accounts()}
RECONNECT = re.compile("Press Re-authenticate|press Re-authenticate")


def dead_account(channel: str, reason: Reason, person: User) -> Account:
    """An account whose only log-in died for this reason."""
    token = make_token(make_app(channel), consented_by=person, native_user_name="Ada O.")
    account = make_account(channel, name="Sable Studio", native_id=NATIVE_IDS[channel])
    link(account, token)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=NOW)
    end(token, reason)
    account.refresh_from_db()
    return account


def plain(page: str) -> str:
    return " ".join(html.unescape(strip_tags(page)).split())


def missing(explanation: reasons.Explanation, said: str, *, steps: bool = True) -> list[str]:
    lines = [explanation.what, *explanation.causes, *(explanation.steps if steps else ())]
    return [line for line in lines if line not in said]


def assert_steps_name_the_pages_own_button(page: str, channel: str) -> None:
    native = registry.get(channel)
    assert not RECONNECT.search(page)
    assert "Check now" not in page
    assert f"Continue to {native.label}" in page
    assert native.last_step in page


@pytest.mark.parametrize(("channel", "reason"), DEATHS)
def test_mail_pages_and_api_say_the_same(client: Client, ada: User, channel: str, reason: Reason) -> None:
    account = dead_account(channel, reason, ada)
    you = reasons.explain(channel, reason, person="Ada O.", account=account.name, you=True)
    others = reasons.explain(channel, reason, person="Ada Okafor", account=account.name)
    nameless = reasons.explain(channel, reason, account=account.name)
    key = api_keys.issue_key(name="job", scopes=[ApiKey.Scope.READ], teams=[Team.default()])[1]
    callers._facts.clear()

    mail = news.built()
    client.force_login(make_user(is_staff=True, is_superuser=True))
    staff_page = client.get(reverse("admin:accounts_account_change", args=[account.pk])).content.decode()
    client.force_login(ada)
    own_page = client.get(reverse("reauthenticate", args=[account.pk])).content.decode()
    api = Client(headers={"authorization": f"Bearer {key}"}).get(
        f"/api/v1/accounts/{channel}/{account.native_id}"
    )

    assert missing(you, plain(mail.text)) == []
    assert missing(you, plain(mail.html)) == []
    assert missing(others, plain(staff_page)) == []
    assert missing(you, plain(own_page), steps=False) == []
    if reason in AN_APPEAL_HELPS:  # the way to the channel is for later
        assert plain(own_page).index("What helps") < plain(own_page).index("Continue to")
    else:
        assert_steps_name_the_pages_own_button(plain(own_page), channel)
    told = api.json()
    assert (told["what"], told["causes"], told["steps"]) == (
        nameless.what,
        list(nameless.causes),
        list(nameless.steps),
    )
