"""Applying a macro to many accounts, and removing it from them: GET asks which, POST has a worker do it."""

from collections.abc import Callable
from functools import partial

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext

from accounts import deed_kinds
from portal import access, bulk
from portal.macro_forms import ApplyForm
from ui import confirm
from ui.confirm import ConfirmLine, Done, Page, Said
from users.models import person


def urls(chosen: bulk.Choose) -> list[URLPattern]:
    """Return the addresses of both pages."""
    wrap = admin.site.admin_view
    pages = (("apply", deed_kinds.APPLY_MACRO), ("remove", deed_kinds.REMOVE_MACRO))
    return [
        path(
            f"bulk/{verb}-macro/", wrap(_view(chosen, verb, kind)), name=f"accounts_account_bulk_{verb}_macro"
        )
        for verb, kind in pages
    ]


def _view(choose: bulk.Choose, verb: str, kind: str) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.require(request, "macros.apply_macro")
        chosen = choose(request)
        if not chosen.total:
            return bulk.none_chosen(request)
        form = partial(ApplyForm, user=person(request))
        none = gettext("There is no macro for chosen accounts yet.")
        page = Page(
            f"portal/confirm/bulk_{verb}_macro.html",
            bulk.back(request),
            {"count": chosen.total},
            lines=[
                ConfirmLine(account.name, f"{account.get_channel_display()} · {account.native_id}")
                for account in chosen.accounts
            ],
            unread=chosen.unread,
            refused="" if form().has_choice else none,
            ask_why=False,
            form=form,
            seen=chosen.seen,
        )

        def do(said: Said) -> Done:
            return bulk.start(request, kind, chosen, said, subject_id=said.cleaned["macro"].pk)

        return confirm.answer(request, page, do, frame=bulk.frame(request))

    return view
