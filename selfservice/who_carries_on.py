"""Who could carry on where one's own log-in is removed: asked from the page that removes it, or invited. Nobody is added unasked from here.

Of accounts of the person's own teams alone: people of other teams are not written to, nor named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext

from accounts import actions, backing_up, client_links, leaving
from accounts.leaving import Plan, Then
from accounts.models import Account
from tokens.models import Token
from ui.confirm import ConfirmForm, Said
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.refusal import Refusal
from users import visibility
from users.models import User
from users.visibility import names_for

say = partial(phrase, "words/log_ins.txt")


@dataclass(frozen=True)
class Line:
    """One account that stops, and who could carry it."""

    account: Account
    who: str  # "" for nobody known
    is_own: bool  # of a team of whoever looks


class RemoveForm(ConfirmForm):
    """Whom to ask, beside the name."""

    backups = forms.BooleanField(required=False, initial=True)
    asks = forms.BooleanField(required=False, initial=True)

    def __init__(self, *args: Any, plan: Plan | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offers = len(plan.offers) if plan else 0
        asks = len(plan.asks) if plan else 0
        if plan and plan.is_cut:
            self.fields["backups"].label = gettext(
                "Ask whoever reaches them to back up all of these accounts"
            )
            self.fields["asks"].label = gettext("Ask all colleagues whose log-ins stopped to re-authenticate")
            return
        if offers:
            self.fields["backups"].label = ngettext(
                "Ask whoever reaches it to back up %(number)s account",
                "Ask whoever reaches them to back up %(number)s accounts",
                offers,
            ) % {"number": offers}
        else:
            del self.fields["backups"]
        if asks:
            self.fields["asks"].label = ngettext(
                "Ask %(number)s colleague whose log-in stopped to re-authenticate",
                "Ask %(number)s colleagues whose log-ins stopped to re-authenticate",
                asks,
            ) % {"number": asks}
        else:
            del self.fields["asks"]


def plan_of(tokens: Sequence[Token], user: User, now: datetime) -> Plan | None:
    """Return who could carry on where these log-ins of the person go; None for who asks nobody: auditors."""
    if not client_links.may_make(user):
        return None
    own = visibility.teams_of(user)
    return leaving.plan(person=user, actor=user, now=now, only=tokens, teams=own)


def lines(accounts: Sequence[Account], plan: Plan | None, user: User) -> list[Line]:
    """Return a line for each of these accounts, which stop: with who could carry it, as far as it is of an own team."""
    names = names_for(user)
    asked: dict[int, str] = {}
    for about in plan.asks.values() if plan else ():
        for account, token in about:
            asked.setdefault(account.pk, names.token(token, account))
    own = {one.pk for one in plan.at_risk} if plan else set()
    return [
        Line(one, _who(plan, one, asked, names) if plan else "", is_own=one.pk in own) for one in accounts
    ]


def _who(plan: Plan, account: Account, asked: dict[int, str], names: NameVisibility) -> str:
    if offer := plan.offers.get(account.pk):
        return say("reaches_it", name=names.token(offer.token, account))
    if name := asked.get(account.pk):
        return say("has_stopped", name=name)
    return ""


def invite_facts(plan: Plan | None) -> dict[str, object]:
    """Return the page that invites somebody for what stops and nobody could carry, as far as was looked; "" where there is nothing."""
    if plan is None:
        return {"invite_url": "", "invite_first": 0}
    helped = plan.offers.keys() | {account.pk for about in plan.asks.values() for account, _ in about}
    at_risk: Sequence[Any] = plan.at_risk  # each with its `then`
    ids = [str(one.pk) for one in at_risk if one.then == Then.STOPS and one.pk not in helped]
    url = f"{reverse('invite_backup')}?{urlencode({'account': ','.join(ids)})}" if ids else ""
    return {"invite_url": url, "invite_first": len(ids) if plan.is_cut else 0}


def ask(plan: Plan | None, said: Said, *, user: User, now: datetime) -> list[str]:
    """Ask whoever was ticked. Returns in words who could not be asked."""
    failures: list[str] = []
    if plan is None:
        return failures
    if said.cleaned.get("backups"):
        chosen = {pk: offer.token.pk for pk, offer in plan.offers.items()}
        outcome = backing_up.add(chosen=chosen, actor=user, note="", now=now, ask_all=True)
        called = {one.pk: one.name for one in plan.at_risk}
        failures += [f"{called[pk]}: {why}" for pk, why in outcome.refused.items()]
    for about in plan.asks.values() if said.cleaned.get("asks") else ():
        try:
            actions.ask_person(about=about, actor=user, note="", now=now)
        except Refusal as refusal:
            failures.append(str(refusal))
    return failures
