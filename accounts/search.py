"""Finding accounts by what a person types: for the list of accounts and the portal's search."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account, AccountToken
from tokens.models import Token
from ui.name_visibility import NameVisibility
from users.models import Membership, User


def search(accounts: QuerySet[Account], term: str, names: NameVisibility) -> QuerySet[Account]:
    """Find accounts by name, native id, or by a person that the viewer may know: name, e-mail, name at the channel."""
    term = term.strip()
    if not term:
        return accounts
    linked = AccountToken.objects.filter(token__in=ids_of_log_ins(term, names)).order_by()
    return accounts.filter(pk__in=_named(term).values("pk").union(linked.values("account")))


def by_name(accounts: QuerySet[Account], term: str) -> QuerySet[Account]:
    """Find accounts by name or native id alone."""
    return accounts.filter(pk__in=_named(term.strip()).values("pk"))


def named(term: str) -> Q:
    """Return the condition of accounts whose name or native id holds the term; Facebook's "act_" before an id is no part of it."""
    native = term.replace(" ", "").removeprefix("act_")
    return Q(name__icontains=term) | (Q(native_id__icontains=native) if native else Q())


def _named(term: str) -> QuerySet[Account]:
    return Account.objects.filter(named(term)).order_by()


def ids_of_log_ins(term: str, names: NameVisibility) -> QuerySet[Any]:
    """Return the ids of log-ins of persons whom the viewer may know and whose name, e-mail or name at the channel holds the term.

    Two sets and not one condition with OR: an index has the names at the channel, another one whose log-ins they are. For the OR the
    database read all log-ins whole, in each of its processes.
    """
    known = Token.objects.order_by()
    if not names.sees_all:
        known = known.filter(Q(consented_by__in=names.colleagues) | Q(consented_by=None))
    people = User.objects.filter(Q(name__icontains=term) | Q(email__icontains=term)).order_by()
    by_person = known.filter(consented_by__in=people.values("pk"))
    return known.filter(native_user_name__icontains=term).values("pk").union(by_person.values("pk"))


def all_in_pools_seen_by(user: User) -> QuerySet[Token]:
    """Return the same as `in_pools_seen_by` of all log-ins, to be counted: as two sets, which takes two thirds of the time.

    For a page of a list it is no gain: there each log-in is looked at in its order, until there are enough.
    """
    teams = Membership.objects.filter(user=user).values("team")
    own = AccountToken.objects.filter(token__consented_by=user).values("account")
    of_teams = AccountToken.objects.filter(account__team__in=teams).values("token")
    return Token.objects.filter(
        Q(pk__in=of_teams) | Q(pk__in=AccountToken.objects.filter(account__in=own).values("token"))
    )


def in_pools_seen_by(tokens: QuerySet[Token], user: User) -> QuerySet[Token]:
    """Keep the log-ins in pools of accounts that this person sees (`visible_to`), who does not see all teams.

    Of accounts of their teams, and of those that their own log-ins reach. The second is one set: asked of each account by itself, it took
    a second to leave 9,950 log-ins out.
    """
    teams = Membership.objects.filter(user=user).values("team")
    of_teams = AccountToken.objects.filter(token=OuterRef("pk"), account__team__in=teams)
    own = AccountToken.objects.filter(token__consented_by=user).values("account")
    return tokens.filter(
        Exists(of_teams) | Q(pk__in=AccountToken.objects.filter(account__in=own).values("token"))
    )
