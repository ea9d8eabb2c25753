"""What the channels push to us, in our words, and the parts that reading pushes has in common. No database here.

The package of a channel says where it is pushed to, checks signatures and parses (`tokens/channels/<channel>/pushes.py`); accounts.pushes
receives at the addresses of all channels, hands the package who signed (`Signers`), and acts on what it answers.
"""

import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from tokens.channels.kinds import AppKeys, Credentials
from tokens.channels.parse import moment

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


class Signers(Protocol):
    """Our apps at the channel that is pushing, as what proves a push belongs to them. Each method raises what ends the push as refused."""

    def signer(self, signed_by: Callable[[str], bool]) -> Any:
        """Return the app one of whose secrets made the signature."""

    def by_verify_token(self, word: str) -> Any:
        """Return the app whose verify token this is."""

    def by_address_key(self, word: str) -> Any:
        """Return the app whose key is in the address."""

    def secret_of(self, app_id: int | None) -> str:
        """Return the newest secret of the app with this number; None: of the one that takes new links."""


@dataclass(frozen=True)
class Taken:
    """A push that is what it should be. `app`: as the signers gave it."""

    app: Any
    pushes: Sequence[Push]


@dataclass(frozen=True)
class Deletion:
    """A person's request to have deleted what we hold of them. `signed`: two requests with the same are the same request."""

    app: Any
    push: Push
    signed: str


@dataclass(frozen=True)
class Challenge:
    """What proves to the channel that the address is ours: a text, or an object that is sent as JSON."""

    answer: str | Mapping[str, str]


@dataclass(frozen=True)
class PushPoint:
    """One address below /push/<channel>/. Path and name are entered at the channel and stored there: they never change."""

    path: str  # "webhook/<int:app_id>/"
    name: str  # of the address: "push_x_webhook_of"
    # Takes the request, the signers and what the path captured. Raises UnreadablePush.
    receive: Callable[..., Taken | Deletion | Challenge]
    methods: tuple[str, ...] = ("POST",)


@dataclass(frozen=True)
class PushPlace:
    """What operators may have to enter at the channel for one app is made of this."""

    base: str  # the address that the paths of the points begin below, without the last slash
    app_id: int
    verify_token: str
    address_key: str


class Subscribe(Protocol):
    """How a channel is subscribed to."""

    def __call__(
        self, app: AppKeys, credentials: Credentials, *, callback_url: str, native_ids: Sequence[str]
    ) -> str:
        """Subscribe to the news of some ad accounts and return the subscription's id. Raises ChannelError, ValueError."""


@dataclass(frozen=True)
class Subscriptions:
    """How a channel is subscribed to that wants a subscription for each ad account, made with a token that sees it."""

    subscribe: Subscribe
    callback_url: Callable[[PushPlace], str]
    most: int  # ad accounts of one subscription


@dataclass(frozen=True)
class Pushes:
    """How a channel pushes."""

    points: tuple[PushPoint, ...]
    to_enter: Callable[
        [PushPlace], Iterable[tuple[str, str]]
    ]  # the field's name at the channel, and the value
    subscriptions: Subscriptions | None = None
    # Whether people are sent to a page that says how far their request to delete is.
    deletion_page: bool = False


def hmac_sha256(secret: str, data: bytes) -> bytes:
    """Return the signature that a secret makes over some data (RFC 2104)."""
    return hmac.digest(secret.encode(), data, "sha256")


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
