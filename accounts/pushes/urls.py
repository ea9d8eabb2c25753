"""Addresses that the channels push to: those that their packages name. `selfservice.views` has the page of a deletion."""

from collections.abc import Iterator

from django.urls import URLPattern, path

from accounts.pushes import views
from tokens.channels.registry import CHANNELS


def _patterns() -> Iterator[URLPattern]:
    for key, channel in CHANNELS.items():
        if channel.pushes is None:
            continue
        for point in channel.pushes.points:
            yield path(f"{key}/{point.path}", views.view_of(key, point), name=point.name)


urlpatterns = list(_patterns())
