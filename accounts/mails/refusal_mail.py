"""The mail to operators about accounts that were shifted because the channel refused changes in words that no table knows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import ApiKey, RefusedWrite
from notifications import clean, outbox
from notifications.kinds import Fact, Mail, NotWanted
from notifications.models import Message
from tokens import scrub
from ui import addresses, dates, pills
from ui.text import join_names
from users.models import User
from users.recipients import because_operator, operators

KIND = "operators"  # it is built by `accounts.mails.alert_mail`, which leads here
SHOWN = 5  # accounts in one mail


@transaction.atomic
def tell(now: datetime) -> int:
    """Write one message per operator about the shifts that nobody was told of, and mark them. Returns how many messages were written."""
    untold = RefusedWrite.objects.filter(acted_on=True, known=False, told_at=None)
    found = list(
        untold.order_by("pk").select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
    )
    to = operators() if found else []
    if not to:
        return 0
    RefusedWrite.objects.filter(pk__in=found).update(told_at=now)
    return sum(
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            dedupe_key=f"{KIND}:refused:{found[0]}:{address}",
            payload={"refused_writes": found},
            now=now,
        )
        for address in to
    )


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the accounts are gone."""
    words = _words(message)
    if not words:
        raise NotWanted("The accounts were removed.")
    user = User.objects.filter(email=message.recipient, is_active=True).first()
    zone = user.zone if user else timezone.get_default_timezone()
    names = join_names(list(dict.fromkeys(word.account.get_channel_display() for word in words)))
    heading = f"{names} refused changes in words that we do not know"
    context: dict[str, Any] = {
        "subject": f"AdToken: {heading}",
        "heading": heading,
        "lead": (
            "Publishing jobs reported it, while our own questions were answered well. The accounts went on through somebody else, "
            "and the log-ins were not touched. If the answer is about the request and not about the person, say so."
        ),
        "cards": [_card(word, zone) for word in words[:SHOWN]],
        "more": max(0, len(words) - SHOWN),
        "because": because_operator(user),
        "why_url": addresses.of("why_message", message.pk) if user else "",
    }
    with timezone.override(zone):
        text = render_to_string("mail/refused_writes/body.txt", context)
        html = render_to_string("mail/refused_writes/body.html", context)
    return Mail(subject=clean.line(context["subject"]), text=text, html=html)


def facts(message: Message) -> list[Fact]:
    """Return what led to a message, for "Why this mail?"."""
    return [Fact(word.account.name, "Told", scrub.text(word.said)) for word in _words(message)]


def _words(message: Message) -> Sequence[RefusedWrite]:
    rows = RefusedWrite.objects.filter(pk__in=message.payload["refused_writes"])
    return list(rows.select_related("account", "token").order_by("pk"))


def _card(word: RefusedWrite, zone: ZoneInfo) -> dict[str, Any]:
    account, key = word.account, ApiKey.objects.filter(pk=word.api_key).first()
    reporters = RefusedWrite.objects.filter(
        account=account, token=word.token_id, known=False, at__lte=word.at
    )
    return {
        "channel": account.channel,
        "channel_name": account.get_channel_display(),
        "name": account.name,
        "native_id": account.native_id,
        "pill": pills.pill("publishing", "shifted"),
        "rows": [
            ("Message", scrub.text(word.said) or "nothing"),
            ("To", word.token.native_user_name or word.token.native_user_id),
            ("When", dates.moment(word.at, zone=zone).full),
            ("By", f"{key.name if key else 'AdToken itself'}, {reporters.count()} reports"),
            ("Meanwhile", "This person counts as one who cannot publish here, for a day."),
        ],
        "steps": (
            "Read the whole answer under Unknown answers, and say what it means. It holds at once.",
            "If the person may publish, press Check now at the account: the role counts again.",
        ),
        "button": {
            "label": "Open the account",
            "url": addresses.of("admin:accounts_account_change", account.pk),
        },
    }
