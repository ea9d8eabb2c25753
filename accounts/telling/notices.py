"""From notices to mails: one a person for what happened within a minute, and one when it is over, to whoever was told."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import Account, AccountEvent, AccountNews, AccountNotice, AccountToken
from accounts.telling import news
from notifications import outbox
from notifications.models import Message
from tokens.models import Token
from users import refused_addresses
from users.recipients import operators

ACCESS, RESTRICTED, WORKS_AGAIN = "access", "restricted", "works_again"  # kinds of messages
AGAIN_AFTER = timedelta(hours=1)  # between two mails of a kind to one person about what others lost
QUIET = timedelta(
    minutes=10
)  # so long nothing happened to an account before it is told as working again: flapping mails nobody
MOST = 5_000  # notices closed in one run; the rest follows a minute later

# By kind of the message that told: about which accounts an address, its recipient or that person's new one, is no longer to be mailed. Apps
# above register theirs.
Unwanted = Callable[[Message, str, Collection[int]], set[int]]
_UNWANTED: dict[str, Unwanted] = {}

_LOCK = 7_262_002  # one teller at a time: two would write one person two mails
_ENDED = [Message.State.SENT, Message.State.FAILED, Message.State.CANCELLED]


@transaction.atomic
def tell(now: datetime) -> int:
    """Write the mails that are due. Returns how many. Cheap where nothing happened: three small queries."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(%s)", [_LOCK])
        row = cursor.fetchone()
    if not row or not row[0]:
        return 0
    news.resolve(now)
    return _write(now) + _end(now)


def record_told(told: Mapping[Message, Iterable[int]], *, now: datetime) -> None:
    """Note that messages have told their recipients that these accounts (ids) stopped, in the transaction that records them as sent.

    What they were told before of an account that waited, and has ended since, is closed.
    """
    open_ones = AccountNotice.objects.filter(kind=AccountNotice.Kind.STOPPED, closed_at=None)
    before = open_ones.filter(
        account__in={account_id for ids in told.values() for account_id in ids},
        recipient__in={message.recipient for message in told},
        at__lt=F("account__cycle_since"),
    )
    before.update(closed_at=now)
    AccountNotice.objects.bulk_create(
        [
            AccountNotice(
                account_id=account_id,
                kind=AccountNotice.Kind.STOPPED,
                recipient=message.recipient,
                deactivated=True,
                message=message,
                at=now,
            )
            # one order, so that two senders do not wait for each other in a circle
            for account_id, message in sorted(
                {(account_id, message) for message, ids in told.items() for account_id in ids},
                key=lambda one: (one[0], one[1].pk),
            )
        ],
        ignore_conflicts=True,
    )


def end_told(*, recipient: str, account_ids: Collection[int], now: datetime) -> None:
    """Note that a mail of an app above, which is recorded as sent in this transaction, told its reader that these accounts (ids) work
    again. What was lost with a log-in of the reader's is not over by that.
    """
    told = AccountNotice.objects.filter(recipient=recipient, account__in=account_ids, closed_at=None)
    told.exclude(kind=AccountNotice.Kind.ACCESS).update(closed_at=now)


def take_along(*, old: str, new: str, now: datetime) -> None:
    """Have what a person was told, and is not over, be of their new e-mail address, in the caller's transaction. What both were told is
    told once. What a rule told, which may name the old address itself, is of both: who is still told of it is asked when it is over.
    """
    told = AccountNotice.objects.filter(closed_at=None)
    same = told.filter(recipient=new, account=OuterRef("account"), kind=OuterRef("kind"))
    of_log_in = Exists(same.filter(token=OuterRef("token")))
    known = of_log_in | Q(Exists(same.filter(token=None)), token=None)
    by_rule = Q(message__in=Message.objects.filter(kind__in=_UNWANTED))
    copies = list(told.filter(by_rule, recipient=old).exclude(known))
    told.filter(known, recipient=old).exclude(by_rule).update(closed_at=now)
    told.filter(recipient=old).exclude(by_rule).update(recipient=new)
    for one in copies:
        one.pk, one.recipient = None, new
    AccountNotice.objects.bulk_create(copies, ignore_conflicts=True)


def close(*, recipient: str, now: datetime) -> None:
    """Note that an address is told nothing more of what it was told, in the caller's transaction; but for what a rule told it, which may
    name an address that nobody logs in with.
    """
    told = AccountNotice.objects.filter(recipient=recipient, closed_at=None)
    told.exclude(message__in=Message.objects.filter(kind__in=_UNWANTED)).update(closed_at=now)


def register_unwanted(kind: str, unwanted: Unwanted) -> None:
    """Say of which accounts the recipient of a message of this kind has stopped mails, or is no longer named by any rule."""
    _UNWANTED[kind] = unwanted


def without_unwanted(notices: Sequence[AccountNotice], reader: str) -> list[AccountNotice]:
    """Return the notices about which an address is still to be mailed; `message` must be loaded."""
    by_message: dict[Message, list[AccountNotice]] = defaultdict(list)
    for notice in notices:
        if notice.message is not None:
            by_message[notice.message].append(notice)
    kept = []
    for message, told in by_message.items():
        unwanted = _UNWANTED.get(message.kind)
        ids = unwanted(message, reader, {one.account_id for one in told}) if unwanted else set()
        kept += [one for one in told if one.account_id not in ids]
    return kept


def record_stop_told(message: Message) -> None:
    """Note which accounts the mail about log-ins that died or were removed told as stopped, once it is sent."""
    if message.state != Message.State.SENT or message.sent_at is None:
        return
    tokens = message.payload.get("tokens") or [message.payload["token"]]
    deactivated = Account.objects.filter(pool__token__in=tokens, state=Account.State.DEACTIVATED).distinct()
    if teams := message.payload.get(
        "teams"
    ):  # who stands in, or leads, is told of these teams' accounts alone
        deactivated = deactivated.filter(team__in=teams)
    record_told({message: deactivated.values_list("pk", flat=True)}, now=message.sent_at)


def record_end(message: Message) -> None:
    """Where the mail server refuses the address of a mail, make its facts news once more, so that whoever stands in is told of them.

    The same of what the mail left out because its reader had snoozed it meanwhile: that is open no more, and told when the snooze is over.
    Of an operator's they are not: nobody stands in for those.
    """
    told = list(message.account_notices.filter(kind__in=AccountNews.Kind.values))
    if message.state in {Message.State.SENT, Message.State.CANCELLED}:
        kept = {one.pk for one in news.not_snoozed(told)}
        told = [one for one in told if one.pk not in kept]
    elif not refused_addresses.is_refused(message.recipient) or message.recipient in operators():
        return  # it failed for another reason, or nobody stands in
    if not told:
        return
    now = timezone.now()
    if message.state != Message.State.FAILED:
        AccountNotice.objects.filter(pk__in=[one.pk for one in told]).update(closed_at=now)
    AccountNews.objects.bulk_create(
        AccountNews(account_id=one.account_id, token_id=one.token_id, kind=one.kind, at=now) for one in told
    )


def _write(now: datetime) -> int:
    """Write one message per recipient and kind for the notices that wait."""
    waiting: dict[tuple[str, str], list[AccountNotice]] = defaultdict(list)
    rows = AccountNotice.objects.filter(closed_at=None, message=None).select_related("account__team")
    for notice in rows.order_by("id"):
        waiting[notice.recipient, notice.kind].append(notice)
    lately = _told_lately(waiting, now)
    written = 0
    for (recipient, kind), notices in waiting.items():
        if (recipient, kind) in lately and not any(notice.own for notice in notices):
            continue  # gathered until the hour is over
        message = _enqueue(kind, recipient, notices, now)
        AccountNotice.objects.filter(pk__in=[notice.pk for notice in notices]).update(message=message)
        written += 1
    return written


def _told_lately(waiting: Iterable[tuple[str, str]], now: datetime) -> set[tuple[str, str]]:
    mails = Message.objects.filter(
        recipient__in={recipient for recipient, _ in waiting},
        kind__in=[ACCESS, RESTRICTED],
        created_at__gt=now - AGAIN_AFTER,
    )
    return set(mails.values_list("recipient", "kind"))


def _enqueue(kind: str, recipient: str, notices: Sequence[AccountNotice], now: datetime) -> Message:
    """Write the message. The notices that name it say what it tells; by its payload the accounts' own pages find it."""
    teams = {notice.account.team for notice in notices}
    key = f"{kind}:{notices[0].pk}"
    outbox.enqueue(
        kind=kind,
        recipient=recipient,
        team=teams.pop() if len(teams) == 1 else None,  # of several teams: superusers see it
        dedupe_key=key,
        payload={"accounts": sorted({notice.account_id for notice in notices})},
        now=now,
    )
    return Message.objects.get(dedupe_key=key)


def _end(now: datetime) -> int:
    """Close what is over, and tell those who were told that an account stopped that it works again."""
    over = list(_over(now).select_related("account__team", "message").order_by("id")[:MOST])
    told: dict[str, list[AccountNotice]] = defaultdict(list)
    for notice in news.not_snoozed(over):
        if notice.message and notice.message.state == Message.State.SENT and _is_news(notice):
            told[notice.recipient].append(notice)
    for recipient, notices in told.items():
        message = _enqueue(WORKS_AGAIN, recipient, notices, now)
        AccountNotice.objects.filter(pk__in=[notice.pk for notice in notices]).update(ending=message)
    AccountNotice.objects.filter(pk__in=[notice.pk for notice in over]).update(closed_at=now)
    return len(told)


def _is_news(notice: AccountNotice) -> bool:
    """Return whether its reader waits for it to be over: what a backup carried on never stopped."""
    return notice.deactivated or notice.kind == AccountNotice.Kind.RESTRICTED


def _over(now: datetime) -> QuerySet[AccountNotice]:
    """Return the open notices, written and ended as mails, whose cause is over and stayed so for a while, or was never told."""
    entry = AccountToken.objects.filter(account=OuterRef("account"), token=OuterRef("token"))
    useless = entry.filter(
        Q(access=AccountToken.Access.LOST)
        | Q(can_publish=AccountToken.CanPublish.NO)
        | Q(token__state=Token.State.DEAD)
    )
    lately = AccountEvent.objects.filter(account=OuterRef("account"), at__gt=now - QUIET)
    works = Q(deactivated=True, account__state=Account.State.CONNECTED, account__restriction="")
    lifted = Q(kind=AccountNotice.Kind.RESTRICTED, account__restriction="")
    regained = Q(~Exists(useless), kind=AccountNotice.Kind.ACCESS, deactivated=False)
    never_told = Q(message__state__in=[Message.State.FAILED, Message.State.CANCELLED])
    is_open = AccountNotice.objects.filter(closed_at=None, message__state__in=_ENDED)
    return is_open.filter(never_told | Q(works | lifted | regained) & ~Exists(lately))
