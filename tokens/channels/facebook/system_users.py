"""Meta's system users: they belong to a business, not to a person. Their tokens never end, or end after 60 days.

https://developers.facebook.com/docs/business-management-apis/system-users/install-apps-and-generate-tokens
"""

from django.utils.translation import gettext

from tokens.channels.classifier import evidence, malformed
from tokens.channels.facebook import calls, reading, verdicts
from tokens.channels.kinds import AppKeys, ChannelConsent, ChannelError, Credentials, Grant, Identity, Verdict
from tokens.channels.parse import digits, words


def inspect_pasted(app: AppKeys, access_token: str) -> ChannelConsent:
    """Look at a pasted token. Raises ChannelError where Facebook refuses it, ValueError where it is another kind of token."""
    report = _report(app, access_token)
    if report.app_id and report.app_id != app.client_id:
        raise ValueError(
            gettext(
                "This token belongs to another app. Generate one for the app of this installation: Business settings > System users."
            )
        )
    if not report.system:
        raise ValueError(
            gettext(
                "This is not a system user's token. A person links his own log-in himself, under Link an account."
            )
        )
    identity = me(app, access_token)
    if report.user_id and report.user_id != identity.native_user_id:
        raise ValueError(gettext("Facebook named two different users for this token. Generate a new one."))
    system = Identity(identity.native_user_id, identity.name, "system")
    return ChannelConsent(system, Grant(Credentials(access_token), report.dates, report.scopes))


def found_in(app: AppKeys, grant: Grant) -> ChannelConsent | None:
    """Return the consent where a configuration of Login for Business gave a system user's token; None where a person's."""
    report = _report(app, grant.credentials.access_token)
    if not report.system:
        return None
    identity = me(app, grant.credentials.access_token)
    system = Identity(identity.native_user_id, identity.name, "system")
    return ChannelConsent(
        system, Grant(grant.credentials, reading.merged(grant.dates, report.dates), report.scopes)
    )


def me(app: AppKeys, access_token: str) -> Identity:
    """Ask whose token it is."""
    answer = calls.graph("api", "GET", "me", app=app, token=access_token, params={"fields": "id,name"})
    body = calls.require_ok(answer)
    native_user_id = digits(body.get("id"))
    if not native_user_id:
        raise malformed(answer, "an id", channel="facebook")
    return Identity(native_user_id, words(body.get("name"), 200))


def edge(identity: Identity) -> str:
    """Return where the ad accounts of this user are listed."""
    if identity.kind == "system" and identity.native_user_id.isdigit():
        return f"{identity.native_user_id}/assigned_ad_accounts"
    return "me/adaccounts"


def is_one(app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> bool:
    """Return whether the token is a system user's; where Facebook does not answer, it is taken for a person's."""
    answer = calls.debug_token(app, credentials.access_token, timeout=timeout)
    return verdicts.TABLE.classify(answer).verdict == Verdict.OK and reading.report_of(answer.body).system


def renewal_form(app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> dict[str, str]:
    """Return what an exchange says besides the token: a system user's must name its 60 days again."""
    return {"set_token_expires_in_60_days": "true"} if is_one(app, credentials, timeout=timeout) else {}


def revoke(app: AppKeys, credentials: Credentials) -> bool:
    """End one token. The vendor shows a GET with both tokens in the address; ours are in the body (unproven, see the channel's page)."""
    token = credentials.access_token
    body = {"client_id": app.client_id, "client_secret": app.secret, "revoke_token": token}
    answer = calls.graph("api", "POST", "oauth/revoke", app=app, token=token, data=body)
    return calls.require_ok(answer).get("success") in (True, "true")


def _report(app: AppKeys, access_token: str) -> reading.DebugReport:
    answer = calls.debug_token(app, access_token)
    classification = verdicts.TABLE.classify(answer)
    if classification.verdict != Verdict.OK:
        raise ChannelError(classification, evidence=evidence(answer))
    return reading.report_of(answer.body)
