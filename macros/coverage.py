"""Which macros watch an account, and when they warn."""

from collections.abc import Collection
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account
from macros.models import Macro, MacroAccount, MacroAction, Mute
from users.models import User

AWAY = 500  # addresses that snoozed all accounts, of which a page looks for those that an account concerns


def _leaves_out(macro: str, account: Any) -> Exists:
    """Return whether a macro leaves out an account. `macro`: its column in the outer query; `account`: a reference to the account."""
    left_out = Mute.objects.running().left_out_accounts()
    return Exists(left_out.filter(macro=OuterRef(macro), account=account))


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
    return Macro.objects.filter(
        applies & team & ~_leaves_out("pk", OuterRef(OuterRef("pk"))), enabled=True
    ).order_by("name")


def watched_by_none(accounts: QuerySet[Account], *, but: Collection[Macro] = ()) -> QuerySet[Account]:
    """Keep the accounts that no macro watches which is on, or none but these: for which `covering` finds no other that tells of stops.

    Where a macro watches everything, as in most installations, that is known without looking at any account.
    """
    everything = telling_of_stops().filter(scope=Macro.AppliesTo.ALL, team=None)
    left_out = Mute.objects.running().left_out_accounts().filter(macro=OuterRef("pk"))
    everything = everything.exclude(Exists(left_out))
    if everything.exclude(pk__in=_ids(but)).exists():
        return accounts.none()
    return accounts.filter(unwatched(but=but))


def unwatched(*, but: Collection[Macro] = ()) -> Q:
    """Return the condition of such an account.

    `covering` would look through all macros for each of 100,000 accounts. Here those of chosen accounts are found by the account.
    """
    return not_among(telling_of_stops().exclude(pk__in=_ids(but)))


def _ids(macros: Collection[Macro]) -> list[int]:
    return [macro.pk for macro in macros]


def telling_of_stops() -> QuerySet[Macro]:
    """Return the macros that are on and tell somebody that an account stops, ahead or at once; others let it go dark."""
    kinds = MacroAction.Kind.of_stops()
    return Macro.objects.filter(
        Exists(MacroAction.objects.filter(macro=OuterRef("pk"), kind__in=kinds)), enabled=True
    )


def not_among(macros: QuerySet[Macro]) -> Q:
    """Return the condition of an account that none of these macros watches, if they are on."""
    chosen, general = watching(macros)
    return ~chosen & ~general


def watching(macros: QuerySet[Macro]) -> tuple[Exists, Exists]:
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


def watched_by(accounts: QuerySet[Account], macro: Macro) -> QuerySet[Account]:
    """Keep the accounts that this macro watches; none while it is off."""
    if not macro.enabled:
        return accounts.none()
    if macro.team_id is not None:
        accounts = accounts.filter(team=macro.team_id)
    if left_out := macro.excluded:
        accounts = accounts.exclude(pk__in=left_out)
    if macro.scope == Macro.AppliesTo.CHANNELS:
        return accounts.filter(channel__in=macro.channels)
    if macro.scope == Macro.AppliesTo.CHOSEN:
        return accounts.filter(pk__in=MacroAccount.objects.filter(macro=macro).values("account"))
    return accounts


def warned_by(account: Account) -> tuple[list[str], list[int]]:
    """Return the names of the macros that watch the account, and the days ahead on which they warn, the longest first."""
    here = Account.objects.filter(pk=account.pk).annotate(ids=ArraySubquery(covering().values("pk")))
    macros = Macro.objects.filter(pk__in=here.values_list("ids", flat=True).get())
    macros = macros.prefetch_related("actions")
    days = {day for macro in macros for action in macro.actions.all() for day in action.days}
    return [macro.name for macro in macros], sorted(days, reverse=True)


def away_from(account: Account) -> list[Mute]:
    """Return the snoozes of all accounts by addresses that would be told of this one: its macros name them, or they linked it.

    One query, and three where anybody snoozed all accounts.
    """
    away = list(Mute.objects.running().of_all_accounts().select_related("by")[:AWAY])
    if not away:
        return []
    emails = [one.email for one in away]
    here = Account.objects.filter(pk=account.pk).annotate(ids=ArraySubquery(covering().values("pk")))
    naming = MacroAction.objects.filter(macro__in=here.values_list("ids", flat=True).get())
    named = {email.lower() for some in naming.values_list("emails", flat=True) for email in some}
    linked = User.objects.filter(email__in=emails, tokens__pool_entries__account=account)
    concerned = named.union(linked.values_list("email", flat=True))
    return [one for one in away if one.email in concerned]
