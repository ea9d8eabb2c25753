"""Retention in the admin portal: how long each kind of history is kept."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext, npgettext_lazy

from portal.lists import OwnList
from ui.counts import number
from ui.side_by_side import SideBySide
from ui.templatetags import ui as tags
from users import retention
from users.models import RetentionPeriod
from users.retention_kinds import KINDS, MOST


class PeriodForm(SideBySide, ModelForm[RetentionPeriod]):
    """The days of one kind."""

    class Meta:
        model = RetentionPeriod
        fields = ("days",)


@admin.register(RetentionPeriod)
class RetentionAdmin(OwnList):
    """One row a kind; the days alone are changed."""

    form = PeriodForm
    list_display = ["name", "what", "kept", "last_night"]
    fields = ["name", "what", "bounds", "days", "last_night"]
    readonly_fields = ["name", "what", "bounds", "last_night"]
    actions = None
    list_title = gettext_lazy("Retention")
    nouns = npgettext_lazy("of so many", "%(shown)s kind of history", "%(shown)s kinds of history", "number")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave out what a later version wrote."""
        return super().get_queryset(request).filter(kind__in=KINDS)

    @admin.display(description=gettext_lazy("Kept"), ordering="kind")
    def name(self, row: RetentionPeriod) -> str:
        """Return the kind in words."""
        return str(row)

    @admin.display(description=gettext_lazy("What it is"))
    def what(self, row: RetentionPeriod) -> str:
        """Return what the kind holds."""
        return str(KINDS[row.kind].what)

    @admin.display(description=gettext_lazy("For"))
    def kept(self, row: RetentionPeriod) -> str:
        """Return the days, and whether somebody chose them."""
        days, usual = retention.days(row.kind), retention.usual(row.kind)
        kept = (ngettext("%(days)s day", "%(days)s days", days) % {"days": days}).replace(" ", "\u00a0")
        if row.days is None:
            return kept
        return gettext("%(kept)s (usual: %(usual)s)") % {"kept": kept, "usual": usual}

    @admin.display(description=gettext_lazy("Bounds"))
    def bounds(self, row: RetentionPeriod) -> str:
        """Return which numbers may be chosen."""
        least = KINDS[row.kind].least
        return gettext("Usually %(usual)s days; at least %(least)s, at most %(most)s.") % {
            "usual": retention.usual(row.kind),
            "least": least,
            "most": MOST,
        }

    @admin.display(description=gettext_lazy("Last night"))
    def last_night(self, row: RetentionPeriod) -> SafeString | str:
        """Return when the pruning last got to the end, and what it removed."""
        if row.kind in {"hand_outs", "log_ins"}:
            return gettext("Old records are removed every hour.")
        if row.done_at is None:
            return gettext("Not yet")
        removed = ngettext("%(shown)s row", "%(shown)s rows", row.removed) % {"shown": number(row.removed)}
        return format_html("{}: {}", tags.when(row.done_at), removed)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: the kinds are code."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: the kinds are code."""
        return False
