"""What each step of `manage.py check_channel` proves of what we only know from documents. Open points of docs/channels/, by step."""

from collections.abc import Mapping
from typing import Literal

Step = Literal["app", "identity", "inspect", "list", "account", "renew"]

EVERYWHERE: Mapping[Step, str] = {
    "app": "client ID and secret are those of the channel, and the app is not stopped there.",
    "identity": "the token works and names its person.",
    "inspect": "the channel tells of a token what we think it tells.",
    "list": "the list of ad accounts has the shape that we read.",
    "account": "one ad account can be read with its status, role and rights.",
    "renew": "the channel renews without a person, and the date moves.",
}

OPEN: Mapping[str, Mapping[Step, tuple[str, ...]]] = {
    "facebook": {
        "inspect": (
            "Access ends about 60 days ahead and data access about 90; a system user's has no end.",
            "Three permissions; with Login for Business also which ad accounts each was granted for.",
        ),
        "list": ("user_tasks is filled for each ad account, so that the role is known.",),
        "renew": ("Whether an exchange of a living token moves its date at all: Meta's documents contradict each other.",),
    },
    "snapchat": {
        "app": ("A refused refresh token is 400 invalid_grant, wrong keys 401 invalid_client.",),
        "identity": ("/v1/me gives an id that stays the same for a person in every organization.",),
        "list": ("Organizations hold all ad accounts, with the person's roles on each. Compare with Ads Manager.",),
        "renew": ("Whether a renewal brings a new refresh token. Run it twice: the second must work too.",),
    },
    "x": {
        "app": ("A request token is given for our callback address: it is registered at X.",),
        "inspect": ("verify_credentials answers an app of your plan. One of too low a level gets code 453; AdToken then asks 2/users/me.",),
        "list": ("Whether suspended ad accounts are in the list; compare with ads.x.com.",),
        "account": (
            "authenticated_user_access names the role, approval_status and able_to_fund of funding_instruments a restriction.",
        ),
    },
    "linkedin": {
        "app": ("Introspection of a string that is no token is 400, or {\"active\": false}.",),
        "inspect": ("Introspection tells dates and scopes, and costs none of the person's daily calls.",),
        "list": (
            "A search without a term gives all ad accounts, closed ones too; adAccountUsers lists roles through Business Manager.",
        ),
        "renew": ("Renewal ends must stay the same day: the year counts down. Whether the refresh token stays the same.",),
    },
    "pinterest": {
        "app": ("A refresh token that is nobody's is refused with 283, wrong keys with 401 and code 2.",),
        "identity": ("user_account gives an id that does not change with the name.",),
        "list": ("Shared ad accounts are in the list, with permissions as roles.",),
        "renew": ("Both dates start anew, and the old refresh token may be void. Run it twice: the second must work too.",),
    },
    "tiktok": {
        "app": ("A wrong secret is 40101, and a code that is nobody's one of 40108, 40110, 40131.",),
        "inspect": ("The token has no end. TikTok tells neither dates nor permissions of it.",),
        "list": ("Ad accounts through a Business Center are in the list, with a role on each.",),
        "account": ("STATUS_LIMIT and STATUS_DISABLE of an ad account come with a rejection_reason.",),
    },
}  # fmt: skip


def proves(channel: str, step: Step) -> tuple[str, ...]:
    """Return what a good answer at this step proves, then what is to be compared with it."""
    compare = OPEN.get(channel, {}).get(step, ())
    return (f"Proves, if ok: {EVERYWHERE[step]}", *[f"Compare: {point}" for point in compare])
