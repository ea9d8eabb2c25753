"""Which macros watch an account, and when they warn."""

from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account
from macros.models import Macro, MacroAccount, MacroAction, Mute
from macros.notices.queries import read_world
from macros.notices.readers import AWAY


def _leaves_out(macro: str, account: Any) -> Exists:
    """Return whether a macro leaves out an account. `macro`: its column in the outer query; `account`: a reference to the account."""
    left_out = Mute.objects.running().left_out_accounts()
    return Exists(left_out.filter(macro=OuterRef(macro), account=account))


def watched_by_none(accounts: QuerySet[Account], *, but: Collection[Macro] = ()) -> QuerySet[Account]:
    """Keep the accounts that no macro watches which is on, or none but these, that tells of stops.

    Where a macro watches everything, as in most installations, that is known without looking at any account.
    """
    everything = telling_of_stops().filter(scope=Macro.AppliesTo.ALL, team=None)
    left_out = Mute.objects.running().left_out_accounts().filter(macro=OuterRef("pk"))
    everything = everything.exclude(Exists(left_out))
    ids = [macro.pk for macro in but]
    if everything.exclude(pk__in=ids).exists():
        return accounts.none()
    return accounts.filter(not_among(telling_of_stops().exclude(pk__in=ids)))


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
    world = read_world([account.pk])
    found = world.watching(world.accounts[account.pk])
    names = Macro.objects.filter(pk__in={rule.macro_id for rule in found}).order_by("name")
    days = {day for rule in found if rule.kind == MacroAction.Kind.PRE_DEACTIVATION for day in rule.days}
    return list(names.values_list("name", flat=True)), sorted(days, reverse=True)


def away_from(account: Account) -> list[Mute]:
    """Return the snoozes of all accounts by addresses that its macros would tell of this one. One query where nobody snoozed all."""
    away = Mute.objects.running().of_all_accounts().select_related("by")
    if not away.exists():
        return []
    world = read_world([account.pk])
    one = world.accounts[account.pk]
    left_out = [rule.readers(one, world.directory).left_out for rule in world.watching(one)]
    return list(away.filter(email__in={to for some in left_out for to, why in some.items() if why == AWAY}))
