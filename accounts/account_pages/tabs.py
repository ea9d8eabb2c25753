"""One account in the portal: the tabs Authenticate Tokens, Time-line and Macros. They only read."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from accounts import timeline
from accounts.account_pages import message_rows, pool_rows
from accounts.account_pages.pool_rows import PoolAction
from accounts.asks import inviting
from accounts.backups import admin as backups
from accounts.checks import queries as check_queries
from accounts.models import Account
from accounts.pool import queries as pool_queries
from accounts.pool.permissions import ADD_API_KEY, LINK, MOVE, PAUSE, RANK, RESUME
from broker.leases import admin as handed_out
from macros.models import Macro, MacroAction
from macros.mutes import views as mute_lines
from macros.notices.queries import watching_macros
from macros.why import admin as why
from portal import access
from tokens.channels import registry
from tokens.channels.kinds import Reason
from ui import progress
from ui.addresses import id_of
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.text import join_names
from users.models import person
from users.people.queries import names_for

say = partial(phrase, "words/pool.txt")

View = Callable[..., HttpResponse]


def urls() -> list[URLPattern]:
    """Return the addresses of the tabs. The first is where an account opens."""
    tabs: list[tuple[str, str, View]] = [
        ("", "change", tokens_tab),
        ("time-line/", "line", line_tab),
        ("macros/", "macros", macros_tab),
    ]

    def bind(view: View) -> View:
        def bound(request: HttpRequest, account_id: int) -> HttpResponse:
            access.require(request)
            return view(request, access.account(request, account_id))

        return admin.site.admin_view(require_GET(bound))

    return [
        path(f"<int:account_id>/{tail}", bind(view), name=f"accounts_account_{name}")
        for tail, name, view in tabs
    ]


def tab_context(request: HttpRequest, account: Account, tab: str) -> dict[str, Any]:
    """Return what the tabs of one account show around their content: head, tabs, breadcrumb."""
    now = timezone.now()
    here = _page(account, "change")
    add = f"{reverse('link', args=[account.channel])}?account={account.pk}"
    tabs = [
        (label, name, _page(account, name))
        for label, name in (
            (gettext("Authenticate Tokens"), "change"),
            (gettext("Time-line"), "line"),
            (gettext("Macros"), "macros"),
        )
    ]
    return {
        **access.frame_of(account)(request),
        "title": account.name,
        "account": account,
        "summary": pool_queries.summarise(account, now),
        "now": now,
        "tab": tab,
        "tabs": tabs,
        "crumb": next((label for label, name, _ in tabs if name == tab), ""),
        "open_url": registry.get(account.channel).open_url(account.native_id),
        "add": PoolAction(say("add_token"), add, kind="primary", icon="add")
        if request.user.has_perm(LINK)
        else None,
        "menu": _menu(request, account),
        "here": here,
        **_linked(account, names_for(request.user)),
    }


def _menu(request: HttpRequest, account: Account) -> list[PoolAction]:
    """Return what else the viewer may do with the account."""
    offered = [
        (mute_lines.SNOOZE, "on_it", _page(account, "on_it"), "check"),
        (ADD_API_KEY, "connect", _page(account, "connect"), "key"),
        (MOVE, "move_to_team", _alone(account, "move"), "group"),
        (RESUME, "resume", _alone(account, "resume"), "bolt")
        if account.is_paused
        else (PAUSE, "pause", _alone(account, "pause"), "pause_circle"),
    ]
    return [
        PoolAction(say(words), url, icon=icon)
        for permission, words, url, icon in offered
        if request.user.has_perm(permission)
    ]


def _page(account: Account, name: str) -> str:
    return reverse(f"admin:accounts_account_{name}", args=[account.pk])


def _linked(account: Account, names: NameVisibility) -> dict[str, Any]:
    """Return who linked an account first, and when, and who paused it."""
    first = min(account.pool.all(), key=lambda entry: entry.added_at, default=None)
    linker = "" if first is None else names.user(first.added_by) or names.token(first.token, account)
    return {
        "linker": linker,
        "linked_at": first.added_at if first else None,
        "pauser": names.user(account.paused_by),
    }


def _alone(account: Account, action: str) -> str:
    """Return the page of the list's action, for this account alone."""
    return f"{reverse(f'admin:accounts_account_bulk_{action}')}?account={account.pk}"


def tokens_tab(request: HttpRequest, account: Account) -> HttpResponse:
    """Who keeps this account alive, until when, what happened, what can I do."""
    shared = tab_context(request, account, "change")
    names, now = names_for(request.user), shared["now"]
    rows = pool_rows.build_rows(
        account,
        viewer=request.user,
        names=names,
        now=now,
        opened=id_of(request.GET.get("steps", "")),
    )
    check_all = None
    if rows and request.user.has_perm("tokens.probe_token"):
        check_all = PoolAction(say("check_all_now"), _page(account, "check"), post=True, icon="refresh")
    automatic = None
    ranked = any(row.entry.rank is not None for row in rows)
    if ranked and request.user.has_perm(RANK):
        automatic = PoolAction(say("back_to_automatic"), _page(account, "automatic"), post=True)
    checked = check_queries.check_progress(account, progress.asked(request), names, now)
    watching = watching_macros(account)
    carriers = list(dict.fromkeys(names.token(entry.token, account) for entry in shared["summary"].usable))
    page = TemplateResponse(
        request,
        "portal/tokens.html",
        {
            **shared,
            "progress": checked,
            "rows": rows,
            "invite_url": f"{reverse('invite_backup')}?{urlencode({'account': account.pk, 'next': shared['here']})}"
            if inviting.may_invite(person(request), [account])
            else "",
            "invited": inviting.sentences_about_asks(account, person(request), now),
            "check_all": check_all,
            "automatic": automatic,
            "ranked": ranked,
            "carriers": join_names(carriers),
            "watching": watching,
            "warned_on": _days([action for macro in watching for action in macro.actions.all()]),
            **mute_lines.mutes_of_account(request, account, names),
            "backups": backups.backup_card(request, account, names),
            "handed_out_url": handed_out.url(account=account.pk)
            if request.user.has_perm(handed_out.PERMISSION)
            else "",
            "rule": pool_rows.lifetime_note(account.channel),
            "restricted": account.explain(Reason.RESTRICTED),
        },
    )
    return progress.look_again(page, checked)


def _days(actions: Iterable[MacroAction]) -> str:
    """Return on which days ahead they warn, in words, the longest first."""
    days = {day for action in actions for day in action.days}
    return say("days_ahead", days=", ".join(map(str, sorted(days, reverse=True))))


def line_tab(request: HttpRequest, account: Account) -> HttpResponse:
    """What happened to the account and its tokens; for those who may see messages, who was mailed about it."""
    may_read = request.user.has_perm("notifications.view_message")
    chosen, asked = request.GET.get("line", ""), request.GET.get("shown", "")
    chosen = chosen if chosen in timeline.FILTERS else ""
    shown = id_of(asked) or timeline.SHOWN
    shown, names = min(shown, timeline.MOST), names_for(request.user)
    if chosen == timeline.MESSAGES:
        access.require(request, "notifications.view_message")
        mails = message_rows.message_rows_of(request, account, names, limit=shown * message_rows.READERS + 1)
        line = message_rows.timeline_of_mails(mails, shown=shown)
    else:
        line = timeline.timeline_of(account, names, shown=shown)
    return TemplateResponse(
        request,
        "portal/time_line.html",
        {
            **tab_context(request, account, "line"),
            "line": line,
            "line_filters": [
                (label, f"?line={key}", key == chosen)
                for key, label in timeline.FILTERS.items()
                if may_read or key != timeline.MESSAGES
            ],
            "line_older": f"?line={chosen}&shown={shown + 50}"
            if line.older and shown < timeline.MOST
            else "",
            "why_url": why.url(account=account.native_id) if may_read else "",
        },
    )


def macros_tab(request: HttpRequest, account: Account) -> HttpResponse:
    """The macros that watch the account, and what each tells."""
    seen = set(Macro.objects.visible_to(request.user).values_list("pk", flat=True))
    rows = [
        (
            macro,
            reverse("admin:macros_macro_change", args=[macro.pk]) if macro.pk in seen else "",
            sorted({day for action in macro.actions.all() for day in action.days}, reverse=True),
            [action.get_kind_display() for action in macro.actions.all() if not action.days],
        )
        for macro in watching_macros(account)
    ]
    apply_url = _alone(account, "apply_macro") if request.user.has_perm("macros.apply_macro") else ""
    return TemplateResponse(
        request,
        "portal/account_macros.html",
        {**tab_context(request, account, "macros"), "rows": rows, "apply_url": apply_url},
    )
