"""The mail to operators about accounts that were shifted because the channel refused changes in words that no table knows."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.alerts.services import write_alert
from accounts.models import ApiKey, RefusedWrite
from infra import scrub
from notifications.models import Message
from notifications.outbox.mails import FACTS, Fact, Mail, NotWanted, compose_mail, reader_of
from ui import addresses, dates, pills
from ui.phrases import phrase
from ui.text import join_names
from users.people.recipients import operators

SHOWN = 5  # accounts in one mail


@transaction.atomic
def tell_of_refusals(now: datetime) -> int:
    """Write one message per operator about the shifts that nobody was told of, and mark them. Returns how many messages were written."""
    untold = RefusedWrite.objects.filter(acted_on=True, known=False, told_at=None)
    found = list(
        untold.order_by("pk").select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
    )
    to = operators() if found else []
    if not to:
        return 0
    RefusedWrite.objects.filter(pk__in=found).update(told_at=now)
    return write_alert(f"refused:{found[0]}", {"refused_writes": found}, to, now)


def build_refusal_mail(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the accounts are gone."""
    words = _words(message)
    if not words:
        raise NotWanted("accounts_removed")
    reader = reader_of(message)
    channels = dict.fromkeys(word.account.get_channel_display() for word in words)
    facts = {
        "channels": join_names(list(channels)),
        "shown": [_shown(word, reader.zone) for word in words[:SHOWN]],
        "pill": pills.pill("publishing", "shifted"),
        "more_count": max(0, len(words) - SHOWN),
    }
    return compose_mail("refused_writes", message, reader, facts)


def facts(message: Message) -> list[Fact]:
    """Return what led to a message, for "Why this mail?"."""
    return [Fact(word.account.name, phrase(FACTS, "told"), scrub.text(word.said)) for word in _words(message)]


def _words(message: Message) -> Sequence[RefusedWrite]:
    rows = RefusedWrite.objects.filter(pk__in=message.payload["refused_writes"])
    return list(rows.select_related("account", "token").order_by("pk"))


def _shown(word: RefusedWrite, zone: ZoneInfo) -> dict[str, object]:
    account, key = word.account, ApiKey.objects.filter(pk=word.api_key).first()
    reporters = RefusedWrite.objects.filter(
        account=account, token=word.token_id, known=False, at__lte=word.at
    )
    return {
        "account": account,
        "said": scrub.text(word.said),
        "person": word.token.native_user_name or word.token.native_user_id,
        "at": dates.moment(word.at, zone=zone).full,
        "key": key.name if key else "",
        "reports": reporters.count(),
        "url": addresses.absolute_url("admin:accounts_account_change", account.pk),
    }
