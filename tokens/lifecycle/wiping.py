"""All credentials of an installation thrown away at once, because it turned out to be a copy."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from tokens.models import ChannelApp, Doubt, Token


@transaction.atomic
def wipe_all(*, now: datetime) -> int:
    """Empty the credentials of all log-ins and the secrets of all channel apps. Returns how many log-ins there were.

    Nothing is revoked at the channels: the consents are the original's. The log-ins count as removed on purpose, so that nobody is asked
    or mailed about them. The caller settles all pools.
    """
    wiped = Token.objects.exclude(credentials__isnull=True, state=Token.State.DEAD)
    ids = list(wiped.locked().values_list("pk", flat=True))
    Token.objects.filter(pk__in=ids).update(
        credentials=None,
        credentials_key="",
        has_refresh_token=False,
        state=Token.State.DEAD,
        reason=Token.REMOVED,
        state_since=now,
        evidence={},
        generation=F("generation") + 1,
        removed_at=now,
        doubted_at=None,
        look_again_at=None,
        due_at=None,
        claimed_until=None,
        claimed_by=None,
        refresh_wanted_at=None,
        refresh_wanted={},
        refresh_began_at=None,
        refresh_began_by="",
        refresh_unanswered_at=None,
    )
    Doubt.objects.open().update(ended_at=now)
    ChannelApp.objects.update(
        secrets=None, secrets_key="", state=ChannelApp.State.NOT_SET_UP, version=F("version") + 1
    )
    return len(ids)
