"""Saved views of Social Accounts: the tabs beside the ready-made ones, and the pages that save, change and delete one."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts import calendars, saved_views
from accounts.models import Account, SavedView
from accounts.permissions import SAVE_VIEW
from portal import access
from ui import confirm
from ui.confirm import ConfirmForm, Done, Page, Said
from users.models import Team, User, person
from users.visibility import names_for

SHOWN = 3  # tabs: all are one line, so that nine accounts are in sight below them; others are in a menu


class ViewForm(ConfirmForm):
    """The name, and whom it is shared with."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    team = forms.ModelChoiceField(
        Team.objects.none(),
        label=gettext_lazy("Share with"),
        empty_label=gettext_lazy("Nobody: only I see it"),
        required=False,
        help_text=gettext_lazy(
            "People of the team find it beside their own. Each sees only accounts that they may see."
        ),
    )

    def __init__(self, *args: Any, viewer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["team"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Team.objects.filter(memberships__user=viewer).order_by("name")


class ChangeForm(ViewForm):
    """The same of a view that is there."""

    of_what_is_stored = True


class NameForm(ChangeForm):
    """The name alone: with whom somebody else's view is shared is not another one's to say."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["team"]


def urls() -> list[URLPattern]:
    """Return the addresses of the pages."""
    views: list[tuple[str, str, Callable[..., HttpResponse]]] = [
        ("save/", "save", save),
        ("<int:view_id>/", "change", change),
        ("<int:view_id>/delete/", "delete", delete),
    ]
    return [
        path(f"views/{tail}", admin.site.admin_view(view), name=f"accounts_account_view_{name}")
        for tail, name, view in views
    ]


def tabs(request: HttpRequest) -> Mapping[str, Any]:
    """Return what the list shows of saved views: tabs, the one that is shown now, and the way to save what is shown."""
    here = saved_views.normal(request.GET.urlencode())
    user = person(request)
    found = [
        {
            "label": one.name,
            "url": f"?{one.query}",
            "selected": one.query == here,
            "edit": reverse("admin:accounts_account_view_change", args=[one.pk])
            if one.owner_id == user.pk or saved_views.is_left(one.owner)  # see `saved_views.changed_by`
            else "",
            "shared": one.team_id is not None,
        }
        for one in saved_views.seen_by(user).select_related("owner")[: saved_views.MOST * 2]
    ]
    chosen = next((one for one in found if one["selected"]), None)
    first = found[:SHOWN]
    if chosen is not None and chosen not in first:
        first = [*first[:-1], chosen]
    may = request.user.has_perm(SAVE_VIEW)
    savable = may and chosen is None and here not in {"", "view=needs", "view=team", "view=alone"}
    save_url = f"{reverse('admin:accounts_account_view_save')}?{here}"
    return {
        "saved_views": first,
        "more_views": [one for one in found if one not in first],
        "chosen_view": chosen,
        "save_view_url": save_url if savable else "",
        "edit_view_url": chosen["edit"] if chosen and may else "",
    }


def save(request: HttpRequest) -> HttpResponse:
    """Ask for a name (GET), then keep the filters of the address under it (POST)."""
    access.require(request, SAVE_VIEW)
    query = saved_views.normal(request.GET.urlencode())
    page = Page(
        "portal/confirm/save_view.html",
        _list(query),
        ask_why=False,
        form=partial(ViewForm, viewer=person(request)),
    )

    def do(said: Said) -> Done:
        name, team = said.cleaned["name"], said.cleaned["team"]
        saved_views.save(owner=person(request), name=name, query=query, team=team, now=timezone.now())
        return Done({"name": name, "team": team})

    return confirm.answer(request, page, do, frame=access.frame_of(Account, _list(query)))


@transaction.atomic  # whoever saves at the same moment waits
def change(request: HttpRequest, view_id: int) -> HttpResponse:
    """Show name and team of a view (GET), and change them (POST); of a leaver's, which is shared with a team, the name."""
    access.require(request, SAVE_VIEW)
    view, viewer = _view(request, view_id), person(request)
    initial = {"name": view.name, "team": view.team_id}
    page = Page(
        "portal/confirm/change_view.html",
        _list(view.query),
        {"view": view, "calendars": calendars.read_by_others(view), "owner": _owner(view, viewer)},
        ask_why=False,
        form=partial(ChangeForm if view.owner_id == viewer.pk else NameForm, viewer=viewer, initial=initial),
    )

    def do(said: Said) -> Done:
        saved_views.change(view=view, name=said.cleaned["name"], team=said.cleaned.get("team"), by=viewer)
        return Done({"name": said.cleaned["name"]})

    return confirm.answer(request, page, do, frame=access.frame_of(Account, _list(view.query)))


def delete(request: HttpRequest, view_id: int) -> HttpResponse:
    """Ask (GET), then delete a view (POST): an own one, or a leaver's that is shared with a team."""
    access.require(request, SAVE_VIEW)
    view = _view(request, view_id)
    owner = _owner(view, person(request))
    facts = {"view": view, "calendars": calendars.read_by_others(view), "owner": owner}
    page = Page("portal/confirm/delete_view.html", _list(view.query), facts, ask_why=False, danger=True)

    def do(_said: Said) -> Done:
        SavedView.objects.filter(pk=view.pk).delete()
        return Done({"name": view.name}, after=_list(""))

    return confirm.answer(request, page, do, frame=access.frame_of(Account, _list(view.query)))


def _owner(view: SavedView, viewer: User) -> str:
    """Return whose view it is, where it is somebody else's."""
    return "" if view.owner_id == viewer.pk else names_for(viewer).user(view.owner)


def _view(request: HttpRequest, view_id: int) -> SavedView:
    """Return a view that the person may change; of a form that is sent it is locked. Raises Http404."""
    mine = saved_views.changed_by(person(request)).select_related("team", "owner")
    if request.method == "POST" and transaction.get_connection().in_atomic_block:
        mine = mine.select_for_update(of=("self",))
    found = mine.filter(pk=view_id).first()
    if found is None:
        raise Http404(gettext("There is no such view."))
    return found


def _list(query: str) -> str:
    return reverse("admin:accounts_account_changelist") + (f"?{query}" if query else "")
