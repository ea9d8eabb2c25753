"""How a channel app's calls stand is said where an operator looks first: in the list of channel apps."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.factories import make_app, make_user
from tokens.channel_apps import services as call_state
from tokens.channels import brake, shared
from tokens.models import ChannelApp

pytestmark = pytest.mark.django_db


@pytest.fixture
def app() -> ChannelApp:
    return make_app()


def name(app: ChannelApp) -> str:
    return app.call_name


def test_an_app_whose_calls_go_well_has_no_trouble(app: ChannelApp) -> None:
    assert call_state.call_problems(app) == []


def test_a_channel_that_gives_no_answer_is_named_in_the_list_of_apps(app: ChannelApp, client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    for _ in range(brake.TRIPS_AFTER):
        brake.failed(name(app), waited=10)

    page = client.get(reverse("admin:tokens_channelapp_changelist")).text

    assert re.search(r"Gives no answer, asked again in 1\d s\.", page)


def test_a_pause_a_budget_and_an_announced_limit_are_told(app: ChannelApp) -> None:
    app.daily_budget = 1_000
    brake.pause(name(app), 170)
    shared.count(brake._key(name(app), "calls"), brake.DAY, 1_000)
    brake.note_use(name(app), 0.93)
    brake.forget()

    assert call_state.call_problems(app) == [
        "Asked us to wait for 3 minutes: no checks until then.",
        "1,000 of today's 1,000 calls have been made: no checks until midnight UTC.",
        "93% of its limit is used up: checks are slowed down.",
    ]
