"""The drill of tests/faults/dark_channel.py in short: the web server alone. `make faults` runs more of it, and its naive control."""

import os
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from tests.faults import dark_channel
from tests.support.sandbox import Sandbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SECONDS = 6


def drill(sandbox: Sandbox) -> dark_channel.Result:
    database = (
        urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    )
    env = {f"{channel.upper()}_URL": getattr(sandbox, channel) for channel in Sandbox.APPS}
    env |= {
        "DATABASE_URL": database,
        "FERNET_KEYS": ",".join(settings.FERNET_KEYS),
        "BASE_URL": "http://127.0.0.1",
    }
    return dark_channel.drill(
        env=env, sandbox=sandbox, threads=4, seconds=SECONDS, background=False, patience=15
    )


def test_jobs_of_a_dark_channel_hold_no_lease_of_the_others_up(channels_world: Sandbox) -> None:
    result = drill(channels_world)

    assert result.dark.failed == 0
    assert result.dark.leases > 50
    assert result.dark.slowest < 3_000  # milliseconds
    assert set(result.dark_answers) == {"503"}
