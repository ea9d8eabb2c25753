"""An event in the form that a receiver takes: Standard Webhooks, Slack, Teams (Workflows) or PagerDuty (Events v2)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from standardwebhooks import Webhook

from macros.events.models import Event
from macros.webhooks.models import Endpoint
from tokens.channels import declarations
from ui.phrases import phrase

say = partial(phrase, "words/events.txt")

LINES = 10  # of a message to a chat
LINE = 250  # characters: ten are less than the 3,000 that Slack takes
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
Kind, Type = Endpoint.Kind, Event.Type
# What opens, acknowledges and ends an incident at PagerDuty; other events are not sent there.
ACTIONS = {
    Type.DEACTIVATED: "trigger", Type.ACKNOWLEDGED: "acknowledge", Type.RECOVERED: "resolve",
    Type.INCIDENT_OPENED: "trigger", Type.INCIDENT_CLOSED: "resolve",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What is posted."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def request_of(endpoint: Endpoint, events: Sequence[Event], now: datetime) -> Request | None:
    """Return what to post; None where the receiver has no use for it. `now`: of this try. Raises VaultError.

    A chat is told of all events by one message, any other of one.
    """
    address = endpoint.open_address()
    if endpoint.kind == Kind.WEBHOOK:
        return _webhook(address, endpoint, events[0], now)
    with translation.override(settings.LANGUAGE_CODE):
        make = {Kind.SLACK: _slack, Kind.TEAMS: _teams}.get(Kind(endpoint.kind))
        if make is not None:
            return Request(address, _json(make(lines_of(events), _address_of_all(events))))
        return _pagerduty(address, events[0])


def _webhook(address: str, endpoint: Endpoint, event: Event, now: datetime) -> Request:
    body = _json(event.as_sent)
    moment = now.astimezone(UTC)
    signed = [
        Webhook(secret).sign(event.webhook_id, moment, body.decode())
        for secret in endpoint.signing_secrets(now)
    ]
    headers = {
        "webhook-id": event.webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signed),
    }
    return Request(address, body, headers)


def _slack(lines: Sequence[str], url: str) -> dict[str, Any]:
    text = "\n".join(lines)
    said: dict[str, Any] = {"type": "section", "text": {"type": "plain_text", "text": text}}
    button = {"type": "button", "text": {"type": "plain_text", "text": say("open")}, "url": url}
    # What notifications show is marked up, and a name is no mark.
    return {
        "text": escape(text, quote=False),
        "blocks": [said, {"type": "actions", "elements": [button]}],
    }


def _teams(lines: Sequence[str], url: str) -> dict[str, Any]:
    # A block of texts, as one text would be read as Markdown: a name is no link.
    body = [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}]} for line in lines]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": say("open"), "url": url}],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _pagerduty(routing_key: str, event: Event) -> Request | None:
    action = ACTIONS.get(Type(event.type))
    if action is None:
        return None
    about = f"account:{event.account_id}" if event.account_id else f"app:{event.data.get('app')}"
    body: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": f"{settings.BASE_HOST}:{about}",
    }
    if action == "trigger":
        body["payload"] = {
            "summary": line_of(event)[:1024],
            "source": settings.BASE_HOST,
            "severity": "critical",
            "timestamp": event.at.isoformat(),
            "component": event.channel,
        }
        body["links"] = [{"href": address_of(event), "text": say("open")}]
    return Request(PAGERDUTY, _json(body))


def lines_of(events: Sequence[Event]) -> list[str]:
    """Say events in ten lines at most, in the language that is set."""
    shown = events if len(events) <= LINES else events[: LINES - 1]
    rest = len(events) - len(shown)
    return [*(line_of(one)[:LINE] for one in shown), *([say("more", number=rest)] if rest else [])]


def line_of(event: Event) -> str:
    """Say an event in one line, in the language that is set."""
    channel = declarations.label(event.channel)
    return say(event.type.replace(".", "_"), channel=channel, **{"name": "", "person": "", **event.data})


def address_of(event: Event) -> str:
    """Return the page about it in the portal."""
    page = (
        reverse("admin:accounts_account_change", args=[event.account_id])
        if event.account_id
        else reverse("admin:index")
    )
    return f"{settings.BASE_URL}{page}"


def _address_of_all(events: Sequence[Event]) -> str:
    """Return the page about events: of their account, where they are about one alone, else where the portal begins."""
    found = {address_of(one) for one in events if one.account_id}
    return found.pop() if len(found) == 1 else f"{settings.BASE_URL}{reverse('admin:index')}"


def _json(found: Any) -> bytes:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
