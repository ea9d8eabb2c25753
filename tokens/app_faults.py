"""Faults of our own channel apps: the channel refuses AdToken itself. No token is touched by them."""

from datetime import datetime

from tokens.channels.base import Ruling
from tokens.models import ChannelApp

# A success proves nothing against a fault of another kind of call: a wrong secret shows at the token endpoint only.
KINDS = {
    "exchange": "keys",
    "refresh": "keys",
    "introspect": "question",
    "api": "use",
    "list_accounts": "use",
}


def record(*, app: ChannelApp, ruling: Ruling, call: str, now: datetime) -> None:
    """Mark the channel app as refused by its channel, if it is not marked already."""
    fault = (ruling.note or ruling.row or "The channel refuses this app.")[:300]
    ChannelApp.objects.filter(pk=app.pk, fault_since=None).update(
        fault=fault, fault_since=now, fault_kind=KINDS.get(call, "")
    )


def clear(*, app: ChannelApp, call: str) -> None:
    """Note that the channel took a call of this kind, so that a fault found by its like is over."""
    if app.fault_since is not None:
        ChannelApp.objects.filter(pk=app.pk, fault_kind=KINDS.get(call, "")).update(
            fault="", fault_since=None, fault_kind=""
        )
