"""Marks on channel apps: what the channel warns of in the headers of its answers, as long as it does."""

from datetime import datetime

from django.core.cache import caches
from django.db.models import Q

from tokens.channels import deprecations, registry
from tokens.models import ChannelApp


def keep_warnings(now: datetime) -> None:
    """Write to the channel apps what calls noted since, and take back what the channel says no longer.

    An app of which nothing was noted keeps its mark: nobody called it.
    """
    for app in ChannelApp.objects.order_by("pk"):
        channel = registry.CHANNELS.get(app.channel)
        if channel is None:
            continue
        names = [deprecations.key(channel.versions, client_id) for client_id in (app.client_id, "")]
        noted = [said for said in caches["calls"].get_many(names).values() if isinstance(said, str)]
        if noted:
            _mark(app, max(noted, key=len), now)


def _mark(app: ChannelApp, said: str, now: datetime) -> None:
    others = ChannelApp.objects.filter(pk=app.pk).filter(~Q(version_warning=said))
    others.update(version_warning=said, version_warned_at=now if said else None)
