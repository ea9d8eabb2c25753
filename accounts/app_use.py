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


NONE = LogIns(linked=0, works=0, unlinked=0)


def log_ins(app: ChannelApp) -> LogIns:
    """Count the log-ins of an app, over all teams."""
    return log_ins_of([app]).get(app.pk, NONE)


def log_ins_of(apps: Iterable[ChannelApp]) -> dict[int, LogIns]:
    """Count the log-ins of several apps (by id) at one time, over all teams. An app without any is left out."""
    of_apps = Token.objects.filter(app__in=[app.pk for app in apps]).order_by().values("app")
    linked = of_apps.filter(pk__in=AccountToken.objects.values("token"))
    works = Count("pk", filter=~Q(state=Token.State.DEAD))
    in_pools = {row["app"]: row for row in linked.annotate(linked=Count("pk"), works=works)}
    return {
        row["app"]: LogIns(found["linked"], found["works"], row["all"] - found["linked"])
        for row in of_apps.annotate(all=Count("pk"))
        for found in [in_pools.get(row["app"], {"linked": 0, "works": 0})]
    }
