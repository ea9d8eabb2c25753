"""A second app on the same channel: the first retires, nobody goes dark, and nobody is counted twice."""

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import tasks
from accounts.api_keys import services as api_keys
from accounts.models import Account, AccountEvent, AccountToken, ApiKey
from accounts.pool import services as pool
from broker.leases import callers
from notifications.models import Message
from tests.portal.support import settle, staff
from tests.support import native
from tests.support.factories import link, make_account, make_app, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens.channel_apps import services as default_app
from tokens.models import ChannelApp, Token
from users.models import Team, User

pytestmark = pytest.mark.django_db
both = pytest.mark.parametrize("channel", ["facebook", "x"])
SECOND = {"facebook": "200000000000002", "x": "x-second-key"}


@pytest.fixture(autouse=True)
def _apps(channels_world: Sandbox) -> None:
    native.set_up_apps(channels_world)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def add_second(sandbox: Sandbox, channel: str) -> ChannelApp:
    """A second app at the channel and here, set up and not yet the one for new links."""
    app = ChannelApp(
        channel=channel,
        client_id=SECOND[channel],
        label="Second",
        state=ChannelApp.State.LIVE,
        is_default=False,
    )
    app.set_secrets(["second-secret"])
    app.save()
    sandbox.put_app(
        channel, client_id=app.client_id, secret="second-secret", redirect_uris=[app.redirect_uri]
    )
    return app


def first_of(channel: str) -> ChannelApp:
    return ChannelApp.objects.get(channel=channel, client_id=Sandbox.APPS[channel][0])


def lease(account: Account) -> str:
    """Lease as a job does, and return whose token it is."""
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    callers._facts.clear()
    job = Client(headers={"authorization": f"Bearer {key}"})
    path = f"/api/v1/accounts/{account.channel}/{account.native_id}/lease"
    answer = job.post(path, {}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return str(answer.json()["native_user"])


# --- one step ---------------------------------------------------------------------------------------------------------


def test_staff_let_new_links_use_the_second_app_in_one_step_and_the_first_retires(
    channels_world: Sandbox, client: Client
) -> None:
    second = add_second(channels_world, channel := "facebook")
    staff(client, "tokens.view_channelapp", "tokens.change_channelapp")
    url = reverse("admin:tokens_channelapp_lead", args=[second.pk])

    asked = client.get(url).content.decode()
    before = ChannelApp.objects.get(pk=second.pk).is_default
    said = client.post(url, follow=True).content.decode()

    second.refresh_from_db()
    first = first_of(channel)
    assert "Make this the app for new links" in asked
    assert not before
    assert (second.is_default, second.state) == (True, "live")
    assert (first.is_default, first.state) == (False, "retiring")
    assert "is retiring" in said


def test_a_tick_in_the_form_takes_it_off_the_other_app(channels_world: Sandbox, client: Client) -> None:
    second = add_second(channels_world, "x")
    staff(client, "tokens.view_channelapp", "tokens.change_channelapp")
    form = {"label": "Second", "redirect_base": "", "is_default": "on", "state": "live", "wanted_scopes": ""}

    client.post(reverse("admin:tokens_channelapp_change", args=[second.pk]), form)

    apps = ChannelApp.objects.filter(channel="x").order_by("pk")
    assert list(apps.values_list("is_default", "state")) == [(False, "retiring"), (True, "live")]


def test_an_app_that_is_not_set_up_takes_no_new_links_from_one_that_is(
    channels_world: Sandbox, client: Client
) -> None:
    second = add_second(channels_world, "x")
    staff(client, "tokens.view_channelapp", "tokens.change_channelapp")
    form = {
        "label": "",
        "redirect_base": "",
        "is_default": "on",
        "state": "not_set_up",
        "wanted_scopes": "",
    }

    page = client.post(reverse("admin:tokens_channelapp_change", args=[second.pk]), form).content.decode()
    ChannelApp.objects.filter(pk=second.pk).update(state="not_set_up")
    with pytest.raises(default_app.NotReady, match="Set its state to Live first"):
        default_app.make_default(app=second)

    assert "Set this one to Live before it takes them" in page
    assert first_of("x").is_default


@pytest.mark.parametrize(
    ("permissions", "status"),
    [(["tokens.view_channelapp"], 403), (["tokens.change_channelapp", "tokens.view_channelapp"], 200)],
)
def test_only_those_who_may_change_apps_make_one_lead(
    channels_world: Sandbox, client: Client, permissions: list[str], status: int
) -> None:
    second = add_second(channels_world, "x")
    staff(client, *permissions)

    assert client.get(reverse("admin:tokens_channelapp_lead", args=[second.pk])).status_code == status
    assert client.get(reverse("admin:tokens_channelapp_lead", args=[0])).status_code in {403, 404}


# --- the first app retires ----------------------------------------------------------------------------------------------


@both
def test_a_handshake_begun_with_the_first_app_is_refused_gently_after_the_switch(
    channels_world: Sandbox, ada: User, channel: str
) -> None:
    client = browser(ada)
    back = native.decide(native.leave(client, channel), "ada").replace("http://testserver", "")
    default_app.make_default(app=add_second(channels_world, channel))

    page = client.get(back)

    assert page.status_code == 400
    assert "Nothing was lost" in page.content.decode()
    assert not Token.objects.exists()


# --- re-authenticating moves people over --------------------------------------------------------------------------------


def test_whoever_re_authenticates_moves_over_and_stands_in_the_pool_once(
    channels_world: Sandbox, ada: User
) -> None:
    client, channel = browser(ada), "facebook"
    native.keep(ada, "ada")
    native.keep(make_user("ben@example.com", name="Ben Lindqvist"), "ben")
    account = Account.objects.get(channel=channel)
    AccountToken.objects.filter(account=account, token__consented_by=ada).update(rank=1)
    second = add_second(channels_world, channel)
    default_app.make_default(app=second)

    done = native.consent(client, channel, "ada", path=reverse("reauthenticate", args=[account.pk]))

    account.refresh_from_db()
    mine = account.pool.get(token__consented_by=ada)
    assert mine.token.app == second
    assert (mine.rank, mine.access) == (1, "ok")
    assert account.active_token_id == mine.token_id
    assert account.people_count == 2
    assert f"account={account.pk}" in done
    assert not AccountEvent.objects.filter(account=account, kind="shifted").exists()
    assert lease(account) == mine.token.native_user_name


def test_an_account_whose_only_log_in_was_stopped_works_again_through_the_second_app(
    channels_world: Sandbox, ada: User
) -> None:
    client, channel = browser(ada), "facebook"
    native.keep(ada, "ada")
    Token.objects.update(state="dead", reason="authorisation_cancelled")
    account = settle(Account.objects.get(channel=channel))
    default_app.make_default(app=add_second(channels_world, channel))

    native.consent(client, channel, "ada", path=reverse("reauthenticate", args=[account.pk]))

    dark = account.state
    account.refresh_from_db()
    assert dark == "deactivated"
    assert (account.state, account.pool.count()) == ("connected", 1)
    assert "of your log-ins need" not in browser(ada).get("/").content.decode()


def test_what_the_new_consent_does_not_reach_stays_with_the_old_log_in(
    channels_world: Sandbox, ada: User
) -> None:
    client = browser(ada)
    native.keep(ada, "ada", ["Lumen Shoes EU", "Fern Gardens"])
    fern, lumen = Account.objects.filter(channel="facebook").order_by("name")
    second = add_second(channels_world, "facebook")
    default_app.make_default(app=second)

    native.consent(
        client,
        "facebook",
        "ada",
        path=reverse("reauthenticate", args=[lumen.pk]),
        accounts=[lumen.native_id],
    )

    fern.refresh_from_db()
    assert lumen.pool.get().token.app == second
    assert fern.pool.get().token.app == first_of("facebook")
    assert fern.state == "connected"


# --- who is the same person ----------------------------------------------------------------------------------------------


def two_apps() -> tuple[ChannelApp, ChannelApp]:
    old = first_of("facebook")
    new = ChannelApp.objects.create(
        channel="facebook", client_id="new", state="live", is_default=False, secrets=old.secrets
    )
    default_app.make_default(app=new)
    old.refresh_from_db()
    new.refresh_from_db()
    return old, new


def test_ids_that_each_app_gets_of_its_own_are_told_by_person_and_name(ada: User) -> None:
    from accounts.sync import app_migration

    old, new = two_apps()
    before = make_token(old, native_user_id="1", native_user_name="Ada O.", consented_by=ada)
    after = make_token(new, native_user_id="901", native_user_name="Ada O.", consented_by=ada)
    other = make_token(new, native_user_id="902", native_user_name="Ada (test)", consented_by=ada)

    assert app_migration.predecessors(after) == [before.pk]
    assert app_migration.predecessors(other) == []
    assert app_migration.predecessors(before) == []


def test_two_native_users_of_one_name_are_not_taken_for_one(ada: User) -> None:
    from accounts.sync import app_migration

    old, new = two_apps()
    for native_id in ("1", "2"):
        make_token(old, native_user_id=native_id, native_user_name="Ada O.", consented_by=ada)
    after = make_token(new, native_user_id="901", native_user_name="Ada O.", consented_by=ada)

    assert app_migration.predecessors(after) == []


def test_one_native_user_under_two_apps_counts_as_one_person_in_pages_and_in_filters(ada: User) -> None:
    old, new = two_apps()
    account, imported, shared = (make_account("facebook") for _ in range(3))
    for app in (old, new):
        link(account, make_token(app, native_user_id="1", consented_by=ada))
        link(imported, make_token(app, native_user_id="2", consented_by=None))
        ben = make_user()
        link(shared, make_token(app, native_user_id="3", consented_by=ben))

    with transaction.atomic():
        pool.settle(account_ids=[account.pk, imported.pk, shared.pk], cause="linked", now=timezone.now())
    counted = dict(Account.objects.values_list("pk", "people_count"))

    assert counted == {account.pk: 1, imported.pk: 1, shared.pk: 1}


# --- asking them -----------------------------------------------------------------------------------------------------------


def test_the_page_of_the_retiring_app_counts_its_log_ins_and_asks_their_people(client: Client) -> None:
    team = Team.default()
    old, _new = two_apps()
    people = [make_user(name=name, team=team) for name in ("Ada Okafor", "Ben Lindqvist")]
    account = make_account("facebook")
    for person in people:
        link(account, make_token(old, native_user_name=person.name, consented_by=person))
    make_token(old)
    settle(account)
    staff(client, "tokens.view_channelapp", "tokens.change_channelapp", "tokens.ask_token", team=team)

    page = client.get(reverse("admin:tokens_channelapp_change", args=[old.pk])).content.decode()
    asked = client.get(reverse("admin:tokens_channelapp_ask", args=[old.pk])).content.decode()
    none_yet = Message.objects.filter(kind="ask").count()
    client.post(reverse("admin:tokens_channelapp_ask", args=[old.pk]), {"note": "We move to a new app."})
    tasks.run_asks()

    assert "2 log-ins use it: 2 work, 0 stopped." in page
    assert "Ask them to re-authenticate" in page
    assert "Ask 2 people to re-authenticate?" in asked
    assert none_yet == 0
    assert set(Message.objects.filter(kind="ask").values_list("recipient", flat=True)) == {
        person.email for person in people
    }


def test_the_app_for_new_links_is_not_offered_to_be_left(client: Client) -> None:
    make_app("facebook")
    staff(client, "tokens.view_channelapp", "tokens.change_channelapp", "tokens.ask_token")

    page = client.get(
        reverse("admin:tokens_channelapp_change", args=[first_of("facebook").pk])
    ).content.decode()

    assert "Ask them to re-authenticate" not in page
    assert "Make this the app for new links" not in page
