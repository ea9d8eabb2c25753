"""Accounts of which nobody would be told if they went dark now, as an evaluation would find: see `macros.sql`.

An account that no macro watches is told of by the mail of a log-in's end alone, so there its people count.
"""

from typing import Any

from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet

from accounts.models import Account, AccountToken
from macros import sql
from macros.coverage import unwatched
from tokens.models import Token
from users import refused_addresses
from users.models import Membership
from users.recipients import reachable_leads, reachable_operators


class _OfAccount(Func):
    """A condition of `macros.sql` on the account of the query around it."""

    output_field = BooleanField()

    def __init__(self, condition: str, **extra: Any) -> None:
        super().__init__(
            F("pk"), template=condition.replace("%", "%%").format(account="%(expressions)s"), **extra
        )


def without_anybody(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts of which nobody would be told. None while mail reaches an operator: no query is made then."""
    return accounts.none() if reachable_operators() else accounts.filter(~_directly(), ~_by_a_lead())


def only_stood_in_for(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts of which team leads or operators alone would be told."""
    stood_in = accounts.filter(~_directly())
    return stood_in if reachable_operators() else stood_in.filter(_by_a_lead())


def _directly() -> Q:
    return Q(_OfAccount(sql.TELLS_DIRECTLY)) | unwatched() & (_person() | _system_user())


def _by_a_lead() -> Q:
    lead = Exists(reachable_leads().filter(team=OuterRef("team")))
    return Q(_OfAccount(sql.TELLS_A_LEAD)) | unwatched() & Q(lead)


def _person() -> Q:
    people = AccountToken.objects.filter(account=OuterRef("pk"), token__consented_by__is_active=True)
    return Q(Exists(people.exclude(token__consented_by__email__in=refused_addresses.all_of_them())))


def _system_user() -> Q:
    members = Membership.objects.filter(team=OuterRef("token__team"), user__is_active=True)
    members = members.exclude(user__email__in=refused_addresses.all_of_them())
    tokens = AccountToken.objects.filter(account=OuterRef("pk"), token__kind=Token.Kind.SYSTEM)
    return Q(Exists(tokens.filter(Exists(members))))
