"""People, ad accounts and short ways of the tests against the stand-in Facebook."""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.support.sandbox import Sandbox
from tokens.channels.kinds import AppKeys, Credentials, Identity

ADA = Identity("10215241773831025", "Ada Okafor")
BEN = Identity("10228604863005643", "Ben Lindqvist")
LUMEN, FERN, HARBOR, MARLO, OLD = (
    "203847561029384", "318204957716203", "427719305582046", "590126384471935", "164093827750418",
)  # fmt: skip
SCOPES = ("ads_management", "ads_read", "business_management")
REFUSED = Credentials("EAABnothing-of-ours")


def code(sandbox: Sandbox, app: AppKeys, **form: object) -> str:
    """Fill in the consent form, as a browser does."""
    asked = {
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "state": "s",
        "scope": ",".join(SCOPES),
    }
    given = {"user": "ada", "action": "continue", "scopes": list(SCOPES), "accounts": [LUMEN, FERN], **form}
    response = httpx2.post(
        f"{sandbox.facebook}/v26.0/dialog/oauth", data={**asked, **given}, trust_env=False, verify=False
    )
    assert response.status_code == 302, response.text
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


def token(sandbox: Sandbox, user: str = "ada", **fields: object) -> Credentials:
    return Credentials(sandbox.issue_token("facebook", user, **fields)["access_token"])


def close(moment: datetime | None, expected: datetime) -> bool:
    return moment is not None and abs(moment - expected) < timedelta(seconds=30)
