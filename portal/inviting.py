"""Inviting one person as the backup of accounts: whom, and how they take part; they get one mail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts import backup_invitations, client_links
from accounts.jobs.kinds import INVITE
from accounts.models import Account
from portal.bulk import Bulk, Chosen, plain_lines
from ui.confirm import ConfirmForm, ConfirmLine
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from users.forms import HowToTakePart, how_to_take_part
from users.models import User, person

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


def _lines(
    accounts: Sequence[Account], viewer: User, names: NameVisibility, _now: datetime
) -> list[ConfirmLine]:
    own = backup_invitations.invitable(viewer, accounts)
    elsewhere = phrase("words/jobs.txt", "not_own_team")
    return [
        line if one.pk in own else replace(line, skipped=elsewhere)
        for one, line in zip(accounts, plain_lines(accounts, names), strict=True)
    ]


def _form(request: HttpRequest, chosen: Chosen) -> Callable[..., InviteForm]:
    """Return the form, which says why nobody gets a link where they are too many. Raises PermissionDenied."""
    viewer = person(request)
    if not client_links.may_make(viewer):
        raise PermissionDenied
    is_many = chosen.total > backup_invitations.MOST_OF_LINK
    too_many = backup_invitations.too_many_for_links(chosen.whole, viewer) if is_many else ""
    return partial(InviteForm, viewer=viewer, no_client_link=too_many)


def _choice(cleaned: Mapping[str, Any]) -> Mapping[str, Any]:
    options = {
        "email": cleaned["email"],
        "name": cleaned["email"],  # what the page of the job calls it
        "person": cleaned["name"].strip(),
        "client": cleaned["how"] == "client",
    }
    return {"options": options}


BULKS = (
    Bulk(
        "invite",
        INVITE,
        PERMISSION,
        _lines,
        gettext_lazy("You can invite people to accounts of your own teams only."),
        ask_why=False,
        form=_form,
        choice=_choice,
    ),
)
