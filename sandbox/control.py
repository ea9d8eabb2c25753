"""The control API: sets the switches of the world. JSON in, JSON out; see README.md for each call."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import actions, issuing
from sandbox.actions import BadCallError, refuse_unknown
from sandbox.calls import CallLog
from sandbox.faults import Fault, Faults
from sandbox.mailbox.smtp import SmtpRules
from sandbox.store import Store, UnknownNameError
from sandbox.web import store_of
from sandbox.world import CHANNELS, ROLES
from sandbox.x.limits import RateLimits

Answer = Any
Handler = Callable[[Request, Store, dict[str, Any]], Awaitable[Answer]]


def control(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a handler: read the JSON object, answer JSON, and say what is wrong with 400 or 404."""

    async def call(request: Request) -> Response:
        try:
            body = await _body(request)
            channel = request.path_params.get("channel", body.get("channel", CHANNELS[0]))
            if channel not in CHANNELS:
                raise UnknownNameError(f"no channel {channel!r}; known: {', '.join(CHANNELS)}")
            return JSONResponse(await handler(request, store_of(request), body))
        except UnknownNameError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        except (BadCallError, TypeError, ValueError, re.error) as error:
            return JSONResponse({"error": f"cannot use this call: {error}"}, status_code=400)

    return call


async def _body(request: Request) -> dict[str, Any]:
    if not await request.body():
        return {}
    body = await request.json()
    if not isinstance(body, dict):
        raise BadCallError("the body must be a JSON object")
    return body


def _only(body: dict[str, Any], *names: str) -> dict[str, Any]:
    refuse_unknown(body, names)
    return body


async def state(_request: Request, store: Store, _body: dict[str, Any]) -> Answer:
    """Everything there is, but for the mails."""
    data = store.as_json()
    data["mails"] = len(data["mails"])
    data["now"] = store.now()
    return data


async def reset(request: Request, store: Store, _body: dict[str, Any]) -> Answer:
    """The start world again; faults, log, limits and SMTP rules are cleared; redirect addresses and mails stay."""
    store.reset()
    _no_trouble(request)
    return {"reset": True}


async def keep(_request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Remember the world as it is now, under a name."""
    store.keep(_only(body, "name").get("name", ""))
    return {"kept": True}


async def put_back(request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """The world that was kept under this name again; what a reset clears is cleared here too, and the clock is right."""
    store.put_back(_only(body, "name").get("name", ""))
    _no_trouble(request)
    return {"put_back": True}


def _no_trouble(request: Request) -> None:
    """Clear faults, log, limits and SMTP rules."""
    faults: Faults = request.app.state.faults
    faults.clear()
    log: CallLog = request.app.state.log
    log.calls.clear()
    limits: RateLimits = request.app.state.limits
    limits.calls.clear()
    rules: SmtpRules = request.app.state.smtp_rules
    rules.clear()


async def put_app(request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Create or change an app."""
    fields = (
        "client_id",
        "secret",
        "redirect_uris",
        "name",
        "proof_required",
        "suspended",
        "deauthorise_url",
        "settings",
    )
    return asdict(actions.put_app(store, request.path_params["channel"], _only(body, *fields)))


async def put_webhook(request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Enter a webhook's address at an app (Facebook, X), after the channel's own test of it."""
    _only(body, "client_id", "url", "verify_token")
    channel = request.path_params["channel"]
    app = store.app(channel, body.get("client_id", actions.DEFAULT_CLIENT[channel]))
    if app is None:
        raise UnknownNameError("no app with this client_id")
    return asdict(await actions.set_webhook(store, app, body))


async def put_user(request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Create or change a native user."""
    _only(body, "id", "name", "screen_name", "email")
    return asdict(actions.put_user(store, request.path_params["channel"], request.path_params["key"], body))


async def user_action(request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Do something that a person, or the channel to a person, does."""
    user = store.user(request.path_params["channel"], request.path_params["user"])
    _only(body, "client_id", "on", "scopes", "accounts")
    await actions.user_action(store, user, request.path_params["action"], body)
    store.changed()
    return asdict(user)


async def put_account(request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Create or change an ad account."""
    path = request.path_params
    return asdict(actions.put_account(store, path["channel"], path["account"], body))


async def role(request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Give (PUT) or drop (DELETE) a role."""
    path = request.path_params
    account = store.account(path["channel"], path["account"])
    user = store.user(path["channel"], path["user"])
    if request.method == "DELETE":
        account.roles.pop(user.key, None)
    elif body.get("role") in ROLES:
        account.roles[user.key] = body["role"]
    else:
        raise BadCallError(f"role must be one of {', '.join(ROLES)}")
    store.changed()
    return asdict(account)


async def token_dates(_request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Set dates of tokens that were issued."""
    dates = ("expires_at", "issued_at", "data_access_expires_at", "refresh_expires_at")
    _only(body, "channel", "user", *dates)
    given = {name: int(body[name]) for name in dates if name in body}
    if not given:
        raise BadCallError(f"give at least one of {', '.join(dates)}")
    return {"changed": issuing.set_dates(store, body, given)}


async def expire_now(_request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Let tokens run out this second."""
    _only(body, "channel", "user")
    return {"changed": issuing.set_dates(store, body, {"expires_at": store.now()})}


async def next_token(_request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Order how the next token comes out."""
    issuing.order_token(store, body)
    return {"orders": [asdict(order) for order in store.orders]}


async def issue_token(_request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Issue a token without the consent page."""
    dates = ("issued_at", "expires_at", "data_access_expires_at", "refresh_expires_at")
    _only(body, "channel", "user", "scopes", "accounts", "client_id", "system", *dates)
    return issuing.issue_token(store, body)


async def faults(request: Request, _store: Store, body: dict[str, Any]) -> Answer:
    """Add (POST) or clear (DELETE) ordered trouble."""
    known: Faults = request.app.state.faults
    if request.method == "DELETE":
        known.clear()
        return []
    if body.get("channel") not in CHANNELS:
        raise BadCallError(f"channel must be one of {', '.join(CHANNELS)}")
    fault = Fault(id=known.next_id, **body)
    re.compile(fault.path)
    fault.method = fault.method.upper()
    if not (fault.status or fault.drop or fault.delay):
        raise BadCallError("give a status, a delay or drop")
    known.next_id += 1
    known.faults.append(fault)
    return asdict(fault)


async def calls(request: Request, _store: Store, _body: dict[str, Any]) -> Answer:
    """Read (GET, with filters) or clear (DELETE) the log of calls."""
    log: CallLog = request.app.state.log
    if request.method == "DELETE":
        log.calls.clear()
        return []
    wanted = dict(request.query_params)
    _only(wanted, "channel", "method", "status", "path")
    return [asdict(call) for call in log.find(**wanted)]


async def clock(_request: Request, store: Store, body: dict[str, Any]) -> Answer:
    """Move the time of the world: `offset` seconds from the machine's clock, or to `now`."""
    _only(body, "offset", "now")
    if "now" in body:
        store.clock_offset += int(body["now"]) - store.now()
    elif "offset" in body:
        store.clock_offset = int(body["offset"])
    store.changed()
    return {"now": store.now(), "offset": store.clock_offset}


async def rate_limit(request: Request, _store: Store, _body: dict[str, Any]) -> Answer:
    """X: forget the calls that were counted."""
    limits: RateLimits = request.app.state.limits
    limits.calls.clear()
    return {}


async def smtp(request: Request, _store: Store, body: dict[str, Any]) -> Answer:
    """Set how the mail server behaves; what is left out goes back to normal."""
    rules: SmtpRules = request.app.state.smtp_rules
    _only(body, "delay", "late")
    rules.delay, rules.late = float(body.get("delay", 0)), bool(body.get("late"))
    return {"delay": rules.delay, "late": rules.late}


_USER = "/users/{channel}/{user}/{action}"
_ROLE = "/accounts/{channel}/{account}/roles/{user}"

routes = [
    Route("/state", control(state), methods=["GET"]),
    Route("/reset", control(reset), methods=["POST"]),
    Route("/keep", control(keep), methods=["POST"]),
    Route("/put_back", control(put_back), methods=["POST"]),
    Route("/apps/{channel}", control(put_app), methods=["PUT"]),
    Route("/webhooks/{channel}", control(put_webhook), methods=["PUT"]),
    Route("/users/{channel}/{key}", control(put_user), methods=["PUT"]),
    Route(_USER, control(user_action), methods=["POST"]),
    Route("/accounts/{channel}/{account}", control(put_account), methods=["PUT"]),
    Route(_ROLE, control(role), methods=["PUT", "DELETE"]),
    Route("/tokens/dates", control(token_dates), methods=["POST"]),
    Route("/tokens/expire_now", control(expire_now), methods=["POST"]),
    Route("/tokens/next", control(next_token), methods=["POST"]),
    Route("/tokens/issue", control(issue_token), methods=["POST"]),
    Route("/faults", control(faults), methods=["POST", "DELETE"]),
    Route("/calls", control(calls), methods=["GET", "DELETE"]),
    Route("/clock", control(clock), methods=["POST"]),
    Route("/x/rate_limit", control(rate_limit), methods=["DELETE"]),
    Route("/smtp", control(smtp), methods=["POST"]),
]
