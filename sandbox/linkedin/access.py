"""Who is calling the API: version headers, Bearer token, and how that token stands."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from sandbox.linkedin import errors
from sandbox.linkedin.errors import ApiError, OauthError
from sandbox.linkedin.switches import ADS_SCOPES, STAND_IN
from sandbox.store import Store
from sandbox.web import store_of
from sandbox.world import AdAccount, App, NativeUser, OauthToken

# As of 2026-11-25, and no clock moves them: 202511 was sunset on 2026-11-16.
OLDEST, NEWEST = "202512", "202611"
_MONTH = re.compile(r"20\d{2}(0[1-9]|1[0-2])")

Handler = Callable[[Request], Awaitable[Response]]


@dataclass
class Caller:
    """A living token and all that it stands for. `query` holds the parameters as they came, not yet unescaped."""

    store: Store
    token: OauthToken
    app: App
    user: NativeUser
    query: Mapping[str, str]

    def may_read_ads(self) -> bool:
        """Whether one of the ads scopes was granted."""
        return bool({"r_ads", "rw_ads"} & set(self.token.scopes))

    def accounts(self) -> list[AdAccount]:
        """The ad accounts on which the person has a role."""
        return self.store.accounts_of("linkedin", self.user.key)

    def number(self, name: str, default: int, highest: int) -> int:
        """A parameter that is a whole number within bounds, else 400."""
        text = self.query.get(name, str(default))
        if not text.isascii() or not text.isdigit() or int(text) > highest:
            raise errors.bad_request(f"Invalid value for parameter {name}: must be 0 to {highest}")
        return int(text)


def answered(handler: Handler) -> Handler:
    """Wrap a handler: its errors become answers, and LinkedIn's trace headers are added."""

    async def call(request: Request) -> Response:
        try:
            response = await handler(request)
        except (ApiError, OauthError) as error:
            response = error.response()
        return errors.traced(response)

    return call


async def caller_of(request: Request, *, versioned: bool = True) -> Caller:
    """Identify the caller, or raise the ApiError that LinkedIn would answer. The version is looked at first (order unverified)."""
    store = store_of(request)
    text = bearer(request)
    token, standing = STAND_IN.standing(store, text) if text else (None, "")
    app = store.app("linkedin", token.client_id) if token is not None else None
    if versioned:
        check_version(request)
    if not text:
        raise errors.no_token()
    if token is None or app is None or standing != "active":
        raise errors.token_refused(standing)
    user = store.user("linkedin", token.user)
    return Caller(store, token, app, user, await query_of(request))


def bearer(request: Request) -> str:
    """The token of the Authorization header, "" without one. Tokens in the address are not read."""
    authorization = request.headers.get("authorization", "")
    scheme, _, rest = authorization.partition(" ")
    if authorization and scheme.lower() != "bearer":
        raise errors.wrong_scheme()
    return rest.strip()


def check_version(request: Request) -> None:
    """Demand both version headers."""
    version = request.headers.get("linkedin-version", "").strip()
    if not version:
        raise errors.no_version()
    if not _MONTH.fullmatch(version) or not OLDEST <= version <= NEWEST:
        raise errors.inactive_version(version)
    if request.headers.get("x-restli-protocol-version") != "2.0.0":  # (answer unverified)
        raise errors.bad_request("X-RestLi-Protocol-Version must be 2.0.0")


async def query_of(request: Request) -> dict[str, str]:
    """The parameters of a call as they came: from the address or, for long ones, from the form of a tunnelled POST."""
    raw = request.scope["query_string"].decode("latin-1")
    creates = request.url.path.endswith(("/adCampaigns", "/videos"))  # what can be made, beside what is read
    if request.method == "POST" and not (creates and "x-http-method-override" not in request.headers):
        if request.headers.get("x-http-method-override", "").upper() != "GET":
            raise ApiError(405, "The requested method is not supported", number=0, code="METHOD_NOT_ALLOWED")
        raw = (await request.body()).decode("utf-8", "replace")
    pairs = (pair.partition("=") for pair in raw.split("&") if pair)
    return {unquote(name): value for name, _, value in pairs}


def restli(value: str, name: str) -> str:
    """A Rest.li value whose own characters `():,` are bare and those inside its texts escaped, else 400."""
    if not value.startswith(("(", "List(")) or "urn:" in value:
        raise errors.bad_request(f"Invalid query parameters passed to request: {name}")
    return value


def list_values(value: str) -> list[str]:
    """The unescaped members of the first List( ) in a value."""
    found = re.search(r"List\(([^()]*)\)", value)
    return [unquote(one) for one in found[1].split(",") if one] if found else []


def ads_scopes(caller: Caller, what: str, *, scopes: tuple[str, ...] = ADS_SCOPES[:2]) -> None:
    """Demand one of the scopes, else 403."""
    if not set(scopes) & set(caller.token.scopes):
        raise errors.denied(what)
