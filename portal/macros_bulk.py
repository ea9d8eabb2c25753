"""What staff do with many macros: the list leads here, GET shows which, POST switches them on or off, or gives them to somebody."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, pgettext_lazy

from accounts.models import Account
from macros import coverage, owning, scope
from macros.models import Macro
from portal import access, as_read, bulk
from ui import confirm
from ui.confirm import SHOWN, ConfirmForm, ConfirmLine, Done, Page, Said
from users.models import User, person
from users.visibility import names_for, people_of

NAMED = 50  # macros that the address of a list of accounts names
LIST = "admin:macros_macro_changelist"
MACROS = "macros"  # that a page said it would change, see `as_read`


Choose = Callable[[HttpRequest], QuerySet[Macro]]


class OwnerForm(ConfirmForm):
    """Whom to give the macros to: somebody who may change all of them, of the people whom the person sees."""

    owner = forms.ModelChoiceField(
        label=pgettext_lazy("of a macro", "Owner"), queryset=User.objects.none(), empty_label=None
    )

    def __init__(self, *args: Any, user: User, macros: QuerySet[Macro], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["owner"]
        assert isinstance(field, forms.ModelChoiceField)
        may = people_of(user).filter(pk__in=scope.changers_of(macros).values("pk"))
        field.queryset = may.order_by("name", "email")
        field.initial = user.pk


def lead_to(what: str, request: HttpRequest, macros: QuerySet[Macro]) -> HttpResponse:
    """Lead from the list to the page that asks: with the ids that are ticked, or the list's filters where all were chosen."""
    return bulk.lead_on(reverse(f"admin:macros_macro_bulk_{what}"), request, macros)


def urls(choose: Choose) -> list[URLPattern]:
    """Return the addresses of the pages. `choose` gives the macros that an address names, as far as the person sees them."""
    pages = (("on", _switch), ("off", _switch), ("owner", _give))
    return [
        path(
            f"bulk/{what}/", admin.site.admin_view(_view(choose, what, do)), name=f"macros_macro_bulk_{what}"
        )
        for what, do in pages
    ]


def _view(
    choose: Choose, what: str, do: Callable[[HttpRequest, str, list[Macro], Said], Done]
) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("macros.change_macro"):
            raise PermissionDenied
        user, query = person(request), bulk.filters_of(request)
        back = reverse(LIST) + (f"?{query.urlencode()}" if query else "")
        chosen = choose(request).order_by("name")
        shown = as_read.ids(request, MACROS)
        chosen = chosen if shown is None else chosen.filter(pk__in=shown)
        total = chosen.count()
        if not total:
            gone = gettext("Nothing was done: none of these macros matches any longer.")
            messages.warning(request, gone if request.method == "POST" else gettext("No macro was chosen."))
            return HttpResponseRedirect(back)
        changing = scope.changeable_macros(user).filter(pk__in=chosen.order_by().values("pk"))
        if what != "owner":
            changing = changing.filter(enabled=what == "off")
        live = changing.count()
        page = Page(
            f"portal/confirm/macros_{'owner' if what == 'owner' else 'switch'}.html",
            back,
            {
                "live": live,
                "on": what == "on",
                **(_left_alone(user, changing) if what == "off" and live else {}),
            },
            lines=_lines(request, what, chosen),
            unread=max(0, total - SHOWN),
            refused="" if live else gettext("There is nothing to change."),
            form=partial(OwnerForm, user=user, macros=changing) if what == "owner" else ConfirmForm,
            seen=_seen(changing, live),
        )

        def act(said: Said) -> Done:
            if as_read.has_grown(request, MACROS, live):
                return as_read.read_again(request)
            return do(request, what, list(changing), said)

        return confirm.answer(request, page, act, frame=access.frame_of(Macro, back))

    return view


def _seen(changing: QuerySet[Macro], live: int) -> str:
    """Return what a page carries: which macros it changes, so that it changes no other that matches, or is switched back, only since."""
    ids = list(changing.values_list("pk", flat=True)) if live <= as_read.MOST else None
    return f"{as_read.mark(MACROS, ids, live)}."


def _left_alone(user: User, macros: QuerySet[Macro]) -> Mapping[str, Any]:
    """Return how many accounts these macros watch, how many of them no other does, and where these are listed."""
    found = list(macros.only("pk"))
    seen = Account.objects.visible_to(user).values("pk")
    alone = coverage.unwatched_without(found).filter(pk__in=seen).count()
    accounts, ids = reverse("admin:accounts_account_changelist"), ".".join(str(one.pk) for one in found)
    return {
        "watched": coverage.watched_by_any(found).filter(pk__in=seen).count(),
        "unwatched": alone,
        "unwatched_url": f"{accounts}?macro=only.{ids}" if alone and len(found) <= NAMED else "",
        "none_url": f"{accounts}?macro=none",
    }


def _lines(request: HttpRequest, what: str, chosen: QuerySet[Macro]) -> list[ConfirmLine]:
    """Return what becomes of each of the macros that the page shows."""
    shown = list(chosen.select_related("owner", "team")[:SHOWN])
    changeable = scope.changeable_macros(request.user).filter(pk__in=[one.pk for one in shown])
    own, names = set(changeable.values_list("pk", flat=True)), names_for(request.user)
    found = []
    for macro in shown:
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
