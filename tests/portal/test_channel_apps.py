"""Channel apps in the portal: the secret goes in and never comes out, and every change makes caches let go."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.portal.support import staff
from tests.support.factories import make_app
from tokens.models import ChannelApp
from users.models import User

pytestmark = pytest.mark.django_db

NEW = "SBXTOKEN-new-secret"


def change(client: Client, app: ChannelApp, **changes: str) -> str:
    data = {
        "label": app.label, "redirect_base": "", "is_default": "on", "state": app.state, "new_secret": "", "wanted_scopes": "",
        **changes,
    }  # fmt: skip
    return client.post(f"/admin/tokens/channelapp/{app.pk}/change/", data).content.decode()


def add(client: Client, **changes: str) -> str:
    data = {
        "channel": "linkedin", "label": "Production", "client_id": "abc", "redirect_base": "", "is_default": "on", "state": "live",
        "new_secret": NEW, "wanted_scopes": "r_ads, rw_ads\nr_ads", **changes,
    }  # fmt: skip
    return client.post("/admin/tokens/channelapp/add/", data).content.decode()


def test_a_new_app_keeps_its_secret_sealed_and_shows_the_address_to_register(
    client: Client, boss: User
) -> None:
    page = add(client)

    app = ChannelApp.objects.get()
    form = client.get(f"/admin/tokens/channelapp/{app.pk}/change/").content.decode()
    assert app.keys().secrets == (NEW,)
    assert app.scopes == ["r_ads", "rw_ads"]
    assert app.redirect_uri in form
    assert "A secret is saved and is never shown again" in form
    assert NEW not in page + form + str(list(LogEntry.objects.values()))


def test_a_new_secret_takes_the_old_ones_place_and_ends_the_fault(client: Client, boss: User) -> None:
    app = make_app("facebook", fault="wrong secret", fault_since=timezone.now())

    page = change(client, app, new_secret=NEW)

    app = ChannelApp.objects.get()
    assert app.keys().secrets == (NEW,)
    assert (app.version, app.fault, app.fault_since) == (2, "", None)
    assert NEW not in page


def test_an_empty_secret_keeps_the_old_one_and_every_change_makes_the_version_grow(
    client: Client, boss: User
) -> None:
    app = make_app("facebook")

    change(client, app, label="Renamed")
    change(client, app, label="Renamed again")

    app = ChannelApp.objects.get()
    assert app.keys().secrets == ("app-secret",)
    assert (app.label, app.version) == ("Renamed again", 3)


def test_channel_and_client_id_of_a_saved_app_cannot_be_changed(client: Client, boss: User) -> None:
    app = make_app("facebook")

    change(client, app, channel="x", client_id="other")

    assert (ChannelApp.objects.get().channel, ChannelApp.objects.get().client_id) == (
        "facebook",
        app.client_id,
    )


def test_a_live_app_needs_its_secret(client: Client, boss: User) -> None:
    page = add(client, new_secret="")

    assert "A live app needs its secret." in page
    assert not ChannelApp.objects.exists()


def test_only_those_with_the_permission_change_an_app(client: Client) -> None:
    app = make_app("facebook")
    staff(client, "tokens.view_channelapp")

    seen = client.get(f"/admin/tokens/channelapp/{app.pk}/change/")
    done = client.post(f"/admin/tokens/channelapp/{app.pk}/change/", {"label": "Mine", "new_secret": NEW})

    assert seen.status_code == 200
    assert done.status_code == 403
    assert ChannelApp.objects.get().keys().secrets == ("app-secret",)


@pytest.mark.parametrize(
    ("channel", "shown"),
    [
        ("facebook", ["/push/facebook/deauthorise/", "/push/facebook/delete/", "/push/facebook/webhook/"]),
        ("linkedin", ["Nothing: this channel does not push."]),
    ],
)
def test_an_app_shows_what_to_enter_at_the_channel_for_pushes(
    channel: str, shown: list[str], client: Client, boss: User
) -> None:
    app = make_app(channel)

    form = client.get(f"/admin/tokens/channelapp/{app.pk}/change/").content.decode()

    assert [text for text in shown if text not in form] == []
    assert all(value in form for _, value in app.push_fields)


def test_a_configuration_of_login_for_business_is_facebooks_only(client: Client, boss: User) -> None:
    change(client, make_app("facebook"), config_id="777")
    page = change(client, make_app("linkedin"), config_id="777")

    assert ChannelApp.objects.get(channel="facebook").keys().config_id == "777"
    assert "Only Facebook has configurations" in page
    assert ChannelApp.objects.get(channel="linkedin").config_id == ""


def test_the_calls_a_day_that_a_channel_allows_are_entered_on_the_page_of_the_app(
    client: Client, boss: User
) -> None:
    app = make_app("facebook")

    form = client.get(f"/admin/tokens/channelapp/{app.pk}/change/").text
    change(client, app, daily_budget="5000", new_secret=NEW)

    assert "Calls a day" in form
    app.refresh_from_db()
    assert app.daily_budget == 5_000


def test_the_page_of_an_app_counts_its_log_ins_once(client: Client, boss: User) -> None:
    app = make_app("facebook")
    ChannelApp.objects.update(state=ChannelApp.State.RETIRING, is_default=False)

    with CaptureQueriesContext(connection) as captured:
        page = client.get(f"/admin/tokens/channelapp/{app.pk}/change/")

    assert page.status_code == 200
    assert sum('"works"' in query["sql"] for query in captured) == 1
