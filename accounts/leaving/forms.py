"""The one page that asks before anything goes: what stops, who carries on, who could, and whom to ask. Its faces differ in the frame alone.

The words are in templates/leaving/: `page.html` has what all of them say, and one template each the question and the button.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from accounts.asks import inviting
from accounts.leaving import plan
from accounts.leaving.plan import Plan, Then
from accounts.leaving.services import Wanted
from accounts.models import Account
from accounts.pool import permissions
from tokens.channels import declarations
from tokens.models import Token
from ui.confirm import ConfirmForm, ConfirmLine, Page, Said
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.text import join_names
from users.models import User
from users.people.queries import names_for

say = partial(phrase, "words/log_ins.txt")


class LeaveForm(ConfirmForm):
    """Whom to add and to ask before somebody who leaves is let go, as far as the viewer may, beside why and the name."""

    backups = forms.BooleanField(
        label=gettext_lazy("Add everybody who could back them up at once"), required=False, initial=True
    )
    asks = forms.BooleanField(
        label=gettext_lazy("Ask all colleagues whose log-ins stopped to re-authenticate"),
        required=False,
        initial=True,
    )

    def __init__(self, *args: Any, found: Plan, viewer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, there, permission in (
            ("backups", found.offers, permissions.ADD_BACKUP),
            ("asks", found.asks, permissions.ASK),
        ):
            if not viewer.has_perm(permission) or not (there or found.unread):
                del self.fields[name]


def leaving_page(
    template: str,
    found: Plan,
    *,
    viewer: User,
    back: str,
    name: str,
    own: bool = False,
    form: Callable[..., ConfirmForm] = ConfirmForm,
    more: Mapping[str, Any] | None = None,
) -> Page:
    """Return a page of templates/leaving/ for a plan.

    `name`: what is typed where an account stops; `own`: the viewer lets go what is theirs; `more`: what else its template names.
    """
    names = names_for(viewer)
    channels = sorted({declarations.label(token.app.channel) for token in found.tokens})
    alone = sorted(inviting.invitable_accounts(viewer, found.at_risk if own else found.nobody))
    facts = {
        "found": found,
        "own": own,
        "log_ins": len(found.tokens),
        "channels": join_names(channels) if channels else "",
        "goes_on": found.numbers[Then.GOES_ON],
        "most": plan.MOST if found.unread else 0,
        "one": found.scope.account is not None,
        "left_over": ",".join(map(str, alone)),
        "left": len(alone),
    }
    return Page(
        f"leaving/{template}.html",
        back,
        facts | dict(more or {}),
        lines=_lines(found, names),
        unread=found.unread,
        most=plan.MOST,
        warns=found.stop > 0,
        danger=True,
        must_type=name if found.stop else "",
        seen=found.seen,
        form=form,
    )


def read_wanted(said: Said) -> Wanted:
    """Return what the person ticked and entered."""
    ticked = said.cleaned
    return Wanted(backups=bool(ticked.get("backups")), asks=bool(ticked.get("asks")))


def _lines(found: Plan, names: NameVisibility) -> list[ConfirmLine]:
    stopped = found.stopped
    return [
        ConfirmLine(
            f"{one.name} ({one.get_channel_display()})",
            _then(found, one, names),
            then=_who(found, one, names, stopped),
        )
        for one in found.at_risk
    ]


def _then(found: Plan, account: Account, names: NameVisibility) -> str:
    carrier = found.carriers.get(account.pk)
    if carrier is None:
        return gettext("Stops: nobody else keeps it connected")
    return gettext("Goes on through %(name)s") % {"name": names.within(carrier, account)}


def _who(found: Plan, account: Account, names: NameVisibility, stopped: Mapping[int, Token]) -> str:
    """Return who could carry an account: at once, or once they re-authenticate."""
    offer = found.offers.get(account.pk)
    if offer is not None:
        return say("reaches_it", name=names.token(offer.token, account))
    if account.pk in stopped:
        return say("has_stopped", name=names.token(stopped[account.pk], account))
    if account.pk not in found.looked_at:
        return ""
    return gettext("Nobody yet") if account.pk not in found.carriers else gettext("Nobody else yet")
