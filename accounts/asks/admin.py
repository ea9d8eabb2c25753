"""Asks in the staff portal: the list, the board of one, and stopping it. A person of another team has no name there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy
from django.views.decorators.http import require_GET

from accounts.api_keys.models import by_key
from accounts.asks import progress, queries, rules, services
from accounts.asks.models import Ask, AskLine
from accounts.asks.progress import Stage
from accounts.models import Account, AccountToken
from accounts.pool import permissions
from accounts.pool import queries as pool_queries
from portal import access
from portal.filters import ChoiceFilter, Lookups
from portal.lists import ReadOnlyList, part, tabs
from tokens.channels import declarations
from tokens.models import Token
from ui import confirm, pills
from ui import stored_phrases as kept
from ui.confirm import Late, Page, Said
from ui.dates import DeadlineFacts
from ui.mails import called
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.templatetags import ui as tags
from users.installation import hold
from users.models import User, person
from users.people.queries import names_for

ON_A_PAGE = 50
say = partial(phrase, rules.WORDS)


class OpenFilter(ChoiceFilter):
    """Which are open."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Return both states, in the words of the pill."""
        return [(value, str(pills.FAMILIES["ask"][value][0])) for value in ("running", "over")]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep those that run, or those that are over."""
        return rows.filter(ended_at__isnull=value == "running")


@admin.register(Ask)
class AskAdmin(ReadOnlyList):
    """Asks, the newest first. One begins in the lists of accounts and tokens, at a channel app, and on the start page."""

    list_display = ["title_cell", "what", "state_cell", "done_cell", "by_cell", "created_at", "ends_cell"]
    list_filter = ["what", OpenFilter]
    search_fields = ["name", "email"]
    ordering = ["-id"]
    list_title = gettext_lazy("Requests")
    nouns = npgettext_lazy("of so many", "%(shown)s request", "%(shown)s requests", "number")
    searched = gettext_lazy("Name")
    list_per_page = 20
    change_list_template = "portal/asks/list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ask]:
        """Return those that the viewer sees."""
        return Ask.objects.visible_to(person(request)).select_related("made_by", "api_key")

    def prepare_page(self, request: HttpRequest, rows: Any) -> None:  # one interface
        """Count the log-ins of a page's asks that the viewer sees."""
        seen = AskLine.objects.visible_to(person(request)).filter(ask__in=[row.pk for row in rows]).order_by()
        counts: dict[int, dict[str, int]] = {row.pk: {} for row in rows}
        for ask, stage, number in seen.values_list("ask", "stage").annotate(number=Count("pk")):
            counts[ask][stage] = number
        names = names_for(request.user)
        for row in rows:
            row.number_done, row.total = row.count_done(counts[row.pk])
            row.by = _by(row, names)

    @display(description=gettext_lazy("Name"))
    def title_cell(self, row: Ask) -> str:
        """Return what it is called."""
        return str(row)

    @display(description=gettext_lazy("State"))
    def state_cell(self, row: Ask) -> SafeString:
        """Return the pill."""
        return tags.pill("ask", "over" if row.ended_at else "running")

    @display(description=gettext_lazy("Done"))
    def done_cell(self, row: Any) -> SafeString:
        """Return how much of it is done, as words and a bar."""
        return part("ask_done", done=row.number_done, total=row.total)

    @display(description=gettext_lazy("Begun by"))
    def by_cell(self, row: Any) -> str:
        """Return who began it."""
        return str(row.by)

    @display(description=gettext_lazy("Last day"))
    def ends_cell(self, row: Ask) -> SafeString:
        """Return its last day, or when it ended."""
        return tags.when(row.ended_at or row.last_day, "day")

    def get_urls(self) -> list[URLPattern]:
        """Return the list, the board, and the page that asks before it is stopped."""
        wrap = self.admin_site.admin_view
        kept = [url for url in super().get_urls() if url.name == "accounts_ask_changelist"]
        return [
            path("<int:ask_id>/change/", wrap(require_GET(self.board)), name="accounts_ask_change"),
            path("<int:ask_id>/stop/", wrap(self.stop), name="accounts_ask_stop"),
            *kept,
        ]

    def board(self, request: HttpRequest, ask_id: int) -> HttpResponse:
        """Show how far each log-in is that the viewer sees: counts, a filter by stage, what stops first. 404 and 403 as everywhere.

        A client link has a page of its own, for whoever sees that.
        """
        ask = self._ask(request, ask_id)
        if Ask.objects.links_visible_to(person(request)).filter(pk=ask.pk).exists():
            return HttpResponseRedirect(reverse("client_link_of", args=[ask.pk]))
        lines = AskLine.objects.visible_to(person(request)).filter(ask=ask)
        counts = dict(lines.order_by().values_list("stage").annotate(number=Count("pk")))
        chosen = request.GET.get("stage", "")
        chosen = chosen if chosen in Stage.values else ""
        some = (lines.filter(stage=chosen) if chosen else lines).by_what_stops_first()
        some = some.select_related("account__team")
        page = Paginator(some, ON_A_PAGE).get_page(request.GET.get("p"))
        (done, total), now = ask.count_done(counts), timezone.now()
        context = {
            **access.frame_of(ask)(request),
            "title": str(ask),
            "ask": ask,
            "by": _by(ask, names_for(request.user)),
            "done": done,
            "total": total,
            "tabs": _tabs(ask, counts, chosen),
            "lines": board_rows(page.object_list, viewer=person(request), now=now),
            "page": page,
            "now": now,
            "on_hold": ask.ended_at is None and hold.current() is not None,
            "stop_url": ask_url("stop", ask) if _may_stop(request, ask) and ask.ended_at is None else "",
        }
        return TemplateResponse(request, "portal/asks/board.html", context)

    def stop(self, request: HttpRequest, ask_id: int) -> HttpResponse:
        """Ask (GET), then stop it (POST). 403 for whoever did not begin it and does not see all teams."""
        ask = self._ask(request, ask_id)
        if not _may_stop(request, ask):
            raise PermissionDenied
        page = Page(
            "portal/confirm/stop_ask.html",
            ask_url("change", ask),
            {"ask": ask, "open": ask.lines.waited_for().count()},
            late=ask.ended_at is not None,
            ask_why=False,
        )

        def do(_said: Said) -> None:
            if not services.stop_ask(ask=ask, now=timezone.now()):
                raise Late
            access.log_change(request, ask, "ask_stopped")

        return confirm.answer(request, page, do, frame=access.frame_of(ask))

    def _ask(self, request: HttpRequest, pk: int) -> Ask:
        """Return an ask that the viewer sees. Raises Http404, and PermissionDenied without the permission."""
        access.require(request, permissions.VIEW_ASK)
        found = self.get_queryset(request).filter(pk=pk).first()
        if found is None:
            raise Http404(gettext("There is no such request."))
        return found


def ask_url(page: str, ask: Ask) -> str:
    """Return the address of a page of an ask: change (its board), stop."""
    return reverse(f"admin:accounts_ask_{page}", args=[ask.pk])


def _by(ask: Ask, names: NameVisibility) -> str:
    by = names.user(ask.made_by) or ask.email or gettext("somebody who was deleted")
    return f"{by} ({kept.said(by_key(ask.api_key.name))})" if ask.api_key else by


def _may_stop(request: HttpRequest, ask: Ask) -> bool:
    user = person(request)
    return (
        ask.what == Ask.What.RENEW
        and user.has_perm(permissions.ASK)
        and (ask.made_by_id == user.pk or user.sees_all_teams)
    )


def _tabs(ask: Ask, counts: Mapping[str, int], chosen: str) -> list[dict[str, Any]]:
    """Return the stages with their counts, each a filter; those that nobody is in only where they tell that."""
    always = {Stage.SENT, Stage.OPENED, Stage.AT_CHANNEL, Stage.DONE, Stage.FAILED}
    shown = [one for one in Stage if counts.get(one) or one in always or chosen == one.value]
    stages = [(one.value, one.label, counts.get(one, 0)) for one in shown]
    return tabs(stages, chosen, name="stage", page=ask_url("change", ask))


# --- the lines of a board -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One log-in, or one account to link, on the board."""

    line: AskLine
    channel: str  # key
    name: str
    about: str  # channel, and the name there
    accounts: str  # the first and how many more
    url: str  # of the first account's pool; "" where the viewer sees none
    why: str = ""
    stopped: bool = False
    deadline: DeadlineFacts | None = None  # of a log-in
    reminders: int = 0
    next_at: datetime | None = None  # the next reminder, where one is coming

    @property
    def at(self) -> datetime | None:
        """When it came so far; nothing is said of when it was sent, which has a column."""
        return self.line.done_at or self.line.at_channel_at or self.line.opened_at


def board_rows(lines: Iterable[AskLine], *, viewer: User, now: datetime) -> list[Row]:
    """Return the lines of a page. Five queries."""
    some = list(lines)
    ids = [line.token_id for line in some if line.token_id]
    tokens = Token.objects.select_related("app", "consented_by").defer("credentials").in_bulk(ids)
    entries = AccountToken.objects.visible_to(viewer).filter(token__in=ids)
    numbers = dict(entries.order_by().values_list("token").annotate(number=Count("pk")))
    accounts = queries.first_accounts(entries)
    names = names_for(viewer)
    return [
        _row(line, tokens[pk], accounts.get(pk), numbers.get(pk, 0), names, now)
        if pk and not line.account_id
        else _link_row(line)
        for line, pk in ((line, line.token_id) for line in some)
    ]


def _link_row(line: AskLine) -> Row:
    """Return the line of an account that somebody is asked to link, or to back up."""
    account = line.account
    channel = account.channel if account else line.channel
    native_id = account.native_id if account else line.native_id
    return Row(
        line=line,
        channel=channel,
        name=account.name if account else line.called,
        about=f"{declarations.label(channel)} · {native_id}",
        accounts=account.team.name if account else "",
        url=reverse("admin:accounts_account_change", args=[account.pk]) if account else "",
    )


def _row(
    line: AskLine,
    token: Token,
    first: Account | None,
    number: int,
    names: NameVisibility,
    now: datetime,
) -> Row:
    channel, stopped = declarations.label(token.app.channel), token.state == Token.State.DEAD
    known = names.sees_token(token, first)
    url = reverse("admin:accounts_account_change", args=[first.pk]) + f"#token-{token.pk}" if first else ""
    comes = line.mails and (line.stage in AskLine.OPEN or line.trouble or line.why == progress.MAIL_FAILED)
    return Row(
        line=line,
        channel=token.app.channel,
        name=names.token(token, first),
        about=f"{channel}: {token.native_user_name}" if known else str(channel),
        accounts=called([first.name], number) if first else "",
        url=url,
        why=rules.why_said(line),
        stopped=stopped,
        deadline=pool_queries.deadline_facts(token, usable=not stopped, now=now),
        reminders=max(0, line.mails - 1),
        next_at=line.next_at if comes else None,
    )
