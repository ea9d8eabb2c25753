"""The mail to operators, made at sending: what the channel said, since when, that no log-in was touched, and what to check."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone

from accounts import alerts
from accounts.mails import incident_mail, refusal_mail, version_mail
from notifications import clean
from notifications.kinds import Fact, Mail, NotWanted
from notifications.models import Message
from tokens import scrub, unknown_answer_words
from tokens.channels import registry
from tokens.channels.kinds import Reason
from tokens.models import ChannelApp, UnknownAnswer
from ui import addresses, dates, pills
from ui.text import join_names
from users.models import User
from users.recipients import because_operator, operators

SHOWN = 5  # answers in one mail; the page has all
EXCERPT = 400  # characters of an answer


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where its reader is no operator any more, or nothing is left to say."""
    if message.recipient not in operators():
        raise NotWanted("This address no longer belongs to an administrator and is not in OPERATOR_EMAILS.")
    if "version" in message.payload:
        return version_mail.build(message)
    if "refused_writes" in message.payload:
        return refusal_mail.build(message)
    if "incident" in message.payload:
        return incident_mail.build(message)
    app = ChannelApp.objects.filter(pk=message.payload["app"]).first()
    if app is None:
        raise NotWanted("The channel app was removed.")
    answers = _open_answers(message)
    if not message.payload["fault"] and not answers:
        raise NotWanted("Somebody said what the answers mean before this mail went out.")
    return _render(message, app, answers)


def facts(message: Message) -> list[Fact]:
    """Return what led to a message, for "Why this mail?"."""
    if "version" in message.payload:
        return version_mail.facts(message)
    if "refused_writes" in message.payload:
        return refusal_mail.facts(message)
    if "incident" in message.payload:
        return incident_mail.facts(message)
    app = ChannelApp.objects.filter(pk=message.payload["app"]).first()
    if app is None:
        return []
    found = []
    if message.payload["fault"]:
        found.append(Fact(f"{app}: {app.get_channel_display()} refuses AdToken itself", "Told", app.fault))
    rows = UnknownAnswer.objects.filter(pk__in=message.payload["answers"])
    found += [Fact(unknown_answer_words.title(row), "Told", "No verdict table knows it.") for row in rows]
    return found


def _open_answers(message: Message) -> list[UnknownAnswer]:
    rows = UnknownAnswer.objects.filter(pk__in=message.payload["answers"], verdict="")
    return list(rows.order_by("first_seen_at", "pk"))


def _render(message: Message, app: ChannelApp, answers: Sequence[UnknownAnswer]) -> Mail:
    label = app.get_channel_display()
    user = User.objects.filter(email=message.recipient, is_active=True).first()
    zone = user.zone if user else timezone.get_default_timezone()
    groups = _same(answers)
    cards = [_fault_card(app, message, zone)] if message.payload["fault"] else []
    cards += [_answer_card(app, group, zone) for group in groups[:SHOWN]]
    refused = bool(message.payload["fault"])
    what = f"{label} refuses our app" if refused else f"{label} gave an answer we do not know"
    context: dict[str, Any] = {
        "subject": f"AdToken: {what}",
        "channel_name": label,
        "refused": refused,
        "cards": cards,
        "more": max(0, len(groups) - SHOWN),
        "apps_url": addresses.of("admin:tokens_channelapp_changelist"),
        "answers_url": addresses.of("admin:tokens_unknownanswer_changelist") if groups else "",
        "because": _because(user),
        "why_url": addresses.of("why_message", message.pk)
        if user
        else "",  # the page is for people who can log in
    }
    with timezone.override(zone):
        text = render_to_string("mail/operators/body.txt", context)
        html = render_to_string("mail/operators/body.html", context)
    return Mail(subject=clean.line(context["subject"]), text=text, html=html)


def _fault_card(app: ChannelApp, message: Message, zone: ZoneInfo) -> dict[str, Any]:
    since = datetime.fromisoformat(message.payload["fault"])
    lasts = app.fault_since is not None
    rows = [
        (
            "Message",
            scrub.text(app.fault) if lasts else "The trouble is over: the channel takes AdToken again.",
        ),
        ("Since", dates.moment(since, zone=zone).full),
        ("Log-ins", "None was touched, and nobody else was mailed."),
        ("Meanwhile", "Jobs go on getting their leases, but the channel may refuse them."),
    ]
    native = registry.CHANNELS.get(app.channel)
    return {
        **_head(app, pills.pill("app", "refused" if lasts else "works_again")),
        "rows": rows,
        "steps": native.steps(Reason.APP_FAULT) if native and lasts else (),
        "button": {"label": "Open Channel apps", "url": addresses.of("admin:tokens_channelapp_changelist")},
    }


def _answer_card(app: ChannelApp, group: Sequence[UnknownAnswer], zone: ZoneInfo) -> dict[str, Any]:
    first = group[0]
    calls = join_names(list(dict.fromkeys(unknown_answer_words.call(row.call) for row in group)))
    rows = [
        ("Message", _excerpt(first)),
        ("Answer", f"{first.status} to {calls}"),
        ("Since", dates.moment(first.first_seen_at, zone=zone).full),
        ("Times", str(sum(row.count for row in group))),
        ("Log-ins", "None was declared dead by it, and nobody else was mailed."),
        ("Meanwhile", unknown_answer_words.meanwhile(first)),
    ]
    return {
        **_head(app, pills.pill("answer", "unknown")),
        "rows": rows,
        "steps": (
            f"Read the whole answer, and what {app.get_channel_display()} says of it in its documentation.",
            "Press “Say what it means”. It holds at once, for every app of the channel.",
        ),
        "button": {
            "label": "Open the answer",
            "url": addresses.of("admin:tokens_unknownanswer_change", first.pk),
        },
    }


def _head(app: ChannelApp, pill: pills.Pill) -> dict[str, Any]:
    return {
        "channel": app.channel,
        "channel_name": app.get_channel_display(),
        "name": f"Our app {app.label}".strip(),
        "native_id": f"Client ID {app.client_id}",
        "pill": pill,
    }


def _same(answers: Sequence[UnknownAnswer]) -> list[list[UnknownAnswer]]:
    """Put together what is the same news at several calls."""
    groups: list[list[UnknownAnswer]] = []
    for answer in answers:
        group = next((group for group in groups if alerts.same_news(group[0], answer)), None)
        if group is None:
            groups.append([answer])
        else:
            group.append(answer)
    return groups


def _excerpt(answer: UnknownAnswer) -> str:
    body = answer.sample.get("body")
    said = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    said = " ".join(scrub.text(said).split())
    return (said if len(said) <= EXCERPT else f"{said[: EXCERPT - 1]}…") or "nothing: the body is empty"


def _because(user: User | None) -> str:
    return because_operator(user)
