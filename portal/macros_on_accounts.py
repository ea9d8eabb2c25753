"""Applying a macro to many accounts, and removing it from them: GET asks which, POST does it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext, ngettext

from accounts.models import Account
from macros import assigning
from portal import access, bulk
from portal.macro_forms import ApplyForm
from ui import confirm
from ui.confirm import ConfirmLine, Done, Page, Said
from users.models import person


def urls(chosen: bulk.Choose) -> list[URLPattern]:
    """Return the addresses of both pages."""
    wrap = admin.site.admin_view
    pages = (("apply", _put_on), ("remove", _take_off))
    return [
        path(f"bulk/{verb}-macro/", wrap(_view(chosen, verb, do)), name=f"accounts_account_bulk_{verb}_macro")
        for verb, do in pages
    ]


def _view(
    chosen: bulk.Choose, verb: str, do: Callable[[HttpRequest, Sequence[Account], Said], Done]
) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.require(request, "macros.apply_macro")
        accounts, more = chosen(request)
        if not accounts:
            return bulk.none_chosen(request)
        form = partial(ApplyForm, user=person(request))
        none = gettext("There is no macro for chosen accounts yet.")
        page = Page(
            f"portal/confirm/bulk_{verb}_macro.html",
            bulk.back(request),
            {"count": len(accounts), "more": more, "most": bulk.MOST},
            lines=[
                ConfirmLine(account.name, f"{account.get_channel_display()} · {account.native_id}")
                for account in accounts
            ],
            refused="" if form().has_choice else none,
            ask_why=False,
            form=form,
        )
        return confirm.answer(
            request, page, lambda said: do(request, accounts, said), frame=bulk.frame(request)
        )

    return view


@transaction.atomic
def _put_on(request: HttpRequest, accounts: Sequence[Account], said: Said) -> Done:
    macro = said.cleaned["macro"]
    assigned = assigning.put_on(macro, accounts)
    access.log_change(request, macro, f"Applied to {_number(assigned.new)}.")
    return Done({"macro": macro, **asdict(assigned)})


@transaction.atomic
def _take_off(request: HttpRequest, accounts: Sequence[Account], said: Said) -> Done:
    macro = said.cleaned["macro"]
    removed = assigning.take_off(macro, accounts)
    access.log_change(request, macro, f"Removed from {_number(removed)}.")
    return Done({"macro": macro, "removed": removed})


def _number(count: int) -> str:
    return ngettext("%(number)s account", "%(number)s accounts", count) % {"number": count}
