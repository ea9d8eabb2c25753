"""What the channels push to us, in our words, and the parts that reading pushes has in common. No database here.

The package of a channel checks signatures and parses (`tokens/channels/<channel>/pushes.py`); accounts.pushes receives and acts.
"""

import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from tokens.channels.values import moment

LARGEST_BODY = 1_048_576  # bytes; Facebook gathers up to a thousand changes, of some hundred each
LONGEST_MOMENT = 40  # characters


class News(StrEnum):
    """What a push says."""

    CANCELLED = "cancelled"  # the person removed our app: the channel's own statement on the token, dated when it happened
    CHANGED = "changed"  # something about this person's consent, perhaps its end: ask
    ACCOUNT_CHANGED = "account_changed"  # something about this ad account: ask
    DELETION = "deletion"  # the person wants what we hold of them deleted


@dataclass(frozen=True)
class Push:
    """One piece of news. `at` is its date by the channel's clock; None: the channel did not say."""

    news: News
    row: str  # which kind of message of the channel: "oauth.revoke"
    native_user_id: str = ""
    native_account_id: str = ""
    at: datetime | None = None


class UnreadablePush(ValueError):  # noqa: N818  # what it is
    """A body that is no push of this channel. Its text is fit for the sender and holds nothing of the body."""


def same(ours: str, theirs: str) -> bool:
    """Compare two signatures in constant time. Theirs may hold anything."""
    return hmac.compare_digest(ours.encode(), theirs.encode(errors="replace"))


def parse(body: bytes | str) -> dict[str, Any]:
    """Return the JSON object that the body is. Raises UnreadablePush."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadablePush("The body is not JSON.") from error
    if not isinstance(data, dict):
        raise UnreadablePush("The body is not a JSON object.")
    return data


def moment_of_text(value: Any) -> datetime | None:
    """Return a time given as ISO text, UTC where it names no zone; None where it is none."""
    if not isinstance(value, str) or len(value) > LONGEST_MOMENT:
        return None
    try:
        found = datetime.fromisoformat(value)
        found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return moment(int(found.timestamp()))
    except (ValueError, OverflowError):
        return None
