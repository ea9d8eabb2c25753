"""Renewing a log-in by a mailed link: what happens between the press and the channel, and when the person comes back.

Nobody is logged in by it, and whoever is logged in in the same browser has no part in it: the log-in stays its person's.
"""

from functools import partial

from allauth.socialaccount.models import SocialLogin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.asks import progress as asks
from accounts.asks import rules
from accounts.linking import consent, renewing
from accounts.models import LinkProblem
from accounts.renewal_links.services import RenewalLink, Standing
from selfservice.linking import handshakes, link_errors
from tokens.channels import declarations
from users.people import languages

DONE = "renewed"  # in the session: what was renewed last, for the page that says so
_STATUS = {Standing.RENEWED: 200, Standing.EXPIRED: 410, Standing.OVER: 410}


expected = renewing.expected


def leave(request: HttpRequest, link: RenewalLink) -> HttpResponse:
    """Send whoever pressed to the channel. Raises OnHold where the way back would not be taken."""
    note = partial(asks.note_at_channel, token_ids=[link.token.pk], now=timezone.now())
    data = {"intent": renewing.INTENT, **link.facts()}
    return handshakes.by_link(request, link.token.app.channel, data, note=note)


def not_open(request: HttpRequest, link: RenewalLink | None) -> HttpResponse:
    """Show why a link opens nothing, and what to do."""
    if link is None:
        return render(request, "selfservice/mails/broken_link.html", status=404)
    standing = link.standing(timezone.now())
    if standing == Standing.OPEN:  # on the way back, to another app of new links than it began with
        kind, channel = LinkProblem.Kind.TOO_LATE, link.token.app.channel
        return link_errors.show(request, channel, kind, detail="another app")
    context = {
        "standing": standing,
        "link": link,
        "channel": declarations.label(link.token.app.channel),
        "renewed_at": link.renewed_at,
        "signed": link.signed,
        "tone": "good" if standing == Standing.RENEWED else "warn",
    }
    return render(request, "selfservice/renew/not_open.html", context, status=_STATUS[standing])


def arrive(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """Keep the consent where it is the same native user's, and say what was renewed; somebody else's is refused, and nothing of it kept."""
    channel, now = sociallogin.account.provider, timezone.now()
    identity, grant = sociallogin.adtoken.identity, sociallogin.adtoken.grant
    try:
        app, link = renewing.expected(channel, sociallogin.state, now)
        renewing.demand_same(link, app, identity)
        listed = consent.ask_for_list(app, identity, grant)
        renewed = renewing.keep(
            link=link, app=app, identity=identity, grant=grant, listed=listed, now=timezone.now()
        )
    except renewing.NotOpen as refusal:
        renewing.discard_begun(channel=channel, state=sociallogin.state, identity=identity, grant=grant)
        return not_open(request, refusal.link)
    except renewing.NotTold:
        renewing.discard(app=app, identity=identity, grant=grant)
        return link_errors.show(request, channel, LinkProblem.Kind.SILENT, detail="list_accounts")
    except renewing.SomebodyElse:
        asks.note_trouble(token_ids=[link.token.pk], trouble=rules.SOMEBODY_ELSE)
        renewing.discard(app=app, identity=identity, grant=grant)
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
