"""The login dialog: choose who is signed in, tick permissions and ad accounts, continue or cancel."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from sandbox.facebook.access import CHANNEL
from sandbox.oauth import RefusedError, Wish, back, is_registered
from sandbox.store import Store, UnknownNameError, random_text
from sandbox.web import Params, first, page, params_of, store_of
from sandbox.world import App, FacebookCode, Grant, NativeUser

LABEL = "Facebook"
ALWAYS = "public_profile"

# What may be asked for: permissions that have to do with ads, and those that these want.
MEANINGS = {
    "public_profile": "Your name and picture",
    "email": "Your email address",
    "ads_read": "Read the results of your ads",
    "ads_management": "Manage your ads and read their results",
    "business_management": "Manage your business",
    "pages_show_list": "Show a list of the Pages you manage",
    "pages_read_engagement": "Read content posted on the Page",
}


@dataclass
class Asked(Wish):
    """What the app asked for in the address of the dialog."""

    auth_type: str = ""
    system_user: str = ""  # key of the system user whose token a configuration gives
    whole: bool = False  # all permissions or none


def asked(store: Store, params: Params) -> Asked:
    """Check the request of the app as the dialog does: app id and exact redirect address; raises RefusedError."""
    app = store.app(CHANNEL, first(params, "client_id"))
    if app is None:
        raise RefusedError("Invalid App ID: The provided app ID does not look like a valid app ID.")
    if app.suspended:
        raise RefusedError("App not active: This app is not currently accessible.")
    redirect_uri = first(params, "redirect_uri")
    if not is_registered(app, redirect_uri):
        raise RefusedError(
            "URL blocked: This redirect failed because the redirect URI is not white-listed in the app's client "
            "OAuth settings. Make sure that the client and web OAuth logins are on and add all your app domains as "
            "valid OAuth redirect URIs."
        )
    scopes = [s for s in first(params, "scope").replace(" ", ",").split(",") if s and s != ALWAYS]
    if unknown := [scope for scope in scopes if scope not in MEANINGS]:
        raise RefusedError(
            f"Invalid Scopes: {', '.join(unknown)}. This message is only shown to developers. Users of your app will ignore these "
            "permissions if present. Please read the documentation for valid permissions at: "
            "https://developers.facebook.com/docs/facebook-login/permissions"
        )
    auth_type = first(params, "auth_type")
    wish = Asked(app, redirect_uri, first(params, "state"), list(dict.fromkeys(scopes)), auth_type)
    if config_id := first(params, "config_id"):
        _configured(wish, config_id)
    return wish


def _configured(wish: Asked, config_id: str) -> None:
    """Login for Business: the configuration names the permissions, all or nothing, and whose token comes."""
    known = wish.app.settings.get("configurations", {}).get(config_id)
    if known is None:
        raise RefusedError("Invalid configuration: it does not exist, or belongs to another app.")
    wish.scopes = list(known["scopes"])
    wish.system_user = str(known.get("system_user", ""))
    wish.whole = True


async def show(request: Request) -> Response:
    """The dialog. Without `user` it asks who is signed in, with it what to allow."""
    store, params = store_of(request), await params_of(request)
    try:
        wish = asked(store, params)
    except RefusedError as error:
        return _refused(str(error))
    passed = {name: values[0] for name, values in params.items() if name not in ("user", "action")}
    if "user" not in params:
        users = [u for u in store.users if u.channel == CHANNEL]
        return page("oauth/who.html", label=LABEL, app=wish.app, users=users, passed=passed)
    try:
        user = store.user(CHANNEL, first(params, "user"))
    except UnknownNameError as error:
        return _refused(str(error))
    if stop := _stopped(user):
        return _refused(stop, status=403)
    grant = store.grant(wish.app.client_id, user.key)
    offered = offered_scopes(wish, grant)
    return page(
        "facebook/consent.html",
        label=LABEL,
        app=wish.app,
        user=user,
        passed=passed,
        scopes=[(scope, MEANINGS[scope]) for scope in offered],
        withheld=[scope for scope in wish.scopes if scope not in offered],
        accounts=store.accounts_of(CHANNEL, user.key),
    )


def _refused(text: str, *, status: int = 400) -> Response:
    return page("oauth/refused.html", status=status, label=LABEL, text=text)


async def decide(request: Request) -> Response:
    """The form was sent: `action` (continue or cancel), `user`, `scopes`, `accounts`, and what the app asked."""
    store, params = store_of(request), await params_of(request)
    try:
        wish = asked(store, params)
        if first(params, "action") == "cancel":
            return back(
                wish,
                error="access_denied",
                error_code="200",
                error_description="Permissions error",
                error_reason="user_denied",
            )
        user = store.user(CHANNEL, first(params, "user"))
        if stop := _stopped(user):
            raise RefusedError(stop)
    except (RefusedError, UnknownNameError) as error:
        return _refused(str(error))
    offered = offered_scopes(wish, store.grant(wish.app.client_id, user.key))
    ticked = set(wish.scopes if wish.whole else params.get("scopes", []))
    chosen = [name.removeprefix("act_") for name in params.get("accounts", [])]
    picked = [account for account in store.accounts_of(CHANNEL, user.key) if account.id in chosen]
    if wish.system_user:
        # The person picks for the system user, who gets the role that he needs on each ad account.
        user = store.user(CHANNEL, wish.system_user)
        for account in picked:
            account.roles.setdefault(user.key, "advertiser")
    keep_grant(
        store,
        wish.app,
        user,
        scopes=[scope for scope in offered if scope in ticked],
        declined=[scope for scope in wish.scopes if scope not in offered or scope not in ticked],
        account_ids=[account.id for account in picked],
    )
    return back(wish, code=_code(store, wish, user))


def _code(store: Store, wish: Asked, user: NativeUser) -> str:
    """Keep a fresh code for what the person allowed, and return it."""
    text = f"AQD-SBXCODE-{random_text(80)}"
    code = FacebookCode(text, wish.app.client_id, user.key, wish.redirect_uri, store.now())
    code.system = bool(wish.system_user)
    store.codes[text] = code
    store.changed()
    return text


def offered_scopes(wish: Asked, grant: Grant | None) -> list[str]:
    """The permissions that are asked about: one that was declined is asked again only with auth_type=rerequest."""
    if grant is None or wish.auth_type == "rerequest":
        return wish.scopes
    return [scope for scope in wish.scopes if scope not in grant.declined]


def keep_grant(
    store: Store,
    app: App,
    user: NativeUser,
    *,
    scopes: list[str],
    declined: list[str],
    account_ids: list[str],
) -> Grant:
    """Write what the user allows the app. Permissions that were not asked about stay as they were."""
    grant = store.grant(app.client_id, user.key)
    if grant is None:
        grant = Grant(app.client_id, user.key, [], [], [])
        store.grants.append(grant)
    decided = {*scopes, *declined, ALWAYS}
    grant.scopes = [*scopes, *(s for s in grant.scopes if s not in decided), ALWAYS]
    grant.declined = [*declined, *(s for s in grant.declined if s not in decided)]
    grant.account_ids = list(dict.fromkeys(account_ids))
    store.changed()
    return grant


def _stopped(user: NativeUser) -> str:
    if user.checkpoint:
        return (
            "Your account is temporarily locked. Log in to www.facebook.com and finish the security check, "
            "then come back."
        )
    if user.suspended or user.deactivated:
        return "Your account has been disabled. Log in to www.facebook.com and follow the instructions given."
    return ""
