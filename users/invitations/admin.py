"""Invitations in the admin portal: made by a form, then only sent again or revoked."""

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, npgettext_lazy

from accounts.account_pages.filters import TeamFilter
from portal import access
from portal.lists import ReadOnlyList
from portal.rows import Deed
from ui import confirm
from ui.confirm import Page, Said
from ui.phrases import phrase
from ui.templatetags import ui as tags
from users.invitations import services as invitations
from users.models import Invitation, person
from users.people.forms import InviteForm
from users.people.models import Role

say = partial(phrase, "words/invitations.txt")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyList):
    """Invitations: made by a form, then only sent again or revoked."""

    form = InviteForm
    list_display = ["email", "name", "team", "role_cell", "status", "number", "invited_by", "created_at"]
    list_filter = [TeamFilter, "role"]
    list_select_related = ["team", "invited_by"]
    search_fields = ["email", "name"]
    actions = None
    save_words = gettext_lazy("Send invitation")
    deeds = [
        Deed("send_again", gettext_lazy("Send again"), "mail"),
        Deed("revoke", gettext_lazy("Revoke"), "close"),
    ]
    list_title = gettext_lazy("Invitations")
    nouns = npgettext_lazy("of so many", "%(shown)s invitation", "%(shown)s invitations", "number")
    searched = gettext_lazy("E-mail or name")
    state_column = "status"
    empty_words = gettext_lazy("Nobody was invited yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        """Return the invitations to teams that the viewer sees: others are not found by any address."""
        own = person(request).teams_seen
        return super().get_queryset(request).filter(team__in=own.values("pk"))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return whether the address may filter by this: not by the key, which would be guessed letter by letter."""
        return not lookup.startswith("key") and bool(super().lookup_allowed(lookup, value, request))

    @admin.display(description=gettext_lazy("Role"), ordering="role")
    def role_cell(self, invitation: Invitation) -> str:
        """Return what the person becomes."""
        return str(invitation.gives.label)

    @admin.display(description=gettext_lazy("State"))
    def status(self, invitation: Invitation) -> SafeString:
        """Return what became of the invitation."""
        return tags.pill("invitation", invitation.state(timezone.now()))

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> list[Any]:
        """Return the form's fields for a new one, else what is known, without the key. Only superusers open the portal to somebody."""
        if obj is None:
            return ["email", "name", "team", *(["role"] if person(request).is_superuser else [])]
        dates = ["created_at", "expires_at", "accepted_at", "revoked_at"]
        known = [name for name in dates if getattr(obj, name)]
        return ["email", "name", "team", "role_cell", "status", "invited_by", *known]

    def get_readonly_fields(self, request: HttpRequest, obj: Invitation | None = None) -> list[str]:
        """Return all fields of an invitation that exists: a changed one would not be the one that was mailed."""
        return self.get_fields(request, obj) if obj else []

    def get_form(
        self, request: HttpRequest, obj: Invitation | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form that knows who invites."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.invited_by = request.user
        return form

    def save_model(
        self, request: HttpRequest, obj: Invitation, form: InviteForm, change: bool
    ) -> None:  # Django's signature
        """Make the invitation by the service, which also has it mailed and logged."""
        made = invitations.create(now=timezone.now(), invited_by=form.invited_by, **form.cleaned_data)
        obj.pk, obj.__dict__ = made.pk, made.__dict__

    def log_addition(self, request: HttpRequest, obj: Invitation, message: Any) -> Any:
        """Write nothing: the service has."""

    def response_add(
        self, request: HttpRequest, obj: Invitation, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Say what was done and that a mail goes out, then show the list."""
        text = say("goes_out", email=obj.email, days=settings.INVITATION_DAYS)
        self.message_user(request, text, messages.SUCCESS)
        return redirect("admin:users_invitation_changelist")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether people may be invited."""
        return request.user.has_perm("users.invite_user")

    def may_do(self, request: HttpRequest, deed: str, row: Invitation) -> bool:
        """Return whether this invitation may be sent again or revoked: staff's by superusers only."""
        may = request.user.has_perm("users.invite_user")
        return bool(request.user.is_superuser or (may and row.role == Role.MARKETER))

    def send_again(self, request: HttpRequest, invitation: Invitation) -> HttpResponse:
        """Mail it once more, after a confirm page."""

        def do(_said: Said) -> None:
            invitations.send_again(invitation=invitation, by=person(request), now=timezone.now())

        page = _page("send_invitation_again", invitation)
        return confirm.answer(request, page, do, frame=access.frame_of(invitation))

    def revoke(self, request: HttpRequest, invitation: Invitation) -> HttpResponse:
        """Make its links worthless, after a confirm page."""

        def do(_said: Said) -> None:
            invitations.revoke(invitation=invitation, by=person(request), now=timezone.now())

        page = _page("revoke_invitation", invitation, danger=True)
        return confirm.answer(request, page, do, frame=access.frame_of(invitation))


def _page(name: str, invitation: Invitation, *, danger: bool = False) -> Page:
    """Return a page that asks before something is done with an invitation."""
    back = reverse("admin:users_invitation_change", args=[invitation.pk])
    facts = {"invitation": invitation}
    return Page(f"portal/confirm/{name}.html", back, facts, danger=danger, ask_why=False)
