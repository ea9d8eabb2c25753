"""How a person gets back at Snapchat. What no source proves is worded as "may"."""

from tokens.channels.kinds import Reason
from tokens.channels.snapchat.policy import LAST_STEP

RECONNECT = ("Press Re-authenticate and log in at Snapchat with the same log-in as before.", LAST_STEP)
_APPS = "In the Snapchat app, open your profile, press the gear and look under Connected Apps."
_OTHERS = "Meanwhile, ask somebody else with a role on the ad account to link it."
_APPEAL = "Log in to the Snapchat app and press Appeal in the notice. There is no other way and one try; it may take 30 days."
_MEMBERS = "An organization admin opens Snapchat's Business Manager, then Members, and picks the person."

_AGAIN = "Then press Re-authenticate, so that AdToken tries again. Staff can use Check now instead."

STEPS: dict[Reason, tuple[str, ...]] = {
    Reason.EXPIRED: RECONNECT,
    Reason.DATA_ACCESS_EXPIRED: RECONNECT,
    Reason.REFRESH_EXPIRED: RECONNECT,
    Reason.ANSWER_LOST: RECONNECT,
    Reason.PASSWORD_CHANGED: (
        "Log in at accounts.snapchat.com with the new password.",
        *RECONNECT,
    ),
    Reason.AUTHORISATION_CANCELLED: (
        "Log in to the Snapchat app. If it shows a notice about your account, follow it first.",
        f"{_APPS} AdToken may be gone from there; re-authenticating adds it again.",
        *RECONNECT,
    ),
    Reason.SESSION_INVALID: RECONNECT,
    Reason.UNKNOWN: (
        "Log in to the Snapchat app. If it shows a notice about your account, follow it first.",
        f"{_APPS} AdToken may be gone from there; re-authenticating adds it again.",
        *RECONNECT,
    ),
    Reason.SECURITY_CHECKPOINT: (
        "Log in to the Snapchat app. A temporary lock may end after a day, or by the link to unlock that the app shows.",
        "Remove other apps and plug-ins that use your Snapchat log-in; they may be the cause.",
        *RECONNECT,
    ),
    Reason.SUSPENDED: (_APPEAL, _OTHERS, "When Snapchat has lifted it, press Re-authenticate."),
    Reason.POLICY_VIOLATION: (_APPEAL, _OTHERS, "When Snapchat has lifted it, press Re-authenticate."),
    Reason.SCOPE_MISSING: RECONNECT,
    Reason.ACCESS_LOST: (
        _MEMBERS,
        "The admin gives the organization role Member, and the role Campaign manager or Account admin on the ad account.",
        "Nobody needs to re-authenticate. Press Check now.",
    ),
    Reason.PUBLISHING_LOST: (
        _MEMBERS,
        "The admin gives the role Campaign manager or Account admin on the ad account.",
        "Nobody needs to re-authenticate. Press Check now.",
    ),
    Reason.TWO_FACTOR_REQUIRED: (
        "Open the Snapchat app, then Settings > Two-Factor Authentication, and turn it on.",
        _AGAIN,
    ),
    Reason.VERIFICATION_REQUIRED: (
        "Open Snapchat's Ads Manager with your own log-in, and finish the verification that it asks for.",
        _AGAIN,
    ),
    Reason.ADVERTISING_REFUSED: (
        "Open Snapchat's Ads Manager and read the notice about the account. An appeal may be possible there.",
        _OTHERS,
        _AGAIN,
    ),
    Reason.WRITING_REFUSED: (
        "Open Snapchat's Ads Manager with your own log-in and change something small in the ad account.",
        "Do what Snapchat asks for there. If it takes the change, the publishing system may be the cause.",
        _AGAIN,
    ),
    Reason.RESTRICTED: (
        "An admin opens Snapchat's Ads Manager and looks for a notice about the ad account, and under Billing.",
        "Settle what is shown there, or write to Snapchat's business support. The log-ins are fine.",
    ),
    Reason.APP_FAULT: (
        "An operator opens Business Manager > Business Details > OAuth Apps: the app, its secret, its redirect address.",
        "Nobody else need do anything.",
    ),
    Reason.TRANSIENT: (),
}
