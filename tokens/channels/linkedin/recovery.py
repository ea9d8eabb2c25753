"""How a person gets back at LinkedIn. What no source proves is worded as "may"."""

from tokens.channels.kinds import Reason

RECONNECT = (
    "Press Re-authenticate and log in at LinkedIn as the same person.",
    "Press Allow. LinkedIn may skip that page if you allowed it before.",
)
_SETTINGS = "Settings & Privacy > Data privacy > Permitted services"
_IF_IT_STOPS_AGAIN = f"If it stops again, remove AdToken under {_SETTINGS}, then re-authenticate once more."

_TRY_AGAIN = "Then press Re-authenticate, so that AdToken tries again. Staff can use Check now instead."

STEPS: dict[Reason, tuple[str, ...]] = {
    Reason.EXPIRED: RECONNECT,
    Reason.DATA_ACCESS_EXPIRED: RECONNECT,
    Reason.REFRESH_EXPIRED: RECONNECT,
    Reason.ANSWER_LOST: RECONNECT,
    Reason.PASSWORD_CHANGED: ("Log in at www.linkedin.com with the new password.", *RECONNECT),
    Reason.AUTHORISATION_CANCELLED: (
        f"AdToken may be gone from {_SETTINGS}; LinkedIn does not say who took it away. Re-authenticating adds it again.",
        *RECONNECT,
    ),
    Reason.SECURITY_CHECKPOINT: (
        "Open www.linkedin.com in a browser, log in and finish the verification.",
        *RECONNECT,
    ),
    Reason.SUSPENDED: (
        "Open www.linkedin.com, log in and follow the instructions to appeal.",
        "Meanwhile, ask somebody else with a role in the ad account to link it.",
        "When LinkedIn has lifted it, press Re-authenticate.",
    ),
    Reason.POLICY_VIOLATION: (
        "Open www.linkedin.com and log in. LinkedIn may show there what was found, and may take an appeal.",
        "Meanwhile, ask somebody else with a role in the ad account to link it.",
    ),
    Reason.SESSION_INVALID: (*RECONNECT, _IF_IT_STOPS_AGAIN),
    Reason.UNKNOWN: (*RECONNECT, _IF_IT_STOPS_AGAIN),
    Reason.SCOPE_MISSING: (
        "Press Re-authenticate and press Allow: at LinkedIn all permissions are one choice.",
        "If it stays, an operator checks that AdToken's app still has the Advertising API.",
    ),
    Reason.ACCESS_LOST: (
        "A billing admin or account manager opens Campaign Manager > Account settings > Manage access.",
        "They add the person as Campaign manager or above.",
        "Nobody needs to re-authenticate. Press Check now.",
    ),
    Reason.PUBLISHING_LOST: (
        "A billing admin or account manager opens Campaign Manager > Account settings > Manage access.",
        "They make the person Campaign manager or above: a Viewer or Creative manager cannot publish campaigns.",
        "Nobody needs to re-authenticate. Press Check now.",
    ),
    Reason.TWO_FACTOR_REQUIRED: (
        "Open www.linkedin.com, then Settings > Sign in & security > Two-step verification, and turn it on.",
        _TRY_AGAIN,
    ),
    Reason.VERIFICATION_REQUIRED: (
        "Open Campaign Manager with your own LinkedIn log-in, and finish the verification that it asks for.",
        _TRY_AGAIN,
    ),
    Reason.ADVERTISING_REFUSED: (
        "Open Campaign Manager and read the notice on top. LinkedIn may have restricted your profile or put the account on hold.",
        "Meanwhile, ask somebody else with a role in the ad account to link it.",
        _TRY_AGAIN,
    ),
    Reason.WRITING_REFUSED: (
        "Open Campaign Manager with your own LinkedIn log-in and change something small in the ad account.",
        "Do what LinkedIn asks for there. If it takes the change, the publishing system may be the cause.",
        _TRY_AGAIN,
    ),
    Reason.RESTRICTED: (
        "A billing admin opens Campaign Manager and looks under Billing and in the notices on top.",
        "Settle what is shown there. The log-ins are fine.",
    ),
    Reason.APP_FAULT: (
        "An operator checks client secret, products and verification of the app in LinkedIn's developer portal, and LINKEDIN_VERSION.",
        "Nobody else need do anything.",
    ),
    Reason.TRANSIENT: (),
}
