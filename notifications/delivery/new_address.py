"""Mails that wait for a person go along to their new address, and are not sent where the person is deleted.

What is about the address itself (a link that it was sent, what guards the log-in) stays where it is.
"""

from typing import Any

from django.db.models import QuerySet

from notifications.delivery import claims
from notifications.models import Message
from notifications.outbox import kinds
from notifications.outbox.services import deliver_soon
from users.models import User

State = Message.State


def take_along(*, user: User, old: str, **_kwargs: Any) -> None:  # what a signal passes
    """Have what waits for a person be sent to their new address, in the transaction that changes it.

    One that is on its way at this moment leaves once more, to the new address: its sender cannot be asked whether the old one took it.
    """
    moved = False
    for message in _waiting(old, State.QUEUED, State.SENDING):
        kind = kinds.KINDS.get(message.kind)
        if kind is None or kind.of_address:
            continue
        if kind.readdress is not None and not kind.readdress(message, user.email):
            continue
        message.recipient = user.email
        if message.state == State.SENDING:
            message.state, message.claimed_until, message.attempts = State.QUEUED, None, message.attempts + 1
        message.save(update_fields=["recipient", "payload", "state", "claimed_until", "attempts"])
        moved = True
    if moved:
        deliver_soon()


def drop_of_deleted(*, instance: User, **_kwargs: Any) -> None:
    """Cancel what waits for a person who was deleted. What macros or staff may have told of the address itself, whoever
    has it, asks when it is made.
    """
    alone = [name for name, kind in kinds.KINDS.items() if not kind.of_address and not kind.asks]
    waiting = Message.objects.filter(recipient=instance.email, state=State.QUEUED, kind__in=alone)
    claims.cancel_all(waiting, reason=kinds.reason("person_deleted"))


def _waiting(recipient: str, *states: State) -> QuerySet[Message]:
    """Return what waits for an address, locked, in order. What a sender records at this moment is waited for: it may be tried again."""
    rows = Message.objects.filter(recipient=recipient, state__in=states)
    return rows.select_for_update(no_key=True, of=("self",)).order_by("pk")
