"""An event in the form that a receiver takes: Standard Webhooks, Slack, Teams (Workflows) or PagerDuty (Events v2)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from standardwebhooks import Webhook

from macros.events.models import Event
from macros.webhooks.models import Delivery, Endpoint
from tokens.channels import declarations
from ui.phrases import phrase

say = partial(phrase, "words/events.txt")

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


def request_of(delivery: Delivery, now: datetime) -> Request | None:
    """Return what to post; None where the receiver has no use for such an event. `now`: of this try. Raises VaultError."""
    endpoint, event = delivery.endpoint, delivery.event
    address = endpoint.open_address()
    if endpoint.kind == Kind.WEBHOOK:
        return _webhook(address, delivery, now)
    with translation.override(settings.LANGUAGE_CODE):
        make = {Kind.SLACK: _slack, Kind.TEAMS: _teams}.get(Kind(endpoint.kind))
        if make is not None:
            return Request(address, _json(make(event)))
        return _pagerduty(address, event)


def _webhook(address: str, delivery: Delivery, now: datetime) -> Request:
    body = _json(delivery.event.payload)
    moment = now.astimezone(UTC)
    signed = [
        Webhook(secret).sign(delivery.webhook_id, moment, body.decode())
        for secret in delivery.endpoint.secrets(now)
    ]
    headers = {
        "webhook-id": delivery.webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signed),
    }
    return Request(address, body, headers)


def _slack(event: Event) -> dict[str, Any]:
    text = line_of(event)
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "plain_text", "text": text[:3000]}}]
    button = {"type": "button", "text": {"type": "plain_text", "text": say("open")}, "url": address_of(event)}
    return {"text": text, "blocks": [*blocks, {"type": "actions", "elements": [button]}]}


def _teams(event: Event) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": line_of(event), "wrap": True}],
        "actions": [{"type": "Action.OpenUrl", "title": say("open"), "url": address_of(event)}],
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


def _json(found: Any) -> bytes:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
