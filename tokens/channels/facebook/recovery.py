"""How a person gets back at Facebook. What no source proves is worded as "may"."""

from tokens.channels.kinds import Reason

RECONNECT = (
    "Press Re-authenticate and log in at Facebook.",
    "Press Continue and keep every ad account ticked.",
)
_SETTINGS = "Settings & privacy > Settings > Business integrations"

_AGAIN = "Then press Re-authenticate, so that AdToken tries again. Staff can use Check now instead."

STEPS: dict[Reason, tuple[str, ...]] = {
    Reason.EXPIRED: RECONNECT,
    Reason.DATA_ACCESS_EXPIRED: RECONNECT,
    Reason.REFRESH_EXPIRED: RECONNECT,
    Reason.ANSWER_LOST: RECONNECT,
    Reason.PASSWORD_CHANGED: (
        "Log in at www.facebook.com, with the new password if there is one.",
        *RECONNECT,
    ),
    Reason.AUTHORISATION_CANCELLED: (
        f"AdToken is gone from {_SETTINGS}. Re-authenticating adds it again.",
        *RECONNECT,
    ),
    Reason.SECURITY_CHECKPOINT: (
        "Open www.facebook.com in a browser and log in.",
        "Finish the security check, or confirm the account, until the feed shows. Re-authenticating before that fails.",
        *RECONNECT,
    ),
    Reason.SUSPENDED: (
        "Open www.facebook.com, log in and follow the instructions to appeal.",
        "Meanwhile, ask somebody else with a role in the ad account to link it.",
        "When Facebook has lifted it, press Re-authenticate.",
    ),
    Reason.POLICY_VIOLATION: (
        "Open www.facebook.com, log in and see under Support inbox what was found. An appeal may be possible there.",
        "Meanwhile, ask somebody else with a role in the ad account to link it.",
    ),
    Reason.SESSION_INVALID: (
        *RECONNECT,
        f"If it stops again, remove AdToken under {_SETTINGS}, then re-authenticate once more.",
    ),
    Reason.UNKNOWN: (
        *RECONNECT,
        f"If it stops again, remove AdToken under {_SETTINGS}, then re-authenticate once more.",
    ),
    Reason.SCOPE_MISSING: (
        "Press Re-authenticate. Facebook asks again for what was declined.",
        "Allow every permission, and keep every ad account ticked.",
    ),
    Reason.ACCESS_LOST: (
        "An admin opens Business settings > Accounts > Ad accounts and picks the ad account.",
        "The admin presses Add people, picks the person and turns on Manage campaigns.",
        "Press Check now. If the account was only left unticked, press Re-authenticate and tick it again.",
    ),
    Reason.PUBLISHING_LOST: (
        "An admin opens Business settings > Accounts > Ad accounts and picks the ad account.",
        "The admin picks the person and turns on Manage campaigns.",
        "Nobody needs to re-authenticate. Press Check now.",
    ),
    Reason.TWO_FACTOR_REQUIRED: (
        "Open www.facebook.com, then Accounts Center > Password and security > Two-factor authentication, and turn it on.",
        "Open Ads Manager once and change something small, to see that Facebook takes it.",
        _AGAIN,
    ),
    Reason.VERIFICATION_REQUIRED: (
        "Open Ads Manager with your own Facebook log-in, and finish what it asks for: “Authenticate your account”, or the identity.",
        "If it asks to verify the business, an admin does that in Business settings > Security centre.",
        _AGAIN,
    ),
    Reason.ADVERTISING_REFUSED: (
        "Open www.facebook.com/business-support-home and see under your own name what Facebook limits, and until when.",
        "Ask for a review there. Meanwhile, ask somebody else with a role in the ad account to link it.",
        _AGAIN,
    ),
    Reason.WRITING_REFUSED: (
        "Open Ads Manager with your own Facebook log-in and change something small in the ad account.",
        "Do what Facebook asks for there. If it takes the change, the publishing system may be the cause.",
        _AGAIN,
    ),
    Reason.RESTRICTED: (
        "An admin opens Ads Manager and looks under Account quality and Billing.",
        "Settle what is shown there. The log-ins are fine.",
    ),
    Reason.APP_FAULT: (
        "An operator checks app mode, app review, client secret and API version in Meta's app dashboard.",
        "Nobody else need do anything.",
    ),
    Reason.TRANSIENT: (),
}
