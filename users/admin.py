"""People in the admin portal. Nobody raises their own rights here: what gives rights is for superusers."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm

from users import invitations, login_changes, second_factor
from users.admin_confirm import confirmed
from users.admin_forms import InviteForm, NewPersonForm, PersonForm
from users.login_changes import Kind
from users.models import Invitation, Membership, Team, User, person

# allauth registers these. They show secrets, or let the login differ from the person's e-mail.
for _model in (SocialApp, SocialAccount, SocialToken, EmailAddress, Authenticator, UserSession, Group):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class MembershipInline(TabularInline):  # type: ignore[misc]  # the theme ships no types
    """The teams of a person."""

    model = Membership
    extra = 0
    autocomplete_fields = ["team"]


class MemberInline(TabularInline):  # type: ignore[misc]  # the theme ships no types
    """The people of a team."""

    model = Membership
    extra = 0
    autocomplete_fields = ["user"]


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # the theme ships no types
    """People. They come by invitation; only superusers touch staff, rights, passwords and second factors."""

    form = PersonForm
    add_form = NewPersonForm
    change_password_form = AdminPasswordChangeForm
    inlines = [MembershipInline]
    list_display = ["email", "name", "is_active", "is_staff", "is_superuser", "factor", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser", "groups", "teams"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    filter_horizontal = []
    autocomplete_fields = ["groups"]  # single permissions of single people are soon forgotten
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "name", "time_zone", "theme", "is_active"]}),
        ("Rights", {"fields": ["is_staff", "is_superuser", "groups"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "password1", "password2"]})]
    actions_detail = ["reset_second_factor"]

    @admin.display(description="Second factor", boolean=True)
    def factor(self, user: User) -> bool:
        """Tell whether the person has enrolled one."""
        return bool(getattr(user, "enrolled", False))

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the people, each with whether a second factor is enrolled."""
        factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=second_factor.FACTORS)
        return super().get_queryset(request).annotate(enrolled=Exists(factors))  # type: ignore[no-any-return]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Leave the rights out of the form for all but superusers: what is not in the form cannot be posted."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or request.user.is_superuser:
            return fieldsets
        return [fieldset for fieldset in fieldsets if fieldset[0] != "Rights"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether a person may be made without an invitation, with a password that somebody else knows."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return whether the person may be changed: else a changed e-mail would take over a superuser's log-in."""
        if obj is not None and (obj.is_staff or obj.is_superuser) and not request.user.is_superuser:
            return False
        return bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return whether the person may be deleted; switching off keeps the history."""
        return bool(request.user.is_superuser)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  # the parent's name
        """Set another's password: superusers only; all others reset their own by mail."""
        if not request.user.is_superuser:
            return self._refuse(request, "Only superusers set passwords. People reset their own by mail.")
        user = self.get_object(request, id)
        before = user.password if user else ""
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if user is not None and User.objects.get(pk=user.pk).password != before:
                login_changes.notify_by_staff(
                    Kind.PASSWORD_SET_BY_STAFF, user=user, by=person(request), now=timezone.now()
                )
        return response

    def save_model(self, request: HttpRequest, obj: User, form: PersonForm, change: bool) -> None:
        """Save, and tell the person of a new e-mail address (the old address too) and of being switched off or on."""
        super().save_model(request, obj, form, change)
        if not change:
            return
        by, now = person(request), timezone.now()
        if "email" in form.changed_data:
            old = form.initial["email"]
            self.log_change(request, obj, f"Changed the e-mail address from {old} to {obj.email}.")
            login_changes.notify_new_email(user=obj, old_email=old, by=by, now=now)
        if "is_active" in form.changed_data:
            kind = Kind.SWITCHED_ON if obj.is_active else Kind.SWITCHED_OFF
            login_changes.notify_by_staff(kind, user=obj, by=by, now=now)

    def has_reset_permission(self, request: HttpRequest, _object_id: str | None = None) -> bool:
        """Return whether second factors may be reset."""
        return bool(request.user.is_superuser)

    @action(description="Reset second factor", permissions=["reset"], url_path="reset-second-factor")
    def reset_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Remove a lost device, after a confirm page, so that the person can enrol a new one."""

        def reset(user: User) -> str:
            with transaction.atomic():
                Authenticator.objects.filter(user=user).delete()
                LogEntry.objects.log_actions(
                    person(request).pk, [user], CHANGE, "Reset the second factor.", single_object=True
                )
                login_changes.notify_by_staff(
                    Kind.FACTOR_RESET, user=user, by=person(request), now=timezone.now()
                )
            return f"The second factor of {user} is reset."

        return confirmed(
            self,
            request,
            object_id,
            question="Reset the second factor of {}?",
            effect="The device and the recovery codes stop working. The next log-in asks for the password only, "
            "and the admin portal asks to set up a new device. Make sure that it is the person who asks you.",
            button="Reset second factor",
            danger=True,
            do=reset,
        )

    def _refuse(self, request: HttpRequest, text: str) -> HttpResponse:
        self.message_user(request, text, "ERROR")
        return self.response_post_save_change(request, None)


@admin.register(Team)
class TeamAdmin(ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """Teams and their people."""

    list_display = ["name", "people", "is_default"]
    search_fields = ["name"]
    readonly_fields = ["is_default"]
    inlines = [MemberInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """Return the teams with the number of their people."""
        return super().get_queryset(request).annotate(member_count=Count("memberships"))  # type: ignore[no-any-return]

    @admin.display(description="People", ordering="member_count")
    def people(self, team: Team) -> int:
        """Return how many people are in the team."""
        return int(getattr(team, "member_count", 0))

    def has_delete_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        """Return whether the team may be deleted: never the default one, which takes what names no team."""
        return bool(super().has_delete_permission(request, obj)) and not (obj and obj.is_default)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """Groups give rights, so they are for superusers."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether groups may be made."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Return whether groups may be changed."""
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Return whether groups may be deleted."""
        return bool(request.user.is_superuser)


@admin.register(Invitation)
class InvitationAdmin(ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """Invitations: made by a form, then only sent again or revoked."""

    form = InviteForm
    list_display = ["email", "name", "team", "staff", "status", "number", "invited_by", "created_at"]
    list_filter = ["team", "is_staff"]
    list_select_related = ["team", "invited_by"]
    search_fields = ["email", "name"]
    actions_detail = ["send_again", "revoke"]

    @admin.display(description="Staff", boolean=True, ordering="is_staff")
    def staff(self, invitation: Invitation) -> bool:
        """Return whether the person may open the portal."""
        return invitation.is_staff

    @admin.display(description="State")
    def status(self, invitation: Invitation) -> str:
        """Return what became of the invitation."""
        if invitation.accepted_at:
            return "Accepted"
        if invitation.revoked_at:
            return "Revoked"
        return "Waiting" if invitation.is_open(timezone.now()) else "Ran out"

    def get_fields(self, _request: HttpRequest, obj: Invitation | None = None) -> list[str]:
        """Return the form's fields for a new one, else what is known, without the key."""
        if obj is None:
            return ["email", "name", "team", "is_staff"]
        return [
            "email", "name", "team", "is_staff", "status", "number", "invited_by", "created_at", "expires_at",
            "accepted_at", "revoked_at",
        ]  # fmt: skip

    def get_readonly_fields(self, _request: HttpRequest, obj: Invitation | None = None) -> list[str]:
        """Return all fields of an invitation that exists: a changed one would not be the one that was mailed."""
        return self.get_fields(_request, obj) if obj else []

    def get_form(self, request: HttpRequest, obj: Invitation | None = None, **kwargs: Any) -> Any:
        """Return the form that knows who invites."""
        form = super().get_form(request, obj, **kwargs)
        form.invited_by = request.user
        return form

    def save_model(
        self, request: HttpRequest, obj: Invitation, form: InviteForm, change: bool
    ) -> None:  # Django's signature
        """Make the invitation by the service, which also has it mailed and logged."""
        made = invitations.create(now=timezone.now(), invited_by=form.invited_by, **form.cleaned_data)
        obj.pk, obj.__dict__ = made.pk, made.__dict__

    def log_addition(self, request: HttpRequest, obj: Invitation, message: Any) -> None:
        """Write nothing: the service has."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether people may be invited."""
        return request.user.has_perm("users.invite_user")

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        """Return False: it is sent again or revoked."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        """Return False: it is part of the records."""
        return False

    def has_invite_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Return whether this invitation may be sent again or revoked: staff's by superusers only."""
        if request.user.is_superuser or not request.user.has_perm("users.invite_user"):
            return bool(request.user.is_superuser)
        return not Invitation.objects.filter(pk=object_id, is_staff=True).exists()

    @action(description="Send again", permissions=["invite"], url_path="send-again")
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Mail it once more, after a confirm page."""

        def send(invitation: Invitation) -> str:
            invitations.send_again(invitation=invitation, by=person(request), now=timezone.now())
            return f"The invitation goes to {invitation.email} again."

        return confirmed(
            self,
            request,
            object_id,
            question="Send the {} again?",
            effect="A new mail with a new link goes out, and the days start anew.",
            button="Send again",
            do=send,
        )

    @action(description="Revoke", permissions=["invite"], url_path="revoke")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make its links worthless, after a confirm page."""

        def revoke(invitation: Invitation) -> str:
            invitations.revoke(invitation=invitation, by=person(request), now=timezone.now())
            return f"The invitation of {invitation.email} is revoked."

        return confirmed(
            self,
            request,
            object_id,
            question="Revoke the {}?",
            effect="All links that were mailed for it stop working. The person can be invited anew.",
            button="Revoke",
            danger=True,
            do=revoke,
        )
