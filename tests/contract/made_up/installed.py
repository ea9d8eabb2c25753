"""Registers a made-up channel as an installed package's would be, and its app, for the length of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from allauth.socialaccount.providers import registry as providers
from django.urls import include, path

from adtoken_project import urls
from tests.contract.made_up.stand_in import SECRET, StandIn
from tokens.channels import registry
from tokens.channels.base import Channel
from tokens.channels.providers import callback_of, provider_of
from tokens.models import ChannelApp
from ui import phrases

phrases.add_folder("made_up", Path(__file__).parent)


@contextmanager
def installed(channel: Channel, stand_in: StandIn, settings: Any, **more: str) -> Iterator[ChannelApp]:
    """Serve a channel that this installation does not name. `more`: further values of its app."""
    declared = channel.declaration
    setattr(settings, declared.api, stand_in.url)
    setattr(settings, declared.versions.setting, declared.versions.default)
    registry.add(channel)
    provider = provider_of(channel)
    providers.register(provider)
    callback = path(f"{channel.key}/callback/", callback_of(channel), name=f"{channel.key}_callback")
    mounted: Any = ModuleType("with_a_made_up_channel")
    mounted.urlpatterns = [path("link/", include([callback])), *urls.urlpatterns]
    settings.ROOT_URLCONF = mounted
    try:
        app = ChannelApp(channel=channel.key, client_id="made-up", state=ChannelApp.State.LIVE)
        app.set_secrets([SECRET], more)
        app.save()
        yield app
    finally:
        providers.provider_map.pop(provider.id)
        registry.drop(channel.key)
