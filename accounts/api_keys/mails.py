"""Mails about API keys: one that ends soon, to whoever made it and operators; one whose maker left, to operators.

Each message has a key of its own, so that the hourly run writes nothing twice.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Mail, NotWanted, compose_mail, reader_of, register_kind
from ui import addresses, dates
from users.people.queries import operators

KIND = "api_key"
DAYS_AHEAD = (1, 7, 30)


@transaction.atomic
def tell_of_keys(*, now: datetime) -> int:
    """Write what was not told yet. Return how many messages were written."""
    told, to_operators = 0, operators()
    in_use = ApiKey.objects.in_use(now).order_by("pk")
    soon = now + timedelta(days=DAYS_AHEAD[-1])
    for key in in_use.filter(expires_at__lte=soon).select_related("created_by"):
        assert key.expires_at is not None  # filtered
        days = next(days for days in DAYS_AHEAD if key.expires_at <= now + timedelta(days=days))
        maker = [key.created_by.email] if key.created_by and key.created_by.is_active else []
        told += _write(key, f"end:{key.expires_at:%Y-%m-%d}:{days}", [*maker, *to_operators], now)
    left = Q(created_by__is_active=False) | Q(maker_left_at__isnull=False)
    return told + sum(_write(key, "maker", to_operators, now) for key in in_use.filter(left))


def _write(key: ApiKey, what: str, to: Iterable[str], now: datetime) -> int:
    return sum(
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            dedupe_key=f"{KIND}:{key.pk}:{what}:{address}",
            payload={"key": key.pk, "about": what.partition(":")[0]},
            now=now,
        )
        for address in dict.fromkeys(to)
    )


def build_key_mail(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the key is revoked or over, or its reader neither made it nor is an operator."""
    key = ApiKey.objects.unrevoked().select_related("created_by").filter(pk=message.payload["key"]).first()
    if key is None:
        raise NotWanted("key_revoked")
    about = message.payload["about"]
    if over := _over(key, about, now=timezone.now()):
        raise NotWanted(over)
    made_it = key.created_by is not None and key.created_by.email == message.recipient
    if not made_it and message.recipient not in operators():
        raise NotWanted("not_the_maker")
    reader = reader_of(message)
    facts = _facts(key, reader.zone) | {"about": about, "made_it": made_it}
    return compose_mail(KIND, message, reader, facts)


def _over(key: ApiKey, about: str, *, now: datetime) -> str:
    """Return why nothing is left to say, or ""."""
    if about == "end":
        return "key_does_not_end" if key.expires_at is None or key.is_over(now) else ""
    return "" if key.maker_left else "maker_is_back"


def _facts(key: ApiKey, zone: ZoneInfo) -> dict[str, object]:
    last = timezone.localtime(key.last_day, zone) if key.last_day else None
    return {
        "name": key.name,
        "prefix": key.prefix,
        "last_day": dates.long_day(last) if last else "",
        "made_by": str(key.created_by) if key.created_by else "",
        "maker_deleted": key.maker_left_at is not None,
        "made_at": dates.moment(key.created_at, zone=zone).full,
        "used_at": dates.moment(key.last_used_at, zone=zone).full if key.last_used_at else "",
        "teams": ", ".join(key.teams.order_by("name").values_list("name", flat=True)),
        "keys_url": addresses.absolute_url("admin:accounts_apikey_changelist"),
    }


def register_mail() -> None:
    """Say how these mails are built."""
    register_kind(KIND, build_key_mail, name=_("About an API key"), stays=True, asks=True)
