"""Social Accounts in the staff portal: the list, its filters and bulk actions, and the way to the pages of one account."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy
from django_stubs_ext import StrPromise

from accounts.account_pages import export as export_rows
from accounts.account_pages import filters
from accounts.account_pages import rows as account_rows
from accounts.account_pages import tabs as account_pages
from accounts.account_pages import views as account_actions
from accounts.asks import views as asking
from accounts.backups import admin as backups
from accounts.imports import views as importing
from accounts.jobs import my_jobs
from accounts.jobs import views as jobs
from accounts.models import Account, AccountQuerySet
from accounts.pool import health, permissions
from accounts.pool.queries import search_accounts
from macros.mutes import views as mute_lines
from macros.rules import views as macros_on_accounts
from portal import bulk
from portal.lists import ReadOnlyList, part
from portal.rows import RowLink
from tokens.templatetags import channels as channel_tags
from ui.templatetags import ui as tags
from ui.text import number
from users.models import person
from users.people.queries import names_for

MOST = 10_000  # accounts in one file: a web process writes them in about five seconds, 300 in a fifth of one


def answer(request: HttpRequest, accounts: AccountQuerySet) -> HttpResponse:
    """Answer with a workbook of the accounts in this order; of more than MOST, with the list, which says so."""
    now = timezone.now()
    if accounts[: MOST + 1].count() > MOST:
        text = gettext("More than %(most)s accounts match: filter the list, and export it in parts.")
        messages.error(request, text % {"most": number(MOST)})
        return HttpResponseRedirect(request.get_full_path())
    rows = export_rows.export_rows(accounts, names_for(request.user), now)
    response = HttpResponse(export_rows.write_workbook(rows), content_type=export_rows.TYPE)
    name = f"social-accounts-{timezone.localdate(now):%Y-%m-%d}.xlsx"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@dataclass(frozen=True)
class ListAction:
    """One action of the bar below the list, called as the page is that it leads to."""

    name: str
    label: StrPromise
    icon: str
    permission: str

    def lead(self, _list: object, request: HttpRequest, accounts: AccountQuerySet) -> HttpResponse:
        """Lead to the page that asks, or answer with the file."""
        if self.name == EXPORT:
            return answer(request, accounts)
        return bulk.lead_on(bulk.address(self.name), request, accounts)


EXPORT = "export"
ACTIONS = tuple(
    ListAction(*facts)
    for facts in (
        ("ask", gettext_lazy("Ask"), "mail", "tokens.ask_token"),
        ("backup", gettext_lazy("Back up"), "person", permissions.ADD_BACKUP),
        ("apply_macro", gettext_lazy("Apply macro"), "flag", "macros.apply_macro"),
        (EXPORT, gettext_lazy("Export"), "download", permissions.VIEW),
        ("check", gettext_lazy("Check now"), "refresh", "tokens.probe_token"),
        ("move", gettext_lazy("Move to team"), "group", permissions.MOVE),
        ("remove_macro", gettext_lazy("Remove macro"), "close", "macros.apply_macro"),
        ("pause", gettext_lazy("Pause"), "pause_circle", permissions.PAUSE),
        ("resume", gettext_lazy("Resume"), "bolt", permissions.RESUME),
    )
)


@admin.register(Account)
class AccountAdmin(ReadOnlyList):
    """Social Accounts: which will go dark, when, and who can fix it. An account opens on Authenticate Tokens.

    Accounts come by Add Account (the same flow as self-service) or by an import (`accounts.imports.views`); there is no plain form.
    """

    list_display = [
        "account_cell",
        "state_cell",
        "usable_cell",
        "person_cell",
        "deadline_cell",
    ]
    list_filter = [
        filters.ViewFilter,
        filters.ChannelFilter,
        filters.StateFilter,
        filters.DaysFilter,
        filters.PersonFilter,
        filters.TeamFilter,
        filters.NoBackupFilter,
        filters.UndatedFilter,
        filters.BackupAtHandFilter,
        filters.ReasonFilter,
        filters.MacroFilter,
        filters.AccessLostFilter,
    ]
    list_display_links = None  # the name leads there itself
    search_fields = ["name"]  # what is searched is in get_search_results
    change_list_template = "admin/accounts/account/change_list.html"
    list_title = gettext_lazy("Social Accounts")
    nouns = npgettext_lazy("of so many", "%(shown)s account", "%(shown)s accounts", "number")
    searched = gettext_lazy("Name, ID, person or e-mail")
    ordered = gettext_lazy("Sorted by deadline, earliest first")
    none_match = gettext_lazy("No account matches these filters.")
    on_cards = frozenset({"usable_cell", "deadline_cell"})
    seldom = frozenset({"backup", "reason", "macro", "lost"})
    first_actions = 4
    table_class = "at-rows"
    action_icons: ClassVar = {one.name: one.icon for one in ACTIONS}

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns: with the team for whoever sees several."""
        columns = list(self.list_display)
        if self._sees_several_teams(request):
            columns.append("team_cell")
        return columns

    def _sees_several_teams(self, request: HttpRequest) -> bool:
        known: bool | None = getattr(request, "sees_several_teams", None)
        if known is None:
            known = person(request).teams_seen[:2].count() > 1
            request.sees_several_teams = known  # type: ignore[attr-defined]  # read once a request
        return known

    # --- the list -------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Return the accounts that this person sees, with their pools."""
        return Account.objects.visible_to(request.user).with_pools().select_related("paused_by")

    def get_ordering(self, request: HttpRequest) -> Any:
        """Order by deadline, what is deactivated first."""
        return health.by_deadline()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Account], search_term: str
    ) -> tuple[QuerySet[Account], bool]:
        """Find by name, native id, person or e-mail."""
        return search_accounts(queryset, search_term, names_for(request.user)), False

    def everything(self, request: HttpRequest) -> QuerySet[Account]:
        """Return what the viewer sees, without pools."""
        return Account.objects.visible_to(request.user)

    def row_links(self, request: HttpRequest) -> Callable[[Any], Sequence[RowLink]]:
        """Return the actions on one account, as far as the person may."""
        allowed = self.get_actions(request)
        offered = [one for one in ACTIONS if one.name in {"ask", "check"} and one.name in allowed]
        kept = request.GET.copy()

        def links(account: Any) -> list[RowLink]:
            kept["ids"] = str(account.pk)
            made = [
                RowLink(str(one.label), one.icon, f"{bulk.address(one.name)}?{kept.urlencode()}")
                for one in offered
            ]
            page = reverse("admin:accounts_account_change", args=[account.pk])
            return [*made, RowLink(gettext("Open Authenticate Tokens"), "key", page)]

        return links

    def list_facts(self, request: HttpRequest) -> dict[str, Any]:
        """Return where accounts are imported, and the viewer's jobs."""
        may_import = request.user.has_perm(permissions.IMPORT)
        import_url = reverse("admin:accounts_account_import") if may_import else ""
        return {"import_url": import_url, "jobs_url": my_jobs.my_jobs_url(person(request))}

    def prepare_page(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Read who is on which of all rows."""
        said = mute_lines.on_it_notes(rows, names_for(request.user))
        for account in rows:
            account.on_it = said.get(account.pk, "")

    def preparing(self, request: HttpRequest) -> Callable[[Any], None]:
        """Return what gives an account its row: what is seen of it now, by this viewer."""
        now, names = timezone.now(), names_for(request.user)

        def prepare(account: Any) -> None:
            account.row = account_rows.listed_account(account, names=names, now=now)
            account.now = now

        return prepare

    @display(description=gettext_lazy("Account"), ordering="name")
    def account_cell(self, account: Any) -> SafeString:
        """Return mark, name and native id; the name leads to Authenticate Tokens."""
        link = reverse("admin:accounts_account_change", args=[account.pk])
        return format_html(
            '<span class="at-with-mark">{0}<span><a class="at-name" href="{1}" title="{2}">{2}</a>'
            '<span class="at-second at-cut" title="{4}">'
            '<span class="at-hidden">{3} </span>{4}</span></span></span>',
            channel_tags.mark(account.channel), link, account.name, account.get_channel_display(), account.native_id,
        )  # fmt: skip

    @display(description=gettext_lazy("State"))
    def state_cell(self, account: Any) -> SafeString:
        """Return the pill and why."""
        return format_html(
            '{0}<span class="at-second" title="{1}">{1}</span>',
            tags.pill("account", account.row.summary.health),
            " · ".join(filter(None, [account.row.why, account.on_it])),
        )

    @display(description=gettext_lazy("Usable"), ordering="usable_count")
    def usable_cell(self, account: Any) -> SafeString:
        """Return "2 of 4"; on cards the active person is shown beside it."""
        return part("usable", row=account.row)

    @display(description=gettext_lazy("Active person"))
    def person_cell(self, account: Any) -> SafeString:
        """Return who carries the account now; of one that is dark who can fix it."""
        if not account.row.person:
            if not account.row.fixer:
                return SafeString("—")
            return format_html(
                '<span class="at-second">{1}</span><span class="at-clamp" title="{0}">{0}</span>',
                account.row.fixer,
                gettext("can fix it"),
            )
        return format_html('<span class="at-clamp" title="{0}">{0}</span>', account.row.person)

    @display(description=gettext_lazy("Deadline"), ordering=health.DEADLINE)
    def deadline_cell(self, account: Any) -> SafeString:
        """Return days left, bar and date."""
        return part("deadline", row=account.row, account=account)

    @display(description=gettext_lazy("Team"), ordering="team__name")
    def team_cell(self, account: Account) -> SafeString:
        """Return the team."""
        return format_html('<span class="at-clamp" title="{0}">{0}</span>', account.team)

    # --- actions: they only lead to a page that shows what will happen -----------------------------------------------

    def get_actions(self, request: HttpRequest, *args: Any) -> dict[str, Any]:
        """Return what the person may do with chosen accounts."""
        return {
            one.name: (one.lead, one.name, one.label)
            for one in ACTIONS
            if request.user.has_perm(one.permission)
        }

    def chosen(self, request: HttpRequest) -> bulk.Chosen:
        """Return the accounts that the address of a bulk page names."""
        if "across" not in request.GET:
            ids = jobs.chosen_ids(request) if "job" in request.GET else bulk.wanted(request)
            named = self.get_queryset(request).filter(pk__in=ids)
            return bulk.read(named.order_by("name", "pk"))
        listed, shown = self.filtered(request, bulk.filters_of(request)), bulk.shown(request)
        return bulk.read(listed if shown is None else listed.filter(pk__in=shown), across=True)

    # --- one account ------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Return the list, the tabs of an account, its actions and the bulk pages. There is no form, and no deletion."""
        plain = {f"accounts_account_{name}" for name in ("add", "change", "delete", "history")}
        kept = [url for url in super().get_urls() if url.name not in plain and url.name is not None]
        return [
            path("add/", self.admin_site.admin_view(self.add_account), name="accounts_account_add"),
            *bulk.urls(
                self.chosen, (*bulk.BULKS, *backups.BULKS, *macros_on_accounts.BULKS, *account_actions.BULKS)
            ),
            *jobs.urls(),
            *my_jobs.urls(),
            *asking.urls(self.chosen),
            *account_actions.urls(),
            *account_pages.urls(),
            *importing.urls(),
            *kept,
        ]

    def add_account(self, request: HttpRequest) -> HttpResponse:
        """Lead to Add Account, the same flow as self-service."""
        return HttpResponseRedirect(reverse("add_account"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may add accounts."""
        return request.user.has_perm("accounts.link_account")
