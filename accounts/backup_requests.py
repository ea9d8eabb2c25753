"""Asking people whether their log-ins may back up further accounts: who is asked first, the ask, and the end without an answer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from accounts.backups import Offer
from accounts.models import Account, AccountEvent, AccountToken, BackupRequest
from tokens.models import Token
from users.models import User

STANDS_FOR = timedelta(days=14)

_END = """
update accounts_backuprequest r set state = 'ended', answered_at = %(now)s
where r.state = 'asked' and (
  r.asked_at < %(before)s
  or exists (select 1 from tokens_token t where t.id = r.token_id and t.state = 'dead')
  or exists (select 1 from accounts_accounttoken p where p.account_id = r.account_id and p.token_id = r.token_id))
"""


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


def write(asked: Sequence[Offer], *, actor: User, note: str, now: datetime) -> None:
    """Write the requests, with one event each. The caller holds the accounts' locks, found none open, and tells the people."""
    made = BackupRequest.objects.bulk_create(
        BackupRequest(
            account_id=offer.account_id, token=offer.token, asked_by=actor, note=note[:300], asked_at=now
        )
        for offer in asked
    )
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account_id=one.account_id,
            token_id=one.token_id,
            kind=AccountEvent.Kind.BACKUP_ASKED,
            source="staff",
            actor=actor,
            note=note[:300],
            at=now,
        )
        for one in made
    )


def waiting_for(person: User) -> QuerySet[BackupRequest]:
    """Return the requests that the person may answer, the oldest first."""
    open_ones = BackupRequest.objects.filter(state=BackupRequest.State.ASKED, token__consented_by=person)
    return open_ones.filter(token__state=Token.State.VALID).order_by("asked_at", "pk")


def waiting_of(account_ids: Collection[int]) -> set[int]:
    """Return those of these accounts (ids) about which somebody was asked and has not answered."""
    asked = BackupRequest.objects.filter(account__in=account_ids, state=BackupRequest.State.ASKED)
    return set(asked.values_list("account_id", flat=True))


def end_old(*, now: datetime) -> int:
    """End the requests that nobody answered for 14 days, or that no longer make sense. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_END, {"now": now, "before": now - STANDS_FOR})
        return int(cursor.rowcount)
