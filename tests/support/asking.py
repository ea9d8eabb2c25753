"""People who are asked to re-authenticate."""

from collections.abc import Collection
from datetime import datetime

from accounts.asks import services
from accounts.asks.services import About
from users.models import User


def ask_now(*, people: Collection[About], user: User, note: str, now: datetime) -> None:
    """Ask each of these people by one mail about their log-ins, in one ask, as a worker does within a minute."""
    ask = services.start_ask(
        user=user, token_ids=[token.pk for about in people for _, token in about], note=note, now=now
    )
    lines = {line.token_id: line for line in ask.lines.all()}
    for about in people:
        services.write_request(
            ask, [lines[pk] for pk in dict.fromkeys(token.pk for _, token in about)], about, now
        )
