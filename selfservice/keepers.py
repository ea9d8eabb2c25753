"""Who keeps one account connected: its pool in plain words, read-only."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from accounts.asks import inviting
from accounts.linking import overview
from accounts.models import Account, AccountToken
from accounts.pool import health
from accounts.pool import queries as pool_queries
from accounts.pool.health import OUTSIDE, InPool
from tokens.channels import registry
from tokens.channels.kinds import Reason
from tokens.models import Token
from tokens.token import reasons
from ui.dates import DeadlineFacts
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.text import first_name
from users.models import User
from users.people.queries import names_for

say = partial(phrase, "words/my_accounts.txt")


@dataclass(frozen=True)
class Keeper:
    """One person on the page "Who keeps it connected"."""

    name: str
    you: bool
    state: InPool
    text: str
    deadline: DeadlineFacts


def facts_of_account(account: Account, user: User, now: datetime) -> dict[str, Any]:
    """Return the pool of one account in plain words, read-only."""
    one = pool_queries.summarise(account, now)
    names = names_for(user)
    keepers = [_keeper(account, entry, user, names, now) for entry in one.entries]
    mine = overview.own_entry(one, user)
    explanation = reasons.explain(
        account.channel, mine.reason if mine else "", account=account.name, you=True
    )
    return {
        **overview.limits_of_log_in(mine, one, names, explanation),
        "account": account,
        "summary": one,
        "keepers": keepers,
        "invites": account.lacks_backup and inviting.may_invite(user, [account]),
        "invited": inviting.sentences_about_asks(account, user, now),
        "mine": mine is not None,
        "gives_up": account.own_log_ins(user).exists() and not user.only_looks,
        "only_looks": user.only_looks,
        "refused_by_team": account.team.refuses_log_ins_of(user),
        "needs_me": mine is not None and bool(overview.helped_by_consent([mine], now)),
        "channel": registry.get(account.channel),
        "restricted": reasons.explain(account.channel, Reason.RESTRICTED, account=account.name),
    }


def _keeper(
    account: Account, entry: AccountToken, user: User, names: NameVisibility, now: datetime
) -> Keeper:
    token = entry.token
    you = token.consented_by_id == user.pk
    active = account.active_token_id == token.pk
    name = names.token(token, account)
    state = entry.state_in_pool(active=active)
    deadline = pool_queries.deadline_facts(token, usable=entry.is_usable, now=now)
    text = text_of_keeper(account, entry, name, you=you, active=active)
    return Keeper(name, you, state, text, deadline)


def text_of_keeper(account: Account, entry: AccountToken, name: str, *, you: bool, active: bool) -> str:
    """Return what a person does for the account, or why nothing. `name` is theirs; `you`: it is the reader."""
    token, reason = entry.token, entry.reason
    says = partial(say, you=you, name=first_name(name))
    explain = partial(reasons.explain, account.channel, person=name, account=account.name, you=you)
    if token.state != Token.State.DEAD and entry.access == AccountToken.Access.LOST and reason != OUTSIDE:
        return says("no_access")
    if token.state != Token.State.DEAD and reason == Reason.PUBLISHING_LOST:
        return says("reports_only")
    if reason == Reason.SCOPE_MISSING:
        return says("scope_missing")
    if reason and token.state != Token.State.COOLING:
        return explain(reason).what
    if token.state == Token.State.COOLING:
        return say("log_in_checked")
    if active:
        return says("carries")
    if token.demoted_at is not None:
        return explain(health.READING_REFUSED).what
    return says("is_backup")
