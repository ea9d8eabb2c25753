"""Finding accounts by what a person types: for the list of accounts and the portal's search."""

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
    linked = AccountToken.objects.filter(token__in=tokens_of(term, names)).values("account")
    native = term.replace(" ", "").removeprefix("act_")
    return accounts.filter(Q(name__icontains=term) | Q(native_id__icontains=native) | Q(pk__in=linked))


def tokens_of(term: str, names: NameVisibility) -> QuerySet[Token]:
    """Return the log-ins of persons whom the viewer may know and whose name, e-mail or name at the channel holds the term.

    They are found at one time and not once per account: an index holds both names, so that no whole row of a log-in is read for it.
    """
    people = User.objects.filter(Q(name__icontains=term) | Q(email__icontains=term))
    found = Token.objects.filter(
        Q(native_user_name__icontains=term) | Q(consented_by__in=people.values("pk"))
    )
    if names.sees_all:
        return found
    return found.filter(Q(consented_by__in=names.colleagues) | Q(consented_by=None))
