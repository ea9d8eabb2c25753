"""Asking those whose log-ins in the chosen accounts stopped or end soon: one mail a person, with all accounts of the job.

An account is done with the people who carry it. Whoever is met first is asked about all accounts of the job at once, so that later ones
find the person asked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import BigIntegerField, Exists, F, Func, OuterRef
from django.db.models.functions import Lower
from django.utils import timezone

from accounts import actions, pool_reasons, selection, summary
from accounts.jobs import services
from accounts.jobs.handlers import Result, in_order
from accounts.models import Account, AccountToken, Job
from tokens.models import TokenEvent
from ui.calendar_days import AT_RISK, within
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.refusal import Refusal
from ui.text import join_names
from users.models import RefusedAddress, User
from users.visibility import names_for

AGAIN = "again"  # of a job's options: those who were asked today are asked again


@dataclass
class _Asked:
    """Who was asked about which log-in: by this job, or earlier today by somebody."""

    here: set[int] = field(default_factory=set)  # log-ins
    before: dict[int, datetime] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)  # people who could not be asked, and why


def needs(entry: AccountToken, now: datetime) -> bool:
    """Return whether a new consent of this person would help the account: of no use without one, or ending within 30 days.

    `entry` comes with its account. Days are those of the current time zone.
    """
    if not entry.is_living:
        return pool_reasons.explain_entry(entry).by_consent
    return within(entry.token.deadline, AT_RISK, now=now, zone=timezone.get_current_timezone())


def needed(account: Account, now: datetime) -> list[AccountToken]:
    """Return the entries of an account (of `summary.with_pools`) whose people would be asked, in the pool's order."""
    if account.paused_at is not None:
        return []
    entries = selection.in_order(account)
    for entry in entries:
        entry.account = account
    return [entry for entry in entries if needs(entry, now)]


def ask(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Ask the people of these accounts who were not asked today; with the option AGAIN those, too. Raises OnHold."""
    accounts = list(summary.with_pools(services.accounts_of(job, keys)))
    found = {account.pk: needed(account, now) for account in accounts}
    asked = _asked(job, [entry.token_id for entries in found.values() for entry in entries], now)
    people = {
        entry.token.consented_by_id
        for entries in found.values()
        for entry in entries
        if _is_fresh(entry, asked) and entry.token.consented_by_id
    }
    unreached = parked(people)
    asked.refused |= dict.fromkeys(unreached, phrase("words/campaigns.txt", "parked"))
    for person, entries in _of_people(job, people - unreached, now).items():
        _ask(job, person, entries, asked, now)
    names = names_for(job.user)
    results = {account.pk: _result(account, found[account.pk], asked, names) for account in accounts}
    return in_order(keys, results)


def parked(people: Collection[int]) -> set[int]:
    """Return those of these people (ids) whom no mail reaches: asking them would only look as if somebody had been asked."""
    refused = RefusedAddress.objects.filter(email=Lower(OuterRef("email")))
    return set(User.objects.filter(Exists(refused), pk__in=people).values_list("pk", flat=True))


def _is_fresh(entry: AccountToken, asked: _Asked) -> bool:
    token = entry.token_id
    return token not in asked.here and token not in asked.before and not actions.cannot_ask(entry.token)


def _asked(job: Job, tokens: Collection[int], now: datetime) -> _Asked:
    """Return who was asked today about these log-ins, or by this job, which may have begun before midnight."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    events = TokenEvent.objects.filter(
        token__in=tokens,
        kind=TokenEvent.Kind.ASKED,
        at__gte=min(midnight, job.created_at),
        at__gt=F("token__linked_at"),
    )
    found = _Asked()
    for token, actor, at in events.values_list("token_id", "actor_id", "at"):
        if actor == job.user_id and at >= job.created_at:
            found.here.add(token)
        elif not job.options.get(AGAIN):
            found.before[token] = max(at, found.before.get(token, at))
    return found


def _of_people(
    job: Job, people: Collection[int], now: datetime
) -> Mapping[int, list[tuple[Account, AccountToken]]]:
    """Return by person what a new consent of theirs would help among the job's accounts, what is dark or ends first before the rest."""
    keys = Func("keys", function="unnest", output_field=BigIntegerField())
    entries = AccountToken.objects.filter(
        account__in=Job.objects.filter(pk=job.pk).values(key=keys),
        token__consented_by__in=people,
        account__paused_at=None,
    )
    seen = Account.objects.visible_to(job.user).filter(pk__in=entries.values("account"))
    entries = entries.filter(account__in=seen.values("pk")).defer("token__credentials")
    entries = entries.select_related("account__team", "token__app", "token__consented_by")
    found: dict[int, list[tuple[Account, AccountToken]]] = {}
    order = (F("account__deadline").asc(nulls_first=True), "account__name", "account_id", "pk")
    for entry in entries.order_by(*order):
        if needs(entry, now) and entry.token.consented_by_id:
            found.setdefault(entry.token.consented_by_id, []).append((entry.account, entry))
    return found


def _ask(
    job: Job,
    person: int,
    entries: Sequence[tuple[Account, AccountToken]],
    asked: _Asked,
    now: datetime,
) -> None:
    """Ask one person by one mail about what was not asked for today."""
    more = _asked(job, [entry.token_id for _, entry in entries], now)
    asked.here |= more.here
    asked.before |= more.before
    fresh = [(account, entry.token) for account, entry in entries if _is_fresh(entry, asked)]
    if not fresh:
        return
    try:
        actions.ask_person(about=fresh, actor=job.user, note=job.note, now=now)
    except Refusal as refusal:
        asked.refused[person] = str(refusal)
    else:
        asked.here |= {token.pk for _, token in fresh}


def _result(
    account: Account, entries: Sequence[AccountToken], asked: _Asked, names: NameVisibility
) -> Result:
    if not entries:
        why, facts = why_nobody(account)
        return Result.skips(account.pk, why, **facts)
    here = _names((entry for entry in entries if entry.token_id in asked.here), account, names)
    if here:
        return Result.done(account.pk, "asked", who=join_names(here))
    for entry in entries:
        refused = asked.refused.get(entry.token.consented_by_id or 0)
        if refused:
            return Result.fails(account.pk, "as_told", text=refused)
    before = [entry for entry in entries if entry.token_id in asked.before]
    if before:
        at = max(asked.before[entry.token_id] for entry in before)
        who = join_names(_names(before, account, names))
        return Result.skips(account.pk, "asked_today", who=who, at=f"{timezone.localtime(at):%H:%M}")
    return Result.skips(account.pk, "as_told", text=actions.cannot_ask(entries[0].token))


def _names(entries: Iterable[AccountToken], account: Account, names: NameVisibility) -> list[str]:
    return list(dict.fromkeys(names.token(entry.token, account) for entry in entries))


def why_nobody(account: Account) -> tuple[str, dict[str, str]]:
    """Return why nobody is asked about an account of which nobody is needed: a block of words/jobs.txt, and what it names."""
    if account.paused_at is not None:
        return "paused", {}
    if not account.pool.all():
        return "nobody_linked", {}
    reason = pool_reasons.account_reason(account, selection.in_order(account))
    explanation = pool_reasons.explain_account(account, reason)
    if explanation.helper:
        return "waits_for", {"who": explanation.helper}
    return "nothing_ends", {}
