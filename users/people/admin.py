"""People in the admin portal. Nobody raises their own rights here: what gives rights is for superusers."""

from collections.abc import Sequence
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy, pgettext

from accounts.account_pages.filters import TeamFilter
from accounts.leaving import services
from accounts.leaving import views as leaving
from portal import access
from portal.filters import ChoiceFilter, Lookups
from portal.rows import Deed, OwnInline
from ui import confirm
from ui.confirm import Done, Page, Said
from ui.errors import Refusal
from ui.templatetags import ui as tags
from ui.text import number
from users.login import second_factor
from users.login import services as login_changes
from users.login.services import ChangeKind
from users.models import Membership, User, person
from users.people import views as person_page
from users.people.forms import MembershipForm, PersonForm, RoleForm
from users.people.models import GROUPS, SUPERUSER, Role
from users.people.services import role_choices, set_role
from users.sessions import admin as login_records
from users.teams.views import AsksBeforeStops

# allauth registers these. They show secrets, or let the login differ from the person's e-mail.
for _model in (SocialApp, SocialAccount, SocialToken, EmailAddress, Authenticator):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class RoleFilter(ChoiceFilter):
    """People of a role."""

    title = gettext_lazy("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        """Return the roles."""
        return [(key, str(label)) for key, label in role_choices()]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep the people of one role."""
        if value == SUPERUSER:
            return rows.filter(is_superuser=True)
        others = rows.filter(is_superuser=False, is_staff=value != Role.MARKETER)
        return others.filter(groups__name=GROUPS[Role(value)]) if value in GROUPS else others


class MembershipInline(OwnInline):
    """The teams of a person that the viewer manages, and where they lead: other teams are not shown, so they cannot be posted either."""

    model = Membership
    form = MembershipForm
    verbose_name, verbose_name_plural = gettext_lazy("Team"), gettext_lazy("Teams")
    fields = ["team", "role"]
    autocomplete_fields = ["team"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Return the memberships of teams that the viewer sees."""
        teams = person(request).teams_seen
        rows = super().get_queryset(request).select_related("user", "team")
        return rows.filter(team__in=teams.values("pk"))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer, and take, only teams that the viewer manages."""
        if db_field.name == "team":
            kwargs["queryset"] = person(request).teams_managed
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(User)
class UserAdmin(AsksBeforeStops):
    """People. They come by invitation and choose their passwords; only superusers touch staff, rights and second factors."""

    form = PersonForm
    inlines = [MembershipInline]
    list_display = ["name_cell", "email", "is_active", "role", "carries", "alone", "factor", "last_log_in"]
    list_filter = ["is_active", RoleFilter, TeamFilter]
    search_fields = ["email", "name"]
    ordering = ["email"]
    actions = None  # people are switched off or deleted one at a time, each after its own page
    deeds = [
        Deed("offboard", gettext_lazy("Offboard"), "logout"),
        Deed("end_sessions", gettext_lazy("Log out everywhere"), "close"),
        Deed("reset_second_factor", gettext_lazy("Reset second factor"), "shield"),
    ]
    list_title = gettext_lazy("People")
    nouns = npgettext_lazy("of so many", "%(shown)s person", "%(shown)s people", "number")
    searched = gettext_lazy("E-mail or name")

    @admin.display(description=gettext_lazy("Name"), ordering="name")
    def name_cell(self, user: User) -> str:
        """Return the name, else the address: it leads to the person's page."""
        return str(user)

    @admin.display(description=gettext_lazy("Role"), ordering="is_staff")
    def role(self, user: User) -> str:
        """Return the person's role; "–" for staff of no group."""
        if user.is_contact:
            return gettext("Contact, without a log-in here")
        return str(dict(role_choices()).get(user.chosen_role, "–"))

    @admin.display(description=gettext_lazy("Accounts"))
    def carries(self, user: Any) -> str:
        """Return how many accounts the person's log-ins carry, of those that the viewer sees."""
        return number(user.numbers[0])

    @admin.display(description=gettext_lazy("Alone"))
    def alone(self, user: Any) -> str:
        """Return how many of these depend on this person alone."""
        return number(user.numbers[1])

    @admin.display(description=gettext_lazy("Second factor"))
    def factor(self, user: User) -> str:
        """Return whether the person has enrolled one."""
        return gettext("Set up") if getattr(user, "enrolled", False) else pgettext("second factor", "None")

    @admin.display(description=gettext_lazy("Last log-in"), ordering="last_login")
    def last_log_in(self, user: User) -> SafeString | str:
        """Return when the person last logged in, in the viewer's zone."""
        return tags.when(user.last_login) if user.last_login else gettext("Never")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the people whom the viewer sees, each with whether a second factor is enrolled."""
        factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=second_factor.FACTORS)
        seen = (
            super().get_queryset(request).filter(pk__in=User.objects.visible_to(person(request)).values("pk"))
        )
        found: QuerySet[User] = seen.annotate(enrolled=Exists(factors))
        return found.prefetch_related("groups")

    def prepare_page(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Give each person of the page the numbers of their accounts."""
        person_page.count_accounts(rows, person(request))

    def head_facts(self, request: HttpRequest, row: User) -> dict[str, Any]:
        """Return what depends on the person, and where they are logged in.

        Browsers and addresses are shown to whoever may see those of colleagues, and everybody's own to themselves.
        """
        viewer = person(request)
        log_ins = viewer == row or viewer.has_perm("users.view_loginrecord")
        return {
            "role": self.role(row),
            "carries": person_page.carries_section(row, viewer),
            "sessions": person_page.person_card(row, request) if person_page.may_see(viewer, row) else "",
            "log_ins": login_records.latest(row) if log_ins else "",
        }

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> list[Any]:
        """Return the fields of the form: the role for those alone who may give it, as what is not in the form cannot be posted. Auditors
        look at it.
        """
        if obj is None:
            return []
        shown = ["email", "name", "language", "time_zone", "is_active"]
        looks_at = person(request).sees_all_teams and not self.has_change_permission(request, obj)
        return [*shown, "role"] if not obj.is_contact and (self._gives_role(request) or looks_at) else shown

    def _gives_role(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def get_form(self, request: HttpRequest, obj: User | None = None, *args: Any, **kwargs: Any) -> Any:
        """Return the form, with the role for those alone who may give rights."""
        if obj is not None and self._gives_role(request) and "role" in self.get_fields(request, obj):
            kwargs["form"] = RoleForm
        return super().get_form(request, obj, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: people are invited, and nobody else knows their password."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return whether the address may filter by this: not by the password's hash, which would be guessed letter by letter."""
        return not lookup.startswith("password") and bool(super().lookup_allowed(lookup, value, request))

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return whether the person may be changed: a changed e-mail takes a log-in over, and whatever it opens.

        So staff and superusers are changed by superusers only, and people of foreign teams by administrators only.
        """
        if obj is not None and (obj.is_staff or obj.is_superuser) and not request.user.is_superuser:
            return False
        if obj is not None and not person(request).manages(obj):
            return False
        return bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return whether the person may be deleted; switching off keeps the history."""
        return bool(request.user.is_superuser) and obj != request.user

    def delete_page(self, request: HttpRequest, row: User) -> HttpResponse:
        """Delete a person, after a page that says what goes and what stays: Django's own names rows of tables, and not what stays."""
        page = _page("delete_person", row, refused=leaving.why_to_offboard_first(row, deleting=True))

        @transaction.atomic
        def do(_said: Said) -> Done:
            if page.refused:
                raise Refusal(page.refused)
            self.log_deletions(request, User.objects.filter(pk=row.pk))
            row.delete()
            return Done(after=reverse("admin:users_user_changelist"))

        return confirm.answer(request, page, do, frame=access.frame_of(row))

    def save_model(self, request: HttpRequest, obj: User, form: PersonForm, change: bool) -> None:
        """Save what was changed, and tell the person of a new e-mail address (the old address too) and of being switched off or on."""
        obj.save(update_fields=[name for name in form.changed_data if name != "role"])
        if "role" in form.changed_data:
            set_role(obj, form.cleaned_data["role"])
        by, now = person(request), timezone.now()
        if "email" in form.changed_data:
            old = form.initial["email"]
            access.log_change(request, obj, "address_changed", old=old, new=obj.email)
            login_changes.notify_new_email(user=obj, old_email=old, by=by, now=now)
        if "is_active" in form.changed_data:
            kind = ChangeKind.SWITCHED_ON if obj.is_active else ChangeKind.SWITCHED_OFF
            login_changes.notify_by_staff(kind, user=obj, by=by, now=now)

    def may_do(self, request: HttpRequest, deed: str, row: User) -> bool:
        """Return whether the viewer may see the person off, log them out (as for changes), or take their second factor."""
        viewer = person(request)
        if deed == "reset_second_factor":
            return viewer.is_superuser
        return services.may_offboard(viewer, row) if deed == "offboard" else person_page.may_end(viewer, row)

    def offboard(self, request: HttpRequest, user: User) -> HttpResponse:
        """See somebody off, after a page that says what stops and who could carry on."""
        return leaving.offboard(request, user)

    def end_sessions(self, request: HttpRequest, user: User) -> HttpResponse:
        """End all sessions of the person, after a confirm page."""

        @transaction.atomic
        def do(_said: Said) -> None:
            number = login_changes.log_out(user)
            access.log_change(request, user, "logged_out", number=number)

        return confirm.answer(request, _page("log_out_everywhere", user), do, frame=access.frame_of(user))

    def reset_second_factor(self, request: HttpRequest, user: User) -> HttpResponse:
        """Remove a lost device, after a confirm page, so that the person can enrol a new one."""

        @transaction.atomic
        def do(_said: Said) -> None:
            login_changes.reset_second_factor(user, by=person(request), now=timezone.now())
            access.log_change(request, user, "factor_reset")

        return confirm.answer(request, _page("reset_second_factor", user), do, frame=access.frame_of(user))


def _page(name: str, user: User, refused: str = "") -> Page:
    """Return a page that asks before something is done about a person."""
    back = reverse("admin:users_user_change", args=[user.pk])
    facts = {"person": user}
    return Page(f"portal/confirm/{name}.html", back, facts, refused=refused, danger=True, ask_why=False)
