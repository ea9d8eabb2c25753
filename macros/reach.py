"""Accounts of which nobody would be told if they went dark now, as an evaluation would find: see `macros.reach_sql`.

An account that no macro watches is told of by the mail of a log-in's end alone, so there its people count.
"""

from typing import Any

from django.db import connection
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from accounts.models import Account, AccountToken
from macros import reach_sql
from macros.coverage import not_among, unwatched, watching
from macros.models import Macro, MacroAction, Silence
from tokens.models import Token
from users import refused_addresses
from users.models import User
from users.recipients import REFUSED_SQL, members, reachable_leads, reachable_operators

MOST_SILENT = 5_000  # accounts of which somebody is left out, that are looked at one by one
MOST = 2**31  # accounts, more than there are

# Accounts whose pool has nobody whom a macro may mail for sure: who is reachable and has not snoozed all. What is read is the log-ins of
# the others, who are few, and how many entries a pool has: not the people of all pools.
_MUTE = (  # constants
    f"(not u.is_active or u.email in ({REFUSED_SQL})"  # noqa: S608
    " or u.email in (select email from macros_silence where account_id is null and ended_at is null))"
)
_WITHOUT_PEOPLE = f"""
select mute.account_id from (
  select p.account_id, count(*) as number
  from tokens_token t join accounts_accounttoken p on p.token_id = t.id
  where (t.consented_by_id is null or t.consented_by_id in (select u.id from users_user u where {_MUTE}))
    and not (t.kind = 'system' and coalesce(t.team_id in (
      select m.team_id from users_membership m join users_user u on u.id = m.user_id where not u.is_contact and not {_MUTE}), false))
  group by p.account_id
) mute
where mute.number = (select count(*) from accounts_accounttoken e where e.account_id = mute.account_id)
union all
select bare.id from accounts_account bare
where bare.usable_count = 0 and not exists (select 1 from accounts_accounttoken e where e.account_id = bare.id)
"""  # noqa: S608  # constants


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
    mails an address tells of all that it watches, and one that mails the people who linked tells of all that have a person who
    did not snooze all. What is left has only people who did, or none, or macros that tell nobody.
    """
    by_address, silent = _by_what_they_name()
    away = Silence.objects.filter(ended_at=None, account=None).values("email")
    untold = Account.objects.filter(pk__in=RawSQL(_WITHOUT_PEOPLE, ())).values("pk")  # noqa: S611  # a constant
    if silent:
        of_people = Macro.objects.filter(
            enabled=True, actions__notify_consenters=True, actions__kind__in=MacroAction.Kind.of_stops()
        )
        watched = watching(Macro.objects.filter(pk__in=silent))
        others = [Account.objects.filter(one, not_among(of_people)).values("pk") for one in watched]
        untold = untold.union(*others)
    # Bounded, so that the sets are worked out first: the database would ask the evaluation's SQL beneath their joins, of all accounts.
    found = accounts.filter(not_among(by_address), pk__in=untold[:MOST])
    if away.exists():
        linked, owned = _pools_of(_reachable().filter(email__in=away))
        found = found.exclude((linked | owned) & (Q(_OfAccount(reach_sql.TELLS_DIRECTLY)) | unwatched()))
    # Where somebody is left out of a single account, the evaluation's SQL is asked, unless others are surely told.
    quiet = list(
        Silence.objects.filter(ended_at=None, account__isnull=False)
        .exclude(email="")
        .values_list("account", flat=True)[:MOST_SILENT]
    )
    if not quiet:
        return found
    silenced = Account.objects.filter(pk__in=quiet).exclude(unwatched())
    silenced = silenced.exclude(_in_spite_of_silence(by_address, away)).exclude(
        Q(_OfAccount(reach_sql.TELLS_DIRECTLY))
    )
    others_found = found.filter(~Q(pk__in=quiet) | unwatched())
    return accounts.filter(Q(pk__in=others_found.values("pk")) | Q(pk__in=silenced.values("pk")))


def _in_spite_of_silence(by_address: QuerySet[Macro], away: QuerySet[Any, Any]) -> Q:
    """Return the condition of accounts of which somebody is told for sure, though an address is left out of them.

    By a macro that mails an address which is not left out of this account, or by one that mails the people who linked, of whom one is
    neither left out of it nor snoozed all.
    """
    running = Silence.objects.filter(ended_at=None)
    warnings = MacroAction.objects.filter(macro__enabled=True, kind__in=MacroAction.Kind.of_stops())
    named = {address.lower() for emails in warnings.values_list("emails", flat=True) for address in emails}
    here = running.filter(account=OuterRef("pk"), email__in=named)
    left_out = running.filter(account=OuterRef("account"), email=OuterRef("token__consented_by__email"))
    people = AccountToken.objects.filter(
        ~Exists(left_out),
        account=OuterRef("pk"),
        token__consented_by__in=_reachable().exclude(email__in=away),
    )
    linkers = Macro.objects.filter(pk__in=warnings.filter(notify_consenters=True).values("macro"))
    return (~not_among(by_address) & ~Exists(here)) | (~not_among(linkers) & Exists(people))


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
    teams = members().filter(user__in=users).values("team")
    return (
        Exists(entries.filter(token__consented_by__in=users)),
        Exists(entries.filter(token__kind=Token.Kind.SYSTEM, token__team__in=teams)),
    )
