"""Pages of one macro beside its form: its mail, a test of it, and the question before it is deleted.

Who may open them, `portal.macros` decides.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Account
from macros import changes, coverage, message_history, preview, samples, trying
from macros.models import Macro, Notice
from macros.preview import Draft
from portal import access, macro_preview
from ui import confirm, mail_page
from ui.confirm import ConfirmForm, Done, Page, Said
from ui.ids import id_of
from ui.phrases import phrase
from users.models import person
from users.visibility import names_for


class TestForm(ConfirmForm):
    """Which of its mails a macro is to show; nothing is asked where it sends one kind."""

    mails = forms.MultipleChoiceField(label=gettext_lazy("Which mails?"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, offered: Sequence[tuple[str, str, Account | None]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(offered) < 2:
            del self.fields["mails"]
            return
        field = self.fields["mails"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            (kind, gettext("%(what)s (%(account)s)") % {"what": label, "account": account})
            for kind, label, account in offered
        ]
        field.initial = [kind for kind, *_ in offered]


def home(macro: Macro) -> str:
    """Return the macro's page."""
    return reverse("admin:macros_macro_change", args=[macro.pk])


def delete(request: HttpRequest, macro: Macro, log: Callable[[], object]) -> HttpResponse:
    """GET says what stops and what stays, POST deletes, once `log` has noted it."""
    watched = coverage.watched_by(Account.objects.all(), macro)
    others = Macro.objects.filter(enabled=True).exclude(pk=macro.pk)
    page = Page(
        "portal/confirm/delete_macro.html",
        home(macro),
        {
            "macro": macro,
            "watched": watched.count(),
            "unwatched": coverage.watched_by_none(watched, but=[macro]).count(),
            "told": Notice.objects.filter(message_history.told_by(macro.pk)).count(),
        },
        warns=macro.enabled and not others.exists(),
        danger=True,
        ask_why=False,
    )

    def do(_said: Said) -> Done:
        with transaction.atomic():
            log()
            macro.delete()
        return Done(after=reverse("admin:macros_macro_changelist"))

    return confirm.answer(request, page, do, frame=access.frame_of(macro))


def beside(request: HttpRequest, macro: Macro | None, draft: Draft | None, *, edited: bool) -> HttpResponse:
    """Answer with the column beside the form, of a draft; None where the form is not filled in."""
    facts = macro_preview.context(draft, macro, person(request), edited=edited) if draft else None
    shown = {"preview": facts, "original": macro, "may_test": edited}
    return render(request, "portal/macros/_preview.html", shown)


def mail(request: HttpRequest, macro: Macro) -> HttpResponse:
    """Show the first mail that would go out, whole, or that of a `kind` that is told at once; raises Http404 where there is none."""
    draft = changes.stored_draft(macro)
    if draft is None:
        raise Http404
    kind = request.GET.get("kind", "") or ("" if draft.days else next(iter(samples.kinds_of(draft)), ""))
    if kind:
        return _mail_at_once(request, draft, kind)
    if pk := id_of(request.GET.get("account", "")):
        account = Account.objects.visible_to(request.user).filter(pk=pk).first()
        draft = preview.on_account(draft, account) if account else draft
    due = preview.preview(draft, now=timezone.now()).due
    shown = preview.sample(draft, due, names=names_for(person(request)))
    if shown is None:
        raise Http404(gettext("No mail is due in the next 30 days."))
    return mail_page.answer(shown.html)


def _mail_at_once(request: HttpRequest, draft: Draft, kind: str) -> HttpResponse:
    if kind not in samples.kinds_of(draft):
        raise Http404
    found = samples.at_once(draft, kind, user=person(request), now=timezone.now())
    if found is None:
        raise Http404(phrase(preview.WORDS, "nothing_to_try"))
    return mail_page.answer(found.mail.html)


def test(request: HttpRequest, macro: Macro) -> HttpResponse:
    """GET asks whether to mail a test to whoever is logged in, POST writes it."""
    user = person(request)
    offered = trying.kinds_of(macro)
    about = {kind: trying.account_for(macro, user, kind) for kind, _ in offered}

    def form(*args: Any, **kwargs: Any) -> TestForm:
        return TestForm(
            *args, offered=[(kind, label, about[kind]) for kind, label in offered if about[kind]], **kwargs
        )

    page = Page(
        "portal/confirm/macro_test.html",
        home(macro),
        {"macro": macro, "email": user.email, "account": next(filter(None, about.values()), None)},
        refused="" if any(about.values()) else phrase(preview.WORDS, "nothing_to_try"),
        ask_why=False,
        form=form,
    )

    def do(said: Said) -> Done:
        number = trying.send(macro=macro, user=user, now=timezone.now(), only=said.cleaned.get("mails"))
        return Done({"number": number})

    return confirm.answer(request, page, do, frame=access.frame_of(macro))
