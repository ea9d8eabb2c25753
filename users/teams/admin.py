"""Teams in the admin portal."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from portal.rows import OwnInline
from users.models import Membership, Team, User, person
from users.people.forms import MembershipForm, TeamForm
from users.teams import views as team_deletion
from users.teams.views import AsksBeforeStops

if admin.site.is_registered(Group):
    admin.site.unregister(Group)  # what a role may do is code: `adtoken_project.setup.groups`


class MemberInline(OwnInline):
    """The people of a team, and who leads it."""

    model = Membership
    form = MembershipForm
    verbose_name, verbose_name_plural = gettext_lazy("Person"), gettext_lazy("People")
    fields = ["user", "role"]
    autocomplete_fields = ["user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Return the memberships with what their rows name."""
        return super().get_queryset(request).select_related("user", "team")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer, and take, only people whom the viewer sees; others come by invitation."""
        if db_field.name == "user":
            kwargs["queryset"] = User.objects.visible_to(person(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Team)
class TeamAdmin(AsksBeforeStops):
    """Teams and their people."""

    form = TeamForm
    list_display = ["name", "people", "leads", "members_only", "default_cell"]
    search_fields = ["name"]
    ordering = ["name"]  # the model's own is lost where people are counted
    actions = None
    inlines = [MemberInline]
    list_title = gettext_lazy("Teams")
    nouns = npgettext_lazy("of so many", "%(shown)s team", "%(shown)s teams", "number")
    searched = gettext_lazy("Name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """Return the teams that the viewer sees, with the number of their people."""
        own = person(request).teams_seen
        seen = super().get_queryset(request).filter(pk__in=own.values("pk"))
        leads = Prefetch(
            "memberships", Membership.objects.leads().select_related("user"), to_attr="lead_rows"
        )
        counted: QuerySet[Team] = seen.annotate(member_count=Count("memberships"))
        return counted.prefetch_related(leads)

    @admin.display(description=gettext_lazy("People"), ordering="member_count")
    def people(self, team: Team) -> int:
        """Return how many people are in the team."""
        return int(getattr(team, "member_count", 0))

    @admin.display(description=gettext_lazy("Team leads"))
    def leads(self, team: Team) -> str:
        """Return who is told where nobody else can be."""
        return ", ".join(sorted(str(row.user) for row in getattr(team, "lead_rows", []))) or gettext(
            "Nobody: operators are told"
        )

    @admin.display(description=gettext_lazy("Default"), boolean=True, ordering="is_default")
    def default_cell(self, team: Team) -> bool:
        """Return whether it takes what names no team."""
        return team.is_default

    def has_delete_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        """Return whether the team may be deleted: never the default one, which takes what names no team."""
        return bool(super().has_delete_permission(request, obj)) and not (obj and obj.is_default)

    def delete_page(self, request: HttpRequest, row: Team) -> HttpResponse:
        """Delete a team, after a page that says what becomes of what belongs to it."""
        return team_deletion.answer_deletion(self, request, row)
