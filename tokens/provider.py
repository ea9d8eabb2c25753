"""Where allauth looks for providers: one and a way back for each channel, made from the registry.

Their addresses are in tokens.urls.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from tokens.channels.base import Channel
from tokens.channels.registry import CHANNELS
from tokens.oauth import oauth1, oauth2
from tokens.oauth.views import ChannelProviderBase


def provider_of(channel: Channel) -> type[ChannelProviderBase]:
    """Return the provider that allauth knows by the channel's key."""
    named = {"id": channel.key, "name": channel.label, "channel": channel}
    if channel.signs:
        return type(
            "ChannelProvider", (oauth1.ChannelProvider,), {**named, "oauth_adapter_class": _page_of(channel)}
        )
    return type(
        "ChannelProvider", (oauth2.ChannelProvider,), {**named, "oauth2_adapter_class": _page_of(channel)}
    )


def callback_of(channel: Channel) -> Callable[..., HttpResponse]:
    """Return the view at the address that the channel sends a person back to."""
    protocol: Any = oauth1 if channel.signs else oauth2
    view: Callable[..., HttpResponse] = protocol.ChannelCallbackView.adapter_view(_page_of(channel))
    return view


def _page_of(channel: Channel) -> type:
    bases = (oauth1.ConsentPage,) if channel.signs else (oauth2.ConsentPage,)
    return type("ConsentPage", bases, {"provider_id": channel.key, "channel": channel})


provider_classes = [provider_of(channel) for channel in CHANNELS.values()]
