"""Who gets the weekly digest of a team beside its people: addresses that staff set, a client's director for one."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, pgettext

from macros import digest, digest_readers
from portal import access
from portal.macro_fields import EmailsField
from ui import confirm, mail_page
from ui.confirm import ConfirmForm, Done, Page, Said
from users import visibility
from users.models import Team, person

PERMISSION = "macros.set_digest_addresses"


class AddressesForm(ConfirmForm):
    """All further addresses of a team."""

    of_what_is_stored = True

    emails = EmailsField(
        label=gettext_lazy("E-mail addresses"),
        required=False,
        help_text=gettext_lazy(
            "Several: separate them by commas. Empty: nobody beside the people of the team."
        ),
        widget=forms.Textarea(attrs={"rows": 3, "inputmode": "email", "autocomplete": "off"}),
    )

    def clean_emails(self) -> list[str]:
        """Refuse more than a team may have. Raises ValidationError."""
        emails: list[str] = self.cleaned_data["emails"]
        if len(emails) > digest_readers.MOST:
            words = gettext("At most %(number)s addresses.") % {"number": digest_readers.MOST}
            raise ValidationError(words)
        return emails


def urls() -> list[URLPattern]:
    """Return the addresses of the pages."""
    wrap = admin.site.admin_view
    return [
        path("<int:team_id>/digest/", wrap(change), name="users_team_digest"),
        path("<int:team_id>/digest/mail/", wrap(mail), name="users_team_digest_mail"),
    ]


def change(request: HttpRequest, team_id: int) -> HttpResponse:
    """Ask who gets it beside the people of the team (GET), write that (POST). 403 without the permission, 404 for a team not seen."""
    team = _team(request, team_id)
    rows = digest_readers.further(team)
    page = Page(
        "portal/confirm/team_digest.html",
        reverse("admin:users_team_change", args=[team.pk]),
        {
            "team": team,
            "stopped": [(row.email, at) for row, at in rows if at is not None],
            "mail_url": reverse("admin:users_team_digest_mail", args=[team.pk]),
        },
        ask_why=False,
        form=partial(AddressesForm, initial={"emails": [row.email for row, _ in rows]}),
    )

    def do(said: Said) -> Done:
        added, removed = digest_readers.set_further(
            team=team, emails=said.cleaned["emails"], actor=person(request), now=timezone.now()
        )
        if not (added or removed):
            return Done({"added": "", "removed": ""})
        facts = {"added": ", ".join(added), "removed": ", ".join(removed)}
        access.log_change(request, team, "digest_addresses", team=team.name, **facts)
        return Done(facts)

    return confirm.answer(request, page, do, frame=access.frame_of(team))


def mail(request: HttpRequest, team_id: int) -> HttpResponse:
    """Show what an address outside would read now. Raises Http404 where there is nothing to say; 403 and 404 as above."""
    team = _team(request, team_id)
    found = digest.would_say(address="", teams=[team.pk])
    if found is None:
        raise Http404(gettext("There is nothing to say this week."))
    return mail_page.answer(found.html)


def cell(team: Team, *, request: HttpRequest) -> SafeString | str:
    """Return who gets it, with the link to the page for whoever may change that."""
    names: Any = ", ".join(row.email for row, at in digest_readers.further(team) if at is None)
    names = names or gettext("Nobody beside the people of the team")
    if not request.user.has_perm(PERMISSION):
        return str(names)
    address = reverse("admin:users_team_digest", args=[team.pk])
    return format_html('{} · <a class="at-link" href="{}">{}</a>', names, address, pgettext("deed", "Change"))


def _team(request: HttpRequest, team_id: int) -> Team:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    team = visibility.teams_seen_by(person(request)).filter(pk=team_id).first()
    if team is None:
        raise Http404(gettext("There is no such team."))
    return team
