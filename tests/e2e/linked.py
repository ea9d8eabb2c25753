"""For commands in the product's environment: people of AdToken link at the stand-in channels as a browser does, without a browser."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit


def link(person: Any, channel: str, key: str, names: Sequence[str]) -> None:
    """Let a person of AdToken link the ad accounts with these names as that person of the stand-in channel."""
    from django.conf import settings
    from django.test import Client

    from tests.support import native

    client = Client(headers={"host": urlsplit(settings.BASE_URL).netloc})
    client.force_login(person)
    native.link(client, channel, key, names)
