"""A channel without an app, or with one whose secret does not open: it is shown as not set up, and nothing else breaks."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.api_keys import services as api_keys
from accounts.checks import services as sweeps
from accounts.models import Account, ApiKey
from broker.leases import callers
from tests.portal.support import settle
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tokens.models import ChannelApp, Token
from tokens.vault import services as vault
from users.models import Team, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def mira() -> User:
    """The operator who sets up channels."""
    return make_user("mira@example.com", name="Mira Ode", is_staff=True, is_superuser=True)


def browser(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def job() -> Client:
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    callers._facts.clear()
    return Client(raise_request_exception=False, headers={"authorization": f"Bearer {key}"})


def pages(*accounts: Account) -> list[str]:
    lists = (f"admin:{name}_changelist" for name in ("accounts_account", "tokens_token", "tokens_channelapp"))
    found = ["/", "/link/", "/channels/", reverse("admin:index"), *map(reverse, lists)]
    for account in accounts:
        apps = ChannelApp.objects.filter(channel=account.channel)
        found += [
            f"/my/{account.pk}/", f"/my/{account.pk}/reauthenticate/", f"/link/{account.channel}/",
            f"/link/{account.channel}/callback/", f"/link/{account.channel}/callback/?code=a&state=b",
            f"/channels/{account.channel}/",
            reverse("admin:accounts_account_change", args=[account.pk]),
            *(reverse("admin:tokens_channelapp_change", args=[app.pk]) for app in apps),
        ]  # fmt: skip
    return found


def broken(client: Client, *accounts: Account) -> dict[str, int]:
    """The pages that do not answer; "cannot be linked now" is an answer."""
    answers = {path: client.get(path) for path in pages(*accounts)}
    return {
        path: answer.status_code
        for path, answer in answers.items()
        if answer.status_code >= 500 and "Nothing was lost" not in answer.content.decode()
    }


def lock(app: ChannelApp) -> None:
    """Let the secret be one that no key of the ring opens."""
    ChannelApp.objects.filter(pk=app.pk).update(secrets=vault.Sealed(b"gAAAA-sealed-elsewhere"), version=9)


def take_away_the_secret(app: ChannelApp) -> None:
    ChannelApp.objects.filter(pk=app.pk).update(secrets=None, version=9)


def test_without_any_app_all_pages_answer(ada: User, mira: User) -> None:
    ChannelApp.objects.all().delete()
    native_id = "e4cd371b-8de8-4011-a8d2-860fe77c09e1"
    facebook, x = (settle(make_account(channel, native_id=native_id)) for channel in ("facebook", "x"))

    assert broken(browser(ada), facebook) == {}
    assert broken(browser(mira), x) == {}


def test_marketers_learn_whom_to_ask_and_operators_what_to_do(ada: User, mira: User) -> None:
    for_ada = browser(ada).get(reverse("link", args=["facebook"])).content.decode()
    for_mira = browser(mira).get(reverse("link", args=["facebook"])).content.decode()
    listed = browser(ada).get(reverse("add_account")).content.decode()
    channel = browser(mira).get(reverse("channel_page", args=["facebook"])).content.decode()

    apps = reverse("admin:tokens_channelapp_changelist")
    assert "Facebook is not set up yet" in for_ada
    assert "Ask Mira Ode to set it up." in for_ada
    assert apps not in for_ada
    assert "docs/channels/facebook.md" in for_mira
    assert apps in for_mira
    assert "Ask Mira Ode." in listed
    assert apps in channel


def test_without_a_named_operator_an_administrator_is_to_be_asked(ada: User) -> None:
    group = Group.objects.create(name="No operators")
    ada.groups.add(group)

    page = browser(ada).get(reverse("link", args=["x"])).content.decode()

    assert "Ask an administrator to set it up." in page


def test_without_any_app_the_api_answers_what_is_missing() -> None:
    account = settle(make_account("facebook", native_id="400123"))
    client = job()

    leased = client.post("/api/v1/accounts/facebook/400123/lease", {}, content_type="application/json")
    read = client.get("/api/v1/accounts/facebook/400123")
    listed = client.get("/api/v1/accounts")

    assert leased.status_code == 409
    assert leased.json()["detail"]
    assert (read.status_code, read.json()["state"]) == (200, account.state)
    assert listed.status_code == 200


def test_with_a_secret_that_does_not_open_all_pages_answer_and_no_log_in_is_touched(
    ada: User, mira: User
) -> None:
    app = make_app("facebook")
    account = make_account("facebook", native_id="400123")
    token = make_token(app, consented_by=ada, due_at=NOW)
    link(account, token)
    settle(account)
    lock(app)

    found = {**broken(browser(ada), account), **broken(browser(mira), account)}
    sweeps.check_due_tokens(now=NOW)
    start = browser(mira).get(reverse("admin:index")).content.decode()
    linking = browser(ada).post(reverse("link", args=["facebook"]))

    assert found == {}
    assert Token.objects.get(pk=token.pk).state == "valid"
    assert Account.objects.get().state == "connected"
    assert "Facebook" in start
    assert linking.status_code in {404, 503}
    assert "Nothing was lost" in linking.content.decode()


@pytest.mark.parametrize("spoil", [lock, take_away_the_secret])
def test_with_a_secret_that_does_not_open_the_api_says_that_operators_must_act(
    ada: User, spoil: Callable[[ChannelApp], None]
) -> None:
    app = make_app("facebook")
    account = make_account("facebook", native_id="400123")
    link(account, make_token(app, consented_by=ada))
    settle(account)
    spoil(app)

    leased = job().post("/api/v1/accounts/facebook/400123/lease", {}, content_type="application/json")

    assert leased.status_code == 503
    assert "operator" in leased.json()["detail"]
