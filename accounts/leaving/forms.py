"""The one page that asks before anything goes: what stops, who carries on, who could, and whom to ask. Its faces differ in the frame alone.

The words are in templates/leaving/: `page.html` has what all of them say, and one template each the question and the button.
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from django import forms
from django.utils.translation import gettext

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


def may_have_done(viewer: User, found: Plan, *, at_once: bool) -> set[str]:
    """Return what the viewer may have done for what stops or keeps one person: fields of the form.

    Who lets go what is their own asks within the own teams. `at_once`: a log-in in the wrong hands waits for nobody.
    """
    if at_once:
        return set()
    if lets_go_own(viewer, found):
        return {"backups", "asks"} if viewer.may_make_links() else set()
    may = {"backups": viewer.has_perm(permissions.ADD_BACKUP), "asks": viewer.has_perm("tokens.ask_token")}
    return {name for name, is_so in may.items() if is_so}


def lets_go_own(viewer: User, found: Plan) -> bool:
    """Return whether the viewer lets go what is their own."""
    return found.scope.person is not None and found.scope.person.pk == viewer.pk


class LeaveForm(ConfirmForm):
    """Whom to add and to ask, beside why and the name."""

    backups = forms.BooleanField(required=False, initial=True)
    asks = forms.BooleanField(required=False, initial=True)

    def __init__(self, *args: Any, found: Plan, viewer: User, may: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = lets_go_own(viewer, found)
        for name, there, words in (
            (
                "backups",
                found.offers,
                gettext("Ask whoever reaches them to back up all of these accounts")
                if own
                else gettext("Add everybody who could back them up at once"),
            ),
            ("asks", found.asks, gettext("Ask all colleagues whose log-ins stopped to re-authenticate")),
        ):
            self.fields[name].label = words
            if name not in may or not (there or found.unread):
                del self.fields[name]


def leaving_page(
    template: str,
    found: Plan,
    *,
    viewer: User,
    back: str,
    name: str,
    at_once: bool = False,
    more: Mapping[str, Any] | None = None,
) -> Page:
    """Return a page of templates/leaving/ for a plan.

    `name`: what is typed where an account stops; `at_once`: nobody is asked before; `more`: what else its template names.
    """
    names, may = names_for(viewer), may_have_done(viewer, found, at_once=at_once)
    channels = sorted({declarations.label(token.app.channel) for token in found.tokens})
    alone = sorted(inviting.invitable_accounts(viewer, found.nobody))
    facts = {
        "found": found,
        "own": lets_go_own(viewer, found) and not at_once,
        "at_once": at_once,
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
        form=partial(LeaveForm, found=found, viewer=viewer, may=may),
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
