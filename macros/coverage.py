"""Which macros watch an account, and when they warn."""

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet

from accounts.models import Account
from macros.models import Macro, MacroAccount


def covering() -> QuerySet[Macro]:
    """Return the macros that are on and watch the account of the outer query."""
    applies = (
        Q(scope=Macro.AppliesTo.ALL)
        | Q(scope=Macro.AppliesTo.CHANNELS, channels__contains=[OuterRef("channel")])
        | Q(
            scope=Macro.AppliesTo.CHOSEN,
            pk__in=MacroAccount.objects.filter(account=OuterRef(OuterRef("pk"))).values("macro"),
        )
    )
    team = Q(team=None) | Q(team=OuterRef("team"))
    return Macro.objects.filter(applies & team, enabled=True).order_by("name")


def warned_by(account: Account) -> tuple[list[str], list[int]]:
    """Return the names of the macros that watch the account, and the days ahead on which they warn, the longest first."""
    here = Account.objects.filter(pk=account.pk).annotate(ids=ArraySubquery(covering().values("pk")))
    macros = Macro.objects.filter(pk__in=here.values_list("ids", flat=True).get())
    macros = macros.prefetch_related("actions")
    days = {day for macro in macros for action in macro.actions.all() for day in action.days}
    return [macro.name for macro in macros], sorted(days, reverse=True)
