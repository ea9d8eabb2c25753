"""Who is told nothing, of which account, until when: one list, one form that mutes, one page that ends one."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from macros.models import Mute
from macros.mutes import services
from macros.mutes import views as mute_lines
from portal import access
from portal.lists import ReadOnlyList
from ui import confirm
from ui.addresses import id_of
from ui.confirm import ConfirmForm, Done, Late, Page, Said
from ui.name_visibility import NameVisibility, unnamed
from users.models import User, person
from users.people.queries import names_for

USUAL = 7  # days that the form proposes


class MuteForm(ConfirmForm):
    """Until when nothing is mailed."""

    until = forms.DateField(
        label=gettext_lazy("Until the morning of"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        initial=lambda: services.proposed_day(timezone.now(), days=USUAL),
    )


@admin.register(Mute)
class MuteAdmin(ReadOnlyList):
    """What mutes somebody now, of accounts and addresses that the viewer may know of; what ends first comes first."""

    list_display = ["whom_cell", "account_cell", "until_cell", "who_cell", "end_cell"]
    list_display_links = None
    list_select_related = ["account", "by"]
    search_fields = ["email", "account__name"]
    ordering = ["until", "id"]
    list_title = gettext_lazy("Snoozed warnings")
    nouns = npgettext_lazy("of so many", "%(shown)s snooze", "%(shown)s snoozes", "number")
    searched = gettext_lazy("Address or account")
    empty_words = gettext_lazy("Nothing is snoozed: macros mail everybody whom they name.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mute]:
        """Return what the viewer may know of."""
        return mute_lines.visible_to(person(request)).running()

    def prepare_page(self, request: HttpRequest, rows: Any) -> None:  # one interface
        """Read who logs in with the addresses of a page."""
        names = names_for(request.user)
        people = User.objects.in_bulk([row.email for row in rows], field_name="email")
        ends = mute_lines.may_end(person(request), rows)
        for row in rows:
            row.may_end = row.pk in ends
            row.whose = names.user(people[row.email]) if row.email in people else ""
            row.who = _who(row, names)

    def row_name(self, row: Mute) -> str:
        """Return the address."""
        return row.email

    @display(description=gettext_lazy("Address"))
    def whom_cell(self, row: Any) -> SafeString:
        """Return whom nothing is told, and who logs in with the address."""
        return format_html(
            '{}<span class="at-second">{}</span>', row.email, row.whose or gettext("Nobody here")
        )

    @display(description=gettext_lazy("Account"))
    def account_cell(self, row: Mute) -> SafeString | str:
        """Return the account, with the way to it."""
        if row.account is None:
            return gettext("All accounts")
        url = reverse("admin:accounts_account_change", args=[row.account.pk])
        return format_html('<a class="at-link" href="{}">{}</a>', url, row.account.name)

    @display(description=gettext_lazy("Until the morning of"), ordering="until")
    def until_cell(self, row: Mute) -> str:
        """Return the day on which mails go out again."""
        return row.until_words or "–"

    @display(description=gettext_lazy("By"))
    def who_cell(self, row: Any) -> SafeString:
        """Return who did it, and why."""
        if not row.reason or unnamed() in (row.whose, row.who):  # why somebody in another team is away
            return row.who  # type: ignore[no-any-return]  # set above
        return format_html('{}<span class="at-second">{}</span>', row.who, row.reason)

    @display(description=gettext_lazy("End"))
    def end_cell(self, row: Any) -> SafeString | str:
        """Return the way to the page that ends it, for whoever may."""
        if not row.may_end:
            return "–"
        return format_html(
            '<a class="at-link at-nowrap" href="{}">{}</a>', mute_lines.end_url(row.pk), gettext("End it")
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form that mutes (GET), and mute (POST)."""
        return add(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks before something is ended."""
        wrap = self.admin_site.admin_view
        return [
            path("end/", wrap(end), name="macros_mute_end"),
            *super().get_urls(),
        ]


def _who(row: Mute, names: NameVisibility) -> str:
    """Return who muted: somebody of staff, the reader, or whoever had a mail of theirs."""
    if row.by is not None:
        return names.user(row.by)
    return gettext("By the link of a mail") if row.message else gettext("Its reader")


def add(request: HttpRequest) -> HttpResponse:
    """GET asks until when the `person` of the address gets no warnings, POST mutes. 404 for whom the viewer does not see, 403 without the
    right.
    """
    viewer = person(request)
    user = get_object_or_404(User.objects.visible_to(viewer), pk=id_of(request.GET.get("person", "")))
    if not mute_lines.may_mute(viewer, user):
        raise PermissionDenied
    home = reverse("admin:users_user_change", args=[user.pk])
    page = Page("portal/confirm/mute.html", home, {"person": user}, form=MuteForm)

    def do(said: Said) -> Done:
        until = said.cleaned["until"]
        services.mute_all(email=user.email, until=until, by=viewer, reason=said.note, now=timezone.now())
        return Done({"until": until})

    return confirm.answer(request, page, do, frame=access.frame_of(user))


def end(request: HttpRequest) -> HttpResponse:
    """GET asks, POST ends the `mute` of the address. 404 for what the viewer may not know of, 403 without the right."""
    viewer = person(request)
    found = mute_lines.visible_to(viewer).select_related("account")
    row = get_object_or_404(found, pk=id_of(request.GET.get("mute", "")))
    if not mute_lines.may_end(viewer, [row]):
        raise PermissionDenied
    list_or_account = reverse("admin:macros_mute_changelist")
    if row.account is not None:
        list_or_account = reverse("admin:accounts_account_change", args=[row.account.pk])
    page = Page(
        "portal/confirm/mute_end.html",
        list_or_account,
        {"mute": row},
        late=row.ended_at is not None,
        ask_why=False,
    )

    def do(_said: Said) -> None:
        if not services.end_mutes(mutes=Mute.objects.filter(pk=row.pk), by=viewer, now=timezone.now()):
            raise Late

    return confirm.answer(request, page, do, frame=access.frame_of(Mute))
