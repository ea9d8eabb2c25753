"""Social Accounts in the staff portal: the list, its filters and bulk actions, and the way to the pages of one account."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from accounts import health_sql, permissions, summary
from accounts.models import Account, AccountExport
from accounts.search import search
from portal import (
    account_actions,
    account_pages,
    account_rows,
    as_read,
    backups,
    bulk,
    bulk_deeds,
    campaign_origins,
    export,
    filters,
    importing,
    inviting,
    lately_events,
    macros_on_accounts,
    moving,
    my_jobs,
    people_filters,
    quiet_lines,
    snoozes,
    start_filters,
)
from portal.lists import ReadOnlyList
from tokens.templatetags import channels as channel_tags
from ui.fragments import part
from ui.lists import RowLink
from ui.templatetags import ui as tags
from users.models import person
from users.visibility import names_for, teams_seen_by


@admin.register(Account)
class AccountAdmin(ReadOnlyList):
    """Social Accounts: which will go dark, when, and who can fix it. An account opens on Authenticate Tokens.

    Accounts come by Add Account (the same flow as self-service) or by an import (`portal.importing`); there is no plain form.
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
        people_filters.PersonFilter,
        people_filters.ReasonFilter,
        filters.NoBackupFilter,
        filters.BackupAtHandFilter,
        filters.UndatedFilter,
        filters.TeamFilter,
        filters.MacroFilter,
        filters.ToldFilter,
        start_filters.AccessLostFilter,
        start_filters.PeopleLeftFilter,
        start_filters.WeekFilter,
        start_filters.EndFilter,
        start_filters.LatelyFilter,
    ]
    list_display_links = None  # the name leads there itself
    search_fields = ["name"]  # what is searched is in get_search_results
    actions = [
        "apply_macro",
        "check_now",
        "ask_to_reauthenticate",
        "move_to_team",
        "begin_campaign",
        "remove_macro",
        "add_backups",
        "invite_backup",
        "pause",
        "resume",
        "export_csv",
        "export_xlsx",
    ]
    change_list_template = "admin/accounts/account/change_list.html"
    list_title = gettext_lazy("Social Accounts")
    nouns = npgettext_lazy("of so many", "%(shown)s account", "%(shown)s accounts", "number")
    searched = gettext_lazy("Name, ID, person or e-mail")
    ordered = gettext_lazy("Sorted by deadline, earliest first")
    none_match = gettext_lazy("No account matches these filters.")
    on_cards = frozenset({"usable_cell", "deadline_cell"})
    seldom = frozenset({"backup", "told", "lost"})
    first_actions = 4
    table_class = "at-rows"
    action_icons: ClassVar = {
        "apply_macro": "flag",
        "check_now": "refresh",
        "ask_to_reauthenticate": "mail",
        "begin_campaign": "refresh",
        "add_backups": "person",
        "invite_backup": "mail",
        "move_to_team": "group",
        "pause": "pause_circle",
        "resume": "bolt",
        "export_csv": "download",
        "export_xlsx": "download",
    }

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """Return the columns: with the team for whoever sees several."""
        columns = list(self.list_display)
        if self._sees_several_teams(request):
            columns.append("team_cell")
        return columns

    def _sees_several_teams(self, request: HttpRequest) -> bool:
        known: bool | None = getattr(request, "sees_several_teams", None)
        if known is None:
            known = teams_seen_by(person(request))[:2].count() > 1
            request.sees_several_teams = known  # type: ignore[attr-defined]  # read once a request
        return known

    # --- the list -------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Return the accounts that this person sees, with their pools."""
        return summary.with_pools(Account.objects.visible_to(request.user)).select_related("paused_by")

    def get_ordering(self, request: HttpRequest) -> Any:
        """Order by deadline, what is deactivated first."""
        return health_sql.by_deadline()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Account], search_term: str
    ) -> tuple[QuerySet[Account], bool]:
        """Find by name, native id, person or e-mail."""
        return search(queryset, search_term, names_for(request.user)), False

    def everything(self, request: HttpRequest) -> QuerySet[Account]:
        """Return what the viewer sees, without pools."""
        return Account.objects.visible_to(request.user)

    def row_links(self, request: HttpRequest) -> Callable[[Any], Sequence[RowLink]]:
        """Return the deeds of one account, as far as the person may."""
        deeds = [("ask", gettext("Ask to re-authenticate"), "mail", self.has_ask_permission(request))]
        deeds += [("check", gettext("Check now"), "refresh", self.has_probe_permission(request))]
        kept = request.GET.copy()

        def links(account: Any) -> list[RowLink]:
            kept["ids"] = str(account.pk)
            made = [
                RowLink(label, icon, f"{reverse(f'admin:accounts_account_bulk_{slug}')}?{kept.urlencode()}")
                for slug, label, icon, may in deeds
                if may
            ]
            page = reverse("admin:accounts_account_change", args=[account.pk])
            return [*made, RowLink(gettext("Open Authenticate Tokens"), "key", page)]

        return links

    def list_facts(self, request: HttpRequest) -> dict[str, Any]:
        """Return the files of all that match."""
        may_import = request.user.has_perm(permissions.IMPORT)
        import_url = reverse("admin:accounts_account_import") if may_import else ""
        exports = (("export_csv", "CSV"), ("export_xlsx", "XLSX"))
        jobs_url = my_jobs.address_for(person(request))
        return {"exports": exports, "import_url": import_url, "jobs_url": jobs_url}

    def prepare_page(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Read of all rows whose warnings are snoozed, and who is on which."""
        said = quiet_lines.notes(rows, names_for(request.user))
        for account in rows:
            account.quiet = said.get(account.pk, "")

    def preparing(self, request: HttpRequest) -> Callable[[Any], None]:
        """Return what gives an account its row: what is seen of it now, by this viewer."""
        now, names = timezone.now(), names_for(request.user)

        def prepare(account: Any) -> None:
            account.row = account_rows.row_of(account, names=names, now=now)
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
            " · ".join(filter(None, [account.row.why, account.quiet])),
        )

    @display(description=gettext_lazy("Usable"), ordering="usable_count")
    def usable_cell(self, account: Any) -> SafeString:
        """Return "2 of 4" beside one block per token; on cards the active person is shown beside it."""
        return part("usable", row=account.row)

    @display(description=gettext_lazy("Active person"))
    def person_cell(self, account: Any) -> SafeString:
        """Return who carries the account now; of one that is dark who can fix it."""
        if not account.row.person:
            if not account.row.fixer:
                return SafeString("—")
            return format_html(
                '<span class="at-second">{1}</span><span class="at-cut" title="{0}">{0}</span>',
                account.row.fixer,
                gettext("can fix it"),
            )
        return format_html('<span class="at-cut" title="{0}">{0}</span>', account.row.person)

    @display(description=gettext_lazy("Deadline"), ordering=health_sql.DEADLINE)
    def deadline_cell(self, account: Any) -> SafeString:
        """Return days left, bar and date."""
        return part("deadline", row=account.row, account=account)

    @display(description=gettext_lazy("Team"), ordering="team__name")
    def team_cell(self, account: Account) -> SafeString:
        """Return the team."""
        return format_html('<span class="at-cut" title="{0}">{0}</span>', account.team)

    # --- bulk actions: they only lead to a page that shows what will happen -------------------------------------------

    @admin.action(description=gettext_lazy("Apply macro"), permissions=["apply"])
    def apply_macro(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the page that asks which macro."""
        return bulk.lead_to("apply_macro", request, queryset)

    @admin.action(description=gettext_lazy("Remove macro"), permissions=["apply"])
    def remove_macro(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the page that asks which macro."""
        return bulk.lead_to("remove_macro", request, queryset)

    @admin.action(description=gettext_lazy("Check now"), permissions=["probe"])
    def check_now(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the confirm page."""
        return bulk.lead_to("check", request, queryset)

    @admin.action(description=gettext_lazy("Ask to re-authenticate"), permissions=["ask"])
    def ask_to_reauthenticate(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the confirm page."""
        return bulk.lead_to("ask", request, queryset)

    @admin.action(description=gettext_lazy("Begin a re-auth campaign"), permissions=["campaign"])
    def begin_campaign(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the page that asks."""
        return bulk.lead_to("campaign", request, queryset)

    @admin.action(description=gettext_lazy("Add backups"), permissions=["backup"])
    def add_backups(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the confirm page."""
        return bulk.lead_to("backup", request, queryset)

    @admin.action(description=gettext_lazy("Invite a backup"), permissions=["invite"])
    def invite_backup(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the page that asks whom."""
        return bulk.lead_to("invite", request, queryset)

    @admin.action(description=gettext_lazy("Move to team"), permissions=["move"])
    def move_to_team(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the page that asks which team."""
        return bulk.lead_to("team", request, queryset)

    @admin.action(description=gettext_lazy("Pause"), permissions=["pause"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the confirm page."""
        return bulk.lead_to("pause", request, queryset)

    @admin.action(description=gettext_lazy("Resume"), permissions=["resume"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the confirm page."""
        return bulk.lead_to("resume", request, queryset)

    @admin.action(description=gettext_lazy("Export CSV"), permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponseBase:
        """Answer with the chosen accounts as a CSV file, or lead to the page of one that a worker makes."""
        return export.answer(request, queryset)

    @admin.action(description=gettext_lazy("Export XLSX"), permissions=["view"])
    def export_xlsx(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponseBase:
        """Have a worker make a workbook of the chosen accounts, and lead to its page."""
        return export.begin(request, queryset, AccountExport.Format.XLSX)

    def chosen(self, request: HttpRequest) -> bulk.Chosen:
        """Return the accounts that the address of a bulk page names."""
        if "across" not in request.GET:
            named = self.get_queryset(request).filter(pk__in=bulk.wanted(request))
            return bulk.read(named.order_by("name", "pk"))
        listed, shown = self.filtered(request, bulk.filters_of(request)), as_read.ids(request, bulk.ACCOUNTS)
        return bulk.read(listed if shown is None else listed.filter(pk__in=shown), across=True)

    def has_apply_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may apply macros."""
        return request.user.has_perm("macros.apply_macro")

    def has_probe_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may check tokens."""
        return request.user.has_perm("tokens.probe_token")

    def has_ask_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may ask people to re-authenticate."""
        return request.user.has_perm("tokens.ask_token")

    def has_campaign_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may begin re-auth campaigns."""
        return request.user.has_perm(permissions.RUN_CAMPAIGN)

    def has_backup_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may add backups."""
        return request.user.has_perm(permissions.ADD_BACKUP)

    def has_invite_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may invite others."""
        return request.user.has_perm("users.invite_user")

    def has_move_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may move accounts to another team."""
        return request.user.has_perm(permissions.MOVE)

    def has_pause_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may pause accounts."""
        return request.user.has_perm(permissions.PAUSE)

    def has_resume_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may resume accounts."""
        return request.user.has_perm(permissions.RESUME)

    # --- one account ------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Return the list, the tabs of an account, its actions and the bulk pages. There is no form, and no deletion."""
        plain = {f"accounts_account_{name}" for name in ("add", "change", "delete", "history")}
        kept = [url for url in super().get_urls() if url.name not in plain and url.name is not None]
        return [
            path("add/", self.admin_site.admin_view(self.add_account), name="accounts_account_add"),
            *macros_on_accounts.urls(self.chosen),
            *bulk.urls(self.chosen),
            *bulk_deeds.urls(),
            *my_jobs.urls(),
            *lately_events.urls(),
            *campaign_origins.urls(self.chosen),
            *moving.urls(self.chosen),
            *inviting.urls(self.chosen),
            *backups.urls(self.chosen),
            *account_actions.urls(),
            *snoozes.urls(),
            *account_pages.urls(),
            *export.urls(),
            *importing.urls(),
            *kept,
        ]

    def add_account(self, request: HttpRequest) -> HttpResponse:
        """Lead to Add Account, the same flow as self-service; it comes back to the list."""
        back = reverse("admin:accounts_account_changelist")
        return HttpResponseRedirect(f"{reverse('add_account')}?{urlencode({'next': back})}")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may add accounts."""
        return request.user.has_perm("accounts.link_account")
