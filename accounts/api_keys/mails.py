"""Mails about API keys: one that ends soon or is not used, to whoever made it and operators; one whose maker left, to operators.

Each message has a key of its own, so that the hourly run writes nothing twice.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Mail, NotWanted, compose_mail, reader_of, register_kind
from ui import addresses, dates
from users.models import User
from users.people.queries import operators

KIND = "api_key"
DAYS_AHEAD = (1, 7, 30)
UNUSED_FOR = timedelta(days=90)


@transaction.atomic
def tell_of_keys(*, now: datetime) -> int:
    """Write what was not told yet. Return how many messages were written."""
    to_operators = operators()
    return sum(
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            dedupe_key=f"{KIND}:{key.pk}:{what}:{address}",
            payload={"key": key.pk, "about": what.partition(":")[0]},
            now=now,
        )
        for key, what in [*_ending(now), *_without_maker(now), *_unused(now)]
        for address in dict.fromkeys([*_maker(key, what), *to_operators])
    )


def tell_of_take_over(*, key: ApiKey, before: User | None, now: datetime) -> None:
    """Tell who answers for a key now, and who did before as far as they can log in, in the caller's transaction."""
    both = [key.created_by, before]
    for address in dict.fromkeys(one.email for one in both if one is not None and one.is_active):
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            dedupe_key=f"{KIND}:{key.pk}:taken:{now.isoformat()}:{address}",
            payload={"key": key.pk, "about": "taken", "before": before.email if before else ""},
            now=now,
        )


def _in_use(now: datetime) -> QuerySet[ApiKey]:
    return ApiKey.objects.in_use(now).order_by("pk")


def _ending(now: datetime) -> Iterator[tuple[ApiKey, str]]:
    soon = now + timedelta(days=DAYS_AHEAD[-1])
    for key in _in_use(now).filter(expires_at__lte=soon).select_related("created_by"):
        assert key.expires_at is not None  # filtered
        days = next(days for days in DAYS_AHEAD if key.expires_at <= now + timedelta(days=days))
        yield key, f"end:{key.expires_at:%Y-%m-%d}:{days}"


def _without_maker(now: datetime) -> Iterator[tuple[ApiKey, str]]:
    left = Q(created_by__is_active=False) | Q(maker_left_at__isnull=False)
    for key in _in_use(now).filter(left):
        yield key, "maker"


def _unused(now: datetime) -> Iterator[tuple[ApiKey, str]]:
    keys = _in_use(now).alias(idle=Coalesce("last_used_at", "created_at"))
    for key in keys.filter(idle__lte=now - UNUSED_FOR).select_related("created_by"):
        yield key, f"unused:{key.idle_since:%Y-%m-%d}"


def _maker(key: ApiKey, what: str) -> list[str]:
    if what == "maker" or key.created_by is None or not key.created_by.is_active:
        return []
    return [key.created_by.email]


def readdress_key_mail(message: Message, new: str) -> bool:
    """Have a mail that waits know its reader by their new address: who had the key before is kept by it. Returns True: it goes along."""
    if message.payload.get("before") == message.recipient:
        message.payload["before"] = new
    return True


def build_key_mail(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the key is revoked or over, or its reader neither made it nor is an operator."""
    key = ApiKey.objects.unrevoked().select_related("created_by").filter(pk=message.payload["key"]).first()
    if key is None:
        raise NotWanted("key_revoked")
    about = message.payload["about"]
    if over := _over(key, about, now=timezone.now()):
        raise NotWanted(over)
    made_it = key.created_by is not None and key.created_by.email == message.recipient
    was_theirs = about == "taken" and message.payload.get("before") == message.recipient
    if not made_it and not was_theirs and message.recipient not in operators():
        raise NotWanted("not_the_maker")
    reader = reader_of(message)
    return compose_mail(
        KIND,
        message,
        reader,
        _facts(key, reader.zone) | {"about": about, "made_it": made_it, "was_theirs": was_theirs},
    )


def _over(key: ApiKey, about: str, *, now: datetime) -> str:
    """Return why nothing is left to say, or ""."""
    if about == "end" and (key.expires_at is None or key.is_over(now)):
        return "key_does_not_end"
    if about == "maker" and not key.maker_left:
        return "maker_is_back"
    if about == "unused" and key.idle_since > now - UNUSED_FOR:
        return "key_was_used"
    return ""


def _facts(key: ApiKey, zone: ZoneInfo) -> dict[str, object]:
    last = timezone.localtime(key.last_day, zone) if key.last_day else None
    return {
        "name": key.name,
        "prefix": key.prefix,
        "last_day": dates.long_day(last) if last else "",
        "unused_days": UNUSED_FOR.days,
        "made_by": str(key.created_by) if key.created_by else "",
        "maker_deleted": key.maker_left_at is not None,
        "made_at": dates.moment(key.created_at, zone=zone).full,
        "used_at": dates.moment(key.last_used_at, zone=zone).full if key.last_used_at else "",
        "teams": ", ".join(key.teams.order_by("name").values_list("name", flat=True)),
        "keys_url": addresses.absolute_url("admin:accounts_apikey_changelist"),
    }


def register_mail() -> None:
    """Say how these mails are built."""
    register_kind(
        KIND, build_key_mail, name=_("About an API key"), stays=True, readdress=readdress_key_mail, asks=True
    )
