"""Accounts of which nobody would be told if they went dark now, as an evaluation would find: see `macros.reach_sql`.

An account that no macro watches is told of by the mail of a log-in's end alone, so there its people count.
"""

from typing import Any

from django.db import connection
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet

from accounts.models import Account, AccountToken
from macros import reach_sql
from macros.coverage import not_among, unwatched, watching
from macros.models import Macro, OptOut, Silence
from tokens.models import Token
from users import refused_addresses
from users.models import Membership, User
from users.recipients import reachable_leads, reachable_operators

MOST_SILENT = 5_000  # accounts of which somebody is left out, that are looked at one by one
MOST = 2**31  # accounts, more than there are


class _OfAccount(Func):
    """A condition of `macros.reach_sql` on the account of the query around it."""

    output_field = BooleanField()

    def __init__(self, condition: str, **extra: Any) -> None:
        super().__init__(
            F("pk"), template=condition.replace("%", "%%").format(account="%(expressions)s"), **extra
        )


def without_anybody(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts of which nobody would be told. None while mail reaches an operator: no query is made then."""
    return accounts.none() if reachable_operators() else _not_directly(accounts).exclude(_by_a_lead())


def only_stood_in_for(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts of which team leads or operators alone would be told."""
    stood_in = _not_directly(accounts)
    return stood_in if reachable_operators() else stood_in.filter(_by_a_lead())


def _not_directly(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts of which neither their people nor an address that was entered would be told.

    The evaluation's SQL takes ten seconds and more to say so of each of 100,000 accounts, so sets of accounts say it first: a macro that
    mails an address tells of all that it watches, and one that mails the people who linked tells of all that have a person who stopped
    nothing. What is left has only people who stopped the copies of some macro, or none, or macros that tell nobody.
    """
    by_address, silent = _by_what_they_name()
    stopped = OptOut.objects.filter(ended_at=None).values("email")
    linked, owned = _pools_of(_reachable().exclude(email__in=stopped))
    untold = Account.objects.filter(~linked, ~owned).values("pk")
    if silent:
        of_people = Macro.objects.filter(enabled=True, actions__notify_consenters=True)
        watched = watching(Macro.objects.filter(pk__in=silent))
        others = [Account.objects.filter(one, not_among(of_people)).values("pk") for one in watched]
        untold = untold.union(*others)
    # Bounded, so that the sets are worked out first: the database would ask the evaluation's SQL beneath their joins, of all accounts.
    found = accounts.filter(not_among(by_address), pk__in=untold[:MOST])
    if stopped.exists():
        linked, owned = _pools_of(_reachable().filter(email__in=stopped))
        found = found.exclude((linked | owned) & (Q(_OfAccount(reach_sql.TELLS_DIRECTLY)) | unwatched()))
    # Where somebody is left out of a single account, the evaluation's SQL is asked; those are few.
    quiet = list(
        Silence.objects.filter(ended_at=None)
        .exclude(email="")
        .values_list("account", flat=True)[:MOST_SILENT]
    )
    if not quiet:
        return found
    silenced = Account.objects.filter(pk__in=quiet).exclude(
        Q(_OfAccount(reach_sql.TELLS_DIRECTLY)) | unwatched()
    )
    return accounts.filter(
        Q(pk__in=found.exclude(pk__in=quiet).values("pk"))
        | Q(pk__in=silenced.values("pk"))
        | Q(pk__in=found.filter(unwatched(), pk__in=quiet).values("pk"))
    )


def _by_what_they_name() -> tuple[QuerySet[Macro], list[int]]:
    """Return the macros that are on and tell by an address; and the ids of those that tell neither so nor the people who linked."""
    with connection.cursor() as cursor:
        cursor.execute(reach_sql.WHOM_MACROS_NAME)
        rows = cursor.fetchall()
    by_address = Macro.objects.filter(pk__in=[pk for pk, tells, _ in rows if tells])
    return by_address, [pk for pk, tells, of_people in rows if not tells and not of_people]


def _by_a_lead() -> Q:
    lead = Exists(reachable_leads().filter(team=OuterRef("team")))
    return Q(lead) & (Q(_OfAccount(reach_sql.TELLS_A_LEAD)) | unwatched())


def _reachable() -> QuerySet[User]:
    return User.objects.filter(is_active=True).exclude(email__in=refused_addresses.all_of_them())


def _pools_of(users: QuerySet[User]) -> tuple[Exists, Exists]:
    """Return whether the account's pool has a log-in of one of these people; or a system user's of a team that one of them is in."""
    entries = AccountToken.objects.filter(account=OuterRef("pk"))
    teams = Membership.objects.filter(user__in=users).values("team")
    return (
        Exists(entries.filter(token__consented_by__in=users)),
        Exists(entries.filter(token__kind=Token.Kind.SYSTEM, token__team__in=teams)),
    )
