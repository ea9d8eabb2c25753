"""TikTok: every row of the fact sheet's section 3.5, and what is not its own answer or not known."""

from typing import Any

from tests.tokens.channels.answers import APP, BUG, DOUBT, FINE, LIMITED, PASSES, Answers, dead, doubt, lost
from tokens.channels.kinds import START_AGAIN, Reason

REVOKED = "Access token is incorrect or has been revoked."
DELETED = "The advertiser 7002238017842757633 doesn't exist or has been deleted."
INCONSISTENT = (
    "The app_id is inconsistent with the token's app information. Please retry after correcting it."
)
NO_SCOPE = (
    "Permission error: The access token lacks the required scope for endpoint '/campaign/get/(method=GET)'. Please first check if the "
    "request method is correct then ask the user to generate a new access token and reauthorize your API App with the necessary API scopes."
)
RESTRICTED = "Due to too many requests, requests from App are temporarily restricted."
KEPT = (40112, 40114, 40119, 40131, 40309, 41000)  # kept for staff, and never an end


def said(code: Any, message: str = "", **more: Any) -> dict[str, Any]:
    """A body as TikTok answers it."""
    return {"code": code, "message": message, "request_id": "2026…", "data": {}, **more}


ANSWERS: Answers = {
    "api refresh introspect": {
        FINE: [
            (200, said(0, "OK")),
            (200, said(20001, "Partial success")),
        ],
        dead(Reason.EXPIRED): [
            (200, said(40102, "Access token has expired")),
        ],
        BUG: [
            (200, said(40000, "Invalid params")),
            (200, said(40002, "advertiser_ids: Not a valid list")),
            *[
                (200, said(code))
                for code in (
                    40104,
                    40115,
                    40116,
                    40900,
                    40003,
                    40006,
                    40007,
                )
            ],
        ],
        dead(Reason.AUTHORISATION_CANCELLED): [
            (200, said(40105, REVOKED)),
        ],
        dead(Reason.SUSPENDED): [
            *[(200, said(code)) for code in (40106,)],
        ],
        doubt(Reason.UNKNOWN): [
            (200, said(40000, INCONSISTENT)),
            *[
                (200, said(code))
                for code in (
                    40112,
                    40114,
                    40119,
                    40131,
                    40309,
                    41000,
                )
            ],
        ],
        APP: [
            (200, said(40101, "Invalid App ID or secret")),
            (200, said(40002, "The app has been suspended.")),
            *[
                (200, said(code))
                for code in (
                    40113,
                    40117,
                    40118,
                    40124,
                    40125,
                )
            ],
        ],
        lost(Reason.SCOPE_MISSING): [
            (200, said(40001, "advertiser does not grant you /pixel/list/:GET permission")),
            (200, said(40001, NO_SCOPE)),
            *[(200, said(code)) for code in (40130,)],
        ],
        lost(Reason.ACCESS_LOST): [
            (200, said(40001, DELETED)),
            *[
                (200, said(code))
                for code in (
                    40300,
                    40301,
                    40302,
                )
            ],
        ],
        LIMITED: [
            (200, said(40100, "App reaches the QPS limit.")),
            (200, said(40100, RESTRICTED)),
            (200, said(51021, "Too many requests")),
            *[
                (200, said(code))
                for code in (
                    40016,
                    40132,
                    61000,
                )
            ],
        ],
        PASSES: [
            (200, said(50000, "System error")),
            *[
                (200, said(code))
                for code in (
                    40200,
                    40201,
                    40202,
                    40700,
                    50002,
                    51000,
                    51039,
                    52103,
                    53102,
                    60001,
                )
            ],
        ],
    },
    "api": {
        # Refresh tokens and codes, where none was sent.
        doubt(Reason.UNKNOWN): [(200, said(code)) for code in (40103, 40107, 40108, 40110)],
        lost(Reason.PUBLISHING_LOST): [(200, said(40002, "Insufficient permission for this"))],
        # Of a game that is advertised, and not of our own app.
        BUG: [(200, said(40002, "The app_id of the promoted game does not exist")), (200, said(41001))],
        PASSES: [
            (401, said(40105, REVOKED)),  # not TikTok's own answer, whatever it holds
            (403, "<html>Access Denied</html>"),
            (404, ""),
            (400, said(40102)),
            (500, said(40105)),
            (503, said(40113)),
            (204, ""),
            (200, ""),  # that says nothing we know is never fine
            (200, None),
            (200, []),
            (200, {}),
            (200, {"data": {"list": []}}),
            (200, said(None)),
            (200, said(code=False)),
            (200, said(0.0)),
            (200, said(-1)),
            (200, said(987654)),
        ],
        APP: [
            (402, said(40105)),
        ],
        DOUBT: [
            (200, said(40109)),  # nobody named it, and its neighbours are about log-ins
            (200, said(40139, "something new")),
        ],
        FINE: [
            (200, said("0")),  # as text
        ],
        dead(Reason.AUTHORISATION_CANCELLED): [(200, said("40105"))],
    },
    # A refresh token ends where one was sent.
    "refresh": {
        dead(Reason.REFRESH_EXPIRED): [(200, said(40103))],
        dead(Reason.SESSION_INVALID): [(200, said(40107))],
    },
    "introspect": {
        PASSES: [(200, said(40109))],
        doubt(Reason.UNKNOWN): [(200, said(40103)), (200, said(40107))],
    },
    "exchange": {
        BUG.by(START_AGAIN): [
            (200, said(40110, "Auth_code is used")),
            (200, said(40108)),
            (200, said(40131, "Authorization code is expired.")),
            (200, said(40002, "auth_code: missing")),
            (200, said(40105, REVOKED)),
        ],
    },
    "exchange list_accounts refresh": {APP: [(200, {"error": "invalid_client"})]},
}

# At 21:00 UTC: a limit by day ends at midnight. Without a header a limit has a wait of its own.
LIMITS = [
    ({"retry-after": "17"}, said(40100, "App reaches the QPS limit."), 17),
    ({"retry-after": "99999999"}, said(40100), 86_400),
    ({"retry-after": "soon"}, said(40100), 300),
    ({}, said(40100, "App reaches the QPS limit."), 10),
    ({}, said(40100, RESTRICTED), 300),
    ({}, said(40100, "App reaches the QPD limit."), 3 * 3600),
    ({}, said(40100, "daily limit reached"), 3 * 3600),
]
DEADLY = ("40102", "40103", "40105", "40106", "40107")
SAME = [("api", 200, said(40139, "at 12:00")), ("api", 200, said(40139, "at 13:59"))]
OTHER = ("api", 200, said(987654))
SPOKEN = [("api", 200, said(40001, "access_token=abcdef was refused"))]
