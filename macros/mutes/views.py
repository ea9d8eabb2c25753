"""The page behind the links of a warning: "I am on it", "snooze these mails", and what takes each back.

GET only asks. Nobody logs in for it: the signed link identifies its reader. Who can log in snoozes all warnings on the own profile, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.asks import services as asks
from accounts.models import Account
from accounts.pool.errors import ActionRefused
from macros.models import Mute
from macros.mutes import acknowledgements, services, watching
from macros.mutes.mails import SAID, accounts_of, has_left, only_looks, open_told
from macros.mutes.models import MuteQuerySet
from macros.notices.queries import snoozes_of_readers
from notifications.models import Message
from notifications.outbox import Reader
from portal import access
from portal.access import may_press, too_often
from ui.name_visibility import NameVisibility, unnamed
from ui.phrases import phrase
from users.models import User, person

USUAL = 7  # days that the page proposes
ON_IT, MUTE, ASK = "on_it", "mute", "ask"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, signed: str) -> HttpResponse:
    """Ask what the reader says of which accounts (GET); note it, or take back what was said (POST).

    404 for a link that is cut or forged, 429 where it was said too often. What cannot be said, or no longer, changes nothing and leads to
    the page as it is now. To take back is not limited: it ends what was said, and whoever forwarded the mail may have to.
    """
    message = open_told(signed)
    if message is None:
        return broken(request)
    if request.method != "POST":
        return _show(request, message)
    now, what = timezone.now(), request.POST.get("do", "")
    if what == "take_back":
        acknowledgements.take_back(
            deadlines=acknowledgements.deadlines_said_by_reader(message), email=message.recipient, now=now
        )
        return redirect("answer_mail", signed)
    if what == "mail_again":
        mine = Mute.objects.of_every_macro().of_reader(message.recipient)
        services.end_mutes(mutes=mine.about([one.pk for one in accounts_of(message)]), by=None, now=now)
        return redirect("answer_mail", signed)
    if what == ASK:
        return _ask_again(request, message, signed)
    if what not in _choices(message):
        return redirect("answer_mail", signed)
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


def _ask_again(request: HttpRequest, message: Message, signed: str) -> HttpResponse:
    """Ask one of those whom the page names, once a day."""
    now, accounts = timezone.now(), accounts_of(message)
    people = watching.facts_of_page(message, accounts, now)["people"]
    one = next((each for each in people if str(each.user.pk) == request.POST.get("person")), None)
    if one is None:
        return redirect("answer_mail", signed)
    if not may_press(request, f"{ASK} {message.pk}"):
        return too_often(request)
    try:
        asks.ask_again(about=one.about, email=message.recipient, now=now)
    except ActionRefused as refusal:
        return _show(request, message, refused=str(refusal))
    return redirect("answer_mail", signed)


def _choices(message: Message) -> list[str]:
    """Return what the reader of a mail can say. Auditors snooze the own mails and change nothing else; who left changes nothing."""
    if message.kind == SAID:
        return []  # it only takes back
    if has_left(message) or only_looks(message):
        return [MUTE]
    return [ON_IT, MUTE] if acknowledgements.deadlines_of(message) else [MUTE]


def _ticked(request: HttpRequest, message: Message, what: str) -> list[Account]:
    """Return the accounts that are ticked, of those of the mail of which this can be said."""
    ticked = request.POST.getlist("account")
    may = {one.account.pk for one in acknowledgements.deadlines_of(message)} if what == ON_IT else None
    found = [one for one in accounts_of(message) if str(one.pk) in ticked]
    return found if may is None else [one for one in found if one.pk in may]


def _note(
    request: HttpRequest, message: Message, what: str, accounts: Sequence[Account], *, now: datetime
) -> None:
    """Note what the reader says. Raises MuteRefusal where the link, or the day, cannot snooze."""
    email = message.recipient
    if what == ON_IT:
        ids = {one.pk for one in accounts}
        about = [one for one in acknowledgements.deadlines_of(message) if one.account.pk in ids]
        acknowledgements.acknowledge(deadlines=about, email=email, now=now)
    else:
        services.check_link(message)
        until = services.day_of(request.POST.get("until", ""))
        if "all" in request.POST:
            services.mute_all(email=email, until=until, now=now, link_of=message)
        else:
            services.mute_accounts(accounts=accounts, email=email, until=until, now=now)


@never_cache
@csrf_exempt  # the reader's mail program posts it (RFC 8058), with no cookie and no token; the link alone decides
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, signed: str) -> HttpResponse:
    """Lead to the page that asks (GET), or snooze all warnings to the reader for as long as that is possible (POST, by the mail program).

    Doing it again changes nothing, 429 where it was pressed too often. A mail program follows no redirect, so it gets the page.
    """
    message = open_told(signed)
    if message is None or message.kind == SAID:
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
            services.mute_all(email=message.recipient, until=until, now=now, link_of=message)
    except services.MuteRefusal as refusal:
        refused = str(refusal)
    return _show(request, message, refused=refused)


def _show(
    request: HttpRequest, message: Message, *, refused: str = "", nothing: bool = False
) -> HttpResponse:
    """Return the page; `refused` and `nothing` say what is wrong with what was sent: the day, or that no account is ticked."""
    accounts = accounts_of(message)
    ids = [one.pk for one in accounts]
    mine = Mute.objects.running().of_every_macro().of_reader(message.recipient).filter(account__in=ids)
    until = {one.account_id: one.until for one in mine}
    on_them = acknowledgements.running_of_accounts(ids)
    choices = _choices(message)
    asked = request.POST.get("do") or request.GET.get("do", "")
    chosen = asked if asked in choices else MUTE
    ticked = request.POST.getlist("account")
    rows = [
        {
            "account": one,
            "until": until.get(one.pk),
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
        "opened": bool(asked),
        "now": timezone.now(),
        "can_log_in": Reader(message.reader).can_log_in,
        "may_take": [one.account.pk for one in acknowledgements.deadlines_of(message)]
        if ON_IT in choices
        else [],
        **watching.facts_of_page(message, accounts, timezone.now()),
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
            services.mute_all(email=email, until=until, now=now)
        except services.MuteRefusal as refusal:
            refused = str(refusal)
        else:
            return redirect("snooze_my_mails")
    context = {"away": services.mute_of_person(email), **_days(request, refused=refused)}
    return render(request, "selfservice/snooze.html", context, status=400 if refused else 200)


def broken(request: HttpRequest) -> HttpResponse:
    """Say that the link is cut, forged, or of a message that is gone."""
    return render(request, "selfservice/mails/broken_link.html", status=404)


# --- what pages of staff say of warnings: who is on it, who is mailed nothing; and who may know of mutes, and end them

WORDS = "words/pool.txt"
SNOOZE = "macros.snooze_account"


def visible_to(viewer: User) -> MuteQuerySet:
    """Return by what addresses hear nothing of accounts that the viewer sees, and of all, where the viewer may know of them; also what is
    over.
    """
    of_all = access.rows_of_known_addresses(Mute.objects.of_all_accounts(), viewer)
    if not viewer.has_perm(access.VIEW):
        return Mute.objects.filter(pk__in=of_all.values("pk"))
    of_some = Q(account__isnull=False) & ~Q(email="")
    if not viewer.sees_all_teams:
        of_some &= Q(account__in=Account.objects.visible_to(viewer).values("pk"))
    return Mute.objects.filter(of_some | Q(pk__in=of_all.values("pk")))


def may_end(viewer: User, rows: Sequence[Mute]) -> set[int]:
    """Return those of these mutes (ids), of which the viewer may know, that they may end.

    Of all accounts: their own, those of people all of whose teams are their own, and of addresses that are nobody's. A fixed number of
    queries.
    """
    if not (rows and viewer.has_perm(SNOOZE)):
        return set()
    emails = {row.email for row in rows if row.is_of_all}
    others = User.objects.filter(email__in=emails).exclude(
        Q(pk=viewer.pk) | Q(pk__in=User.objects.managed_by(viewer).values("pk"))
    )
    foreign = set(others.values_list("email", flat=True)) if emails else set()
    return {row.pk for row in rows if row.account_id or row.email not in foreign}


def end_url(mute: int) -> str:
    """Return the address of the page that asks before a mute (id) is ended."""
    return f"{reverse('admin:macros_mute_end')}?mute={mute}"


@dataclass(frozen=True)
class QuietLine:
    """One mute of an account, as a viewer may know it. `end_url`: where it is ended; "" for whoever may not."""

    whom: str
    of_all: bool  # of all accounts
    by_link: bool  # by the link of a mail, which may have been forwarded
    until: date | None
    macro: str  # of 0.2.0; "" for all
    end_url: str


def mutes_of_account(request: HttpRequest, account: Account, names: NameVisibility) -> dict[str, Any]:
    """Return what an account's page shows: who is on it, and what is not mailed."""
    may = request.user.has_perm(SNOOZE)
    own = Mute.objects.running().filter(account=account).select_related("macro")
    mutes = [*own.order_by("email", "pk"), *snoozes_of_readers(account)]
    ends = may_end(person(request), mutes)
    found = acknowledgements.running_of_accounts([account.pk]).get(account.pk)
    users = User.objects.in_bulk([one.email for one in mutes], field_name="email")
    return {
        "quiet": [_line(one, users.get(one.email), names, one.pk in ends) for one in mutes],
        "on_it": found,
        "on_it_name": (names.user(found.by) if found.by else found.email) if found else "",
        "may_take_back": may and found is not None and found.email == person(request).email,
    }


def _line(one: Mute, user: User | None, names: NameVisibility, may: bool) -> QuietLine:
    whom = names.user(user) if user else one.email
    url = end_url(one.pk) if may and whom != unnamed() else ""
    return QuietLine(whom, one.is_of_all, one.is_by_link, one.until, str(one.macro or ""), url)


def on_it_notes(accounts: Sequence[Account], names: NameVisibility) -> dict[int, str]:
    """Return by id who is on accounts, as the list says it. One query."""
    found = acknowledgements.running_of_accounts([one.pk for one in accounts])
    return {
        pk: phrase(WORDS, "is_on_it", who=names.user(one.by) if one.by else one.email)
        for pk, one in found.items()
    }
