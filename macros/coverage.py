"""Which macros watch an account."""

from django.db.models import OuterRef, Q, QuerySet

from macros.models import Macro, MacroAccount


def covering() -> QuerySet[Macro]:
    """Return the macros that are on and watch the account of the outer query."""
    applies = (
        Q(scope=Macro.Scope.ALL)
        | Q(scope=Macro.Scope.CHANNELS, channels__contains=[OuterRef("channel")])
        | Q(
            scope=Macro.Scope.CHOSEN,
            pk__in=MacroAccount.objects.filter(account=OuterRef(OuterRef("pk"))).values("macro"),
        )
    )
    team = Q(team=None) | Q(team=OuterRef("team"))
    return Macro.objects.filter(applies & team, enabled=True).order_by("name")
