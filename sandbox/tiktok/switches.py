"""What is TikTok's own in the consent page, in lifetimes and in actions.

Switches of the app (`PUT apps/tiktok {"settings": {...}}`):

burst             {"calls", "seconds", "message"}: so many calls pass in so many seconds, then 40100
errors            {path: [code, message]}: what a path answers, for every row of the table of return codes: {"user/info": [50000, "..."]}
denied            paths that advertisers did not grant: 40001 "advertiser does not grant you /path:GET permission"
missing_scopes    paths for which the token lacks the app's permission: 40001 "... lacks the required scope for endpoint ..."
developer         rejected: 40124, no_permission: 40125, of the app's owner
dates             {"expires_in", "refresh_token_expires_in"}: the token answer carries these, with a refresh token (optional fields)
duplicate_code    false: the way back brings no second parameter `code` (default: it does, unverified)
push_twice        true: pushes are delivered twice ("at least once")
misspelled        false: the reason of a suspension comes as `suspension_reason` (default: `suspension_reasion`, as a client has it)

A suspended app answers 40113. `suspend` and `deactivate` of a person answer 40106; `checkpoint` answers 40309 (both unverified). A password
change and a log-out end nothing (unverified). An ad account's `details`: `rejection_reason`; `bc_id` and `bc_name` put it into another
Business Center, "" into none; `relation_status` (BOUND); `deleted` true: granted still, but every question about it answers 40001.
"""

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
        if "auth_code" in answer and wish.app.settings.get("duplicate_code", True):
            answer["code"] = answer["auth_code"]
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
