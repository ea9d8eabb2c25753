"""The mail to whoever looks after accounts that stopped because somebody was seen off: one a reader, however many log-ins and teams."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts import summary
from accounts.mails.account_rows import Rows, row_of
from accounts.models import Account, AccountToken
from accounts.telling import notices
from notifications import composing, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens.models import Token
from ui import addresses
from users import refused_addresses
from users.models import Team, User
from users.recipients import fallback
from users.visibility import names_for

KIND = "left"
SHOWN = 10
# What a job that ended before its last step had removed is told by the one that goes on, too: the accounts may have stopped since.
TOGETHER = timedelta(days=1)


def tell(*, person: User, actor: User, job_id: int, since: datetime, now: datetime) -> None:
    """Write the messages about the accounts that stopped, in the caller's transaction. The actor knows, and gets none.

    `since`: when it was asked for, which may be days ago where the installation was on hold. Of what the person removed, leads were told.
    """
    removed = Token.objects.filter(
        consented_by=person, reason=Token.REMOVED, removed_at__gte=min(since, now - TOGETHER)
    ).exclude(removed_by=person)
    removed = removed.exclude(pk__in=_told_before(person, job_id))
    payload = {
        "person": person.pk,
        "tokens": sorted(removed.values_list("pk", flat=True)),
        "actor": actor.pk,
        "job": job_id,
    }
    _write(payload, now)


def _told_before(person: User, job_id: int) -> set[int]:
    """Return the log-ins (ids) of which an earlier job on the person told, by mails that went out or will."""
    before = Message.objects.filter(kind=KIND, payload__contains={"person": person.pk})
    before = before.exclude(payload__contains={"job": job_id})
    before = before.exclude(state__in=[Message.State.CANCELLED, Message.State.FAILED])
    return {pk for ids in before.values_list("payload__tokens", flat=True) for pk in ids}


def record_end(message: Message) -> None:
    """Note what the mail told. Where the mail server refuses a lead's address, whoever stands in is told, in the same transaction."""
    notices.record_stop_told(message)
    if message.state == Message.State.FAILED and refused_addresses.is_refused(message.recipient):
        _write({key: value for key, value in message.payload.items() if key != "teams"}, timezone.now())


def _write(payload: dict[str, Any], now: datetime) -> None:
    actor = User.objects.filter(pk=payload["actor"]).first()
    teams_of: dict[str, list[int]] = defaultdict(list)
    stopped = _stopped(payload).values_list("team", flat=True).order_by().distinct()
    for team_id, told in sorted(fallback(stopped).items()):
        for address in told.addresses:
            teams_of[address].append(team_id)
    if actor is not None:
        teams_of.pop(actor.email, None)
    for address, teams in teams_of.items():
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            team=Team.objects.get(pk=teams[0]) if len(teams) == 1 else None,
            dedupe_key=f"{KIND}:{payload['job']}:{address}",
            payload={**payload, "teams": teams},
            now=now,
        )


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where all of the accounts work again."""
    person = User.objects.filter(pk=message.payload["person"]).first()
    accounts = _stopped(message.payload).filter(team__in=message.payload["teams"])
    found = summary.first_of(accounts, timezone.now(), count=SHOWN)
    if not found:
        raise NotWanted("carried_again")
    reader = composing.reader_of(message)
    names = names_for(reader.user)
    actor = User.objects.filter(pk=message.payload["actor"]).first()
    named = actor is not None and names.user(actor) == str(actor)  # whose name is hidden is not written to
    knows = person is not None and names.user(person) == str(person)
    first = found[0].account
    facts = {
        "actor": str(actor) if named else "",
        "person": str(person) if knows else "",
        "rows": Rows([row_of(one, carrier="", zone=reader.zone) for one in found], accounts.count()),
        "stopped": accounts.count(),
        "channel": first.get_channel_display(),
        "channel_key": first.channel,
        "url": addresses.absolute_url("open_account", first.pk),
    }
    reply_to = actor.email if actor is not None and named and actor.is_active else ""
    return composing.compose(KIND, message, reader, facts, reply_to=reply_to)


def _stopped(payload: dict[str, Any]) -> QuerySet[Account]:
    """Return the accounts that used the log-ins, as far as these are still removed, and that stopped with them."""
    removed = Token.objects.filter(pk__in=payload["tokens"], reason=Token.REMOVED)
    used = AccountToken.objects.filter(token__in=removed.values("pk")).values("account_id")
    return Account.objects.filter(pk__in=used, state=Account.State.DEACTIVATED, reason=Token.REMOVED)
