"""Whether a channel can be linked here, and who can help where it cannot."""

from django.contrib.auth.models import AnonymousUser, Permission
from django.db.models import Q

from tokens.models import ChannelApp
from users.models import User

READY, NOT_SET_UP, LOCKED = "ready", "not_set_up", "locked"
_MAY = "tokens.change_channelapp"


def channel_state(channel: str) -> str:
    """Return READY, NOT_SET_UP (no app for new links), or LOCKED (its secret does not open)."""
    app = default_app(channel)
    if app is None:
        return NOT_SET_UP
    return READY if app.secret_opens else LOCKED


def default_app(channel: str) -> ChannelApp | None:
    """Return the app that new links use, None where there is none that is set up."""
    return ChannelApp.objects.taking_links().filter(channel=channel).first()


def may_set_up(user: User | AnonymousUser) -> bool:
    """Return whether the person may set up channel apps."""
    return user.is_staff and user.has_perm(_MAY)


def whom_to_ask() -> list[str]:
    """Return the names of those who may set up channel apps, two at most; nothing where nobody of them has a name."""
    allowed = Permission.objects.filter(codename="change_channelapp", content_type__app_label="tokens")
    may = Q(is_superuser=True) | Q(groups__permissions__in=allowed) | Q(user_permissions__in=allowed)
    people = User.objects.filter(may, is_active=True, is_staff=True).exclude(name="").distinct()
    return list(people.order_by("pk").values_list("name", flat=True)[:2])
