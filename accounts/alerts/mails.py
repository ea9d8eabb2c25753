"""The mail to operators, made at sending: what the channel said, since when, that no log-in was touched, and what to check."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from accounts.alerts import doubts as doubt_mail
from accounts.alerts import refusals as refusal_mail
from accounts.alerts import services as alerts
from accounts.alerts import versions as version_mail
from infra import scrub
from notifications.models import Message
from notifications.outbox.mails import (
    FACTS,
    Builder,
    Fact,
    Mail,
    NotWanted,
    Why,
    compose_mail,
    reader_of,
    register_kind,
)
from tokens.channels import registry
from tokens.channels.kinds import Reason
from tokens.models import ChannelApp, UnknownAnswer
from tokens.unknown_answers import services as unknown_answers
from ui import addresses, dates, mails, pills
from ui.phrases import phrase
from ui.text import join_names
from users.people.recipients import operators

SHOWN = 5  # answers in one mail; the page has all
EXCERPT = 400  # characters of an answer


@dataclass(frozen=True)
class Part:
    """What operators are told by a mail of this kind, beside faults and unknown answers of an app."""

    build: Builder
    facts: Why


PARTS = {
    "version": Part(version_mail.build_version_mail, version_mail.facts),
    "refused_writes": Part(refusal_mail.build_refusal_mail, refusal_mail.facts),
    "doubts": Part(doubt_mail.build_doubt_mail, doubt_mail.facts),
}  # by what only their payload has


def _part(message: Message) -> Part:
    return next((part for key, part in PARTS.items() if key in message.payload), Part(_of_app, _facts_of_app))


def readdress(message: Message, new: str) -> bool:  # noqa: ARG001  # as `kinds.Readdress`
    """Return whether an alert goes along to its reader's new address: not where OPERATOR_EMAILS names the old one."""
    return message.recipient not in operators()


def build_alert(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where its reader is no longer an operator, or nothing is left to say."""
    if message.recipient not in operators():
        raise NotWanted("no_operator")
    return _part(message).build(message)


def _of_app(message: Message) -> Mail:
    app = ChannelApp.objects.filter(pk=message.payload["app"]).first()
    if app is None:
        raise NotWanted("app_removed")
    answers = _open_answers(message)
    if not message.payload["fault"] and not answers:
        raise NotWanted("answers_gone")
    return _render(message, app, answers)


def facts(message: Message) -> list[Fact]:
    """Return what led to a message, for "Why this mail?"."""
    return _part(message).facts(message)


def _facts_of_app(message: Message) -> list[Fact]:
    app = ChannelApp.objects.filter(pk=message.payload["app"]).first()
    if app is None:
        return []
    found = []
    if message.payload["fault"]:
        what = phrase(FACTS, "app_refused", app=str(app), channel=app.get_channel_display())
        found.append(Fact(what, phrase(FACTS, "told"), app.fault))
    rows = UnknownAnswer.objects.filter(pk__in=message.payload["answers"])
    found += [
        Fact(unknown_answers.title(row), phrase(FACTS, "told"), phrase(FACTS, "unknown_answer"))
        for row in rows
    ]
    return found


def _open_answers(message: Message) -> list[UnknownAnswer]:
    rows = UnknownAnswer.objects.filter(pk__in=message.payload["answers"])
    return list(rows.order_by("first_seen_at", "pk"))


def _render(message: Message, app: ChannelApp, answers: Sequence[UnknownAnswer]) -> Mail:
    reader = reader_of(message)
    groups = _same(answers)
    facts = {
        "channel": app.get_channel_display(),
        "channel_key": app.channel,
        "label": app.label,
        "client_id": app.client_id,
        "refused": bool(message.payload["fault"]),
        **(_fault(app, message, reader.zone) if message.payload["fault"] else {}),
        "answers": [_answer(group, reader.zone) for group in groups[:SHOWN]],
        "unknown": pills.pill("answer", "unknown"),
        "more_count": max(0, len(groups) - SHOWN),
        "rest_url": addresses.absolute_url("admin:tokens_unknownanswer_changelist") if groups else "",
    }
    return compose_mail("operators", message, reader, facts)


def _fault(app: ChannelApp, message: Message, zone: ZoneInfo) -> dict[str, object]:
    lasts = app.fault_since is not None
    return {
        "lasts": lasts,
        "pill": pills.pill("app", "refused" if lasts else "works_again"),
        "fault": scrub.text(app.fault),
        "since": dates.moment(datetime.fromisoformat(message.payload["fault"]), zone=zone).full,
        "fault_steps": registry.get(app.channel).steps(Reason.APP_FAULT) if lasts else (),
        "apps_url": addresses.absolute_url("admin:tokens_channelapp_changelist"),
    }


def _answer(group: Sequence[UnknownAnswer], zone: ZoneInfo) -> dict[str, object]:
    first = group[0]
    calls = dict.fromkeys(unknown_answers.call(row.call) for row in group)
    return {
        "said": _excerpt(first),
        "status": first.status,
        "calls": join_names(list(calls)),
        "since": dates.moment(first.first_seen_at, zone=zone).full,
        "times": sum(row.count for row in group),
        "meanwhile": unknown_answers.meanwhile(first),
        "url": addresses.absolute_url("admin:tokens_unknownanswer_change", first.pk),
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
    return mails.cut(said, EXCERPT)


def register_mail() -> None:
    """Say how these mails are built."""
    register_kind(
        alerts.KIND,
        build_alert,
        name=_("Alert to operators"),
        why=facts,
        stays=True,
        readdress=readdress,
        asks=True,
    )
