"""Pages behind two links of a warning mail: "I am on it", and "mail me nothing of these accounts, or any, for a while". GET only asks.

Nobody logs in for them: the signed link identifies its reader. Who can log in snoozes all of them on the own profile, too.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import Account
from macros import not_mine, on_it, opt_outs, snoozing
from notifications.models import Message
from selfservice.warning_mails import broken
from users.models import person

USUAL = 7  # days that the page proposes


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def say_on_it(request: HttpRequest, signed: str) -> HttpResponse:
    """Ask (GET), or note that the reader is on what the mail is about, or take that back (POST)."""
    message = opt_outs.open_warning(signed)
    if message is None:
        return broken(request)
    deadlines = on_it.deadlines_of(message)
    if request.method == "POST":
        back, chosen = "back" in request.POST, request.POST.getlist("account")
        about = [one for one in deadlines if back or str(one.account.pk) in chosen]
        if back:
            on_it.take_back(deadlines=about, email=message.recipient, now=timezone.now())
        else:
            on_it.acknowledge(deadlines=about, email=message.recipient, now=timezone.now(), answers=message)
        return redirect("on_it", signed)
    said = on_it.running({one.account.pk for one in deadlines})
    mine = [one for one in said.values() if one.email == message.recipient]
    accounts = list({one.account.pk: one.account for one in deadlines}.values())
    context = {
        "message": message,
        "open": [one for one in accounts if one.pk not in said],
        "mine": [one.account for one in mine],
        "others": [one.account for one in said.values() if one not in mine],
    }
    return render(request, "selfservice/mails/on_it.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def snooze(request: HttpRequest, signed: str) -> HttpResponse:
    """Ask of which accounts, and until when, the reader wants no mail (GET); begin or end it (POST)."""
    message = opt_outs.open_warning(signed)
    if message is None:
        return broken(request)
    accounts = not_mine.accounts_of(message)
    if request.method != "POST":
        return _show(request, message, accounts)
    now = timezone.now()
    if "again" in request.POST:
        mine = snoozing.running().filter(account__in=accounts, email=message.recipient, macro=None)
        snoozing.end(silences=mine, by=None, now=now)
        snoozing.end_all(email=message.recipient, by=None, now=now)
        return redirect("snooze_mails", signed)
    chosen = [one for one in accounts if str(one.pk) in request.POST.getlist("account")]
    try:
        until = date.fromisoformat(request.POST.get("until", ""))
        if "all" in request.POST:
            snoozing.snooze_all(email=message.recipient, until=until, by=None, reason="", now=now)
            return redirect("snooze_mails", signed)
        snoozing.snooze(accounts=chosen, email=message.recipient, until=until, by=None, reason="", now=now)
    except (ValueError, snoozing.SnoozeRefusal):
        return _show(request, message, accounts, refused=True)
    return redirect("snooze_mails", signed)


def _show(
    request: HttpRequest, message: Message, accounts: Sequence[Account], *, refused: bool = False
) -> HttpResponse:
    mine = snoozing.running().filter(account__in=accounts, email=message.recipient, macro=None)
    until = {one.account_id: one.until for one in mine}
    context = {
        "message": message,
        "away": snoozing.of_person(message.recipient),
        "open": [one for one in accounts if one.pk not in until],
        "snoozed": [(one, until[one.pk]) for one in accounts if one.pk in until],
        **_days(refused=refused),
    }
    status = 400 if refused else 200
    return render(request, "selfservice/mails/snooze.html", context, status=status)


def _days(*, refused: bool) -> dict[str, object]:
    """Return what the field of the day needs."""
    today = timezone.localdate()
    return {
        "first": today + timedelta(days=1),
        "usual": today + timedelta(days=USUAL),
        "last": today + timedelta(days=snoozing.LONGEST),
        "longest": snoozing.LONGEST,
        "refused": refused,
    }


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: HttpRequest) -> HttpResponse:
    """Show whether the person snoozed all warnings, and ask until when (GET); begin or end it (POST)."""
    email, now, refused = person(request).email, timezone.now(), False
    if request.method == "POST":
        if "again" in request.POST:
            snoozing.end_all(email=email, by=None, now=now)
            return redirect("snooze_my_mails")
        try:
            until = date.fromisoformat(request.POST.get("until", ""))
            snoozing.snooze_all(email=email, until=until, by=None, reason="", now=now)
        except (ValueError, snoozing.SnoozeRefusal):
            refused = True
        else:
            return redirect("snooze_my_mails")
    context = {"away": snoozing.of_person(email), **_days(refused=refused)}
    return render(request, "selfservice/snooze.html", context, status=400 if refused else 200)
