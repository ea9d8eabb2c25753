"""What macros add to the list of accounts: a column, the filter "No macro", and the bulk actions to apply and remove one."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.models import Account
from macros import reach, scope
from macros.coverage import covering
from macros.models import Macro, MacroAccount
from portal import access, bulk
from portal.macro_forms import ApplyForm
from ui import presentation
from users.models import User

SHOWN = 20

if TYPE_CHECKING:
    from portal.accounts import AccountAdmin as Base
else:
    Base = object


class MacroFilter(SimpleListFilter):
    """Accounts that no macro watches, or that a certain one does."""

    title = "macro"
    parameter_name = "macro"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return "No macro" and the macros that the person sees."""
        return [
            ("none", "No macro"),
            *((str(macro.pk), macro.name) for macro in scope.visible_macros(request.user)),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep what is asked for."""
        value = self.value()
        if value == "none":
            return queryset.filter(~Exists(covering()))
        if value and value.isascii() and value.isdigit() and len(value) < 19:
            return queryset.filter(Exists(covering().filter(pk=value)))
        return queryset


class ToldFilter(SimpleListFilter):
    """Accounts of which nobody would be told, or team leads and operators alone."""

    title = "who is told"
    parameter_name = "told"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two choices."""
        return [("nobody", "Nobody would be told"), ("stand_in", "Only team leads or operators")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep what is asked for."""
        if self.value() == "nobody":
            return reach.without_anybody(queryset)
        return reach.only_stood_in_for(queryset) if self.value() == "stand_in" else queryset


class MacrosOnAccounts(Base):
    """A mix-in for the ModelAdmin of accounts. It comes first: `class AccountsList(MacrosOnAccounts, AccountAdmin)`."""

    def __init__(self, model: Any, admin_site: Any) -> None:
        self.list_display = [*self.list_display, "macro_cell"]
        self.list_filter = [*self.list_filter, MacroFilter, ToldFilter]
        self.actions = ["apply_macro", "remove_macro", *self.actions]
        super().__init__(model, admin_site)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Add the names of the macros that watch each account."""
        return super().get_queryset(request).annotate(macro_names=ArraySubquery(covering().values("name")))

    @display(description="Macro")
    def macro_cell(self, account: Account) -> SafeString:
        """Return the first macro's name, and how many more there are; their names on hover."""
        names: list[str] = getattr(account, "macro_names", [])
        if not names:
            return SafeString('<span class="at-quiet">No macro</span>')
        more = format_html('<span class="at-second">+{} more</span>', len(names) - 1) if names[1:] else ""
        return format_html('<span class="at-clamp" title="{}">{}</span>{}', ", ".join(names), names[0], more)

    def warned_by(self, account: Account) -> tuple[str, str]:
        """Return the macros that warn about the account, and how many days ahead."""
        here = Account.objects.filter(pk=account.pk).annotate(ids=ArraySubquery(covering().values("pk")))
        macros = Macro.objects.filter(pk__in=here.values_list("ids", flat=True).get()).prefetch_related(
            "actions"
        )
        if not macros:
            return "", ""
        days = sorted(
            {day for macro in macros for action in macro.actions.all() for day in action.days}, reverse=True
        )
        return presentation.join_names(
            [macro.name for macro in macros]
        ), f"{', '.join(map(str, days))} days ahead"

    # --- bulk actions -----------------------------------------------------------------------------------------------

    @admin.action(description="Apply macro", permissions=["apply"])
    def apply_macro(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the confirm page."""
        return bulk.lead_to("apply_macro", request, queryset)

    @admin.action(description="Remove macro", permissions=["apply"])
    def remove_macro(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse:
        """Lead to the confirm page."""
        return bulk.lead_to("remove_macro", request, queryset)

    def has_apply_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may apply macros."""
        return request.user.has_perm("macros.apply_macro")

    def get_urls(self) -> list[URLPattern]:
        """Add the two confirm pages."""
        wrap = self.admin_site.admin_view
        return [
            path("bulk/apply-macro/", wrap(self.apply_view), name="accounts_account_bulk_apply_macro"),
            path("bulk/remove-macro/", wrap(self.remove_view), name="accounts_account_bulk_remove_macro"),
            *super().get_urls(),
        ]

    def apply_view(self, request: HttpRequest) -> HttpResponse:
        """GET asks which macro, POST applies it to the chosen accounts."""
        return self._confirmed(request, remove=False)

    def remove_view(self, request: HttpRequest) -> HttpResponse:
        """GET asks which macro, POST removes it from the chosen accounts."""
        return self._confirmed(request, remove=True)

    def _confirmed(self, request: HttpRequest, *, remove: bool) -> HttpResponse:
        access.demand(request, "macros.apply_macro")
        user = request.user
        if not isinstance(user, User):
            raise PermissionDenied
        accounts, more = bulk.chosen(self, request)
        if not accounts:
            messages.warning(request, "No account was chosen.")
            return HttpResponseRedirect(bulk.back(request))
        form = ApplyForm(request.POST or None, user=user)
        if request.method == "POST" and form.is_valid():
            macro = form.cleaned_data["macro"]
            messages.success(request, (take_off if remove else put_on)(macro, accounts, user=user))
            return HttpResponseRedirect(bulk.back(request))
        context = {
            **self.admin_site.each_context(request),
            "title": f"{'Remove' if remove else 'Apply'} macro",
            "opts": self.model._meta,  # noqa: SLF001  # Django's documented API
            "accounts": accounts[:SHOWN],
            "unshown": max(0, len(accounts) - SHOWN),
            "count": len(accounts),
            "more": more,
            "remove": remove,
            "form": form,
            "back": bulk.back(request),
        }
        return TemplateResponse(request, "portal/macros/apply.html", context)


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
