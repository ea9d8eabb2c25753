"""The page behind the links of a warning: "I am on it", "snooze these mails", "no longer my account", and what takes each back.

GET only asks. Nobody logs in for it: the signed link identifies its reader. Who can log in snoozes all warnings on the own profile, too.
"""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import Account
from accounts.renewal_links.views import may_press, too_often
from macros.models import Mute
from macros.mutes import acknowledgements, disowning, links, services
from notifications.models import Message
from users.models import person

USUAL = 7  # days that the page proposes
ON_IT, MUTE, NOT_MINE = "on_it", "mute", "not_mine"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, signed: str) -> HttpResponse:
    """Ask what the reader says of which accounts (GET); note it, or take back what was said (POST).

    404 for a link that is cut or forged, 403 for what the reader may not say, 429 where it was said too often. To take back is not
    limited: it ends what was said, and whoever forwarded the mail may have to.
    """
    message = links.open_told(signed)
    if message is None:
        return broken(request)
    if request.method != "POST":
        return _show(request, message)
    now, what = timezone.now(), request.POST.get("do", "")
    if what == "take_back":
        acknowledgements.take_back(
            deadlines=acknowledgements.said_by_reader(message), email=message.recipient, now=now
        )
        return redirect("answer_mail", signed)
    if what == "mail_again":
        mine = Mute.objects.of_every_macro().of_reader(message.recipient)
        services.end_mutes(
            mutes=mine.about([one.pk for one in disowning.accounts_of(message)]), by=None, now=now
        )
        return redirect("answer_mail", signed)
    if what not in _choices(message):
        return broken(request) if links.has_left(message) else _only_looks(request)
    chosen = _ticked(request, message, what)
    of_all = what == MUTE and "all" in request.POST
    if not (chosen or of_all):
        return _show(request, message, nothing=True)
    if not may_press(request, f"{what} {message.pk}"):
        return too_often(request)
    try:
        _note(request, message, what, chosen, now=now)
    except services.MuteRefusal as refusal:
        return _show(request, message, refused=str(refusal))
    return redirect("answer_mail", signed)


def _choices(message: Message) -> list[str]:
    """Return what the reader of a mail can say. Auditors snooze the own mails and change nothing else; who left changes nothing."""
    if message.kind == links.SAID:
        return []  # it only takes back
    if links.has_left(message) or links.only_looks(message):
        return [MUTE]
    return [ON_IT, MUTE, NOT_MINE] if acknowledgements.deadlines_of(message) else [MUTE, NOT_MINE]


def _ticked(request: HttpRequest, message: Message, what: str) -> list[Account]:
    """Return the accounts that are ticked, of those of the mail of which this can be said."""
    ticked = request.POST.getlist("account")
    may = {one.account.pk for one in acknowledgements.deadlines_of(message)} if what == ON_IT else None
    found = [one for one in disowning.accounts_of(message) if str(one.pk) in ticked]
    return found if may is None else [one for one in found if one.pk in may]


def _note(
    request: HttpRequest, message: Message, what: str, accounts: Sequence[Account], *, now: datetime
) -> None:
    """Note what the reader says. Raises MuteRefusal where the link, or the day, cannot snooze."""
    email = message.recipient
    if what == ON_IT:
        ids = {one.pk for one in accounts}
        about = [one for one in acknowledgements.deadlines_of(message) if one.account.pk in ids]
        known = request.user.is_authenticated and request.user.email == email
        acknowledgements.acknowledge(deadlines=about, email=email, now=now, answers=message, is_known=known)
    elif what == NOT_MINE:
        disowning.disown(
            account_ids=[one.pk for one in accounts],
            email=email,
            source=disowning.of_mail(message),
            note=request.POST.get("note", ""),
            now=now,
            mutes=not links.is_over(message),
        )
    else:
        services.check_link(message)
        until = services.day_of(request.POST.get("until", ""))
        if "all" in request.POST:
            services.mute_all(email=email, until=until, by=None, reason="", now=now, link_of=message)
        else:
            services.mute_accounts(accounts=accounts, email=email, until=until, by=None, reason="", now=now)


@never_cache
@csrf_exempt  # the reader's mail program posts it (RFC 8058), with no cookie and no token; the link alone decides
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, signed: str) -> HttpResponse:
    """Lead to the page that asks (GET), or snooze all warnings to the reader for as long as that is possible (POST, by the mail program).

    Doing it again changes nothing, 429 where it was pressed too often. A mail program follows no redirect, so it gets the page.
    """
    message = links.open_told(signed)
    if message is None or message.kind == links.SAID:
        return broken(request)
    if request.method != "POST":
        return redirect("answer_mail", signed)
    now, refused = timezone.now(), ""
    if not may_press(request, f"{MUTE} {message.pk}"):
        return too_often(request)
    try:
        services.check_link(message)
        if not services.mute_of_person(message.recipient):
            until = services.last_day(now)
            services.mute_all(
                email=message.recipient, until=until, by=None, reason="", now=now, link_of=message
            )
    except services.MuteRefusal as refusal:
        refused = str(refusal)
    return _show(request, message, refused=refused)


def _show(
    request: HttpRequest, message: Message, *, refused: str = "", nothing: bool = False
) -> HttpResponse:
    """Return the page; `refused` and `nothing` say what is wrong with what was sent: the day, or that no account is ticked."""
    accounts = disowning.accounts_of(message)
    ids = [one.pk for one in accounts]
    mine = Mute.objects.running().of_every_macro().of_reader(message.recipient).filter(account__in=ids)
    until = {one.account_id: one.until for one in mine}
    given_up, on_them = disowning.disowned(ids, disowning.of_mail(message)), acknowledgements.running(ids)
    choices = _choices(message)
    asked = request.POST.get("do") or request.GET.get("do", "")
    chosen = asked if asked in choices else MUTE
    ticked = request.POST.getlist("account")
    rows = [
        {
            "account": one,
            "until": until.get(one.pk),
            "not_mine": one.pk in given_up,
            "on_it": on_them.get(one.pk),
            "ticked": str(one.pk) in ticked or (not ticked and (len(ids) == 1 or chosen == ON_IT)),
        }
        for one in accounts
    ]
    context = {
        "message": message,
        "away": services.mute_of_person(message.recipient),
        "rows": rows,
        "mine": any(one.email == message.recipient for one in on_them.values()),
        "muted": bool(until),
        "choices": choices,
        "chosen": chosen,
        "nothing": nothing,
        "length": disowning.NOTE_LENGTH,
        **_days(request, refused=refused),
    }
    status = 400 if refused or nothing else 200
    return render(request, "selfservice/mails/answer.html", context, status=status)


def _days(request: HttpRequest, *, refused: str) -> dict[str, object]:
    """Return what the field of the day needs: the day that was entered where it can be one, else the usual."""
    now = timezone.now()
    try:
        chosen = services.day_of(request.POST.get("until", ""))
    except services.MuteRefusal:
        chosen = services.proposed_day(now, days=USUAL)
    return {
        "first": services.first_day(now),
        "day": chosen,
        "last": services.last_day(now),
        "refused": refused,
    }


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def snooze_my_mails(request: HttpRequest) -> HttpResponse:
    """Show whether the person snoozed all warnings, and ask until when (GET); begin or end it (POST)."""
    email, now, refused = person(request).email, timezone.now(), ""
    if request.method == "POST":
        if "again" in request.POST:
            services.end_all(email=email, by=None, now=now)
            return redirect("snooze_my_mails")
        try:
            until = services.day_of(request.POST.get("until", ""))
            services.mute_all(email=email, until=until, by=None, reason="", now=now)
        except services.MuteRefusal as refusal:
            refused = str(refusal)
        else:
            return redirect("snooze_my_mails")
    context = {"away": services.mute_of_person(email), **_days(request, refused=refused)}
    return render(request, "selfservice/snooze.html", context, status=400 if refused else 200)


def broken(request: HttpRequest) -> HttpResponse:
    """Say that the link is cut, forged, or of a message that is gone."""
    return render(request, "selfservice/mails/broken_link.html", status=404)


def _only_looks(request: HttpRequest) -> HttpResponse:
    return render(request, "selfservice/mails/only_looks.html", status=403)
