"""Which accounts macros watch, asked of the database."""

from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account
from macros.models import Macro, MacroAccount, Mute


def _leaves_out(macro: str, account: Any) -> Exists:
    """Return whether a macro leaves out an account. `macro`: its column in the outer query; `account`: a reference to the account."""
    left_out = Mute.objects.left_out_accounts()
    return Exists(left_out.filter(macro=OuterRef(macro), account=account))


def unwatched(accounts: QuerySet[Account], *, but: Collection[Macro] = ()) -> QuerySet[Account]:
    """Keep the accounts that no macro watches which is on, or none but these, that tells of stops.

    Where a macro watches everything, as in most installations, that is known without looking at any account.
    """
    everything = Macro.objects.telling_of_stops().filter(scope=Macro.AppliesTo.ALL, team=None)
    left_out = Mute.objects.left_out_accounts().filter(macro=OuterRef("pk"))
    everything = everything.exclude(Exists(left_out))
    ids = [macro.pk for macro in but]
    if everything.exclude(pk__in=ids).exists():
        return accounts.none()
    return accounts.filter(_unwatched_of(Macro.objects.telling_of_stops().exclude(pk__in=ids)))


def _unwatched_of(macros: QuerySet[Macro]) -> Q:
    """Return the condition of an account that none of these macros watches, if they are on."""
    chosen, general = conditions_of_watching(macros)
    return ~chosen & ~general


def conditions_of_watching(macros: QuerySet[Macro]) -> tuple[Exists, Exists]:
    """Return whether the account of the outer query is watched by one of these macros, if on: by its name; by all or its channel."""
    team = Q(team=None) | Q(team=OuterRef("team"))
    of_channels = Q(scope=Macro.AppliesTo.CHANNELS, channels__contains=[OuterRef("channel")])
    chosen = MacroAccount.objects.filter(
        Q(macro__team=None) | Q(macro__team=OuterRef("team")),
        ~_leaves_out("macro", OuterRef("account")),
        account=OuterRef("pk"),
        macro__in=macros.filter(scope=Macro.AppliesTo.CHOSEN),
    )
    wide = macros.filter(
        Q(scope=Macro.AppliesTo.ALL) | of_channels, team, ~_leaves_out("pk", OuterRef(OuterRef("pk")))
    )
    return Exists(chosen), Exists(wide)
