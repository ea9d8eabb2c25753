"""Which log-ins a channel app serves: facts for the page that replaces an app."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q

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
    linked, works = in_pools([app]).get(app.pk, (0, 0))
    return LogIns(linked, works, Token.objects.filter(app=app).count() - linked)


def in_pools(apps: Iterable[ChannelApp]) -> dict[int, tuple[int, int]]:
    """Count by app (id) the log-ins that are in pools, and those of them that work, over all teams. An app without any is left out."""
    linked = Token.objects.filter(
        app__in=[app.pk for app in apps], pk__in=AccountToken.objects.values("token")
    )
    works = Count("pk", filter=~Q(state=Token.State.DEAD))
    counts = linked.order_by().values("app").annotate(linked=Count("pk"), works=works)
    return {app: (linked, works) for app, linked, works in counts.values_list("app", "linked", "works")}
