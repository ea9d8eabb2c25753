"""Pages behind two links of a warning mail: "I am on it", and "mail me nothing of these accounts, or any, for a while"; and what ends that.

GET only asks.

Nobody logs in for them: the signed link identifies its reader. Who can log in snoozes all of them on the own profile, too.
"""

from collections.abc import Sequence

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import Account
from macros import not_mine, on_it, opt_outs, snooze_mail, snoozing
from notifications.models import Message
from selfservice.presses import may_press, too_often
from selfservice.warning_mails import broken, only_looks
from users.models import person

USUAL = 7  # days that the page proposes


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def say_on_it(request: HttpRequest, signed: str) -> HttpResponse:
    """Ask (GET), or note that the reader is on what the mail is about, or take that back (POST).

    404 for who can no longer log in, 403 for auditors, 429 where it was said too often. To take it back is not limited: it ends what was
    said, and whoever forwarded the mail may have to.
    """
    message = opt_outs.open_warning(signed)
    if message is None or opt_outs.has_left(message):
        return broken(request)
    if opt_outs.only_looks(message):
        return only_looks(request)
    deadlines, own, nothing = on_it.deadlines_of(message), on_it.said_by_reader(message), False
    if request.method == "POST":
        back, chosen = "back" in request.POST, request.POST.getlist("account")
        about = own if back else [one for one in deadlines if str(one.account.pk) in chosen]
        nothing = not about
        if back:
            on_it.take_back(deadlines=about, email=message.recipient, now=timezone.now())
        elif about and not may_press(request, f"on it {message.pk}"):
            return too_often(request)
        elif about:
            _acknowledge(request, message, about)
        if back or about:
            return redirect("on_it", signed)
    said = on_it.running({one.account.pk for one in (*deadlines, *own)})
    mine = [one for one in said.values() if one.email == message.recipient]
    accounts = list({one.account.pk: one.account for one in deadlines}.values())
    context = {
        "message": message,
        "open": [one for one in accounts if one.pk not in said],
        "mine": [one.account for one in mine],
        "others": [one for one in accounts if one.pk in said and said[one.pk] not in mine],
        "nothing": nothing,
    }
    return render(request, "selfservice/mails/on_it.html", context, status=400 if nothing else 200)


def _acknowledge(request: HttpRequest, message: Message, about: Sequence[on_it.Deadline]) -> None:
    known = request.user.is_authenticated and request.user.email == message.recipient
    on_it.acknowledge(
        deadlines=about, email=message.recipient, now=timezone.now(), answers=message, is_known=known
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def snooze(request: HttpRequest, signed: str) -> HttpResponse:
    """Ask of which accounts, and until when, the reader wants no mail (GET); begin or end it (POST). 429 where it was begun too often."""
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
    if not (chosen or "all" in request.POST):
        return _show(request, message, accounts, nothing=True)
    if not may_press(request, f"snooze {message.pk}"):
        return too_often(request)
    try:
        snoozing.check_link(message)
        until = snoozing.day_of(request.POST.get("until", ""))
        if "all" in request.POST:
            snoozing.snooze_all(
                email=message.recipient, until=until, by=None, reason="", now=now, link_of=message
            )
        else:
            snoozing.snooze(
                accounts=chosen, email=message.recipient, until=until, by=None, reason="", now=now
            )
    except snoozing.SnoozeRefusal as refusal:
        return _show(request, message, accounts, refused=str(refusal))
    return redirect("snooze_mails", signed)


@never_cache
@csrf_exempt  # the reader's mail program posts it (RFC 8058), with no cookie and no token; the link alone decides
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, signed: str) -> HttpResponse:
    """Lead to the page that asks (GET), or snooze all warnings to the reader for as long as that is possible (POST, by the mail program).

    Doing it again changes nothing. A mail program follows no redirect, so it gets the page.
    """
    message = opt_outs.open_warning(signed)
    if message is None:
        return broken(request)
    if request.method != "POST":
        return redirect("snooze_mails", signed)
    now, refused = timezone.now(), ""
    try:
        snoozing.check_link(message)
        if not snoozing.of_person(message.recipient):
            until = snoozing.last_day(now)
            snoozing.snooze_all(
                email=message.recipient, until=until, by=None, reason="", now=now, link_of=message
            )
    except snoozing.SnoozeRefusal as refusal:
        refused = str(refusal)
    return _show(request, message, not_mine.accounts_of(message), refused=refused)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def mail_again(request: HttpRequest, signed: str) -> HttpResponse:
    """Ask whether macros mail the reader again, by the link of the mail that they do not (GET); have them do so (POST)."""
    message = snooze_mail.open_signed(signed)
    if message is None:
        return broken(request)
    if request.method == "POST":
        snoozing.end_all(email=message.recipient, by=None, now=timezone.now())
        return redirect("end_snooze", signed)
    context = {"message": message, "away": snoozing.of_person(message.recipient)}
    return render(request, "selfservice/mails/mail_again.html", context)


def _show(
    request: HttpRequest,
    message: Message,
    accounts: Sequence[Account],
    *,
    refused: str = "",
    nothing: bool = False,
) -> HttpResponse:
    """Return the page; `refused` and `nothing` say what is wrong with what was sent: the day, or that no account is ticked."""
    mine = snoozing.running().filter(account__in=accounts, email=message.recipient, macro=None)
    until = {one.account_id: one.until for one in mine}
    context = {
        "message": message,
        "away": snoozing.of_person(message.recipient),
        "open": [one for one in accounts if one.pk not in until],
        "snoozed": [(one, until[one.pk]) for one in accounts if one.pk in until],
        "ticked": {one.pk for one in accounts if str(one.pk) in request.POST.getlist("account")},
        "nothing": nothing,
        **_days(request, refused=refused),
    }
    status = 400 if refused or nothing else 200
    return render(request, "selfservice/mails/snooze.html", context, status=status)


def _days(request: HttpRequest, *, refused: str) -> dict[str, object]:
    """Return what the field of the day needs: the day that was entered where it can be one, else the usual."""
    now = timezone.now()
    try:
        chosen = snoozing.day_of(request.POST.get("until", ""))
    except snoozing.SnoozeRefusal:
        chosen = snoozing.proposed_day(now, days=USUAL)
    return {
        "first": snoozing.first_day(now),
        "chosen": chosen,
        "last": snoozing.last_day(now),
        "refused": refused,
    }


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: HttpRequest) -> HttpResponse:
    """Show whether the person snoozed all warnings, and ask until when (GET); begin or end it (POST)."""
    email, now, refused = person(request).email, timezone.now(), ""
    if request.method == "POST":
        if "again" in request.POST:
            snoozing.end_all(email=email, by=None, now=now)
            return redirect("snooze_my_mails")
        try:
            until = snoozing.day_of(request.POST.get("until", ""))
            snoozing.snooze_all(email=email, until=until, by=None, reason="", now=now)
        except snoozing.SnoozeRefusal as refusal:
            refused = str(refusal)
        else:
            return redirect("snooze_my_mails")
    context = {"away": snoozing.of_person(email), **_days(request, refused=refused)}
    return render(request, "selfservice/snooze.html", context, status=400 if refused else 200)
