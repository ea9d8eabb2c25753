"""How a person gets back at X. What no source proves is worded as "may"."""

from tokens.channels.kinds import Reason
from tokens.channels.x.policy import LAST_STEP

RECONNECT = ("Press Re-authenticate and log in at X.", LAST_STEP)
_SETTINGS = "Settings and privacy > Security and account access > Apps and sessions > Connected apps"

_AGAIN = "Then press Re-authenticate, so that AdToken tries again. Staff can use Check now instead."

STEPS: dict[Reason, tuple[str, ...]] = {
    Reason.EXPIRED: RECONNECT,
    Reason.DATA_ACCESS_EXPIRED: RECONNECT,
    Reason.REFRESH_EXPIRED: RECONNECT,
    Reason.ANSWER_LOST: RECONNECT,
    Reason.PASSWORD_CHANGED: ("Log in at x.com with the new password.", *RECONNECT),
    Reason.AUTHORISATION_CANCELLED: (
        f"AdToken may be gone from {_SETTINGS}. Re-authenticating adds it again.",
        *RECONNECT,
    ),
    Reason.SESSION_INVALID: RECONNECT,
    Reason.UNKNOWN: (
        "Open x.com in a browser and log in. If the X account was closed, X may ask whether to open it again.",
        *RECONNECT,
    ),
    Reason.SECURITY_CHECKPOINT: (
        "Open x.com in a browser, log in and press Start.",
        "Confirm the phone number, the e-mail address or the picture puzzle. Re-authenticating before that fails.",
        "The same log-in then works again: press Check now. If it does not, press Re-authenticate.",
    ),
    Reason.SUSPENDED: (
        "Open the X Help Center and send the form “Appeal a locked or suspended account”.",
        "Meanwhile, ask somebody else who is account admin or ad manager of the ad account to link it.",
        "When X has lifted it, press Check now.",
    ),
    Reason.POLICY_VIOLATION: (
        "Open x.com, log in and read the notice about the account. An appeal may be possible in the X Help Center.",
        "Meanwhile, ask somebody else who is account admin or ad manager of the ad account to link it.",
    ),
    Reason.SCOPE_MISSING: RECONNECT,
    Reason.ACCESS_LOST: (
        "An account admin opens ads.x.com, then the account's access settings.",
        "The admin adds the person's @name again, as ad manager.",
        "Nobody needs to re-authenticate. Press Check now.",
    ),
    Reason.PUBLISHING_LOST: (
        "An account admin opens ads.x.com, then the account's access settings.",
        "The admin makes the person ad manager or account admin. Analysts can only report.",
        "Nobody needs to re-authenticate. Press Check now.",
    ),
    Reason.TWO_FACTOR_REQUIRED: (
        "Open x.com, then Settings and privacy > Security and account access > Two-factor authentication, and turn it on.",
        _AGAIN,
    ),
    Reason.VERIFICATION_REQUIRED: (
        "Open ads.x.com with your own X log-in, and finish the verification that it asks for.",
        _AGAIN,
    ),
    Reason.ADVERTISING_REFUSED: (
        "Open ads.x.com and read the notice about the account. X may want a verified profile or may be reviewing it.",
        "Meanwhile, ask somebody else who is account admin or ad manager of the ad account to link it.",
        _AGAIN,
    ),
    Reason.WRITING_REFUSED: (
        "Open ads.x.com with your own X log-in and change something small in the ad account.",
        "Do what X asks for there. If it takes the change, the publishing system may be the cause.",
        _AGAIN,
    ),
    Reason.RESTRICTED: (
        "An account admin opens ads.x.com and looks for notices and under Billing.",
        "Fix what is shown there, then appeal at business.x.com. The log-ins are fine.",
    ),
    Reason.APP_FAULT: (
        "An operator opens X's developer console: the app's state, its keys, its access to the Ads API, its callback address.",
        "Nobody else need do anything.",
    ),
    Reason.TRANSIENT: (),
}
