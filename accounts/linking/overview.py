"""What the pages of linking say, worked out from plain facts; of a channel that cannot be linked, whom to ask."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts.asks import inviting
from accounts.linking import queries as setup
from accounts.models import Account, AccountToken
from accounts.pool import health
from accounts.pool import queries as pool_queries
from accounts.pool.health import InPool
from accounts.pool.queries import Summary
from tokens.channels import declarations, registry
from tokens.channels.base import Channel
from tokens.channels.kinds import WRITE_REFUSALS, Reason
from tokens.models import Token
from tokens.token import reasons
from ui.dates import AT_RISK, DeadlineFacts, within
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.text import first_name, join_names
from users.models import User
from users.people.queries import names_for

TITLE = gettext_lazy("Add Account")  # of these pages, in the frame of staff
ONLY_LOOKS = "only_looks"  # beside the states of accounts.linking.queries: the reader is an auditor
say = partial(phrase, "words/linking.txt")


@dataclass(frozen=True)
class Advice:
    """What to do about a channel that cannot be linked. The words are in templates/selfservice/link/_readiness.html."""

    state: str  # of the channel, or ONLY_LOOKS
    title: str
    text: str
    short: str  # one line for lists
    url: str = ""  # where operators act; "" for everybody else


def advise_on_channel(channel: str, user: User | AnonymousUser) -> Advice | None:
    """Return what to do about a channel that cannot be linked; None where it can be."""
    found = ONLY_LOOKS if isinstance(user, User) and user.only_looks else setup.channel_state(channel)
    if found == setup.READY:
        return None
    acts = found != ONLY_LOOKS and setup.may_set_up(user)
    facts = {
        "state": found,
        "channel": declarations.label(channel),
        "channel_key": channel,
        "acts": acts,
        "ask": setup.whom_to_ask() if not acts and found != ONLY_LOOKS else [],
    }
    title, text, short = (
        render_to_string("selfservice/link/_readiness.html", {**facts, "part": part}).strip()
        for part in ("title", "text", "short")
    )
    return Advice(found, title, text, short, reverse("admin:tokens_channelapp_changelist") if acts else "")


@dataclass(frozen=True)
class ChannelRow:
    """One channel on the page where it is chosen."""

    key: str
    label: str
    rule: str  # "Renew every 60 days", or what to do where it cannot be linked
    ready: bool


def channel_rows(user: User) -> list[ChannelRow]:
    """Return all channels, those that cannot be linked here last."""
    made = []
    for key, label in declarations.choices():
        said = advise_on_channel(key, user)
        rule = said.short if said else registry.get(key).lifetime_summary
        made.append(ChannelRow(key, str(label), rule, ready=said is None))
    return sorted(made, key=lambda row: not row.ready)


@dataclass(frozen=True)
class LinkedRow:
    """One account on the page "linked"."""

    account: Account
    state: InPool | None  # of the person's own log-in there
    text: str
    deadline: DeadlineFacts
    no_backup: bool


def linked_rows(accounts: Iterable[Account], user: User, now: datetime) -> list[LinkedRow]:
    """Return what became of each account, in the order of names."""
    rows = []
    names = names_for(user)
    for account in accounts.order_by("name").with_pools():  # type: ignore[attr-defined]  # a queryset
        found = pool_queries.summarise(account, now)
        rows.append(
            _linked_row(found, own_entry(found, user), pool_queries.other_carriers(found, user, names), now)
        )
    return rows


def _linked_row(found: Summary, mine: AccountToken | None, people: list[str], now: datetime) -> LinkedRow:
    others = [first_name(name) for name in people]
    no_backup = found.account.lacks_backup
    active = mine is not None and found.account.active_token_id == mine.token_id
    state = mine.state_in_pool(active=active) if mine is not None else None
    if mine is not None and mine.can_publish == AccountToken.CanPublish.NO:
        text = say("reports_only")
    elif mine is None:  # a system user's token, or an imported one
        text = say("kept_by", names=join_names(people))
    elif not others:
        text = say("only_you")
    elif active:
        text = say("you_are_active", n=len(others), names=join_names(others))
    else:
        text = say("you_are_backup", name=f"{others[0][0].upper()}{others[0][1:]}")
    deadline = pool_queries.deadline_facts(mine.token, usable=True, now=now) if mine else found.deadline
    return LinkedRow(found.account, state, text, deadline, no_backup)


def own_entry(found: Summary, user: User) -> AccountToken | None:
    """Return the pool entry with which this person (last) carried the account, or None."""
    mine = [entry for entry in found.entries if entry.is_of(user)]
    return max(mine, key=lambda entry: entry.token.linked_at, default=None)


def helped_by_consent(entries: Sequence[AccountToken], now: datetime) -> list[AccountToken]:
    """Return the entries of a log-in that re-authenticating helps: all where it stopped or ends within 30 days, else those of no use.

    Accounts that wait for an admin at the channel are left out, and so are log-ins that were removed on purpose: nobody is asked to bring
    them back.
    """
    token = entries[0].token
    if token.is_removed:
        return []
    helped = [entry for entry in entries if reasons.by_consent(entry.reason)]
    ends = within(token.deadline, AT_RISK, now=now, zone=timezone.get_current_timezone())
    if token.state == Token.State.DEAD or ends:
        return helped
    return [entry for entry in helped if not entry.is_living]


def names_renewed_too(token: Token, account: Account) -> str:
    """Return the other accounts that one new consent of this log-in renews: the first by name, and how many more."""
    others = token.pool_entries.exclude(account=account)
    first = list(others.order_by("account__name").values_list("account__name", flat=True)[:3])
    return join_names(first, others.count())


def facts_of_reauthentication(account: Account, user: User, now: datetime) -> dict[str, Any]:
    """Return what the page of a mailed link says: what happened, what still works, what happens next.

    `asks_admin`: re-authenticating does not help, the page says who does and offers "Check now" instead. `only_appeal`: nor does it help,
    before the channel has lifted what it did to the person's own account; the page has the steps, and who else could link the account.
    """
    native = registry.get(account.channel)
    found = pool_queries.summarise(account, now)
    entry = own_entry(found, user)
    token = entry.token if entry else None
    names = names_for(user)
    others = pool_queries.other_carriers(found, user, names)
    login = token.native_user_name if token else ""
    checking = token is not None and token.state == Token.State.COOLING
    nothing_to_do = _nothing_to_do(entry, token, now)
    explanation = reasons.explain(
        account.channel,
        entry.reason if entry and not checking else "",
        person=login,
        account=account.name,
        you=True,
    )
    return {
        "account": account,
        "channel": native,
        "summary": found,
        "now": now,
        "token": token,
        "stopped": token is not None and token.state == Token.State.DEAD,
        "checking": checking,
        "restricted": reasons.explain(account.channel, Reason.RESTRICTED, account=account.name),
        "explanation": explanation,
        "others": others,
        "carrier": first_name(found.active_name(names)) if found.active and others else "",
        "also": names_renewed_too(token, account) if token else "",
        "login": login,
        "refused_by_team": account.team.refuses_log_ins_of(user),
        "only_appeal": explanation.only_appeal,
        "gives_up": account.own_log_ins(user).exists(),
        "invites": inviting.may_invite(user, [account]),
        "nothing_to_do": nothing_to_do,
        "needed": not nothing_to_do and not checking,
        "tone": "bad" if account.is_deactivated else "warn",
        **limits_of_log_in(entry, found, names, explanation),
        **_ways(explanation, native),
    }


def limits_of_log_in(
    entry: AccountToken | None, found: Summary, names: NameVisibility, explanation: reasons.Explanation
) -> dict[str, Any]:
    """Return what a log-in that works may not do for the account, and who can change that.

    `may_be_unticked`: the channel lets people tick ad accounts one by one, so that a new consent may help all the same.
    """
    out_of_reach = entry is not None and entry.access == AccountToken.Access.LOST
    reason = entry.reason if entry else ""
    asks_admin = bool(explanation.waits_for) and reason != health.OUTSIDE
    native = registry.get(found.account.channel)
    return {
        "asks_admin": asks_admin,
        "refused": reason in WRITE_REFUSALS,
        "out_of_reach": out_of_reach,
        "may_be_unticked": asks_admin and out_of_reach and native.partial_grants,
        "admins": admins_in_pool(found, names) if asks_admin else [],
        "admin_steps": native.steps(Reason(entry.access_reason or Reason.ACCESS_LOST))
        if asks_admin and entry
        else (),
    }


def admins_in_pool(found: Summary, names: NameVisibility) -> list[str]:
    """Return the names of people of the pool who may give others a role at the channel, as far as it tells roles."""
    roles = registry.get(found.account.channel).admin_roles
    admins = [
        entry
        for entry in found.entries
        if entry.role in roles and entry.access == AccountToken.Access.OK and entry.token.consented_by_id
    ]
    return list(dict.fromkeys(names.within(entry.token, found.account) for entry in admins))


def _ways(explanation: reasons.Explanation, native: Channel) -> dict[str, Any]:
    """Return the steps before going to the channel, those there, and those if it does not help, in the words of this page.

    Its button says "Continue to ...", and it says itself that one goes there.
    """
    steps = explanation.steps_by_stage(say("continue", channel=native.label))
    return {
        "before": steps.get("", ()),
        "there": steps.get("there") or (native.last_step,),
        "later": steps.get("later", ()),
    }


def _nothing_to_do(entry: AccountToken | None, token: Token | None, now: datetime) -> bool:
    """Return whether the log-in was renewed already: it works, and for more than 30 days."""
    if token is None or entry is None or not entry.is_usable:
        return False
    return not within(token.deadline, AT_RISK, now=now, zone=timezone.get_current_timezone())
