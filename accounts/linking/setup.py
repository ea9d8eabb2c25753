"""Whether a channel can be linked here, and what to do where it cannot."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, Permission
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from tokens.channels import declarations, registry
from tokens.models import ChannelApp
from tokens.vault import VaultError
from users.models import User, person

READY, NOT_BUILT, NOT_SET_UP, LOCKED = "ready", "not_built", "not_set_up", "locked"
_MAY = "tokens.change_channelapp"


@dataclass(frozen=True)
class Advice:
    """What a channel that cannot be linked asks of this reader."""

    title: str
    text: str
    short: str  # one line for lists
    url: str = ""  # where operators act; "" for everybody else
    link: str = ""


def state(channel: str) -> str:
    """Return READY, NOT_BUILT (no package), NOT_SET_UP (no app for new links), or LOCKED (its secret does not open)."""
    if channel not in registry.CHANNELS:
        return NOT_BUILT
    app = default_app(channel)
    if app is None:
        return NOT_SET_UP
    return READY if opens(app) else LOCKED


def default_app(channel: str) -> ChannelApp | None:
    """Return the app that new links use, None where there is none that is set up."""
    apps = ChannelApp.objects.filter(channel=channel, is_default=True, secrets__isnull=False)
    return apps.exclude(state=ChannelApp.State.NOT_SET_UP).first()


def cannot_link(request: HttpRequest, channel: str) -> HttpResponse | None:
    """Return the page that says why the channel cannot be linked and what to do; None where it can be."""
    found = state(channel)
    said = advice(channel, person(request), found=found)
    if said is None:
        return None
    about = {"label": "What this channel needs", "url": reverse("channel_page", args=[channel])}
    home = {"label": "Go to my accounts", "url": reverse("my_accounts")}
    context = {
        "heading": said.title,
        "cause": said.text,
        "safe": "accounts that are linked already stay as they are.",
        "icon": "info",
        "tone": "mute",
        "primary": {"label": said.link, "url": said.url} if said.url else home,
        "second": about,
    }
    return render(request, "selfservice/error.html", context, status=503 if found == LOCKED else 404)


def opens(app: ChannelApp) -> bool:
    """Return whether the app's secret can be read with the keys of this installation."""
    try:
        app.keys()
    except (VaultError, ValueError):
        return False
    return True


def advice(channel: str, user: User | AnonymousUser, *, found: str = "") -> Advice | None:
    """Return what to do about a channel that cannot be linked: operators act, others learn whom to ask. None where it can be.

    `found` is what `state` said, where the caller knows it.
    """
    found = found or state(channel)
    if found == READY:
        return None
    label = declarations.label(channel)
    operator = user.is_staff and user.has_perm(_MAY)
    if found == NOT_BUILT:
        why = "This version of AdToken cannot link it."
        return Advice(f"{label} is not set up yet", why, f"Not set up yet. {why}")
    if found == LOCKED:
        title, what = (
            f"{label} cannot be linked right now",
            "The stored secret of AdToken's app does not open. ",
        )
        todo = "Check FERNET_KEYS, or enter the secret once more under Channel apps."
    else:
        title, what = f"{label} is not set up yet", "AdToken needs an app of its own there. "
        todo = f"Enter its client ID and secret under Channel apps; docs/channels/{channel}.md says which app {label} wants."
    if operator:
        url = reverse("admin:tokens_channelapp_changelist")
        return Advice(title, what + todo, "Not set up yet. Open Channel apps.", url, "Open Channel apps")
    ask = f"Ask {whom_to_ask()}"
    return Advice(title, f"{ask} to set it up.", f"Not set up yet. {ask}.")


def whom_to_ask() -> str:
    """Return the names of those who may set up channel apps, two at most; "an administrator" where nobody has a name."""
    allowed = Permission.objects.filter(codename="change_channelapp", content_type__app_label="tokens")
    may = Q(is_superuser=True) | Q(groups__permissions__in=allowed) | Q(user_permissions__in=allowed)
    people = User.objects.filter(may, is_active=True, is_staff=True).exclude(name="").distinct()
    return " or ".join(people.order_by("pk").values_list("name", flat=True)[:2]) or "an administrator"
