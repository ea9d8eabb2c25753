"""TikTok's pushes for ads apps: the news that an ad account was suspended or is free again (`AD_ACCOUNT_SUSPENSION`).

Source: a client that restates TikTok's pages; checked 2026-11-25, not against the live channel. Nothing is known of a signature, so a push
is a reason to ask and never a fact. They come at least once, so twice is normal. A subscription ends, without a word, when the token that
made it is revoked: subscribe again with the next token. TikTok pushes nothing when a person withdraws our app.
"""

from collections.abc import Iterator, Sequence

from django.http import HttpRequest
from django.utils.translation import gettext

from tokens.channels.kinds import AppKeys, Credentials
from tokens.channels.parse import digits, words
from tokens.channels.pushes import (
    News,
    Push,
    Pushes,
    PushPlace,
    PushPoint,
    Signers,
    Subscriptions,
    Taken,
    moment_of_text,
    parse,
)
from tokens.channels.tiktok import calls, reading
from tokens.channels.tiktok.verdicts import TABLE

ENTITY = "AD_ACCOUNT_SUSPENSION"
MOST_ACCOUNTS = 100  # of one subscription


def webhook(request: HttpRequest, signers: Signers, key: str) -> Taken:
    """Receive what was subscribed to. No signature is documented for it, so the address holds a key and the news is a hint only."""
    app = signers.by_address_key(key)
    return Taken(app, read(request.body))


def callback_url(place: PushPlace) -> str:
    """Return the address for subscriptions. It holds the app's key, because nothing else proves who calls."""
    return f"{place.base}/webhook/{place.address_key}/"


def to_enter(place: PushPlace) -> Iterator[tuple[str, str]]:
    """Return what `manage.py subscribe_pushes` sends."""
    yield gettext("Callback URL of subscriptions"), callback_url(place)


def read(body: bytes) -> list[Push]:
    """Read a push as a reason to ask about its ad account; other news gives nothing. Raises UnreadablePush where it is no JSON object."""
    data = parse(body)
    advertiser_id = digits(data.get("advertiser_id"))
    if not advertiser_id or words(data.get("status")) not in {reading.LIMITED, "STATUS_ENABLE"}:
        return []
    at = moment_of_text(data.get("status_change_time"))
    return [Push(News.ACCOUNT_CHANGED, ENTITY, native_account_id=advertiser_id, at=at)]


def subscribe(
    app: AppKeys,
    credentials: Credentials,
    *,
    callback_url: str,
    native_ids: Sequence[str],
) -> str:
    """Subscribe to the news of at most 100 ad accounts and return the subscription's id.

    The token in `credentials` carries the subscription: once it is revoked nothing more comes. Raises ChannelError; ValueError for no
    or too many ad accounts.
    """
    if not 1 <= len(native_ids) <= MOST_ACCOUNTS:
        raise ValueError(f"Give 1 to {MOST_ACCOUNTS} ad accounts, not {len(native_ids)}.")
    body = {
        "subscribe_entity": ENTITY,
        "callback_url": callback_url,
        "subscription_detail": {
            "access_token": credentials.access_token,
            "advertiser_ids": list(native_ids),
        },
    }
    answer = calls.post("api", "subscription/subscribe", body, app=app)
    subscription_id = words(calls.require_ok(answer).get("subscription_id"), 100)
    if not subscription_id:
        raise TABLE.malformed(answer, "a subscription's id")
    return subscription_id


PUSHES = Pushes(
    points=(PushPoint("webhook/<slug:key>/", "push_tiktok_webhook", webhook),),
    to_enter=to_enter,
    subscriptions=Subscriptions(subscribe, callback_url, most=MOST_ACCOUNTS),
)
