"""Who may open what in the portal: 403 without the permission, 404 for what one may not see."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from accounts import summary
from accounts.models import Account, AccountToken

VIEW = "accounts.view_account"


def demand(request: HttpRequest, *permissions: str) -> None:
    """Raise PermissionDenied unless the person may see accounts and holds the permissions named."""
    if not request.user.has_perms([VIEW, *permissions]):
        raise PermissionDenied


def account(request: HttpRequest, account_id: int) -> Account:
    """Return an account that the person sees, with its pool. Raises Http404."""
    visible = summary.with_pools(Account.objects.visible_to(request.user)).select_related("paused_by")
    found = visible.filter(pk=account_id).first()
    if found is None:
        raise Http404("There is no such account.")
    return found


def entry(account: Account, token_id: int) -> AccountToken:
    """Return the account's pool entry of this token. Raises Http404."""
    for one in account.pool.all():
        if one.token_id == token_id:
            one.account = account
            return one
    raise Http404("This token is not linked to the account.")
