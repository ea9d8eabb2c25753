"""Meta's system users: they belong to a business, not to a person. Their tokens never end, or end after 60 days.

https://developers.facebook.com/docs/business-management-apis/system-users/install-apps-and-generate-tokens
"""

from django.utils.translation import gettext

from tokens.channels.facebook import calls, reading
from tokens.channels.facebook.verdicts import TABLE
from tokens.channels.kinds import Identity
from tokens.channels.sessions import ChannelSession


def report_of(session: ChannelSession) -> reading.DebugReport:
    """Ask debug_token. Raises ChannelError where the token is not valid, or nothing is said."""
    return reading.report_of(TABLE.require_ok(calls.debug_token(session)))


def inspect_pasted(session: ChannelSession) -> reading.DebugReport:
    """Look at a pasted token. Raises ChannelError where Facebook refuses it, ValueError where it is another kind of token."""
    report = report_of(session)
    if report.app_id and report.app_id != session.app.client_id:
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
    return report


def edge(identity: Identity) -> str:
    """Return where the ad accounts of this user are listed."""
    if identity.kind == "system" and identity.native_user_id.isdigit():
        return f"{identity.native_user_id}/assigned_ad_accounts"
    return "me/adaccounts"


def known(session: ChannelSession) -> reading.DebugReport | None:
    """Ask debug_token about a token of our app. None where Facebook does not answer, or speaks of another app."""
    answer = calls.debug_token(session)
    if not TABLE.is_ok(answer):
        return None
    report = reading.report_of(answer.body)
    return report if report.app_id in {"", session.app.client_id} else None


def is_one(session: ChannelSession) -> bool:
    """Return whether the token is a system user's; where Facebook does not answer, it is taken for a person's."""
    report = known(session)
    return report is not None and report.system


def revoke(session: ChannelSession) -> bool:
    """End one token. The vendor shows a GET with both tokens in the address; ours are in the body (unproven, see the channel's page).

    Raises ChannelError.
    """
    app = session.app
    body = {"client_id": app.client_id, "client_secret": app.secret, "revoke_token": session.token}
    answer = calls.graph("api", "oauth/revoke", session, method="POST", data=body)
    return TABLE.require_ok(answer).get("success") in (True, "true")
