"""People, ad accounts and short ways of the tests against the stand-in TikTok."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.support.sandbox import Sandbox
from tokens.channels.kinds import AppKeys, Credentials, Identity, NativeAccount

CALLBACK = "http://testserver/link/tiktok/callback/"
APP = AppKeys(Sandbox.APPS["tiktok"][0], (Sandbox.APPS["tiktok"][1],), CALLBACK, ())
ADA = Identity("7012440938512760321", "Ada Okafor")
LUMEN, FERN, HARBOR, MARLO, OLD = (
    "7002238017842757633", "7014406592318734338", "7026631874055290881", "7001035076276387841", "6987715523890434049",
)  # fmt: skip
REFUSED = Credentials("nothing-of-ours")


def token(sandbox: Sandbox, user: str = "ada", **fields: object) -> Credentials:
    return Credentials(sandbox.issue_token("tiktok", user, **fields)["access_token"])


def code(sandbox: Sandbox, **form: object) -> str:
    """Fill in the consent form, as a browser does."""
    sandbox.put_app("tiktok", redirect_uris=[CALLBACK])
    asked = {"app_id": APP.client_id, "redirect_uri": CALLBACK, "state": "s"}
    given = {"user": "ada", "action": "allow", "accounts": [LUMEN, FERN], **form}
    response = httpx2.post(
        f"{sandbox.tiktok}/portal/auth", data={**asked, **given}, trust_env=False, verify=False
    )
    assert response.status_code == 302, response.text
    return parse_qs(urlsplit(response.headers["location"]).query)["auth_code"][0]


def said(code: Any, message: str = "", **data: Any) -> dict[str, Any]:
    """A body as TikTok answers it."""
    return {"code": code, "message": message, "request_id": "2026", "data": data}


def by_id(accounts: tuple[NativeAccount, ...]) -> dict[str, NativeAccount]:
    return {account.native_id: account for account in accounts}
