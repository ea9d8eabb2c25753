"""Chips of the lists, and ready-made views of Social Accounts. Each is a filter of the address, so that a copied link shows the same."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts import backups, health_sql, leaving
from accounts.health import Health
from accounts.models import Account
from macros import coverage, reach, scope
from macros.models import Macro
from tokens.channels import declarations
from ui import pills
from ui.calendar_days import end_of_window
from ui.text import join_names
from users import visibility
from users.models import Membership, User, person

ONLY = "only."  # begins an address that names several macros
Lookups = list[tuple[str, str]]


def is_id(value: str) -> bool:
    """Return whether a text of an address may be the id of a row."""
    return value.isascii() and value.isdigit() and len(value) < 19


class ViewFilter(SimpleListFilter):
    """The tabs above the list. They are no chips."""

    as_tabs = True
    title = gettext_lazy("view")
    parameter_name = "view"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the tabs beside "All"."""
        return [
            ("needs", gettext("Needs a person")),
            ("team", gettext("My team")),
            ("alone", gettext("No backup")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep what the tab shows."""
        if self.value() == "needs":
            return queryset.filter(
                health_sql.needs_a_person(now=timezone.now(), zone=timezone.get_current_timezone())
            )
        if self.value() == "team":
            return queryset.filter(team__in=Membership.objects.filter(user=request.user.pk).values("team"))
        return health_sql.only_one_person(queryset) if self.value() == "alone" else queryset


class ChannelFilter(SimpleListFilter):
    """One or several channels, as "facebook,linkedin"."""

    title = gettext_lazy("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the channels."""
        return declarations.choices()

    def picked(self) -> list[str]:
        """Return the channels that are chosen, in their usual order."""
        asked = (self.value() or "").split(",")
        return [key for key in declarations.channel_keys() if key in asked]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep accounts of the chosen channels."""
        return queryset.filter(channel__in=self.picked()) if self.picked() else queryset

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Offer "All", and each channel as a link that adds or removes it."""
        picked = self.picked()
        yield {
            "selected": not picked,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": gettext("All"),
        }
        for key, label in self.lookup_choices:
            then = [one for one in declarations.channel_keys() if (one in picked) != (one == key)]
            query = (
                changelist.get_query_string({self.parameter_name: ",".join(then)})
                if then
                else changelist.get_query_string(remove=[self.parameter_name])
            )
            yield {"selected": key in picked, "query_string": query, "display": label}


class StateFilter(SimpleListFilter):
    """The pill."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the pills, worst first."""
        return [(key, pills.pill("account", key).label) for key in Health]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep accounts with this pill."""
        value = self.value()
        if not value:
            return queryset
        return health_sql.in_health(queryset, value, now=timezone.now(), zone=timezone.get_current_timezone())


class DaysFilter(SimpleListFilter):
    """How soon a known deadline comes."""

    title = gettext_lazy("days left")
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the windows."""
        return [(str(days), gettext("%(days)s or fewer") % {"days": days}) for days in (1, 7, 14, 30, 60, 90)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep accounts whose deadline is known and within the window; any whole number of days works in the address."""
        value = self.value()
        if value is None:
            return queryset
        if not value.isascii() or not value.isdigit() or len(value) > 4:
            return queryset.none()
        window = end_of_window(int(value), now=timezone.now(), zone=timezone.get_current_timezone())
        return queryset.filter(deadline__lt=window)


class NoBackupFilter(SimpleListFilter):
    """Accounts that one person carries, whatever their pill; beside a chosen person those that depend on this one alone."""

    on_off = True
    title = gettext_lazy("only one person left")
    parameter_name = "alone"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the one choice."""
        value = request.GET.get("person", "")
        self.person_id = int(value) if is_id(value) else 0
        return [("1", gettext("Only one person left"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep accounts with one person; of one who is chosen, just what the page of that person counts."""
        if self.value() != "1":
            return queryset
        if not self.person_id:
            return health_sql.only_one_person(queryset)
        return queryset.filter(pk__in=leaving.alone_with(self.person_id).values("pk"))


class BackupAtHandFilter(SimpleListFilter):
    """Accounts that one person carries, or nobody, and that a colleague's log-in reaches already."""

    on_off = True
    title = gettext_lazy("a backup is at hand")
    parameter_name = "backup"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.as_of: list[datetime] = []  # when the set was worked out that was asked

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the one choice."""
        return [("1", gettext("A backup is at hand"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep accounts to which somebody could be added at once."""
        return backups.at_hand(queryset, as_of=self.as_of) if self.value() == "1" else queryset


class UndatedFilter(SimpleListFilter):
    """Accounts whose deadline is not known, whatever their pill."""

    on_off = True
    title = gettext_lazy("date unknown")
    parameter_name = "undated"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the one choice."""
        return [("1", gettext("Date unknown"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep accounts without a known deadline."""
        unknown = Q(deadline_kind=Account.DeadlineKind.UNKNOWN)
        return queryset.filter(unknown) if self.value() == "1" else queryset


class TeamFilter(SimpleListFilter):
    """The team of accounts, people, invitations, macros or messages. Teams that the viewer does not see are neither named nor found by."""

    title = gettext_lazy("team")
    parameter_name = "team"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the teams that the viewer sees; nothing to choose from where there is one."""
        found = list(
            visibility.teams_seen_by(person(request)).order_by("name").values_list("pk", "name")[:200]
        )
        return [(str(pk), name) for pk, name in found] if len(found) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the team; none where the address names no team of the viewer's."""
        value = self.value()
        if value is None:
            return queryset
        if not (value.isascii() and value.isdigit() and len(value) < 19):
            return queryset.none()
        field = "memberships__team__in" if queryset.model is User else "team__in"
        return queryset.filter(**{field: visibility.teams_seen_by(person(request)).filter(pk=value)})


class MacroFilter(SimpleListFilter):
    """Accounts that no macro watches, or that a certain one does."""

    title = gettext_lazy("macro")
    parameter_name = "macro"
    only: list[Macro]  # several that the address names: accounts that no other watches

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return "No macro" and the macros that the person sees."""
        seen = list(scope.visible_macros(request.user))
        self.only = [macro for macro in seen if str(macro.pk) in _named(self.used_parameters.get("macro"))]
        alone = gettext("No macro but %(macros)s") % {"macros": join_names([one.name for one in self.only])}
        return [
            ("none", gettext("No macro")),
            *([(str(self.used_parameters["macro"]), alone)] if self.only else []),
            *((str(macro.pk), macro.name) for macro in seen),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep what is asked for."""
        value = self.value()
        if value == "none":
            return coverage.watched_by_none(queryset)
        if value and value.startswith(ONLY):
            return queryset.filter(pk__in=coverage.unwatched_without(self.only).values("pk"))
        if value and value.isascii() and value.isdigit() and len(value) < 19:
            macro = Macro.objects.filter(pk=value).first()
            return coverage.watched_by(queryset, macro) if macro else queryset.none()
        return queryset


def _named(value: object) -> list[str]:
    """Return the ids of an address that asks for accounts which these macros alone watch: "only.12.15"."""
    text = str(value or "")
    return text.removeprefix(ONLY).split(".") if text.startswith(ONLY) else []


class ToldFilter(SimpleListFilter):
    """Accounts of which nobody would be told, or team leads and operators alone."""

    title = gettext_lazy("who is told")
    parameter_name = "told"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two choices."""
        return [
            ("nobody", gettext("Nobody would be told")),
            ("stand_in", gettext("Only team leads or operators")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep what is asked for."""
        if self.value() == "nobody":
            return reach.without_anybody(queryset)
        return reach.only_stood_in_for(queryset) if self.value() == "stand_in" else queryset
