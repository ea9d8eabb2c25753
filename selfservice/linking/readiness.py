"""What a channel that cannot be linked asks of this reader: operators act, others learn whom to ask."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.linking import setup
from tokens.channels import declarations
from users.models import User, person

ONLY_LOOKS = "only_looks"  # beside the states of accounts.linking.setup: the reader is an auditor


@dataclass(frozen=True)
class Advice:
    """What to do about a channel that cannot be linked. The words are in templates/selfservice/link/_readiness.html."""

    title: str
    text: str
    short: str  # one line for lists
    url: str = ""  # where operators act; "" for everybody else


def advice(channel: str, user: User | AnonymousUser, *, found: str = "") -> Advice | None:
    """Return what to do about a channel that cannot be linked; None where it can be.

    `found` is what `setup.state` said, where the caller knows it.
    """
    found = found or _state(channel, user)
    if found == setup.READY:
        return None
    acts = found != ONLY_LOOKS and setup.may_set_up(user)
    facts = {
        "state": found,
        "channel": declarations.label(channel),
        "channel_key": channel,
        "acts": acts,
        "ask": setup.whom_to_ask() if not acts and found != ONLY_LOOKS else [],
    }
    title, text, short = (
        render_to_string("selfservice/link/_readiness.html", {**facts, "part": part}).strip()
        for part in ("title", "text", "short")
    )
    return Advice(title, text, short, reverse("admin:tokens_channelapp_changelist") if acts else "")


def _state(channel: str, user: User | AnonymousUser) -> str:
    return ONLY_LOOKS if isinstance(user, User) and user.only_looks else setup.state(channel)


def cannot_link(request: HttpRequest, channel: str) -> HttpResponse | None:
    """Return the page that says why the channel cannot be linked and what to do; None where it can be."""
    found = _state(channel, person(request))
    said = advice(channel, person(request), found=found)
    if said is None:
        return None
    context = {"advice": said, "channel_key": channel, "icon": "info", "tone": "mute"}
    status = {setup.LOCKED: 503, ONLY_LOOKS: 403}.get(found, 404)
    return render(request, "selfservice/link/not_ready.html", context, status=status)
