"""What is shown next to the form of a macro, and the question before it is deleted.

Who may open them, `portal.macros` decides.
"""

from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.models import Account
from macros import coverage, message_history
from macros.models import Macro, Notice
from macros.notices.preview import Draft
from portal import access, macro_preview
from ui import confirm
from ui.confirm import Done, Page, Said


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
    facts = macro_preview.context(draft, macro, edited=edited) if draft else None
    return render(request, "portal/macros/_preview.html", {"preview": facts})
