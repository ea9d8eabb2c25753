"""Adding log-ins that reach accounts already as backups: one account or many, in one transaction; some people are asked before.

The reading behind it may be a week old, so whoever is added is asked about at once. Each person gets one mail, however many accounts.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.asks import services as asking
from accounts.asks.models import Ask, AskLine
from accounts.backups import queries as backups
from accounts.backups.queries import Offer
from accounts.checks import jobs as due_checks
from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool import services as pool
from tokens import lifecycle
from tokens.models import Token
from users.installation import hold
from users.models import User

ADDED = "backup"  # causes of events in the account's time-line
AGREED = "backup_agreed"
STANDS_FOR = timedelta(days=14)  # that long a person may answer
Stage = AskLine.Stage


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    added: Sequence[Offer]
    asked: Sequence[Offer]  # their people, before anything is added


@transaction.atomic
def write_backups(*, chosen: Mapping[int, int], actor: User, note: str, now: datetime) -> Outcome:
    """Add to each account (id) the log-in (id) that was chosen for it, as far as it still may be; mails and checks are the caller's.

    Who was added or asked meanwhile, declined, stopped, or may no longer be used for the account is left out.
    """
    list(Token.objects.filter(pk__in=set(chosen.values())).locked().values_list("pk"))
    accounts = {
        account.pk: account
        for account in Account.objects.filter(pk__in=chosen).select_related("team").locked()
    }
    found = backups.offers_by_account(account_ids=list(accounts))
    possible = {pk: offer for pk, some in found.items() for offer in some if chosen[pk] == offer.token.pk}
    asks = asked_first(possible, accounts, actor)
    asked = [offer for pk, offer in possible.items() if pk in asks]
    made = [offer for pk, offer in possible.items() if pk not in asks]
    _link(made, actor=actor, note=note, now=now)
    _ask(asked, accounts, actor=actor, note=note, now=now)
    return Outcome(made, asked)


def tell_of_backups(
    *, added: Sequence[Offer], asked: Sequence[Offer], actor: User, note: str, now: datetime
) -> None:
    """Mail everybody whose log-in was added, and those who are asked, in the transaction that says so."""
    for person, of_person in _by_person(added, actor).items():
        about = _about(of_person)
        key = f"{about['accounts'][0]}:{about['tokens'][0]}:{now.isoformat()}"
        asking.write_ask_mail(asking.ANSWER, to=person, key=key, now=now, actor=actor.pk, note=note, **about)
    for person, of_person in _by_person(asked, actor).items():
        about = _about(of_person)
        mine = AskLine.objects.to_back_up(person).filter(
            account__in=about["accounts"], token__in=about["tokens"]
        )
        if asks := sorted(set(mine.values_list("ask", flat=True))):
            asking.write_ask_mail(asking.ASK, to=person, key=str(asks[0]), now=now, asks=asks, **about)


def _about(offers: Sequence[Offer]) -> dict[str, Any]:
    """Return what a mail is about, and whose it is."""
    tokens = {offer.token.pk: offer.token for offer in offers}
    accounts = sorted(offer.account_id for offer in offers)
    return {
        "accounts": accounts,
        "tokens": sorted(tokens),
        "team": asking.team_of_log_ins(list(tokens.values())),
    }


def _by_person(offers: Sequence[Offer], actor: User) -> dict[User, list[Offer]]:
    """Return the offers by whom to tell of them: one mail a person; whoever added their own log-in knows."""
    found: dict[User, list[Offer]] = defaultdict(list)
    for offer in offers:
        person = offer.token.consented_by
        if offer.token.kind == Token.Kind.PERSON and person is not None and person.pk != actor.pk:
            found[person].append(offer)
    return found


def _link(made: Sequence[Offer], *, actor: User, note: str, now: datetime, cause: str = ADDED) -> None:
    """Write the pool entries with one event each, and settle. The caller holds the locks of the tokens, then of the accounts."""
    if not made:
        return
    AccountToken.objects.bulk_create(
        AccountToken(
            account_id=offer.account_id,
            token=offer.token,
            role=offer.role,
            can_publish=offer.can_publish,
            added_by=actor,
            added_at=now,
        )
        for offer in made
    )
    about = [(offer.account_id, offer.token.pk) for offer in made]
    why: dict[str, Any] = {"source": "staff", "actor": actor, "note": note[:300]}
    _record(about, AccountEvent.Kind.LINKED, cause=cause, at=now, **why)
    lifecycle.note_linked(token_ids={offer.token.pk for offer in made}, now=now)
    pool.settle(account_ids=[offer.account_id for offer in made], cause="linked", now=now, **why)


# --- asking first -------------------------------------------------------------------------------------------------------------


def asked_first(offers: Mapping[int, Offer], accounts: Mapping[int, Account], actor: User) -> set[int]:
    """Return of which accounts the person is asked before their log-in backs them up; both by account, with its team. One query.

    A job gets a person's whole log-in, so one that serves nothing of a team yet serves it only after its person agreed; one that does is
    asked for where the team wants that. Nobody is asked for who presses, nor for a system user.
    """
    others = {
        pk: offer
        for pk, offer in offers.items()
        if offer.token.kind == Token.Kind.PERSON and offer.token.consented_by_id != actor.pk
    }
    entries = AccountToken.objects.filter(
        token__in={offer.token.pk for offer in others.values()},
        account__team__in={accounts[pk].team_id for pk in others},
    )
    serving = set(entries.values_list("token", "account__team").distinct())
    return {
        pk
        for pk, offer in others.items()
        if accounts[pk].team.ask_backups or (offer.token.pk, accounts[pk].team_id) not in serving
    }


def _lines() -> QuerySet[AskLine]:
    return AskLine.objects.filter(ask__what=Ask.What.BACK_UP)


def _ask(
    asked: Sequence[Offer], accounts: Mapping[int, Account], *, actor: User, note: str, now: datetime
) -> None:
    """Write an ask for each person, with one event an account. The caller holds the accounts' locks, and tells the people."""
    for person, offers in _by_person(asked, actor).items():
        asking.begin_ask(
            (asking.line_of(accounts[one.account_id], one.token) for one in offers),
            what=Ask.What.BACK_UP,
            email=person.email,
            made_by=actor,
            note=note[:300],
            created_at=now,
            ends_at=now + STANDS_FOR,
        )
    about = [(offer.account_id, offer.token.pk) for offer in asked]
    _record(about, AccountEvent.Kind.BACKUP_ASKED, source="staff", actor=actor, note=note[:300], at=now)


def _record(about: Sequence[tuple[int, int]], kind: AccountEvent.Kind, **facts: Any) -> None:
    """Write one event for each account and log-in (ids)."""
    AccountEvent.objects.bulk_create(
        AccountEvent(account_id=account_id, token_id=token_id, kind=kind, **facts)
        for account_id, token_id in about
    )


def waiting_of(account_ids: Collection[int]) -> set[int]:
    """Return those of these accounts (ids) about which somebody was asked and has not answered."""
    waiting = _lines().filter(account__in=account_ids, stage=Stage.WAITING)
    return {pk for pk in waiting.values_list("account", flat=True) if pk is not None}


def requests_of_account(account: Account) -> QuerySet[AskLine]:
    """Return who was asked for an account and has not agreed, the last first."""
    lines = _lines().filter(account=account).exclude(stage=Stage.DONE)
    return lines.select_related("ask", "token__app", "token__consented_by").order_by("-pk")


@dataclass(frozen=True)
class Answered:
    """How many accounts were answered for, and how many of those agreed to could no longer be backed up."""

    number: int
    too_late: int = 0


def answer_requests(*, person: User, line_ids: Collection[int], agree: bool, now: datetime) -> Answered:
    """Answer those of these lines that are the person's and still open; agreeing adds the backups, by what holds then, and has them
    asked about. Raises OnHold where somebody agrees while nobody may be asked.
    """
    if agree:
        hold.refuse()
    with transaction.atomic():
        answered, made = _answer(person, line_ids, now, agree=agree)
    if made:
        due_checks.make_tokens_due(token_ids={offer.token.pk for offer in made}, now=now)
    return answered


def _answer(
    person: User, line_ids: Collection[int], now: datetime, *, agree: bool
) -> tuple[Answered, Sequence[Offer]]:
    """Write the answers. The lines are locked after the log-ins and accounts that they are about."""
    mine = AskLine.objects.to_back_up(person).filter(pk__in=line_ids)
    list(Token.objects.filter(pk__in=mine.values("token")).locked())
    list(Account.objects.filter(pk__in=mine.values("account")).locked())
    lines = {
        (account, token): pk
        for pk, account, token in mine.select_for_update(of=("self",)).values_list("pk", "account", "token")
        if account is not None and token is not None  # which they have
    }
    if not agree:
        _close(lines.values(), Stage.DECLINED, now)
        _record(list(lines), AccountEvent.Kind.BACKUP_DECLINED, source="self", actor=person, at=now)
        return Answered(len(lines)), []
    found = backups.every_offer(account_ids={account for account, _ in lines})
    made = [offer for offer in found if (offer.account_id, offer.token.pk) in lines]
    _link(made, actor=person, note="", cause=AGREED, now=now)
    agreed = {lines[offer.account_id, offer.token.pk] for offer in made}
    _close(agreed, Stage.DONE, now)
    _close(set(lines.values()) - agreed, Stage.LEFT, now)
    return Answered(len(lines), too_late=len(lines) - len(agreed)), made


def _close(lines: Collection[int], stage: Stage, now: datetime) -> None:
    AskLine.objects.filter(pk__in=lines).update(stage=stage, done_at=now)


def decline_request(*, account: Account, token: Token, now: datetime) -> None:
    """Have a log-in offered for an account no longer, in the caller's transaction: its person took it out of that one."""
    mine = _lines().filter(account=account, token=token)
    mine.filter(stage=Stage.WAITING).update(stage=Stage.DECLINED, done_at=now)
    if not mine.filter(stage=Stage.DECLINED).exists():
        line = asking.line_of(account, token)
        line.stage, line.done_at = Stage.DECLINED, now
        over = {"created_at": now, "ends_at": now, "ended_at": now, "ending": Ask.Ending.STOPPED}
        asking.begin_ask([line], what=Ask.What.BACK_UP, **over)
