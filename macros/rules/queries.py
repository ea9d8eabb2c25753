"""Which accounts macros watch, asked of the database."""

from collections.abc import Collection

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account
from macros.models import Macro, MacroAccount, Mute


def unwatched(accounts: QuerySet[Account], *, but: Collection[Macro] = ()) -> QuerySet[Account]:
    """Keep the accounts that no macro watches which is on, or none but these, that tells of stops.

    Where a macro watches everything, as in most installations, that is known without looking at any account.
    """
    macros = Macro.objects.telling_of_stops().exclude(pk__in=[macro.pk for macro in but])
    left_out = Mute.objects.left_out_accounts()
    everything = macros.filter(scope=Macro.AppliesTo.ALL, team=None)
    if everything.exclude(Exists(left_out.filter(macro=OuterRef("pk")))).exists():
        return accounts.none()
    team = Q(team=None) | Q(team=OuterRef("team"))
    of_channels = Q(scope=Macro.AppliesTo.CHANNELS, channels__contains=[OuterRef("channel")])
    by_name = MacroAccount.objects.filter(
        Q(macro__team=None) | Q(macro__team=OuterRef("team")),
        ~Exists(left_out.filter(macro=OuterRef("macro"), account=OuterRef("account"))),
        account=OuterRef("pk"),
        macro__in=macros.filter(scope=Macro.AppliesTo.CHOSEN),
    )
    by_scope = macros.filter(
        Q(scope=Macro.AppliesTo.ALL) | of_channels,
        team,
        ~Exists(left_out.filter(macro=OuterRef("pk"), account=OuterRef(OuterRef("pk")))),
    )
    return accounts.filter(~Exists(by_name), ~Exists(by_scope))
