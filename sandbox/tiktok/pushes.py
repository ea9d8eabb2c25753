"""subscription/subscribe for AD_ACCOUNT_SUSPENSION, and the sender. A subscription is silent once the token that made it is revoked."""

from datetime import UTC, datetime
from typing import Any

from sandbox.pushing import send
from sandbox.store import Store, random_number
from sandbox.tiktok.errors import request_id
from sandbox.world import AdAccount, App

TIMEOUT = 5.0
ENTITY = "AD_ACCOUNT_SUSPENSION"
OBJECT = 12  # the number of this kind of push is unverified


def add(store: Store, app: App, *, token: str, advertiser_ids: list[str], callback_url: str) -> str:
    """Keep a subscription in the app's settings and return its id."""
    subscription_id = random_number(19)
    app.settings.setdefault("subscriptions", []).append(
        {
            "id": subscription_id,
            "token": token,
            "advertiser_ids": advertiser_ids,
            "callback_url": callback_url,
        }
    )
    store.changed()
    return subscription_id


async def tell(store: Store, app: App, account: AdAccount) -> None:
    """Post the news of one ad account to every subscription that still lives."""
    for subscription in list(app.settings.get("subscriptions", [])):
        token = store.oauth_tokens.get(subscription["token"])
        if token is None or token.dead or account.id not in subscription["advertiser_ids"]:
            continue
        body = payload(store, account, subscription["id"])
        await send(subscription["callback_url"], timeout=TIMEOUT, json=body)


def payload(store: Store, account: AdAccount, subscription_id: str) -> dict[str, Any]:
    """The flat body. The reason comes only with a suspension, under a misspelled name as a client has it (unverified)."""
    now = store.now()
    body: dict[str, Any] = {
        "request_id": request_id(),
        "object": OBJECT,
        "time": now,
        "subscription_id": subscription_id,
        "advertiser_id": account.id,
        "advertiser_name": account.name,
        "owner_bc_id": account.details.get("bc_id", ""),
        "status": account.status,
        "status_change_time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S"),
    }
    if account.status == "STATUS_LIMIT":
        body["suspension_reasion"] = account.details.get("rejection_reason", "Suspicious activity")
    return body
