"""Where the link to an account in a mail leads: each reader to the page that is theirs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.pool.permissions import VIEW


@require_safe
@never_cache
def open_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Lead staff to Authenticate Tokens and others to their page of the account; say what to do where there is neither.

    A visitor who is not logged in may have no log-in at all: many a mail goes to an address that staff wrote into a rule.
    The page names no account, since anybody can count.
    """
    if not request.user.is_authenticated:
        log_in = f"{reverse('account_login')}?{urlencode({'next': request.path})}"
        return render(request, "selfservice/open_account.html", {"log_in": log_in})
    if not Account.objects.visible_to(request.user).filter(pk=account_id).exists():
        return render(request, "selfservice/open_account.html", status=404)
    staff = request.user.is_staff and request.user.has_perm(VIEW)
    return redirect("admin:accounts_account_change" if staff else "my_account", account_id)
