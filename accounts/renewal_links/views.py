"""Pages behind the personal links in mails. Nobody logs in for them. GET changes nothing: mail scanners follow links.

Whoever is logged in in the same browser has no part in it: the log-in stays its person's.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from allauth.socialaccount.models import SocialLogin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.asks import mails
from accounts.asks import progress as asks
from accounts.linking import errors as link_errors
from accounts.linking import handshakes, renewing
from accounts.linking import services as linking
from accounts.models import Account, AccountToken, LinkProblem
from accounts.pool import queries as pool_queries
from accounts.renewal_links import services as renewal_links
from accounts.renewal_links.services import RenewalLink, Standing
from portal.access import may_press, private, too_often
from tokens.channels import declarations, registry
from tokens.channels.kinds import AN_APPEAL_HELPS
from tokens.models import Token
from tokens.token import reasons
from users.people import languages

SHOWN = 10  # accounts on a page
DONE_FOR = 3600  # seconds that the page after a renewal can be looked at
DONE = "renewed"  # in the session: what was renewed last, for the page that says so
_STATUS = {Standing.RENEWED: 200, Standing.EXPIRED: 410, Standing.OVER: 410}


@private
@require_http_methods(["GET", "HEAD", "POST"])
def renew(request: HttpRequest, signed: str) -> HttpResponse:
    """Show what a link renews (GET), or go to the channel (POST)."""
    link, now = renewal_links.read_signed_link(signed), timezone.now()
    if link is None or link.standing_at(now) != Standing.OPEN:
        return not_open(request, link)
    if request.method == "POST":
        if not may_press(request, f"renew {link.token.pk}"):
            return too_often(request)
        return leave(request, link)
    native, stopped = registry.get(link.token.app.channel), link.token.state == Token.State.DEAD
    log_in = link.token.native_user_name or link.token.native_user_id
    context = {
        "link": link,
        "channel": native,
        "token": link.token,
        "stopped": stopped,
        "explanation": reasons.explain(native.key, link.token.reason, person=log_in, you=True)
        if stopped
        else None,
        "only_appeal": stopped and link.token.reason in AN_APPEAL_HELPS,
        "log_in": log_in,
        "last_step": native.last_step,
        "other_user": request.user.is_authenticated and request.user.pk != link.user.pk,
        **_accounts(link.token, before=link.issued),
    }
    return render(request, "selfservice/renew/renew.html", context)


@private
@require_POST
def opened(request: HttpRequest, signed: str) -> HttpResponse:  # noqa: ARG001  # what an address passes
    """Note that a browser showed the page. Its script sends this: GET changes nothing, and mail scanners follow links."""
    link, now = renewal_links.read_signed_link(signed), timezone.now()
    if link is not None and link.standing_at(now) == Standing.OPEN:
        asks.note_opened(token_ids=[link.token.pk], now=now)
    return HttpResponse(status=204)


def _accounts(token: Token, *, before: datetime | None = None) -> dict[str, Any]:
    """Return the first accounts of a log-in, those that stopped first, and how many more there are; `before`: linked by then."""
    entries = AccountToken.objects.filter(token=token)
    if before is not None:
        entries = entries.filter(added_at__lt=before + timedelta(seconds=1))  # a link tells whole seconds
    accounts = Account.objects.filter(pk__in=entries.values("account_id"))
    first = pool_queries.first_summaries(accounts, timezone.now(), count=SHOWN)
    return {"rows": first, "unseen": max(0, accounts.count() - len(first)), "now": timezone.now()}


@private
@require_POST
def send_again(request: HttpRequest, signed: str) -> HttpResponse:
    """Mail a new link to the address that the old one went to."""
    link, now = renewal_links.read_signed_link(signed), timezone.now()
    if link is None or link.standing_at(now) not in {Standing.OPEN, Standing.EXPIRED}:
        return not_open(request, link)
    if not may_press(request, f"send {link.token.pk}"):
        return too_often(request)
    mails.send_link_again(token=link.token, user=link.user, now=now)
    return render(request, "selfservice/renew/sent_again.html", {"link": link})


@private
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """Say what was renewed in this browser a moment ago, and what is missing."""
    said, now = request.session.get(DONE), timezone.now()
    before = renewal_links.link_from_facts(said) if said else None
    if said is None or before is None or (now - before.token.linked_at).total_seconds() > DONE_FOR:
        return redirect("my_accounts")
    token = Token.objects.select_related("app").get(pk=before.token.pk)
    again = renewal_links.link_for(token=token, user=before.user, issued=before.issued)
    missing = token.missing_scopes
    context = {
        "channel": registry.get(token.app.channel),
        "token": token,
        "user_name": before.user.get_short_name(),
        "deadline": pool_queries.deadline_facts(token, usable=True, now=now),
        "missing": missing,
        "lost": list(Account.objects.filter(pk__in=said["lost"]).order_by("name")[:SHOWN]),
        "complete": said["complete"],
        "again_url": reverse("renew", args=[again.signed]) if again.standing_at(now) == Standing.OPEN else "",
        **_accounts(token),
    }
    return render(request, "selfservice/renew/done.html", context)


# --- between the press and the channel, and the way back ---------------------------------------------------------------------


expected = renewing.expected_renewal


def leave(request: HttpRequest, link: RenewalLink) -> HttpResponse:
    """Send whoever pressed to the channel. Raises OnHold where the way back would not be taken."""
    note = partial(asks.note_at_channel, token_ids=[link.token.pk], now=timezone.now())
    data = {"intent": renewing.RENEW_INTENT, **link.facts()}
    return handshakes.leave_for_channel(request, link.token.app.channel, data, note=note)


def not_open(request: HttpRequest, link: RenewalLink | None) -> HttpResponse:
    """Show why a link opens nothing, and what to do."""
    if link is None:
        return render(request, "selfservice/mails/broken_link.html", status=404)
    standing = link.standing_at(timezone.now())
    if standing == Standing.OPEN:  # on the way back, to another app of new links than it began with
        kind, channel = LinkProblem.Kind.TOO_LATE, link.token.app.channel
        return link_errors.show_error(request, channel, kind, detail="another app")
    context = {
        "standing": standing,
        "link": link,
        "channel": declarations.label(link.token.app.channel),
        "renewed_at": link.last_consent_at,
        "signed": link.signed,
        "tone": "good" if standing == Standing.RENEWED else "warn",
    }
    return render(request, "selfservice/renew/not_open.html", context, status=_STATUS[standing])


def arrive(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """Keep the consent where it is the same native user's, and say what was renewed; somebody else's is refused, and nothing of it kept."""
    channel, now = sociallogin.account.provider, timezone.now()
    identity, grant = sociallogin.adtoken.identity, sociallogin.adtoken.grant
    try:
        app, link = renewing.expected_renewal(channel, sociallogin.state, now)
        renewing.demand_same_person(link, app, identity)
        listed = linking.ask_for_list(app, identity, grant)
        renewed = renewing.keep_renewed(
            link=link, app=app, identity=identity, grant=grant, listed=listed, now=timezone.now()
        )
    except renewing.NotOpen as refusal:
        linking.discard_consent(sociallogin)
        return not_open(request, refusal.link)
    except renewing.NotTold:
        linking.discard_consent(sociallogin)
        return link_errors.show_error(request, channel, LinkProblem.Kind.SILENT, detail="list_accounts")
    except renewing.SomebodyElse:
        asks.note_trouble(token_ids=[link.token.pk], trouble=asks.SOMEBODY_ELSE)
        linking.discard_consent(sociallogin)
        context = {
            "channel": declarations.label(channel),
            "came": identity.name or identity.native_user_id,
            "wanted": link.token.native_user_name or link.token.native_user_id,
            "again_url": reverse("renew", args=[link.signed]),
        }
        return render(request, "selfservice/renew/somebody_else.html", context, status=403)
    languages.keep_guess(link.user, request)  # a contact never logs in, where this is asked otherwise
    request.session[DONE] = {
        **link.facts(),
        "token": renewed.token.pk,
        "lost": renewed.lost,
        "complete": listed.complete,
    }
    return redirect("renewed")
