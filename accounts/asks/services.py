"""Writing asks, beginning and ending them, and the one writer of their mails: the first to each person, and reminders after 2 and 5 days.

What is due is in the lines, and is done in the transaction that writes the mail. So nothing is sent twice, whoever dies, and another
worker goes on. On hold it waits.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from accounts.asks import progress, queries, rules
from accounts.asks.models import Ask, AskLine
from accounts.asks.progress import UNDER_WAY, Stage
from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool import permissions
from accounts.pool.errors import ActionRefused
from accounts.pool.jobs import register_follow_up
from notifications import outbox
from notifications.models import Message
from tokens.lifecycle.services import record_event
from tokens.models import Token, TokenEvent
from ui.errors import Refusal
from users.installation import hold
from users.invitations import services as invitations
from users.models import Invitation, RefusedAddress, Team, User

ASK, ANSWER = "ask", "ask_done"  # kinds of mail: what is asked, and what came of it
USUAL = timedelta(days=14)  # until its last day
LONGEST = timedelta(days=90)
AT_A_TIME = 100  # people that are looked for at once
Ending = Ask.Ending
About = Sequence[
    tuple[Account, Token]
]  # each account with the log-in that it is about, the most important first

logger = logging.getLogger(__name__)


# --- writing asks with their lines, and the mails about them -----------------------------------------------------------------


def team_of_log_ins(tokens: Sequence[Token]) -> Team | None:
    """Return the team that a mail about the log-ins' accounts belongs to; None where it tells of several.

    The team decides which staff may read the mail.
    """
    teams = Team.objects.filter(accounts__pool__token__in=tokens).distinct()[:2]
    return teams[0] if len(teams) == 1 else None


def line_of(account: Account, token: Token | None = None) -> AskLine:
    """Return the line, of no ask yet, that asks for an account; `token`: for this log-in to back it up."""
    facts = {"channel": account.channel, "native_id": account.native_id, "name": account.name}
    return AskLine(account=account, token=token, **facts)


def begin_ask(lines: Iterable[AskLine], **facts: Any) -> Ask:
    """Write an ask with these lines, in the caller's transaction. `facts` are those of `Ask`. It mails nobody."""
    ask = Ask.objects.create(**facts)
    rows = list(lines)
    for line in rows:
        line.ask = ask
    AskLine.objects.bulk_create(rows, batch_size=1_000)
    return ask


def write_ask_mail(
    kind: str, *, to: User | str, key: str, now: datetime, team: Team | None = None, **about: Any
) -> str:
    """Write one mail in the caller's transaction, once for each `key` and address. Returns its dedupe key.

    `to`: a person, whom it follows to a new address; or an address, where it stays. `about`: the ids that `accounts.asks.mails` builds it
    from, of asks, log-ins and accounts, by which `accounts.message_history` finds it.
    """
    person = {"user": to.pk} if isinstance(to, User) else {}
    address = to.email if isinstance(to, User) else to
    key = f"{kind}:{key}:{address}"
    outbox.enqueue(
        kind=kind, recipient=address, dedupe_key=key, team=team, payload={**about, **person}, now=now
    )
    return key


def end_asks(ids: Collection[int], ending: Ending, now: datetime) -> int:
    """End those of these asks (ids) that run, in the caller's transaction. Returns how many."""
    going = Ask.objects.running().filter(pk__in=ids)
    ended = list(going.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    Ask.objects.filter(pk__in=ended).update(ended_at=now, ending=ending)
    lines = AskLine.objects.filter(ask__in=ended)
    lines.filter(stage__in=AskLine.OPEN).update(stage=Stage.LEFT)
    lines.filter(next_at__isnull=False).update(next_at=None)
    return len(ended)


@transaction.atomic
def end_due_asks(*, now: datetime) -> int:
    """End the asks in which nobody is waited for, whose last day is over, or whose maker can no longer log in. Returns how many.

    A client link ends by its last use, and asks go on when whoever asked somebody to link accounts has left.
    """
    vain = AskLine.objects.filter(ask__what=Ask.What.BACK_UP, stage=Stage.WAITING)
    linked = AccountToken.objects.filter(account=OuterRef("account"), token=OuterRef("token"))
    vain = vain.filter(Q(token__state=Token.State.DEAD) | Exists(linked))
    vain.update(stage=Stage.LEFT, done_at=now)
    going = Ask.objects.running()
    lines = AskLine.objects.filter(ask=OuterRef("pk"))
    waited_for = lines.waited_for()
    done = list(going.filter(key=None).exclude(Exists(waited_for)).values_list("pk", flat=True))
    over = list(going.filter(ends_at__lte=now).exclude(pk__in=done).values_list("pk", flat=True))
    left = going.filter(what=Ask.What.RENEW).exclude(pk__in=[*done, *over])
    left = left.filter(Q(made_by=None, email="") | Q(made_by__is_active=False))
    ended = end_asks(done, Ending.ALL_DONE, now) + end_asks(over, Ending.LAST_DAY, now)
    return ended + end_asks(list(left.values_list("pk", flat=True)), Ending.MAKER_LEFT, now)


def register_jobs() -> None:
    """Have a move of accounts end what was asked for them."""

    def end(ids: Collection[int], user: User, now: datetime) -> None:
        end_what_moved(moved=Account.objects.filter(pk__in=ids), actor=user, now=now)

    register_follow_up(end)


@transaction.atomic
def end_what_moved(*, moved: QuerySet[Account], actor: User, now: datetime) -> int:
    """End what former teams asked for accounts that moved, in the caller's transaction. Returns how many lines.

    A channel of a client link of which no account is left is asked for no longer: without one it would be for any. Invitations that were
    made for these asks alone are revoked; one that invited to the team by itself stays.
    """
    lines = list(
        AskLine.objects.for_accounts(moved).exclude(ask__team=F("account__team")).values_list("pk", "ask")
    )
    asks = Ask.objects.filter(pk__in={ask for _, ask in lines}).order_by("pk").select_for_update(of=("self",))
    touched = list(asks)
    AskLine.objects.filter(pk__in=[pk for pk, _ in lines]).delete()
    over = []
    for ask in touched:
        asked = set(ask.lines.values_list("channel", flat=True))
        ask.channels = [one for one in ask.channels if one in asked or one in ask.used]
        ask.save(update_fields=["channels"])
        if not ask.lines.filter(done_at=None).exists():
            over.append(ask)
    for ending, some in (
        (Ending.ALL_DONE, [ask.pk for ask in over if ask.used]),
        (Ending.STOPPED, [ask.pk for ask in over if not ask.used]),
    ):
        end_asks(some, ending, now)
    _end_invitations([ask.invitation_id for ask in over if ask.invitation_id], actor, now)
    return len(lines)


def _end_invitations(ids: Collection[int], actor: User, now: datetime) -> None:
    """Revoke those of these invitations that were made to ask, and by which nothing is asked any longer."""
    made = Invitation.objects.filter(pk__in=ids, for_asks=True)
    # Whoever asks by one of them just now holds it: then that ask is seen below.
    list(made.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    wanted = Ask.objects.running().filter(invitation__in=ids, lines__done_at=None, lines__isnull=False)
    invitations.revoke_these(made.exclude(pk__in=wanted.values("invitation")), by=actor, now=now)


# --- beginning ----------------------------------------------------------------------------------------------------------------


@transaction.atomic
def start_ask(
    *,
    user: User | None,
    token_ids: Iterable[int],
    now: datetime,
    name: str = "",
    note: str = "",
    ends_at: datetime | None = None,
    once: str = "",
    email: str = "",
    api_key: int | None = None,
) -> Ask:
    """Begin to ask for these log-ins, which the caller has found visible to the user. Return the same ask where the page asked already.

    A worker writes the mails within a minute. Without `ends_at` it ends after USUAL. `email`: whose wish it is, where that is an address
    outside; `api_key`: the id of the key that asks in the user's name. Raises OnHold where no mail is sent.
    """
    hold.refuse()
    ids = list(dict.fromkeys(token_ids))
    dead = set(Token.objects.filter(pk__in=ids, state=Token.State.DEAD).values_list("pk", flat=True))
    lines = (AskLine(token_id=pk, next_at=now, was_dead=pk in dead) for pk in ids)
    facts: dict[str, Any] = {"name": name, "note": note, "email": email, "api_key_id": api_key}
    facts |= {"created_at": now, "ends_at": ends_at or now + USUAL}
    try:
        with transaction.atomic():
            return begin_ask(lines, made_by=user, once=once, **facts)
    except IntegrityError:
        return Ask.objects.get(made_by=user, once=once)


@transaction.atomic
def ask_again(*, about: About, email: str, now: datetime) -> bool:
    """Ask the one person of these log-ins by one mail, as the reader of a mail wishes, at most once a day. Return False where they were
    asked for all of it today. Nobody is reminded by it. Raises ActionRefused where they cannot be asked, and OnHold.
    """
    # Two presses at once ask once.
    ids = list(
        Token.objects.filter(pk__in={token.pk for _, token in about}).locked().values_list("pk", flat=True)
    )
    asked = set(queries.asked_today(ids, now).values_list("token_id", flat=True))
    fresh = [(account, token) for account, token in about if token.pk not in asked]
    for _, token in fresh:
        if why := rules.why_not(token):
            raise ActionRefused("as_told", text=why)
    if not fresh:
        return False
    user = User.objects.filter(email=email, is_active=True, is_contact=False).first()
    ask = start_ask(
        user=user, email="" if user else email, token_ids=[token.pk for _, token in fresh], now=now
    )
    write_request(ask, list(ask.lines.all()), fresh, now)
    ask.lines.update(next_at=None)
    return True


# --- ending -------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def stop_ask(*, ask: Ask, now: datetime) -> bool:
    """Stop an ask: nobody is reminded, and what is not done is marked. Return False where it is over already."""
    progress.settle_asks(now=now)
    return end_asks([ask.pk], Ending.STOPPED, now) > 0


# --- the mails ----------------------------------------------------------------------------------------------------------------


def send_due_requests(*, clock: Callable[[], datetime], goes_on: Callable[[], bool]) -> int:
    """Settle all asks that run, write the mails that are due, and end what is over. Returns how many mails were written.

    A worker that is to stop leaves the rest to another one.
    """
    if not Ask.objects.running().exists():
        return 0
    progress.settle_asks(now=clock())
    end_due_asks(now=clock())
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
    lines = AskLine.objects.running().filter(next_at__lte=now, ask__ends_at__gt=now)
    under_way = Message.objects.filter(pk=OuterRef("message"), state__in=UNDER_WAY)
    unreached = RefusedAddress.objects.filter(email=Lower(OuterRef("token__consented_by__email")))
    found = lines.waited_for().filter(token__consented_by__isnull=False)
    found = found.exclude(trouble__in=[progress.REFUSED, progress.NOT_SEEN])
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
    _fail(lines.waited_for(), progress.REFUSED)
    return False


@transaction.atomic
def _ask_person(ask_id: int, person_id: int, now: datetime) -> bool:
    """Ask one person by one mail for all log-ins of the ask that are due. Return whether a mail was written."""
    ask = Ask.objects.select_for_update(no_key=True).get(pk=ask_id)
    if not may_ask(ask.made_by):
        end_asks([ask.pk], Ending.MAKER_LEFT, now)
        return False
    assert ask.made_by is not None  # who may ask
    # Log-ins before lines, as a consent does; whoever comes second waited for the ask, and finds nothing due.
    mine = _lines(now).filter(ask=ask, token__consented_by=person_id)
    tokens = list(Token.objects.filter(pk__in=mine.values("token")).locked().values_list("pk", flat=True))
    lines = list(mine.filter(token__in=tokens).order_by("pk").select_for_update(no_key=True, of=("self",)))
    # Of what somebody else asked for today, the reminders count from then on.
    asked = set(queries.asked_today(tokens, now).values_list("token_id", flat=True))
    _note_asked([line for line in lines if line.token_id in asked], now)
    fresh = {line.token_id: line for line in lines if line.token_id and line.token_id not in asked}
    about = queries.accounts_with_log_ins([pk for pk in fresh if pk], ask.made_by)
    reach = {token.pk for _, token in about}
    unseen = [line.pk for pk, line in fresh.items() if pk not in reach]
    _fail(AskLine.objects.filter(pk__in=unseen), progress.NOT_SEEN)
    if about:
        write_request(ask, [line for pk, line in fresh.items() if pk in reach], about, now)
    return bool(about)


def may_ask(user: User | None) -> bool:
    """Return whether a person may ask others to re-authenticate."""
    return user is not None and user.is_active and user.has_perm(permissions.ASK)


def _fail(lines: QuerySet[AskLine], trouble: str) -> None:
    lines.update(next_at=None, stage=Stage.FAILED, trouble=trouble, why=trouble)


def write_request(ask: Ask, lines: Sequence[AskLine], about: About, now: datetime) -> None:
    """Write one mail to the one person of these lines, and note it on each account and log-in."""
    tokens = list({token.pk: token for _, token in about}.values())
    (person,) = {token.consented_by for token in tokens}
    assert person is not None  # who is asked is known
    actor = ask.made_by
    events = AccountEvent.objects.bulk_create(
        AccountEvent(
            account=account,
            token=token,
            kind=AccountEvent.Kind.ASKED,
            source="staff" if actor else "mail",
            actor=actor,
            note=ask.note_of_event,
            at=now,
        )
        for account, token in about
    )
    for token in tokens:
        detail = {"recipient": person.email}
        record_event(token, TokenEvent.Kind.ASKED, now, source="staff", actor=actor, detail=detail)
    key = write_ask_mail(
        ASK,
        to=person,
        key=f"{ask.pk}:{events[0].pk}",
        now=now,
        team=team_of_log_ins(tokens),  # it tells of all accounts of the log-ins
        asks=[ask.pk],
        accounts=[account.pk for account, _ in about],
        tokens=[token.pk for token in tokens],
        # Which reminder it is; 0 where no mail before it left, so that it is the first that its person reads.
        reminder=max((line.mails for line in lines if line.sent_at), default=0),
    )
    _note_asked(lines, now, message=Message.objects.values_list("pk", flat=True).get(dedupe_key=key))


def _note_asked(lines: Sequence[AskLine], now: datetime, *, message: int | None = None) -> None:
    """Note that these were asked for now, or (without a message) by somebody else today, and when they are asked for next."""
    for mailed in {line.mails + 1 for line in lines}:
        same = AskLine.objects.filter(pk__in=[line.pk for line in lines if line.mails + 1 == mailed])
        gap = progress.GAPS.get(mailed)
        facts: dict[str, Any] = {"sent_at": now} if message is None else {"message": message}
        same.update(mails=mailed, asked_at=now, next_at=now + gap if gap else None, **facts)
