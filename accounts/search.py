"""Finding accounts by what a person types: for the list of accounts and the portal's search."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account, AccountToken
from ui.name_visibility import NameVisibility


def search(accounts: QuerySet[Account], term: str, names: NameVisibility) -> QuerySet[Account]:
    """Find accounts by name, native id, or by a person that the viewer may know: name, e-mail, name at the channel."""
    term = term.strip()
    if not term:
        return accounts
    person = (
        Q(token__native_user_name__icontains=term)
        | Q(token__consented_by__name__icontains=term)
        | Q(token__consented_by__email__icontains=term)
    )
    if not names.sees_all:
        person &= Q(token__consented_by__in=names.colleagues) | Q(token__consented_by=None)
    linked = AccountToken.objects.filter(person, account=OuterRef("pk"))
    native = term.replace(" ", "").removeprefix("act_")
    return accounts.filter(Q(name__icontains=term) | Q(native_id__icontains=native) | Exists(linked))
