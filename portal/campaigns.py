"""Re-auth campaigns in the staff portal: the list, the board of one, its result as a file, and stopping it."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy
from django.views.decorators.http import require_GET

from accounts import permissions
from accounts.campaigns import running
from accounts.campaigns.stages import OPEN
from accounts.models import Campaign, CampaignLogIn
from portal import access, campaign_rows
from portal.lists import ReadOnlyList
from ui import confirm
from ui.confirm import Late, Page, Said
from ui.fragments import part
from ui.templatetags import ui as tags
from users import hold
from users.models import person
from users.visibility import names_for

ON_A_PAGE = 50
Stage = CampaignLogIn.Stage


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyList):
    """Re-auth campaigns, the newest first. One begins in the lists of accounts and tokens, at a channel app, and on the start page."""

    list_display = ["name", "state_cell", "done_cell", "by_cell", "created_at", "ends_cell"]
    search_fields = ["name"]
    ordering = ["-id"]
    list_title = gettext_lazy("Re-auth campaigns")
    nouns = npgettext_lazy("of so many", "%(shown)s campaign", "%(shown)s campaigns", "number")
    searched = gettext_lazy("Name")
    list_per_page = 20
    change_list_template = "portal/campaigns/list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        """Return those that the viewer sees."""
        return running.visible_to(person(request)).select_related("made_by")

    def prepare_page(self, request: HttpRequest, rows: Any) -> None:  # one interface
        """Count the log-ins of a page's campaigns that the viewer sees."""
        seen = running.rows_seen_by(person(request)).filter(campaign__in=[row.pk for row in rows]).order_by()
        counts: dict[int, dict[str, int]] = {row.pk: {} for row in rows}
        for campaign, stage, number in seen.values_list("campaign", "stage").annotate(number=Count("pk")):
            counts[campaign][stage] = number
        names = names_for(request.user)
        for row in rows:
            row.total = sum(counts[row.pk].values())
            row.number_done = counts[row.pk].get(Stage.DONE, 0)
            row.by = names.user(row.made_by) or gettext("somebody who was deleted")

    @display(description=gettext_lazy("State"))
    def state_cell(self, row: Campaign) -> SafeString:
        """Return the pill."""
        return tags.pill("campaign", "over" if row.ended_at else "running")

    @display(description=gettext_lazy("Done"))
    def done_cell(self, row: Any) -> SafeString:
        """Return how many of its log-ins are renewed, as words and a bar."""
        return part("campaign_done", done=row.number_done, total=row.total)

    @display(description=gettext_lazy("Begun by"))
    def by_cell(self, row: Any) -> str:
        """Return who began it."""
        return str(row.by)

    @display(description=gettext_lazy("Last day"))
    def ends_cell(self, row: Campaign) -> SafeString:
        """Return its last day, or when it ended."""
        return tags.when(row.ended_at or campaign_rows.last_day(row), "day")

    def get_urls(self) -> list[URLPattern]:
        """Return the list, the board, the file and the page that asks before it is stopped."""
        wrap = self.admin_site.admin_view
        kept = [url for url in super().get_urls() if url.name == "accounts_campaign_changelist"]
        views: list[tuple[str, str, Callable[..., HttpResponse]]] = [
            ("change/", "change", require_GET(self.board)),
            ("result/", "result", require_GET(self.result)),
            ("stop/", "stop", self.stop),
        ]
        pages = [
            path(f"<int:campaign_id>/{tail}", wrap(view), name=f"accounts_campaign_{name}")
            for tail, name, view in views
        ]
        return [*pages, *kept]

    def board(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """Show how far each log-in is that the viewer sees: counts, a filter by stage, what stops first. 404 and 403 as everywhere."""
        campaign = self._campaign(request, campaign_id)
        rows = running.rows_seen_by(person(request)).filter(campaign=campaign)
        counts = dict(rows.order_by().values_list("stage").annotate(number=Count("pk")))
        chosen = request.GET.get("stage", "")
        chosen = chosen if chosen in Stage.values else ""
        some = running.by_what_stops_first(rows.filter(stage=chosen) if chosen else rows)
        page = Paginator(some, ON_A_PAGE).get_page(request.GET.get("p"))
        total, done, now = sum(counts.values()), counts.get(Stage.DONE, 0), timezone.now()
        context = {
            **access.frame_of(campaign)(request),
            "title": campaign.name,
            "campaign": campaign,
            "by": names_for(request.user).user(campaign.made_by) or gettext("somebody who was deleted"),
            "last_day": campaign_rows.last_day(campaign),
            "done": done,
            "total": total,
            "tabs": _tabs(campaign, counts, chosen),
            "lines": campaign_rows.lines(page.object_list, viewer=person(request), now=now),
            "page": page,
            "query": f"stage={chosen}&" if chosen else "",
            "now": now,
            "on_hold": campaign.ended_at is None and hold.current() is not None,
            "stop_url": address("stop", campaign) if _may_stop(request, campaign) else "",
            "result_url": address("result", campaign),
        }
        return TemplateResponse(request, "portal/campaigns/board.html", context)

    def result(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """Answer with the board as a CSV file: at most `running.MOST` lines, of log-ins that the viewer sees."""
        campaign = self._campaign(request, campaign_id)
        rows = running.by_what_stops_first(running.rows_seen_by(person(request)).filter(campaign=campaign))
        text = campaign_rows.file(rows, viewer=person(request))
        answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
        day = timezone.now().astimezone(UTC).date()
        answer["Content-Disposition"] = f"attachment; filename=campaign-{campaign.pk}-{day}.csv"
        return answer

    def stop(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        """Ask (GET), then stop it (POST). 403 for whoever did not begin it and does not see all teams."""
        campaign = self._campaign(request, campaign_id)
        if not request.user.has_perm(permissions.RUN_CAMPAIGN) or not _is_theirs(request, campaign):
            raise PermissionDenied
        open_rows = campaign.log_ins.filter(stage__in=[*OPEN, Stage.FAILED])
        page = Page(
            "portal/confirm/stop_campaign.html",
            address("change", campaign),
            {"campaign": campaign, "open": open_rows.count()},
            late=campaign.ended_at is not None,
            ask_why=False,
        )

        def do(_said: Said) -> None:
            if not running.stop(campaign=campaign, by=person(request), now=timezone.now()):
                raise Late
            access.log_change(request, campaign, "campaign_stopped")

        return confirm.answer(request, page, do, frame=access.frame_of(campaign))

    def _campaign(self, request: HttpRequest, pk: int) -> Campaign:
        """Return a campaign that the viewer sees. Raises Http404, and PermissionDenied without the permission."""
        access.require(request, permissions.VIEW_CAMPAIGN)
        found = self.get_queryset(request).select_related("made_by", "stopped_by").filter(pk=pk).first()
        if found is None:
            raise Http404(gettext("There is no such campaign."))
        return found


def address(page: str, campaign: Campaign) -> str:
    """Return the address of a page of a campaign: change (its board), result, stop."""
    return reverse(f"admin:accounts_campaign_{page}", args=[campaign.pk])


def _is_theirs(request: HttpRequest, campaign: Campaign) -> bool:
    user = person(request)
    return campaign.made_by_id == user.pk or user.sees_all_teams


def _may_stop(request: HttpRequest, campaign: Campaign) -> bool:
    may = request.user.has_perm(permissions.RUN_CAMPAIGN) and _is_theirs(request, campaign)
    return may and campaign.ended_at is None


def _tabs(campaign: Campaign, counts: dict[str, int], chosen: str) -> list[dict[str, Any]]:
    """Return the stages with their counts, each a filter; those that nobody is in only where they tell that."""
    board = address("change", campaign)
    tabs = [
        {
            "url": board,
            "label": gettext("All"),
            "number": intcomma(sum(counts.values())),
            "chosen": not chosen,
        }
    ]
    always = {Stage.SENT, Stage.OPENED, Stage.AT_CHANNEL, Stage.DONE, Stage.FAILED}
    tabs += [
        {
            "url": f"{board}?stage={one.value}",
            "label": one.label,
            "number": intcomma(counts.get(one, 0)),
            "chosen": chosen == one.value,
        }
        for one in Stage
        if counts.get(one) or one in always or chosen == one.value
    ]
    return tabs
