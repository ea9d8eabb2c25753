"""Somebody says that an account is no longer theirs, by the link of a warning or by the one that renews their log-in: whoever looks after
it is told, and they are warned of it no more for as long as one may snooze. Nothing is unlinked.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, AccountEvent
from macros.mutes import services
from macros.mutes.mails import NOT_MINE, SAID, build_said, notices_of
from notifications import outbox
from notifications.models import Message
from notifications.outbox import clean_line, register_kind
from users.installation import hold
from users.models import User
from users.people.queries import fallback_readers

NOTE_LENGTH = 200


def accounts_of(message: Message) -> list[Account]:
    """Return the accounts that a mail was about."""
    ids = {pk for told in notices_of(message) for pk in told.values_list("account_id", flat=True)}
    if message.kind == SAID:
        ids |= set(message.payload.get("accounts", ()))
    return list(Account.objects.filter(pk__in=ids).select_related("team").order_by("name", "pk"))


def of_mail(message: Message) -> str:
    """Return what names a mail in what is said by its link."""
    return f"mail:{message.pk}"


def disowned(account_ids: Collection[int], source: str) -> set[int]:
    """Return of which of these accounts (ids) it was said already, by what `source` names."""
    events = AccountEvent.objects.filter(
        account__in=account_ids, kind=AccountEvent.Kind.NOT_MINE, cause=source
    )
    return set(events.values_list("account_id", flat=True))


@transaction.atomic
def disown(
    *, account_ids: Collection[int], email: str, source: str, note: str, now: datetime, mutes: bool = True
) -> int:
    """Leave an event on each account, and mail the leads of its team (the operators where it has none), one mail for each reader.

    `source` names the mail (`of_mail`) or the log-in (`log_in:...`, 30 characters at most) that it is said by; `note` is what the person
    typed about who runs the accounts. Unless `mutes` is off, they are warned of them no more for as long as one may snooze. What was said
    already is not said twice. Returns how many are new. Raises OnHold where no mail is sent.
    """
    hold.refuse()
    locked = list(
        Account.objects.select_related("team").locked().filter(pk__in=account_ids)
    )  # two clicks tell once
    told = disowned([one.pk for one in locked], source)
    new = [one for one in locked if one.pk not in told]
    if mutes:
        services.mute_accounts(
            accounts=new, email=email, until=services.last_day(now), by=None, reason="", now=now
        )
    note = clean_line(note, NOTE_LENGTH)
    person = User.objects.filter(email=email).first()
    services.note_events(
        new,
        AccountEvent.Kind.NOT_MINE,
        cause=source,
        by=person,
        note=f"{email}{f': {note}' if note else ''}",
        now=now,
        source="mail",
    )
    _tell(new, who=email, note=note, source=source, now=now)
    return len(new)


def _tell(accounts: Sequence[Account], *, who: str, note: str, source: str, now: datetime) -> None:
    """Write a message to each reader, about the accounts that they look after."""
    told = fallback_readers({account.team_id for account in accounts})
    readers: dict[str, list[Account]] = defaultdict(list)
    for account in accounts:
        for address in told[account.team_id].addresses:
            readers[address].append(account)
    for address, theirs in readers.items():
        teams = {one.team_id for one in theirs}
        outbox.enqueue(
            kind=SAID,
            recipient=address,
            team=theirs[0].team if len(teams) == 1 else None,
            dedupe_key=f"not_mine:{source}:{min(one.pk for one in theirs)}:{address}",
            payload={"what": NOT_MINE, "accounts": [one.pk for one in theirs], "who": who, "note": note},
            now=now,
        )


def register() -> None:
    """Say how the mail of what was said is built."""
    register_kind(SAID, build_said, name=_("Said by the link of a mail"), asks=True)
