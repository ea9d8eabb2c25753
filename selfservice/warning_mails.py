"""Pages behind the links in a warning mail. Nobody logs in for them: the signed link identifies its reader. GET changes nothing."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from macros import not_mine, opt_outs


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def say_not_mine(request: HttpRequest, signed: str) -> HttpResponse:
    """Ask which accounts are no longer the reader's (GET), or tell whoever looks after them (POST).

    404 for who can no longer log in, 403 for auditors.
    """
    message = opt_outs.open_warning(signed)
    if message is None or opt_outs.has_left(message):
        return broken(request)
    if opt_outs.only_looks(message):
        return only_looks(request)
    if request.method == "POST":
        ids = [
            int(one)
            for one in request.POST.getlist("account")
            if one.isascii() and one.isdigit() and len(one) < 19
        ]
        not_mine.say(message=message, account_ids=ids, note=request.POST.get("note", ""), now=timezone.now())
        return redirect("not_mine", signed)
    said = not_mine.said(message)
    accounts = not_mine.accounts_of(message)
    context = {
        "message": message,
        "open": [account for account in accounts if account.pk not in said],
        "said": [account for account in accounts if account.pk in said],
        "length": not_mine.NOTE_LENGTH,
    }
    return render(request, "selfservice/mails/not_mine.html", context)


def broken(request: HttpRequest) -> HttpResponse:
    """Say that the link is cut, forged, or of a message that is gone."""
    return render(request, "selfservice/mails/broken_link.html", status=404)


def only_looks(request: HttpRequest) -> HttpResponse:
    """Say that an auditor changes nothing by a mail either."""
    return render(request, "selfservice/mails/only_looks.html", status=403)
