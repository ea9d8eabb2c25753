"""How a person gets back at Pinterest. What no source proves is worded as "may"."""

from tokens.channels.kinds import Reason
from tokens.channels.pinterest.policy import LAST_STEP

RECONNECT = ("Press Re-authenticate and log in at Pinterest.", LAST_STEP)
_APPS = "Settings > Security"
_REACTIVATE = "Open www.pinterest.com and log in. If the account was deactivated, Pinterest may ask whether to reactivate it: do so."
_ROLE = "The owner or an admin opens Business access at Pinterest and picks the person, or the partner, and the ad account."

_AGAIN = "Then press Re-authenticate, so that AdToken tries again. Staff can use Check now instead."

STEPS: dict[Reason, tuple[str, ...]] = {
    Reason.EXPIRED: RECONNECT,
    Reason.DATA_ACCESS_EXPIRED: RECONNECT,
    Reason.REFRESH_EXPIRED: RECONNECT,
    Reason.ANSWER_LOST: RECONNECT,
    Reason.PASSWORD_CHANGED: ("Log in at www.pinterest.com with the new password.", *RECONNECT),
    # What Pinterest answers does not tell a removed app, a new password and a closed account apart.
    Reason.AUTHORISATION_CANCELLED: (_REACTIVATE, *RECONNECT),
    Reason.SESSION_INVALID: (_REACTIVATE, *RECONNECT),
    Reason.UNKNOWN: (
        _REACTIVATE,
        *RECONNECT,
        f"If it stops again, remove AdToken from the connected apps, which may be under {_APPS}, then re-authenticate once more.",
    ),
    Reason.SECURITY_CHECKPOINT: (
        "Open www.pinterest.com, log in and finish what Pinterest asks for. It may want a new password.",
        *RECONNECT,
    ),
    Reason.SUSPENDED: (
        "Open the Pinterest Help Center and appeal against the suspension.",
        "Meanwhile, ask somebody else with a role in the ad account to link it.",
        "When Pinterest has lifted it, press Re-authenticate.",
    ),
    Reason.POLICY_VIOLATION: (
        "Open www.pinterest.com, log in and read the notice about the account. An appeal may be possible in the Help Center.",
        "Meanwhile, ask somebody else with a role in the ad account to link it.",
    ),
    Reason.SCOPE_MISSING: ("Press Re-authenticate and log in at Pinterest.", "Accept every permission. " + LAST_STEP),
    Reason.ACCESS_LOST: (
        _ROLE,
        "They give the role Campaign manager or Admin.",
        "Nobody needs to re-authenticate. Press Check now.",
    ),
    Reason.PUBLISHING_LOST: (
        _ROLE,
        "They change the role to Campaign manager or Admin. Analysts can only report.",
        "Nobody needs to re-authenticate. Press Check now.",
    ),
    Reason.TWO_FACTOR_REQUIRED: (
        "Open www.pinterest.com, then Settings > Security > Two-factor authentication, and turn it on.",
        _AGAIN,
    ),
    Reason.VERIFICATION_REQUIRED: (
        "Open ads.pinterest.com with your own log-in, and finish the verification that it asks for.",
        _AGAIN,
    ),
    Reason.ADVERTISING_REFUSED: (
        "Open ads.pinterest.com and read the notice about the account. An appeal may be possible there.",
        "Meanwhile, ask somebody else with a role in the ad account to link it.",
        _AGAIN,
    ),
    Reason.WRITING_REFUSED: (
        "Open ads.pinterest.com with your own log-in and change something small in the ad account.",
        "Do what Pinterest asks for there. If it takes the change, the publishing system may be the cause.",
        _AGAIN,
    ),
    Reason.RESTRICTED: (
        "An admin opens the business hub at www.pinterest.com/business/hub and reads the notice about the account.",
        "Do what it asks, or appeal there. The log-ins are fine.",
    ),
    Reason.APP_FAULT: (
        "An operator opens My apps at developers.pinterest.com: is the app active, are its access tier and its secret right?",
        "Against a deactivated app an appeal is sent through the Help Center. Nobody else need do anything.",
    ),
    Reason.TRANSIENT: (),
}  # fmt: skip
