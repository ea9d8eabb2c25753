"""Who could carry on where one's own log-in is removed: asked from the page that removes it, or invited. Nobody is added unasked from here.

Of accounts of the person's own teams alone: people of other teams are not written to, nor named.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import escape
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext

from accounts import actions, backing_up, backup_invitations, client_links, leaving, summary
from accounts.leaving import Plan
from accounts.models import Account
from tokens.models import Token
from ui.confirm import ConfirmForm, Said
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.refusal import Refusal
from ui.text import join_names
from users import visibility
from users.models import User
from users.visibility import names_for

say = partial(phrase, "words/log_ins.txt")
SHOWN = 20  # accounts by name


@dataclass(frozen=True)
class Line:
    """One account that stops or keeps one person, and who could carry it."""

    account: Account
    who: str  # "" for nobody known
    is_own: bool  # of a team of whoever looks
    carrier: str = ""  # through whom alone it goes on; "" where it stops


class RemoveForm(ConfirmForm):
    """Whom to ask and to invite, beside the name."""

    backups = forms.BooleanField(required=False, initial=True)
    asks = forms.BooleanField(required=False, initial=True)
    invite = forms.EmailField(required=False)

    def __init__(self, *args: Any, plan: Plan | None, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        alone = nobody(plan)
        if not alone and not (plan and plan.is_cut):
            del self.fields["invite"]
        if plan and plan.is_cut:
            self.fields["backups"].label = gettext(
                "Ask whoever reaches them to back up all of these accounts"
            )
            self.fields["asks"].label = gettext("Ask all colleagues whose log-ins stopped to re-authenticate")
            self.fields["invite"].label = gettext("Invite for all that nobody could carry: e-mail")
            return
        if alone:
            self.fields["invite"].label = ngettext(
                "Invite for %(number)s account that nobody could carry: e-mail",
                "Invite for %(number)s accounts that nobody could carry: e-mail",
                len(alone),
            ) % {"number": len(alone)}
            self.fields["invite"].help_text = escape(join_names([one.name for one in alone]))
        self._name(len(plan.offers) if plan else 0, len(plan.asks) if plan else 0)

    def _name(self, offers: int, asks: int) -> None:
        """Say how many are asked; leave out what would ask nobody."""
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

    def clean_invite(self) -> str:
        """Return the address in lower case. Raises ValidationError for the own one."""
        email = str(self.cleaned_data["invite"]).strip().lower()
        if email == self.user.email:
            raise forms.ValidationError(phrase("words/backup_invitations.txt", "own_address"))
        return email


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


def keep_one(
    accounts: QuerySet[Any], plan: Plan | None, tokens: Sequence[Token], user: User, *, now: datetime
) -> list[Line]:
    """Return a line for each of the first of these accounts (of `leaving.accounts_of`) that keep one person, and who that is."""
    first = accounts.filter(leaving.ONE_LEFT).order_by("name", "pk")
    ids = list(first.values_list("pk", flat=True)[:SHOWN])
    found = summary.with_pools(Account.objects.all()).in_bulk(ids)
    names, going = names_for(user), {one.pk for one in tokens}
    shown = lines([found[pk] for pk in ids if pk in found], plan, user)
    return [replace(one, carrier=_carrier(one.account, going, names, now)) for one in shown]


def _carrier(account: Account, going: Collection[int], names: NameVisibility, now: datetime) -> str:
    others = [one for one in summary.summarise(account, now).usable if one.token_id not in going]
    return names.within(others[0].token, account) if others else ""


def nobody(plan: Plan | None) -> list[Account]:
    """Return the accounts, of those that were looked at, that nobody could carry who is known here."""
    if plan is None:
        return []
    helped = plan.offers.keys() | {account.pk for about in plan.asks.values() for account, _ in about}
    return [one for one in plan.at_risk if one.pk not in helped]


def invite_facts(plan: Plan | None, *, back: str) -> dict[str, object]:
    """Return the page that invites somebody for what nobody could carry, as far as was looked; "" where there is nothing.

    `back`: the path that it leads back to.
    """
    ids = [str(one.pk) for one in nobody(plan)]
    query = urlencode({"account": ",".join(ids), "next": back})
    url = f"{reverse('invite_backup')}?{query}" if ids else ""
    return {"invite_url": url, "invite_first": len(ids) if plan and plan.is_cut else 0}


def ask(plan: Plan | None, said: Said, *, user: User, now: datetime) -> list[str]:
    """Ask whoever was ticked, and invite who was entered. Returns in words who could not be asked."""
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
    if email := said.cleaned.get("invite"):
        try:
            backup_invitations.invite(accounts=nobody(plan), email=email, by=user, now=now)
        except Refusal as refusal:
            failures.append(f"{email}: {refusal}")
    return failures
