""" "I no longer run this account": a person takes the own log-ins out of one account's pool. Their other accounts keep them."""

from datetime import datetime

from django.db import transaction

from accounts import pool
from accounts.errors import ActionRefused
from accounts.mails import gave_up_mail
from accounts.models import Account, AccountEvent, AccountToken, BackupRequest
from tokens import lifecycle
from tokens.models import Token
from users import hold
from users.models import User

CAUSE = "gave_up"  # of the event


def own(account: Account, person: User) -> list[AccountToken]:
    """Return the entries of a person's own log-ins in an account's pool. A system user is its team's, and nobody's to take out here."""
    mine = account.pool.filter(token__consented_by=person, token__kind=Token.Kind.PERSON)
    return list(mine.select_related("token__app").defer("token__credentials").order_by("token_id"))


@transaction.atomic
def give_up(*, account: Account, person: User, note: str, now: datetime) -> None:
    """Take a person's own log-ins out of an account, and tell the team's leads (the operators where it has none).

    Another log-in takes over at once where one can. Each log-in stays, also after its last account; it is not offered as a backup of the
    account again before the person links it. Raises ActionRefused where none is linked now; OnHold.
    """
    hold.refuse()
    ids = [entry.token_id for entry in own(account, person)]
    tokens = list(Token.objects.filter(pk__in=ids, consented_by=person).locked().values_list("pk", flat=True))
    lifecycle.note_linked(token_ids=tokens, now=now)
    account = Account.objects.select_related("team").locked().get(pk=account.pk)
    entries = AccountToken.objects.filter(account=account, token__in=tokens)
    left = list(entries.order_by("pk").values_list("token_id", flat=True))
    if not left:
        raise ActionRefused("not_linked")
    for token_id in left:
        pool.record(
            account=account,
            kind=AccountEvent.Kind.UNLINKED,
            token_id=token_id,
            cause=CAUSE,
            source="self",
            actor=person,
            note=note,
            now=now,
        )
    entries.delete()
    _decline(account, left, now)
    pool.settle(account_ids=[account.pk], cause="unlinked", now=now, source="self", actor=person, note=note)
    event = account.events.filter(kind=AccountEvent.Kind.UNLINKED, cause=CAUSE, actor=person).latest("pk")
    gave_up_mail.tell(account=account, person=person, event_id=event.pk, note=note, now=now)


def _decline(account: Account, tokens: list[int], now: datetime) -> None:
    """Keep these log-ins from being added back as they reach the account still: their person has just said no."""
    declined = BackupRequest.State.DECLINED
    mine = BackupRequest.objects.filter(account=account, token__in=tokens)
    mine.filter(state=BackupRequest.State.ASKED).update(state=declined, answered_at=now)
    known = set(mine.filter(state=declined).values_list("token_id", flat=True))
    BackupRequest.objects.bulk_create(
        BackupRequest(account=account, token_id=pk, asked_at=now, state=declined, answered_at=now)
        for pk in tokens
        if pk not in known
    )
