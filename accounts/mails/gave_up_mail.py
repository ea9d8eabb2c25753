"""The mail to whoever looks after an account that a person has taken the own log-in out of: what becomes of it, and who ran it."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts import summary
from accounts.mails.account_rows import row_of
from accounts.models import Account
from notifications import composing, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses
from users import refused_addresses
from users.models import User
from users.recipients import fallback
from users.visibility import names_for

KIND = "gave_up"


def tell(*, account: Account, person: User, event_id: int, note: str, now: datetime) -> None:
    """Write the messages, in the transaction that took the log-in out. The person knows, and gets none."""
    payload = {"account": account.pk, "person": person.pk, "event": event_id, "note": note}
    _write(account, payload, now)


def record_end(message: Message) -> None:
    """Where the mail server refuses a lead's address for good, tell whoever stands in, in the same transaction."""
    if message.state == Message.State.FAILED and refused_addresses.is_refused(message.recipient):
        account = Account.objects.select_related("team").filter(pk=message.payload["account"]).first()
        if account is not None:
            _write(account, message.payload, timezone.now())


def _write(account: Account, payload: dict[str, Any], now: datetime) -> None:
    person = User.objects.filter(pk=payload["person"]).first()
    for told in fallback([account.team_id]).values():
        for address in told.addresses:
            if person is None or address != person.email:
                outbox.enqueue(
                    kind=KIND,
                    recipient=address,
                    team=account.team,
                    dedupe_key=f"{KIND}:{payload['event']}:{address}",
                    payload=payload,
                    now=now,
                )


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the account is gone, or the person has linked it again."""
    account = Account.objects.filter(pk=message.payload["account"]).first()
    if account is None:
        raise NotWanted("accounts_gone")
    person = User.objects.filter(pk=message.payload["person"]).first()
    if person is not None and account.pool.filter(token__consented_by=person).exists():
        raise NotWanted("linked_again")
    reader = composing.reader_of(message)
    names = names_for(reader.user)
    found = summary.summarise(account, timezone.now())
    named = person is not None and names.user(person) == str(person)  # whose name is hidden is not written to
    facts = {
        "who": str(person) if named else "",
        "note": message.payload["note"],
        "account": account,
        "row": row_of(found, carrier=found.active_name(names), zone=reader.zone),
        "people": account.people_count,
        "url": addresses.absolute_url("open_account", account.pk),
    }
    reply_to = person.email if person is not None and named and person.is_active else ""
    return composing.compose(KIND, message, reader, facts, reply_to=reply_to)
