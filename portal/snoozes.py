"""What staff do so that fewer warnings of one account go out: snooze them, say who is on it, have a macro leave somebody out."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Account
from macros import on_it, scope, snoozing
from macros.models import Macro, Silence
from portal import access, account_pages
from portal.quiet_lines import SNOOZE
from ui import confirm, dates
from ui.confirm import ConfirmForm, Done, Late, Page, Said
from users.models import person

USUAL = 7  # days that the page proposes


class SnoozeForm(ConfirmForm):
    """Whom nothing is mailed to, and until when."""

    whom = forms.ChoiceField(label=gettext_lazy("Who gets no warnings?"), widget=forms.RadioSelect)
    until = forms.DateField(
        label=gettext_lazy("Until the morning of"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )  # fmt: skip

    def __init__(self, *args: Any, account: Account, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        whom = self.fields["whom"]
        assert isinstance(whom, forms.ChoiceField)
        whom.choices = [
            ("me", gettext("I alone: %(address)s") % {"address": email}),
            ("all", gettext("Nobody is warned ahead. That it went dark is told all the same")),
        ]
        whom.initial = "me"
        now, until = timezone.now(), self.fields["until"]
        until.initial = snoozing.proposed_day(now, days=USUAL)
        if (end := snoozing.end_of(account, now)) is not None:
            said = gettext("It ends on %(day)s. Snoozed beyond that, it goes dark without a warning.")
            until.help_text = said % {"day": dates.day(end)}
            until.initial = max(snoozing.first_day(now), min(until.initial, end - timedelta(days=1)))


class LeaveOutForm(ConfirmForm):
    """Which macro leaves out which address."""

    macro = forms.ModelChoiceField(
        label=gettext_lazy("Macro"), queryset=Macro.objects.none(), empty_label=None
    )
    email = forms.EmailField(label=gettext_lazy("E-mail"))

    def __init__(self, *args: Any, macros: Sequence[Macro], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["macro"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Macro.objects.filter(pk__in=[one.pk for one in macros])


def urls() -> list[URLPattern]:
    """Return the addresses of the pages."""
    wrap = admin.site.admin_view
    return [
        path("<int:account_id>/snooze/", wrap(snooze), name="accounts_account_snooze"),
        path("<int:account_id>/snooze/<int:silence_id>/end/", wrap(end), name="accounts_account_snooze_end"),
        path("<int:account_id>/on-it/", wrap(say_on_it), name="accounts_account_on_it"),
        path("<int:account_id>/on-it/back/", wrap(take_back), name="accounts_account_on_it_back"),
        path("<int:account_id>/leave-out/", wrap(leave_out), name="accounts_account_leave_out"),
    ]


def home(account: Account) -> str:
    """Return the account's page."""
    return reverse("admin:accounts_account_change", args=[account.pk])


def snooze(request: HttpRequest, account_id: int) -> HttpResponse:
    """GET asks who is not mailed and until when, POST begins it."""
    access.require(request, SNOOZE)
    account, user = access.account(request, account_id), person(request)

    def form(*args: Any, **kwargs: Any) -> SnoozeForm:
        return SnoozeForm(*args, account=account, email=user.email, **kwargs)

    page = Page("portal/confirm/snooze.html", home(account), {"account": account}, form=form)

    def do(said: Said) -> Done:
        everybody, until = said.cleaned["whom"] == "all", said.cleaned["until"]
        email = "" if everybody else user.email
        snoozing.snooze(
            accounts=[account], email=email, until=until, by=user, reason=said.note, now=timezone.now()
        )
        end = snoozing.end_of(account, timezone.now())
        return Done({"everybody": everybody, "until": until, "end": end if end and end < until else None})

    return confirm.answer(request, page, do, frame=account_pages.frame(account))


def end(request: HttpRequest, account_id: int, silence_id: int) -> HttpResponse:
    """GET asks whether mails go out again, POST has them go out. 404 for what is not of the account."""
    access.require(request, SNOOZE)
    account = access.account(request, account_id)
    silence = Silence.objects.filter(account=account, pk=silence_id).select_related("macro").first()
    if silence is None:
        raise Http404
    facts = {"account": account, "silence": silence}
    late = silence.ended_at is not None
    page = Page("portal/confirm/snooze_end.html", home(account), facts, late=late, ask_why=False)

    def do(_said: Said) -> None:
        only = Silence.objects.filter(pk=silence.pk)
        if not snoozing.end(silences=only, by=person(request), now=timezone.now()):
            raise Late

    return confirm.answer(request, page, do, frame=account_pages.frame(account))


def say_on_it(request: HttpRequest, account_id: int) -> HttpResponse:
    """GET asks whether the person takes care of the account, POST notes it and mails the others who were warned."""
    access.require(request, SNOOZE)
    account = access.account(request, account_id)
    page = Page("portal/confirm/on_it.html", home(account), {"account": account}, ask_why=False)

    def do(_said: Said) -> None:
        deadlines = on_it.deadlines_on(account)
        if not on_it.acknowledge(deadlines=deadlines, email=person(request).email, now=timezone.now()):
            raise Late

    return confirm.answer(request, page, do, frame=account_pages.frame(account))


def take_back(request: HttpRequest, account_id: int) -> HttpResponse:
    """GET asks, POST takes back that the person is on it."""
    access.require(request, SNOOZE)
    account = access.account(request, account_id)
    page = Page("portal/confirm/on_it_back.html", home(account), {"account": account}, ask_why=False)

    def do(_said: Said) -> None:
        deadlines = on_it.deadlines_on(account)
        if not on_it.take_back(deadlines=deadlines, email=person(request).email, now=timezone.now()):
            raise Late

    return confirm.answer(request, page, do, frame=account_pages.frame(account))


def leave_out(request: HttpRequest, account_id: int) -> HttpResponse:
    """GET asks which macro tells which address nothing of the account, POST does it. Only macros that the person may change."""
    access.require(request, "macros.change_macro")
    account, user = access.account(request, account_id), person(request)
    macros = [one for one in scope.visible_macros(user).order_by("name") if scope.may_change(user, one)]

    def form(*args: Any, **kwargs: Any) -> LeaveOutForm:
        return LeaveOutForm(*args, macros=macros, **kwargs)

    refused = "" if macros else gettext("There is no macro that you may change.")
    page = Page(
        "portal/confirm/leave_out.html", home(account), {"account": account}, refused=refused, form=form
    )

    def do(said: Said) -> Done:
        macro, email = said.cleaned["macro"], said.cleaned["email"]
        if not snoozing.leave_out(
            macro=macro, account=account, email=email, by=user, reason=said.note, now=timezone.now()
        ):
            raise Late
        return Done({"macro": macro, "email": email})

    return confirm.answer(request, page, do, frame=account_pages.frame(account))
