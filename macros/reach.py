"""Accounts of which nobody would be told: no person of theirs can be, no macro names an address, no team lead and no operator stands in."""

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Account, AccountToken
from macros.coverage import covering
from macros.models import Macro, MacroAction
from tokens.models import Token
from users.models import Membership
from users.recipients import leads, operators


def without_anybody(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts of which nobody would be told. None while the installation has an operator: no query is made then."""
    return accounts.none() if operators() else _named_by_nobody(accounts).filter(~_has_lead())


def only_stood_in_for(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts of which team leads or operators alone would be told."""
    stood_in = _named_by_nobody(accounts)
    return stood_in if operators() else stood_in.filter(_has_lead())


def _named_by_nobody(accounts: QuerySet[Account]) -> QuerySet[Account]:
    pool = AccountToken.objects.filter(account=OuterRef("pk"))
    members = Membership.objects.filter(team=OuterRef("token__team"), user__is_active=True)
    person = pool.filter(token__consented_by__is_active=True)
    system_users = pool.filter(Exists(members), token__kind=Token.Kind.SYSTEM)
    return accounts.filter(~Exists(person) & ~Exists(system_users) & ~Exists(_naming()))


def _naming() -> QuerySet[Macro]:
    """Return the macros on the account of the outer query that name an address."""
    actions = MacroAction.objects.filter(macro=OuterRef("pk"), emails__len__gt=0)
    return covering().filter(Exists(actions))


def _has_lead() -> Exists:
    return Exists(leads().filter(team=OuterRef("team")))
