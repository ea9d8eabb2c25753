"""People in the admin portal. Nobody raises their own rights here: what gives rights is for superusers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy, pgettext, pgettext_lazy
from unfold.admin import TabularInline
from unfold.decorators import action

from accounts.account_pages.filters import TeamFilter
from accounts.leaving import services
from accounts.leaving import views as leaving
from portal import access
from portal.filters import ChoiceFilter, Lookups
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

_RIGHTS = gettext_lazy("Rights")
_SESSIONS = gettext_lazy("Where logged in")
_LOG_INS = pgettext_lazy("at AdToken", "Log-ins")

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


class MembershipInline(TabularInline):  # type: ignore[misc]  # the theme ships no types
    """The teams of a person that the viewer manages, and where they lead: other teams are not shown, so they cannot be posted either."""

    model = Membership
    form = MembershipForm
    fields = ["team", "role"]
    extra = 0
    autocomplete_fields = ["team"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Return the memberships of teams that the viewer sees."""
        teams = person(request).teams_seen
        rows = super().get_queryset(request).select_related("user", "team")
        return rows.filter(team__in=teams.values("pk"))  # type: ignore[no-any-return]

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
    list_display = ["email", "name", "is_active", "role", "carries", "alone", "factor", "last_log_in"]
    list_filter = ["is_active", RoleFilter, TeamFilter]
    search_fields = ["email", "name"]
    ordering = ["email"]
    actions = None  # people are switched off or deleted one at a time, each after its own page
    readonly_fields = ["carried", "logged_in", "last_log_in", "joined", "log_ins"]
    fieldsets = [
        (gettext_lazy("At the channels"), {"fields": ["carried"]}),  # what depends on the person comes first
        (_SESSIONS, {"fields": ["logged_in"]}),
        (None, {"fields": ["email", "name", "language", "time_zone", "theme", "is_active"]}),
        (_RIGHTS, {"fields": ["role"]}),
        (gettext_lazy("Dates"), {"fields": ["last_log_in", "joined"]}),
        (_LOG_INS, {"fields": ["log_ins"]}),
    ]
    actions_detail = ["offboard", "end_sessions", "reset_second_factor"]
    list_title = gettext_lazy("Users")
    nouns = npgettext_lazy("of so many", "%(shown)s user", "%(shown)s users", "number")
    searched = gettext_lazy("E-mail or name")

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

    @admin.display(description=gettext_lazy("Carries"))
    def carried(self, user: Any) -> SafeString:
        """Return the person's log-ins at channels, and what depends on them."""
        if not hasattr(user, "card"):  # the theme asks for it five times
            user.card = person_page.carries_section(user, user.viewer)
        card: SafeString = user.card
        return card

    @admin.display(description=gettext_lazy("Browsers"))
    def logged_in(self, user: Any) -> SafeString:
        """Return where the person is logged in, with the way to end each."""
        return person_page.person_card(user, user.viewed_in)

    @admin.display(description=gettext_lazy("Second factor"))
    def factor(self, user: User) -> str:
        """Return whether the person has enrolled one."""
        return gettext("Set up") if getattr(user, "enrolled", False) else pgettext("second factor", "None")

    @admin.display(description=gettext_lazy("Last log-in"), ordering="last_login")
    def last_log_in(self, user: User) -> SafeString | str:
        """Return when the person last logged in, in the viewer's zone."""
        return tags.when(user.last_login) if user.last_login else gettext("Never")

    @admin.display(description=gettext_lazy("Joined"))
    def joined(self, user: User) -> SafeString:
        """Return when the person got a log-in, in the viewer's zone."""
        return tags.when(user.date_joined)

    @admin.display(description=gettext_lazy("Latest log-ins"))
    def log_ins(self, user: User) -> str:
        """Return the person's last log-ins, failed ones and changes too."""
        return login_records.latest(user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the people whom the viewer sees, each with whether a second factor is enrolled."""
        factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=second_factor.FACTORS)
        seen = (
            super().get_queryset(request).filter(pk__in=User.objects.visible_to(person(request)).values("pk"))
        )
        return seen.annotate(enrolled=Exists(factors)).prefetch_related("groups")  # type: ignore[no-any-return]

    def prepare_page(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Give each person of the page the numbers of their accounts."""
        person_page.count_accounts(rows, person(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the person, with who looks, and in which session."""
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            found.viewer, found.viewed_in = person(request), request
        return found

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Leave the rights out of the form for all but superusers: what is not in the form cannot be posted. Auditors only look.

        Browsers and addresses are shown to whoever may see those of colleagues, and everybody's own to themselves.
        """
        fieldsets, viewer = super().get_fieldsets(request, obj), person(request)
        if obj is None:
            return []
        hidden = set() if person_page.may_see(viewer, obj) else {_SESSIONS}
        if not (viewer == obj or viewer.has_perm("users.view_loginrecord")):
            hidden.add(_LOG_INS)
        looks_at = viewer.sees_all_teams and not self.has_change_permission(request, obj)
        if obj.is_contact or not (viewer.is_superuser or looks_at):
            hidden.add(_RIGHTS)
        return [fieldset for fieldset in fieldsets if fieldset[0] not in hidden]

    def get_form(self, request: HttpRequest, obj: User | None = None, *args: Any, **kwargs: Any) -> Any:
        """Return the form, with the role for those alone who may give rights."""
        shown = self.get_fieldsets(request, obj) if obj is not None and request.user.is_superuser else []
        if any(name == _RIGHTS for name, _ in shown):
            kwargs["form"] = RoleForm
        return super().get_form(request, obj, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: people are invited, and nobody else knows their password."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
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

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,  # the parent's interface
    ) -> HttpResponse:
        """Delete a person, after a page that says what goes and what stays: Django's own names rows of tables, and not what stays.

        403 for whom one may not delete.
        """
        if not self.has_delete_permission(request, self.get_object(request, object_id)):
            raise PermissionDenied
        user, page = self._page(request, "delete_person", object_id)
        page = replace(page, refused=leaving.why_to_offboard_first(user, deleting=True))

        @transaction.atomic
        def do(_said: Said) -> Done:
            if page.refused:
                raise Refusal(page.refused)
            self.log_deletions(request, User.objects.filter(pk=object_id))
            user.delete()
            return Done(after=reverse("admin:users_user_changelist"))

        return confirm.answer(request, page, do, frame=access.frame_of(user))

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

    def has_offboard_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Return whether the person may be offboarded by the viewer."""
        found = self.get_queryset(request).filter(pk=object_id).first() if object_id else None
        return services.may_offboard(person(request), found)

    @action(description=gettext_lazy("Offboard"), permissions=["offboard"], url_path="offboard")
    def offboard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """See somebody off, after a page that says what stops and who could carry on."""
        user, _ = self._page(request, "offboard", object_id)
        return leaving.offboard(request, user)

    def has_end_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Return whether the person may be logged out everywhere: staff and people of foreign teams as for changes."""
        found = self.get_queryset(request).filter(pk=object_id).first()
        if found is None:
            return request.user.has_perm("users.end_sessions")
        return person_page.may_end(person(request), found)

    @action(description=gettext_lazy("Log out everywhere"), permissions=["end"], url_path="end-sessions")
    def end_sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End all sessions of the person, after a confirm page."""

        user, page = self._page(request, "log_out_everywhere", object_id)

        @transaction.atomic
        def do(_said: Said) -> None:
            number = login_changes.log_out(user)
            access.log_change(request, user, "logged_out", number=number)

        return confirm.answer(request, page, do, frame=access.frame_of(user))

    def has_reset_permission(self, request: HttpRequest, _object_id: str | None = None) -> bool:
        """Return whether second factors may be reset."""
        return bool(request.user.is_superuser)

    @action(
        description=gettext_lazy("Reset second factor"), permissions=["reset"], url_path="reset-second-factor"
    )
    def reset_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Remove a lost device, after a confirm page, so that the person can enrol a new one."""

        user, page = self._page(request, "reset_second_factor", object_id)

        @transaction.atomic
        def do(_said: Said) -> None:
            login_changes.reset_second_factor(user, by=person(request), now=timezone.now())
            access.log_change(request, user, "factor_reset")

        return confirm.answer(request, page, do, frame=access.frame_of(user))

    def _page(self, request: HttpRequest, name: str, object_id: str) -> tuple[User, Page]:
        """Return the person and the page that asks. Raises Http404, or PermissionDenied for whom one may not see."""
        user: User | None = self.get_object(request, object_id)
        if user is None:
            raise Http404(gettext("There is no such person."))
        if not self.has_view_permission(request, user):
            raise PermissionDenied
        back = reverse("admin:users_user_change", args=[user.pk])
        return user, Page(f"portal/confirm/{name}.html", back, {"person": user}, danger=True, ask_why=False)
