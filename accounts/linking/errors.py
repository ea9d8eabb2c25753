"""What a person sees when linking does not work: what happened, that nothing was lost, and the next step."""

import logging
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.asks import progress as asks
from accounts.linking import overview, services
from accounts.linking import queries as setup
from accounts.models import Ask, LinkProblem
from accounts.renewal_links import services as renewal_links
from portal import access
from tokens.channels import declarations
from tokens.models import ChannelApp
from ui import progress
from users.models import User
from users.models import person as reader

_NAME = "adtoken_begun"  # an attribute of the request: what its handshake is about, where its state is no longer at hand


def note_handshake(request: HttpRequest, data: Mapping[str, Any]) -> None:
    """Note it for this request."""
    vars(request)[_NAME] = data


def handshake_of(request: HttpRequest) -> Mapping[str, Any]:
    """Return what was noted; empty where the request answers no handshake that was taken."""
    found: Mapping[str, Any] = vars(request).get(_NAME, {})
    return found


logger = logging.getLogger(__name__)
Kind = LinkProblem.Kind


# The status and the icon of the page of each kind. Its words are in templates/words/link_error.html.
ERRORS = {
    Kind.STOPPED: (200, "warning"),
    Kind.TOO_LATE: (400, "schedule"),
    Kind.USED: (400, "info"),
    Kind.BENT: (400, "warning"),
    Kind.TARGET_GONE: (404, "lock"),
    Kind.FOREIGN: (403, "warning"),
    Kind.SILENT: (502, "sync"),
    Kind.UNCLEAR: (502, "help"),
    Kind.OUR_APP: (502, "warning"),
    Kind.NOT_SET_UP: (404, "info"),
}


def cannot_link(request: HttpRequest, channel: str) -> HttpResponse | None:
    """Return the page that says why the channel cannot be linked and what to do; None where it can be."""
    said = overview.advise_on_channel(channel, reader(request))
    if said is None:
        return None
    context = {
        "advice": said,
        "channel_key": channel,
        "icon": "info",
        "tone": "mute",
        **access.frame_for_both(request, overview.TITLE),
    }
    status = {setup.LOCKED: 503, overview.ONLY_LOOKS: 403}.get(said.state, 404)
    return access.render_for_both(request, "selfservice/link/not_ready.html", context, status=status)


def show_failure(
    request: HttpRequest, channel: str, *, error: Any = None, exception: BaseException | None = None
) -> HttpResponse:
    """Show what happened, by what allauth or a channel package said.

    A refusal of our app is marked at the app, and an answer that we do not know is kept for staff.
    """
    found = services.channel_error(exception)
    app = ChannelApp.objects.leading().filter(channel=channel).first() if found else None
    if found is not None and app is not None:
        services.note_fault(app, found, "exchange", timezone.now())
    kind = services.problem_kind(error, exception)
    return show_error(request, channel, kind, detail=services.problem_detail(error, exception))


def show_waiting(request: HttpRequest, channel: str) -> HttpResponse:
    """Show that the first of several answers is being worked on. The page asks again by itself and moves on with it."""
    context = {"channel": declarations.label(channel), "icon": "sync", "tone": "mute"}
    return progress.open_again(render(request, "selfservice/link_wait.html", context, status=202))


def show_error(
    request: HttpRequest, channel: str, kind: LinkProblem.Kind, *, detail: str = "", status: int = 0
) -> HttpResponse:
    """Show what happened, with a code that is in the log too, beside the person.

    It is kept for staff, who find it by the code: of whom the handshake was begun for by a mailed link, else of whoever is logged in.
    """
    (usual, icon), now = ERRORS[kind], timezone.now()
    words = {"kind": kind, "channel": declarations.label(channel)}
    heading, cause = (
        render_to_string("words/link_error.html", {**words, "part": part}).strip()
        for part in ("heading", "cause")
    )
    about = handshake_of(request)
    link = Ask.objects.client_links().filter(pk=about.get("client_link", 0)).first()
    again_url, person = _handed(about, link)
    if person and about.get("token"):
        asks.note_trouble(token_ids=[about["token"]], trouble=kind)
    if about.get("account") and kind not in {Kind.TARGET_GONE, Kind.FOREIGN}:
        again_url = f"{reverse('link', args=[channel])}?account={about['account']}"
    # Whoever else is logged in in that browser has no part in what a mailed link began.
    mailed = bool(about.get("client_link") or about.get("token"))
    user = person if mailed else request.user if isinstance(request.user, User) else None
    code, is_kept = services.new_problem_code(), user is not None or link is not None
    if is_kept:  # strangers write nothing into the database
        facts = {"user": user, "client_link": link, "channel": channel, "kind": kind}
        LinkProblem.objects.create(code=code, detail=detail[:300], at=now, **facts)
    who = user.pk if user else f"client_link:{link.pk}" if link else "nobody"
    logger.warning("linking %s: %s (%s) %s; user %s", channel, heading, code, detail, who)
    context = {
        **({"home": reverse("my_accounts")} if mailed else access.frame_for_both(request, overview.TITLE)),
        **words,
        "channel_key": channel,
        "heading": heading,
        "cause": cause,
        "icon": icon,
        "code": code,
        "is_kept": is_kept,
        "at": now,
        "again_url": again_url,
    }
    return access.render_for_both(request, "selfservice/link_error.html", context, status=status or usual)


def _handed(about: Mapping[str, Any], link: Ask | None) -> tuple[str, User | None]:
    """Return the mailed link that a handshake began with and whose it is; "" and None where it began behind our log-in."""
    if link is not None:
        return link.link_path, link.contact
    handed = renewal_links.link_from_facts(about) if about.get("token") else None
    return (reverse("renew", args=[handed.signed]), handed.user) if handed else ("", None)
