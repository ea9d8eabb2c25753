"""Inviting one person as the backup of many accounts, from their list: the page that asks whom; a worker writes it down and mails once."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy

from accounts import backup_invitations, client_links, deed_kinds
from accounts.models import Account
from portal import access, bulk
from ui import confirm
from ui.confirm import ConfirmForm, ConfirmLine, Done, Page, Said
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from users.forms import HowToTakePart, how_to_take_part
from users.models import User, person
from users.visibility import names_for

PERMISSION = "users.invite_user"
say = partial(phrase, "words/backup_invitations.txt")


class InviteForm(ConfirmForm):
    """Who is to be the second person, and how they take part."""

    email = forms.EmailField(label=gettext_lazy("E-mail of the second person"))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=150, required=False)
    how = how_to_take_part()

    def __init__(self, *args: Any, viewer: User, no_client_link: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.viewer = viewer
        how = self.fields["how"]
        assert isinstance(how, HowToTakePart)  # as declared above
        how.bar_client(no_client_link)
        self.fields["note"].label = gettext_lazy("A line of yours")

    def clean_email(self) -> str:
        """Return the address in lower case. Raises ValidationError for the own one."""
        email = str(self.cleaned_data["email"]).strip().lower()
        if email == self.viewer.email:
            raise forms.ValidationError(say("own_address"))
        return email


def urls(chosen: bulk.Choose) -> list[URLPattern]:
    """Return the address of the page."""
    return [path("bulk/invite/", admin.site.admin_view(_view(chosen)), name="accounts_account_bulk_invite")]


def _view(choose: bulk.Choose) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        access.require(request, PERMISSION)
        viewer = person(request)
        if not client_links.may_make(viewer):
            raise PermissionDenied
        chosen = choose(request)
        if not chosen.total:
            return bulk.none_chosen(request)
        own = backup_invitations.invitable(viewer, chosen.accounts)
        is_many = chosen.total > backup_invitations.MOST_OF_LINK
        too_many = backup_invitations.too_many_for_links(chosen.whole, viewer) if is_many else ""
        page = Page(
            "portal/confirm/bulk_invite.html",
            bulk.back(request),
            {"count": chosen.total, "live": len(own), "many": chosen.unread > 0},
            lines=_lines(chosen.accounts, own, names_for(viewer)),
            unread=chosen.unread,
            refused="" if own or chosen.unread else say("own_accounts_only"),
            ask_why=False,
            seen=chosen.seen,
            form=partial(InviteForm, viewer=viewer, no_client_link=too_many),
        )

        def do(said: Said) -> Done:
            who = said.cleaned
            options = {
                "email": who["email"],
                "name": who["email"],  # what the page of the deed calls it
                "person": who["name"].strip(),
                "client": who["how"] == "client",
            }
            return bulk.start(request, deed_kinds.INVITE, chosen, said, options=options)

        return confirm.answer(request, page, do, frame=bulk.frame(request))

    return view


def _lines(accounts: Sequence[Account], own: Collection[int], names: NameVisibility) -> list[ConfirmLine]:
    elsewhere = phrase("words/deeds.txt", "not_own_team")
    return [
        ConfirmLine(
            one.name,
            f"{one.get_channel_display()} · {one.native_id}",
            names.team(one.team),
            skipped="" if one.pk in own else elsewhere,
        )
        for one in accounts
    ]
