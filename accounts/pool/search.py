"""Finding accounts by what a person types: for the list of accounts and the portal's search."""

from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Account, AccountToken
from tokens.models import Token
from ui.name_visibility import NameVisibility
from users.models import User


def search(accounts: QuerySet[Account], term: str, names: NameVisibility) -> QuerySet[Account]:
    """Find accounts by name, native id, or by a person that the viewer may know: name, e-mail, name at the channel."""
    term = term.strip()
    if not term:
        return accounts
    linked = AccountToken.objects.filter(token__in=ids_of_log_ins(term, names))
    return accounts.filter(named(term) | Q(pk__in=linked.values("account")))


def by_name(accounts: QuerySet[Account], term: str) -> QuerySet[Account]:
    """Find accounts by name or native id alone."""
    return accounts.filter(named(term.strip()))


def named(term: str) -> Q:
    """Return the condition of accounts whose name or native id holds the term; Facebook's "act_" before an id is no part of it."""
    native = term.replace(" ", "").removeprefix("act_")
    return Q(name__icontains=term) | (Q(native_id__icontains=native) if native else Q())


def ids_of_log_ins(term: str, names: NameVisibility) -> QuerySet[Any]:
    """Return the ids of log-ins of persons whom the viewer may know and whose name, e-mail or name at the channel holds the term."""
    people = User.objects.filter(Q(name__icontains=term) | Q(email__icontains=term))
    found = Token.objects.filter(
        Q(native_user_name__icontains=term) | Q(consented_by__in=people.values("pk"))
    )
    if not names.sees_all:
        found = found.filter(Q(consented_by__in=names.colleagues) | Q(consented_by=None))
    return found.order_by().values("pk")


def in_pools_seen_by(tokens: QuerySet[Token], user: User) -> QuerySet[Token]:
    """Keep the log-ins in pools of accounts that this person sees (`visible_to`), who does not see all teams."""
    seen = AccountToken.objects.filter(account__in=Account.objects.visible_to(user).values("pk"))
    return tokens.filter(pk__in=seen.values("token"))
