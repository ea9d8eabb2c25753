"""What staff do so that no macro mails one person for a while: snooze all their warnings, or end that."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from macros import snoozing
from portal import access
from portal.snooze_rights import may as may
from ui import confirm
from ui.confirm import ConfirmForm, Done, Late, Page, Said
from users.models import User, person

USUAL = 7  # days that the page proposes


class AwayForm(ConfirmForm):
    """Until when nothing is mailed."""

    until = forms.DateField(
        label=gettext_lazy("Until the morning of"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until"].initial = snoozing.proposed_day(timezone.now(), days=USUAL)


def answer(request: HttpRequest, user: User) -> HttpResponse:
    """GET asks until when nothing is mailed to the person, or whether they are mailed again; POST does it."""
    away = snoozing.of_person(user.email)
    return _end(request, user) if away else _begin(request, user)


def _home(user: User) -> str:
    return reverse("admin:users_user_change", args=[user.pk])


def _begin(request: HttpRequest, user: User) -> HttpResponse:
    page = Page("portal/confirm/snooze_person.html", _home(user), {"person": user}, form=AwayForm)

    def do(said: Said) -> Done:
        until = said.cleaned["until"]
        snoozing.snooze_all(
            email=user.email, until=until, by=person(request), reason=said.note, now=timezone.now()
        )
        return Done({"until": until})

    return confirm.answer(request, page, do, frame=access.frame_of(user))


def _end(request: HttpRequest, user: User) -> HttpResponse:
    page = Page("portal/confirm/snooze_person_end.html", _home(user), {"person": user}, ask_why=False)

    def do(_said: Said) -> None:
        if not snoozing.end_all(email=user.email, by=person(request), now=timezone.now()):
            raise Late

    return confirm.answer(request, page, do, frame=access.frame_of(user))
