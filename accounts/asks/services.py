"""Beginning and ending asks, and the one writer of their mails: the first to each person, and reminders after 2 and 5 days.

What is due is in the lines, and is done in the transaction that writes the mail. So nothing is sent twice, whoever dies, and another
worker goes on. On hold it waits.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Lower

from accounts.asks import endings, progress, queries, rules, writing
from accounts.asks.models import Ask, AskLine
from accounts.asks.rules import OPEN, UNDER_WAY, Stage
from accounts.models import Account, AccountEvent
from accounts.pool import permissions
from accounts.pool.errors import ActionRefused
from notifications.models import Message
from tokens import lifecycle
from tokens.models import Token
from ui.errors import Refusal
from users.installation import hold
from users.models import RefusedAddress, User

MOST = 5_000  # log-ins of one ask
USUAL = timedelta(days=14)  # until its last day
LONGEST = timedelta(days=90)
AT_A_TIME = 100  # people that are looked for at once
Ending = Ask.Ending
About = Sequence[
    tuple[Account, Token]
]  # each account with the log-in that it is about, the most important first

logger = logging.getLogger(__name__)


# --- beginning ----------------------------------------------------------------------------------------------------------------


@transaction.atomic
def start(
    *,
    user: User,
    token_ids: Iterable[int],
    now: datetime,
    name: str = "",
    note: str = "",
    ends_at: datetime | None = None,
    once: str = "",
) -> tuple[Ask, bool]:
    """Begin to ask for these log-ins, which the caller has found visible to the user. Return False where the page asked already.

    A worker writes the mails. Without `ends_at` it ends after USUAL. Raises OnHold where no mail is sent.
    """
    hold.refuse()
    ids = list(dict.fromkeys(token_ids))
    dead = set(Token.objects.filter(pk__in=ids, state=Token.State.DEAD).values_list("pk", flat=True))
    lines = (AskLine(token_id=pk, next_at=now, was_dead=pk in dead) for pk in ids)
    facts = {"name": name, "note": note, "created_at": now, "ends_at": ends_at or now + USUAL}
    try:
        with transaction.atomic():
            return writing.begin_ask(lines, made_by=user, once=once, **facts), True
    except IntegrityError:
        return Ask.objects.get(made_by=user, once=once), False


@transaction.atomic
def ask_now(*, people: Collection[About], user: User, note: str, now: datetime) -> list[str]:
    """Ask each of these people at once by one mail about their log-ins, in one ask. Returns their addresses.

    Raises ActionRefused where somebody cannot be asked for one of them, and OnHold where no mail is sent.
    """
    tokens = {token.pk: token for about in people for _, token in about}
    for token in tokens.values():
        if why := rules.why_not(token):
            raise ActionRefused("as_told", text=why)
    ask, _ = start(user=user, token_ids=tokens, note=note, now=now)
    lines = {line.token_id: line for line in ask.lines.all()}
    told = [
        _write(ask, [lines[pk] for pk in dict.fromkeys(token.pk for _, token in about)], about, now)
        for about in people
    ]
    if not may_ask(user):  # of an own log-in that goes, whose colleagues are asked once
        ask.lines.update(next_at=None)
    return told


# --- ending -------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def stop(*, ask: Ask, by: User, now: datetime) -> bool:
    """Stop an ask: nobody is reminded, and what is not done is marked. Return False where it is over already."""
    progress.settle(now=now)
    return endings.end_asks([ask.pk], Ending.STOPPED, now, by=by) > 0


# --- the mails ----------------------------------------------------------------------------------------------------------------


def send_due(*, clock: Callable[[], datetime], goes_on: Callable[[], bool]) -> int:
    """Settle all asks that run, write the mails that are due, and end what is over. Returns how many mails were written.

    A worker that is to stop leaves the rest to another one.
    """
    if not Ask.objects.filter(ended_at=None).exists():
        return 0
    progress.settle(now=clock())
    endings.end_due(now=clock())
    written = 0
    while goes_on() and hold.current() is None:
        due = _due(clock())
        for ask_id, person_id in due:
            if not goes_on() or hold.current() is not None:
                return written
            written += _ask_safely(ask_id, person_id, clock())
        if not due:
            break
    return written


def _lines(now: datetime) -> QuerySet[AskLine]:
    """Return the lines that are due: of people who are waited for, also where a try of theirs at the channel went wrong, or where a mail
    was given up for a reason that is not their address's. One whose last mail still waits for its server is not reminded.
    """
    lines = AskLine.objects.filter(next_at__lte=now, ask__ended_at=None, ask__ends_at__gt=now)
    under_way = Message.objects.filter(pk=OuterRef("message"), state__in=UNDER_WAY)
    unreached = RefusedAddress.objects.filter(email=Lower(OuterRef("token__consented_by__email")))
    found = lines.filter(stage__in=[*OPEN, Stage.FAILED], token__consented_by__isnull=False)
    found = found.exclude(trouble__in=[rules.REFUSED, rules.NOT_SEEN])
    return found.exclude(Exists(unreached)).exclude(Exists(under_way))


def _due(now: datetime) -> list[tuple[int, int]]:
    """Return the first of those who are to be asked: ask and person."""
    pairs = _lines(now).order_by("ask_id", "token__consented_by_id")
    found = pairs.values_list("ask_id", "token__consented_by_id").distinct()
    return [(ask, person) for ask, person in found[:AT_A_TIME] if person is not None]


def _ask_safely(ask_id: int, person_id: int, now: datetime) -> bool:
    """Ask one person. One who cannot be asked stops no other."""
    try:
        return _ask_person(ask_id, person_id, now)
    except hold.OnHold:
        return False
    except Refusal as refusal:
        logger.warning("Ask %s cannot reach person %s: %s", ask_id, person_id, refusal)
    except Exception:
        logger.exception("Ask %s could not reach person %s", ask_id, person_id)
    lines = AskLine.objects.filter(ask=ask_id, token__consented_by=person_id, next_at__lte=now)
    _fail(lines.filter(stage__in=[*OPEN, Stage.FAILED]), rules.REFUSED)
    return False


@transaction.atomic
def _ask_person(ask_id: int, person_id: int, now: datetime) -> bool:
    """Ask one person by one mail for all log-ins of the ask that are due. Return whether a mail was written."""
    ask = Ask.objects.select_for_update(no_key=True).get(pk=ask_id)
    if not may_ask(ask.made_by):
        endings.end_asks([ask.pk], Ending.MAKER_LEFT, now)
        return False
    assert ask.made_by is not None  # who may ask
    # Log-ins before lines, as a consent does; whoever comes second waited for the ask, and finds nothing due.
    mine = _lines(now).filter(ask=ask, token__consented_by=person_id)
    tokens = list(Token.objects.filter(pk__in=mine.values("token")).locked().values_list("pk", flat=True))
    lines = list(mine.filter(token__in=tokens).order_by("pk").select_for_update(no_key=True, of=("self",)))
    # Of what somebody else asked for today, the reminders count from then on.
    asked = set(queries.asked_today(tokens, now).values_list("token_id", flat=True))
    _note([line for line in lines if line.token_id in asked], now)
    fresh = {line.token_id: line for line in lines if line.token_id and line.token_id not in asked}
    about = queries.about([pk for pk in fresh if pk], ask.made_by)
    reach = {token.pk for _, token in about}
    unseen = [line.pk for pk, line in fresh.items() if pk not in reach]
    _fail(AskLine.objects.filter(pk__in=unseen), rules.NOT_SEEN)
    if about:
        _write(ask, [line for pk, line in fresh.items() if pk in reach], about, now)
    return bool(about)


def may_ask(user: User | None) -> bool:
    """Return whether a person may ask others to re-authenticate."""
    return user is not None and user.is_active and user.has_perm(permissions.ASK)


def _fail(lines: QuerySet[AskLine], trouble: str) -> None:
    lines.update(next_at=None, stage=Stage.FAILED, trouble=trouble, why=trouble)


def _write(ask: Ask, lines: Sequence[AskLine], about: About, now: datetime) -> str:
    """Write one mail to the one person of these lines, and note it on each account and log-in. Returns the address."""
    tokens = list({token.pk: token for _, token in about}.values())
    (person,) = {token.consented_by for token in tokens}
    assert person is not None  # who is asked is known
    actor = ask.made_by
    events = AccountEvent.objects.bulk_create(
        AccountEvent(
            account=account,
            token=token,
            kind=AccountEvent.Kind.ASKED,
            source="staff",
            actor=actor,
            note=ask.note,
            at=now,
        )
        for account, token in about
    )
    for token in tokens:
        lifecycle.record_ask(token=token, actor=actor, recipient=person.email, now=now)
    key = writing.write_mail(
        writing.KIND,
        to=person,
        key=f"{ask.pk}:{events[0].pk}",
        now=now,
        team=writing.team_of(tokens),  # it tells of all accounts of the log-ins
        asks=[ask.pk],
        accounts=[account.pk for account, _ in about],
        tokens=[token.pk for token in tokens],
        # Which reminder it is; 0 where no mail before it left, so that it is the first that its person reads.
        reminder=max((line.mails for line in lines if line.sent_at), default=0),
    )
    _note(lines, now, message=Message.objects.values_list("pk", flat=True).get(dedupe_key=key))
    return person.email


def _note(lines: Sequence[AskLine], now: datetime, *, message: int | None = None) -> None:
    """Note that these were asked for now, or (without a message) by somebody else today, and when they are asked for next."""
    for mailed in {line.mails + 1 for line in lines}:
        same = AskLine.objects.filter(pk__in=[line.pk for line in lines if line.mails + 1 == mailed])
        gap = rules.GAPS.get(mailed)
        facts: dict[str, Any] = {"sent_at": now} if message is None else {"message": message}
        same.update(mails=mailed, asked_at=now, next_at=now + gap if gap else None, **facts)
