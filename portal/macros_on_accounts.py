"""Applying a macro to many accounts, and removing it from them: GET asks which, POST does it."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts.models import Account
from macros.models import Macro, MacroAccount
from portal import access, bulk
from portal.macro_forms import ApplyForm
from users.models import User

SHOWN = 20


def urls(chosen: bulk.Choose) -> list[URLPattern]:
    """Return the addresses of both pages."""
    wrap = admin.site.admin_view
    return [
        path(
            "bulk/apply-macro/", wrap(_view(chosen, remove=False)), name="accounts_account_bulk_apply_macro"
        ),
        path(
            "bulk/remove-macro/", wrap(_view(chosen, remove=True)), name="accounts_account_bulk_remove_macro"
        ),
    ]


def _view(chosen: bulk.Choose, *, remove: bool) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.demand(request, "macros.apply_macro")
        user = request.user
        if not isinstance(user, User):
            raise PermissionDenied
        accounts, more = chosen(request)
        if not accounts:
            messages.warning(request, "No account was chosen.")
            return HttpResponseRedirect(bulk.back(request))
        form = ApplyForm(request.POST or None, user=user)
        if request.method == "POST" and form.is_valid():
            macro = form.cleaned_data["macro"]
            messages.success(request, (take_off if remove else put_on)(macro, accounts, user=user))
            return HttpResponseRedirect(bulk.back(request))
        context = {
            **access.frame(request),
            "title": f"{'Remove' if remove else 'Apply'} macro",
            "opts": Account._meta,  # noqa: SLF001  # Django's documented API
            "accounts": accounts[:SHOWN],
            "unshown": max(0, len(accounts) - SHOWN),
            "count": len(accounts),
            "more": more,
            "remove": remove,
            "form": form,
            "back": bulk.back(request),
        }
        return TemplateResponse(request, "portal/macros/apply.html", context)

    return view


@transaction.atomic
def put_on(macro: Macro, accounts: list[Account], *, user: User) -> str:
    """Apply a macro to accounts and return the message. Accounts of another team than the macro's are left out."""
    fitting = [account for account in accounts if macro.team_id in {None, account.team_id}]
    had = set(
        MacroAccount.objects.filter(macro=macro, account__in=fitting).values_list("account_id", flat=True)
    )
    new = [account for account in fitting if account.pk not in had]
    MacroAccount.objects.bulk_create(
        [MacroAccount(macro=macro, account=account) for account in new], ignore_conflicts=True
    )
    _log(macro, f"Applied to {_number(len(new))}.", user)
    text = f"“{macro}” is applied to {_number(len(new))}."
    if had:
        text += f" {len(had)} had it already."
    if foreign := len(accounts) - len(fitting):
        text += f" {foreign} left out: another team's."
    return text


@transaction.atomic
def take_off(macro: Macro, accounts: list[Account], *, user: User) -> str:
    """Remove a macro from accounts and return the message."""
    count, _ = MacroAccount.objects.filter(macro=macro, account__in=accounts).delete()
    _log(macro, f"Removed from {_number(count)}.", user)
    return f"“{macro}” is removed from {_number(count)}."


def _number(count: int) -> str:
    return f"{count} account{'' if count == 1 else 's'}"


def _log(macro: Macro, text: str, user: User) -> None:
    LogEntry.objects.log_actions(user.pk, Macro.objects.filter(pk=macro.pk), CHANGE, text, single_object=True)
