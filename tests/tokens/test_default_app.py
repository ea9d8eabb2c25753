"""Exactly one app of a channel takes new links, also where two people choose at the same time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from tests.support.factories import make_app
from tokens.channel_apps import services as default_app
from tokens.models import ChannelApp


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["make_default", "form"])
def test_two_apps_that_are_chosen_at_once_leave_one_and_no_error(door: str) -> None:
    make_app(client_id="first", is_default=True)
    apps = [make_app(client_id=name, is_default=False) for name in ("second", "third")]
    start = Barrier(2)

    def choose(app: ChannelApp) -> None:
        try:
            for _ in range(10):
                start.wait(timeout=60)
                if door == "make_default":
                    default_app.make_default(app=app)
                    continue
                with transaction.atomic():  # as the form of the portal saves it
                    default_app.step_back(channel=app.channel, for_app=app.pk)
                    ChannelApp.objects.filter(pk=app.pk).update(is_default=True)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(choose, apps))

    assert ChannelApp.objects.leading().count() == 1
