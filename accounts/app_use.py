"""Which log-ins a channel app serves: facts for the page that replaces an app."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q

from accounts.models import AccountToken
from tokens.models import ChannelApp, Token


@dataclass(frozen=True)
class LogIns:
    """The log-ins of one app."""

    linked: int  # that are in the pool of an account
    works: int  # of these
    unlinked: int


def log_ins(app: ChannelApp) -> LogIns:
    """Count the log-ins of an app, over all teams."""
    in_a_pool = Exists(AccountToken.objects.filter(token=OuterRef("pk")))
    counted = Token.objects.filter(app=app).annotate(in_a_pool=in_a_pool)
    found = counted.aggregate(
        linked=Count("pk", filter=Q(in_a_pool=True)),
        works=Count("pk", filter=Q(in_a_pool=True) & ~Q(state=Token.State.DEAD)),
        unlinked=Count("pk", filter=Q(in_a_pool=False)),
    )
    return LogIns(**found)
