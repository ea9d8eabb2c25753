"""What staff do with many macros: the list leads here, GET shows which, POST switches them on or off, or gives them to somebody."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, pgettext_lazy

from macros import owning, scope
from macros.models import Macro
from portal import access
from portal.bulk import wanted
from ui import confirm
from ui.confirm import ConfirmForm, ConfirmLine, Done, Page, Said
from users.models import User, person
from users.visibility import names_for, people_of

MOST = 200  # macros at once
LIST = "admin:macros_macro_changelist"


class OwnerForm(ConfirmForm):
    """Whom to give the macros to: somebody who opens the portal, of the people whom the person sees."""

    owner = forms.ModelChoiceField(
        label=pgettext_lazy("of a macro", "Owner"), queryset=User.objects.none(), empty_label=None
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["owner"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = people_of(user).filter(is_active=True, is_staff=True).order_by("name", "email")
        field.initial = user.pk


def lead_to(what: str, macros: QuerySet[Macro]) -> HttpResponse:
    """Lead from the list to the page that asks."""
    ids = ",".join(str(pk) for pk in macros.order_by("name").values_list("pk", flat=True)[:MOST])
    return HttpResponseRedirect(f"{reverse(f'admin:macros_macro_bulk_{what}')}?ids={ids}")


def urls() -> list[URLPattern]:
    """Return the addresses of the pages."""
    pages = (("on", _switch), ("off", _switch), ("owner", _give))
    return [
        path(f"bulk/{what}/", admin.site.admin_view(_view(what, do)), name=f"macros_macro_bulk_{what}")
        for what, do in pages
    ]


def _view(
    what: str, do: Callable[[HttpRequest, str, list[Macro], Said], Done]
) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("macros.change_macro"):
            raise PermissionDenied
        user = person(request)
        seen = scope.visible_macros(user).filter(pk__in=wanted(request)[:MOST])
        macros = list(seen.select_related("owner", "team").order_by("name"))
        own = [macro for macro in macros if scope.may_change(user, macro)]
        if not macros:
            messages.warning(request, gettext("No macro was chosen."))
            return HttpResponseRedirect(reverse(LIST))
        lines = _lines(request, what, macros, {macro.pk for macro in own})
        live = sum(not line.skipped for line in lines)
        page = Page(
            f"portal/confirm/macros_{'owner' if what == 'owner' else 'switch'}.html",
            reverse(LIST),
            {"live": live, "on": what == "on"},
            lines=lines,
            refused="" if live else gettext("There is nothing to change."),
            form=partial(OwnerForm, user=user) if what == "owner" else ConfirmForm,
        )
        return confirm.answer(
            request, page, lambda said: do(request, what, own, said), frame=access.frame_of(Macro)
        )

    return view


def _lines(request: HttpRequest, what: str, macros: list[Macro], own: set[int]) -> list[ConfirmLine]:
    names = names_for(request.user)
    found = []
    for macro in macros:
        skipped = "" if macro.pk in own else gettext("it is about teams that are not yours")
        if not skipped and what == "on" and macro.enabled:
            skipped = gettext("on already")
        if not skipped and what == "off" and not macro.enabled:
            skipped = gettext("off already")
        now = gettext("On") if macro.enabled else gettext("Off")
        if what == "owner":
            now = names.user(macro.owner) or gettext("Nobody")
        found.append(ConfirmLine(macro.name, now, skipped=skipped))
    return found


def _switch(request: HttpRequest, what: str, macros: list[Macro], said: Said) -> Done:
    number = owning.switch(macros=macros, on=what == "on", actor=person(request), note=said.note)
    return Done({"number": number}, good=number > 0)


def _give(request: HttpRequest, _what: str, macros: list[Macro], said: Said) -> Done:
    owner = said.cleaned["owner"]
    number = owning.give(macros=macros, owner=owner, actor=person(request), note=said.note)
    return Done({"number": number, "owner": owner}, good=number > 0)
