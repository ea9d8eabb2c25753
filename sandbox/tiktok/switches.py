"""What is TikTok's own in the consent page, in lifetimes and in actions. Its switches: README.md, `settings` of the app."""

import asyncio

from starlette.responses import RedirectResponse

from sandbox.oauth import OauthStandIn, Wish
from sandbox.store import Store
from sandbox.tiktok import pushes
from sandbox.world import NEVER, AdAccount

CHANNEL = "tiktok"
CODE_LIFE = 3600
PUSHED = frozenset({"STATUS_LIMIT", "STATUS_ENABLE"})


class TikTokStandIn(OauthStandIn):
    """TikTok's portal page, and the news that it pushes."""

    def _back(self, wish: Wish, **answer: str) -> RedirectResponse:
        if "auth_code" in answer:
            answer["code"] = answer["auth_code"]  # (unverified)
        return super()._back(wish, **answer)

    def account_changed(self, store: Store, account: AdAccount, before: str) -> None:
        """Push a suspension or its end to the subscribers."""
        if account.status == before or account.status not in PUSHED:
            return
        for app in store.apps:
            if app.channel == CHANNEL and app.settings.get("subscriptions"):
                task = asyncio.get_running_loop().create_task(pushes.tell(store, app, account))
                _running.add(task)
                task.add_done_callback(_running.discard)


_running: set[asyncio.Task[None]] = set()  # the loop holds tasks weakly

STAND_IN = TikTokStandIn(
    CHANNEL,
    "TikTok",
    access_life=NEVER,
    id_parameter="app_id",
    code_parameter="auth_code",
    picks_accounts=True,
    button="Confirm",
    code_life=CODE_LIFE,
    access_length=32,  # 40 characters with the marker, as in samples
)
