"""Offboarding a person, and revoking a log-in at its channel, as staff: the one page says what stops and who could carry on."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext, ngettext

from accounts.asks import services as asks
from accounts.leaving import handing_over, pages, plan, services
from accounts.leaving.plan import Plan, Scope
from accounts.leaving.services import REVOKING
from portal import access, jobs
from tokens.models import Token
from ui import confirm
from ui.confirm import Done, Late, Page, Said
from ui.refusal import Refusal
from ui.text import join_all
from users.models import Session, User, person
from users.visibility import names_for


def offboard(request: HttpRequest, leaver: User) -> HttpResponse:
    """Ask (GET), then lock the person out and have a worker end their log-ins (POST). The caller has asked `services.may`."""
    viewer, now = person(request), timezone.now()
    found = plan.read(Scope(leaver), actor=viewer, now=now)
    here = reverse("admin:users_user_change", args=[leaver.pk])
    page = pages.page(
        "offboard", found, viewer=viewer, back=here, name=str(leaver), more=_depends(found, viewer)
    )
    refused = _foreign(plan.log_ins(leaver), viewer)
    if not found.tokens and not leaver.is_active:
        refused = gettext("This person is switched off, and no log-in of theirs is left.")

    def do(said: Said) -> Done:
        if refused:
            raise Refusal(refused)
        wanted = pages.wanted(said)
        done = services.offboard(
            person=leaver, actor=viewer, wanted=wanted, note=said.note, now=timezone.now()
        )
        if done.user_id != viewer.pk:
            raise Late
        return Done(nothing=True, after=jobs.address(done))

    return _answer(request, page, refused, do, about=leaver)


def revoke(
    request: HttpRequest, token_id: int, visible: Callable[[HttpRequest], QuerySet[Token]]
) -> HttpResponse:
    """Ask (GET), then remove the log-in, of which a worker tells the channel (POST). `visible`: the viewer's tokens.

    404 for a log-in that one does not see.
    """
    access.require(request, REVOKING)
    token = visible(request).filter(pk=token_id).first()
    if token is None:
        raise Http404(gettext("There is no such log-in."))
    viewer, own = person(request), Token.objects.filter(pk=token.pk)
    found = plan.read(Scope(token.consented_by, [token.pk]), actor=viewer, now=timezone.now())
    entry, names = token.pool_entries.select_related("account").first(), names_for(viewer)
    account = entry.account if entry else None
    shown = names.token(token, account) if names.sees_token(token, account) else ""
    page = pages.page(
        "remove",
        found,
        viewer=viewer,
        back=_back(request),
        name=token.native_user_name or token.native_user_id,
        at_once=True,
        more={"name": shown},
    )
    refused = _foreign(own, viewer)

    def do(said: Said) -> None:
        if refused:
            raise Refusal(refused)
        wanted = pages.wanted(said)
        services.let_go(
            found=found, actor=viewer, wanted=wanted, seen=said.seen, note=said.note, now=timezone.now()
        )

    return _answer(request, page, refused, do, about=Token, late=token.is_removed)


def _answer(
    request: HttpRequest, page: Page, refused: str, do: confirm.Do, *, about: Any, late: bool = False
) -> HttpResponse:
    page = pages.refuse(page, refused, late=late)
    return confirm.answer(request, page, do, frame=access.frame_of(about))


def _foreign(tokens: QuerySet[Token], viewer: User) -> str:
    """Return why the viewer may not end these log-ins: they also carry accounts that they do not see."""
    if not services.carries_for_others(tokens, viewer):
        return ""
    return gettext("Log-ins of this person also carry accounts of other teams. Ask an administrator.")


def _back(request: HttpRequest) -> str:
    """Return where one came from, an account's pool; else the list."""
    asked = request.GET.get("next", "")
    ours = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if ours else reverse("admin:tokens_token_changelist")


def _depends(found: Plan, viewer: User) -> dict[str, Any]:
    """Return what else is in the name of who leaves, and what becomes of it."""
    leaver = found.scope.person
    assert leaver is not None
    hanging = handing_over.hanging(leaver, timezone.now(), taker=viewer)
    query = urlencode({"person": leaver.pk, "alone": 1})
    return {
        "leaver": leaver,
        "hanging": hanging,
        "keys": [one.name for one in services.keys_of(leaver, actor=viewer)],
        "stop_url": f"{reverse('admin:accounts_account_changelist')}?{query}" if found.unread else "",
        "keys_url": reverse("admin:accounts_apikey_changelist")
        if viewer.has_perm("accounts.view_apikey")
        else "",
        "takes_asks": asks.may_ask(viewer),
        "jobs": [jobs.title(one) for one in hanging.jobs],
        "sessions": Session.objects.of_user(leaver.pk, timezone.now()).count(),
    }


def first_said(leaver: User, *, deleting: bool = False) -> str:
    """Return why somebody is not switched off or deleted on whom something depends, and what to do first; "" where nothing does."""
    number = plan.living_log_ins(leaver).count()
    if not number:
        return "" if deleting and not leaver.is_active else _hangs(leaver, linked_only=deleting)
    return ngettext(
        "%(name)s has %(number)s log-in that still serves accounts. “Offboard” ends it, and says what stops.",
        "%(name)s has %(number)s log-ins that still serve accounts. “Offboard” ends them, and says what stops.",
        number,
    ) % {"name": leaver, "number": number}


def _hangs(leaver: User, *, linked_only: bool) -> str:
    """Say what depends on somebody whose log-ins serve nothing. `linked_only`: a log-in that was never linked becomes nobody's."""
    found = handing_over.hanging(leaver, timezone.now())
    log_ins = plan.log_ins(leaver)
    idle = log_ins.filter(pool_entries__isnull=False).distinct().count() if linked_only else log_ins.count()
    keys, requests, macros = len(found.keys), len(found.asks), len(found.macros)
    jobs, teams = len(found.jobs), len(found.led_alone)
    what = [
        (idle, ngettext("%(n)s log-in that serves no account", "%(n)s log-ins that serve no account", idle)),
        (keys, ngettext("%(n)s API key", "%(n)s API keys", keys)),
        (requests, ngettext("%(n)s request under way", "%(n)s requests under way", requests)),
        (found.links, ngettext("%(n)s open client link", "%(n)s open client links", found.links)),
        (found.invitations, ngettext("%(n)s invitation sent", "%(n)s invitations sent", found.invitations)),
        (macros, ngettext("%(n)s macro to look after", "%(n)s macros to look after", macros)),
        (jobs, ngettext("%(n)s job under way", "%(n)s jobs under way", jobs)),
        (teams, ngettext("%(n)s team that nobody else leads", "%(n)s teams that nobody else leads", teams)),
    ]
    there = [words % {"n": number} for number, words in what if number]
    if not there:
        return ""
    said = gettext(
        "%(name)s still has: %(what)s. “Offboard” ends this or hands it over, and says what stops."
    )
    return said % {"name": leaver, "what": join_all(there)}
