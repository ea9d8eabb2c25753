"""How a person gets back at TikTok. What no source proves is worded as "may"."""

from tokens.channels.kinds import Reason
from tokens.channels.tiktok.policy import LAST_STEP

RECONNECT = (
    "Press Re-authenticate and log in at TikTok with the log-in that runs the ad account.",
    LAST_STEP,
)
_OTHERS = "Meanwhile, ask somebody else with a role in the ad account to link it."

_AGAIN = "Then press Re-authenticate, so that AdToken tries again. Staff can use Check now instead."

STEPS: dict[Reason, tuple[str, ...]] = {
    Reason.EXPIRED: RECONNECT,
    Reason.DATA_ACCESS_EXPIRED: RECONNECT,
    Reason.REFRESH_EXPIRED: RECONNECT,
    Reason.ANSWER_LOST: RECONNECT,
    Reason.PASSWORD_CHANGED: ("Log in at ads.tiktok.com with the new password.", *RECONNECT),
    Reason.AUTHORISATION_CANCELLED: RECONNECT,
    Reason.SESSION_INVALID: RECONNECT,
    Reason.UNKNOWN: (
        "Open ads.tiktok.com in a browser, log in and read what is shown.",
        *RECONNECT,
    ),
    Reason.SECURITY_CHECKPOINT: (
        "Open ads.tiktok.com in a browser, log in and finish the security check. Re-authenticating before that may fail.",
        *RECONNECT,
    ),
    Reason.SUSPENDED: (
        "Open ads.tiktok.com in a browser and log in. If TikTok has stopped the account, an appeal may be possible there.",
        _OTHERS,
        "When TikTok has lifted it, press Check now. If that does not help, press Re-authenticate.",
    ),
    Reason.POLICY_VIOLATION: (
        "Open ads.tiktok.com, log in and read the notice. An appeal may be possible there.",
        _OTHERS,
    ),
    Reason.SCOPE_MISSING: (
        "An operator looks whether AdToken has every permission it needs in TikTok's developer portal.",
        "Then press Re-authenticate: a log-in keeps the permissions that it was given with.",
        LAST_STEP,
    ),
    Reason.ACCESS_LOST: (
        "An admin of the Business Center opens Accounts > Ad accounts and picks the ad account.",
        "The admin assigns the person as Admin or Operator. If the owner has cut the Business Center off, the owner allows it again.",
        "Press Check now. If that does not help, press Re-authenticate and tick every ad account again.",
    ),
    Reason.PUBLISHING_LOST: (
        "An admin of the Business Center opens Accounts > Ad accounts and picks the ad account.",
        "The admin makes the person Operator or Admin. Analysts can only report.",
        "Nobody needs to re-authenticate. Press Check now.",
    ),
    Reason.TWO_FACTOR_REQUIRED: (
        "Open ads.tiktok.com, then User settings > Security, and turn on two-step verification.",
        _AGAIN,
    ),
    Reason.VERIFICATION_REQUIRED: (
        "Open ads.tiktok.com and finish the verification that it asks for: your identity, or the business.",
        _AGAIN,
    ),
    Reason.ADVERTISING_REFUSED: (
        "Open ads.tiktok.com and read the notice about the account. TikTok may still be reviewing the advertiser.",
        "An admin of the Business Center looks whether your permissions on the ad account include creating ads.",
        _AGAIN,
    ),
    Reason.WRITING_REFUSED: (
        "Open ads.tiktok.com with your own log-in and change something small in the ad account.",
        "Do what TikTok asks for there. If it takes the change, the publishing system may be the cause.",
        _AGAIN,
    ),
    Reason.RESTRICTED: (
        "An admin opens TikTok Ads Manager, presses the question mark, then Advertiser Support > Account Review.",
        "There choose Account Suspension Appeal. TikTok answers by mail. The reason shown here may name a date: keep it.",
        "The log-ins are fine.",
    ),
    Reason.APP_FAULT: (
        "An operator opens My Apps at business-api.tiktok.com: the app's status, its secret, its permissions, its review.",
        "Nobody else need do anything.",
    ),
    Reason.TRANSIENT: (),
}
