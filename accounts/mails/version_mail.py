"""The mail to operators about a version of a channel's API: when it ends, where that stands, and what to set."""

from datetime import date
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from notifications import clean
from notifications.kinds import Fact, Mail, NotWanted
from notifications.models import Message
from tokens import scrub
from tokens.channels import registry, versions
from tokens.channels.base import Channel
from tokens.models import ChannelApp
from ui import addresses, pills
from users.models import User
from users.recipients import because_operator


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where another version is in use meanwhile, or the warning is gone."""
    channel = registry.CHANNELS.get(message.payload["channel"])
    if channel is None or versions.name_in_use(channel) != message.payload["version"]:
        raise NotWanted("Another version is in use by now.")
    user = User.objects.filter(email=message.recipient, is_active=True).first()
    context = _context(message, channel)
    context |= {
        "because": because_operator(user),
        "why_url": addresses.of("why_message", message.pk) if user else "",
    }
    with timezone.override(user.zone if user else timezone.get_default_timezone()):
        text = render_to_string("mail/versions/body.txt", context)
        html = render_to_string("mail/versions/body.html", context)
    return Mail(subject=clean.line(context["subject"]), text=text, html=html)


def facts(message: Message) -> list[Fact]:
    """Return what led to a message, for "Why this mail?"."""
    channel = registry.CHANNELS.get(message.payload["channel"])
    if channel is None:
        return []
    said = _warning(message) or _when(message, channel)
    return [Fact(f"{channel.label} API {message.payload['version']}", "Told", said)]


def _context(message: Message, channel: Channel) -> dict[str, Any]:
    name, label = message.payload["version"], channel.label
    warned = _warning(message)
    if "warned_app" in message.payload and not warned:
        raise NotWanted(f"{label} no longer warns of {name}.")
    over = not warned and _end(message) <= timezone.localdate()
    heading = f"{label} warns that {name} of its API ends" if warned else _heading(message, channel)
    rows = [("When", _when(message, channel)), ("Now in use", f"{name}, set by {channel.versions.setting}")]
    rows += [(f"{label} says", warned)] if warned else []
    rows += [("Afterwards", channel.versions.note)] if channel.versions.note else []
    card = {
        "channel": channel.key,
        "channel_name": label,
        "name": f"{label} API {name}",
        "native_id": channel.versions.setting,
        "pill": pills.pill("version", "ended" if over else "ends"),
        "rows": rows,
        "steps": _steps(channel),
        "button": {"label": f"Read {label}’s list of versions", "url": channel.versions.source},
    }
    lead = (
        "This is about AdToken itself, not about the people who linked accounts: they were not mailed."
        " Where the version is not raised in time, calls to the channel fail, those of publishing jobs too."
    )
    return {"subject": f"AdToken: {heading}", "heading": heading, "lead": lead, "cards": [card]}


def _heading(message: Message, channel: Channel) -> str:
    name, end = message.payload["version"], _end(message)
    version = channel.versions.find(name)
    if version is not None and version.ends is None:
        return f"Look up when {channel.label} ends {name} of its API"
    verb = "ended" if end <= timezone.localdate() else "ends"
    return f"{channel.label} {verb} {name} of its API on {versions.day(end)}"


def _when(message: Message, channel: Channel) -> str:
    version = channel.versions.find(message.payload["version"])
    if version is None or version.end is None:
        return "No end is announced that AdToken knows of."
    if version.ends is None:
        return (
            f"No end is announced that AdToken knows of. By earlier versions it is to be expected about"
            f" {versions.day(version.end)}."
        )
    return versions.day(version.ends)


def _end(message: Message) -> date:
    return date.fromisoformat(message.payload["end"])


def _steps(channel: Channel) -> tuple[str, ...]:
    setting, later = channel.versions.setting, [one.name for one in versions.newer(channel)]
    known = f" AdToken knows {', '.join(later)}." if later else ""
    return (
        f"Read what changed in the newer versions; {channel.label}’s list names them.{known}",
        f"Set {setting} to a newer one for web, worker and beat, and restart them. Publishing jobs that name a version raise theirs.",
        f"Run “manage.py check_channel {channel.key}” and press Check now on one account. Channel apps shows the version in use.",
    )


def _warning(message: Message) -> str:
    app = ChannelApp.objects.filter(pk=message.payload.get("warned_app")).first()
    return scrub.text(app.version_warning) if app is not None else ""
