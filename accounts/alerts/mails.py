"""The mails to operators, made at sending: faults and unknown answers of an app, what is doubted, refused writes, versions that end.

Each says what the channel said, since when, and what to check.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.alerts import services as alerts
from accounts.models import ApiKey, RefusedWrite
from infra import scrub
from notifications.models import Message
from notifications.outbox import Builder, Mail, NotWanted, compose_mail, reader_of, register_kind
from tokens.channels import registry, versions, words
from tokens.channels.base import Channel
from tokens.channels.kinds import Reason
from tokens.doubts import services as doubts
from tokens.models import ChannelApp, Doubt, UnknownAnswer
from tokens.unknown_answers import services as unknown_answers
from ui import addresses, dates, mails, pills
from ui.text import join_names
from users.people.queries import operators

SHOWN = 5  # answers in one mail; the page has all
EXCERPT = 400  # characters of an answer


def _of_app(message: Message) -> Mail:
    app = ChannelApp.objects.filter(pk=message.payload["app"]).first()
    if app is None:
        raise NotWanted("app_removed")
    answers = _open_answers(message)
    refused = bool(message.payload["fault"]) and app.fault_since is not None
    if not (refused or answers):
        raise NotWanted("app_works_again" if message.payload["fault"] else "answers_gone")
    return _render(message, app, answers, refused=refused)


def _open_answers(message: Message) -> list[UnknownAnswer]:
    rows = UnknownAnswer.objects.filter(pk__in=message.payload["answers"])
    return list(rows.order_by("first_seen_at", "pk"))


def _render(message: Message, app: ChannelApp, answers: Sequence[UnknownAnswer], *, refused: bool) -> Mail:
    reader = reader_of(message)
    facts = {
        "channel": app.get_channel_display(),
        "channel_key": app.channel,
        "label": app.label,
        "client_id": app.client_id,
        "refused": refused,
        **(_fault(app, message, reader.zone) if refused else {}),
        "answers": [_answer(one, reader.zone) for one in answers[:SHOWN]],
        "unknown": pills.pill("answer", "unknown"),
        "more_count": max(0, len(answers) - SHOWN),
        "rest_url": addresses.absolute_url("admin:tokens_unknownanswer_changelist") if answers else "",
    }
    return compose_mail("operators", message, reader, facts)


def _fault(app: ChannelApp, message: Message, zone: ZoneInfo) -> dict[str, object]:
    return {
        "pill": pills.pill("app", "refused"),
        "fault": scrub.text(app.fault),
        "since": dates.moment(datetime.fromisoformat(message.payload["fault"]), zone=zone).full,
        "fault_steps": registry.get(app.channel).steps(Reason.APP_FAULT),
        "apps_url": addresses.absolute_url("admin:tokens_channelapp_changelist"),
    }


def _answer(answer: UnknownAnswer, zone: ZoneInfo) -> dict[str, object]:
    return {
        "said": _excerpt(answer),
        "status": answer.status,
        "calls": unknown_answers.call_name(answer.call),
        "since": dates.moment(answer.first_seen_at, zone=zone).full,
        "times": answer.count,
        "meanwhile": unknown_answers.what_we_do_meanwhile(answer),
        "url": addresses.absolute_url("admin:tokens_unknownanswer_change", answer.pk),
    }


def _excerpt(answer: UnknownAnswer) -> str:
    body = answer.sample.get("body")
    said = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    said = " ".join(scrub.text(said).split())
    return mails.cut(said, EXCERPT)


DOUBTS_SHOWN = 3  # answers


def build_doubt_mail(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where nothing is doubted now, or the channel app is gone."""
    app = ChannelApp.objects.filter(pk=message.payload["doubts"]).first()
    if app is None:
        raise NotWanted("app_removed")
    doubted = Doubt.objects.undecided().filter(app=app)
    first = doubted.order_by("began_at").first()
    if first is None:
        raise NotWanted("nothing_doubted")
    reader = reader_of(message)
    facts = {
        "channel": app.get_channel_display(),
        "channel_key": app.channel,
        "label": app.label,
        "client_id": app.client_id,
        "number": doubted.values("token").distinct().count(),
        "began": dates.moment(first.began_at, zone=reader.zone).full,
        "answers": doubts.count_answers(doubted)[:DOUBTS_SHOWN],
        "url": addresses.absolute_url("admin:tokens_channelapp_change", app.pk),
    }
    return compose_mail("doubts", message, reader, facts)


REFUSALS_SHOWN = 5  # accounts in one mail


def build_refusal_mail(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the accounts are gone."""
    words = _refused_writes(message)
    if not words:
        raise NotWanted("accounts_removed")
    reader = reader_of(message)
    channels = dict.fromkeys(word.account.get_channel_display() for word in words)
    facts = {
        "channels": join_names(list(channels)),
        "shown": [_shown_refusal(word, reader.zone) for word in words[:REFUSALS_SHOWN]],
        "pill": pills.pill("publishing", "shifted"),
        "more_count": max(0, len(words) - REFUSALS_SHOWN),
    }
    return compose_mail("refused_writes", message, reader, facts)


def _refused_writes(message: Message) -> Sequence[RefusedWrite]:
    rows = RefusedWrite.objects.filter(pk__in=message.payload["refused_writes"])
    return list(rows.select_related("account", "token").order_by("pk"))


def _shown_refusal(word: RefusedWrite, zone: ZoneInfo) -> dict[str, object]:
    account, key = word.account, ApiKey.objects.filter(pk=word.api_key).first()
    reporters = RefusedWrite.objects.of_person(word).filter(at__lte=word.at)
    return {
        "account": account,
        "said": scrub.text(word.said),
        "person": word.token.native_user_name or word.token.native_user_id,
        "at": dates.moment(word.at, zone=zone).full,
        "key": key.name if key else "",
        "reports": reporters.count(),
        "url": addresses.absolute_url("admin:accounts_account_change", account.pk),
    }


def build_version_mail(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where another version is in use meanwhile."""
    channel = registry.get(message.payload["channel"])
    if channel.version() != message.payload["version"]:
        raise NotWanted("other_version")
    return compose_mail("versions", message, reader_of(message), _said_of_version(message, channel))


def _said_of_version(message: Message, channel: Channel) -> dict[str, object]:
    name = message.payload["version"]
    version, end = channel.versions.find(name), date.fromisoformat(message.payload["end"])
    over = end <= timezone.localdate()
    return _day_of_end(message, channel) | {
        "channel": channel.label,
        "channel_key": channel.key,
        "version": name,
        "announced": version is None or version.ends is not None,
        "over": over,
        "pill": pills.pill("version", "ended" if over else "ends"),
        "end": versions.day(end),
        "newer": ", ".join(one.name for one in versions.newer(channel)),
        "setting": channel.versions.setting,
        "note": words.said(channel.key, "version_note"),
        "source": channel.versions.source,
    }


def _day_of_end(message: Message, channel: Channel) -> dict[str, object]:
    """Return the day when the version ends, or the one that is to be expected; neither where none is known."""
    version = channel.versions.find(message.payload["version"])
    if version is None or version.end is None:
        return {}
    if version.ends is None:
        return {"expected": versions.day(version.end)}
    return {"day": versions.day(version.ends)}


# By what only their payload has; what has none of them is about an app.
BUILDERS: dict[str, Builder] = {
    "version": build_version_mail,
    "refused_writes": build_refusal_mail,
    "doubts": build_doubt_mail,
}


def of_operator(message: Message) -> bool:
    """Return whether an alert's address is still an operator's: then it stays there, also where its person gets another one."""
    return message.recipient in operators()


def build_alert(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where its reader is no longer an operator, or nothing is left to say."""
    if not of_operator(message):
        raise NotWanted("no_operator")
    build = next((one for key, one in BUILDERS.items() if key in message.payload), _of_app)
    return build(message)


def register_mail() -> None:
    """Say how these mails are built."""
    register_kind(
        alerts.KIND,
        build_alert,
        name=_("Alert to operators"),
        stays=True,
        of_address=of_operator,
        asks=True,
    )
