"""The mails of campaigns: the first ask, and reminders after 2 and 5 days to those who have not. One mail a person, a transaction each.

What is due is in the rows, and is done in the transaction that writes the mail. So nothing is sent twice, whoever dies, and another
worker goes on. On hold it waits.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Lower

from accounts import actions, asks_of_app, permissions
from accounts.campaigns import running, stages
from accounts.campaigns.stages import MAIL_FAILED, ONE_MAIL_WITHIN, OPEN, UNDER_WAY, Stage
from accounts.mails import ask_mail
from accounts.models import Account, AccountToken, Campaign, CampaignLogIn
from notifications.models import Message
from tokens.models import Token
from ui.refusal import Refusal
from users import hold
from users.models import RefusedAddress, User

REMINDERS = (timedelta(days=2), timedelta(days=5))  # after the first ask
AT_A_TIME = 100  # people that are looked for at once
REFUSED = "refused"  # the trouble of somebody who could not be asked

logger = logging.getLogger(__name__)


def send_due(*, clock: Callable[[], datetime], goes_on: Callable[[], bool]) -> int:
    """Settle all campaigns that run, write the mails that are due, and end what is over. Returns how many mails were written.

    A worker that is to stop leaves the rest to another one.
    """
    if not Campaign.objects.filter(ended_at=None).exists():
        return 0
    stages.settle(now=clock())
    running.end_due(now=clock())
    written = 0
    while goes_on() and hold.current() is None:
        due = _due(clock())
        for campaign_id, person_id in due:
            if not goes_on() or hold.current() is not None:
                return written
            written += _ask_safely(campaign_id, person_id, clock())
        if not due:
            break
    stages.settle(now=clock())
    return written


def _rows(now: datetime) -> QuerySet[CampaignLogIn]:
    """Return the rows that are due: of people who are waited for, also where a try of theirs at the channel went wrong, or where a mail
    was given up for a reason that is not their address's. One whose last mail still waits for its server is not reminded.
    """
    rows = CampaignLogIn.objects.filter(next_at__lte=now, campaign__ended_at=None, campaign__ends_at__gt=now)
    tried = ~Q(trouble__in=["", REFUSED]) & Q(why=F("trouble"))
    waited_for = Q(stage__in=OPEN) | Q(stage=Stage.FAILED) & (tried | Q(why=MAIL_FAILED))
    under_way = Message.objects.filter(pk=OuterRef("message"), state__in=UNDER_WAY)
    unreached = RefusedAddress.objects.filter(email=Lower(OuterRef("token__consented_by__email")))
    found = rows.filter(waited_for, token__consented_by__isnull=False)
    return found.exclude(Exists(unreached)).exclude(Exists(under_way))


def _due(now: datetime) -> list[tuple[int, int]]:
    """Return the first of those who are to be asked: campaign and person."""
    pairs = _rows(now).order_by("campaign_id", "token__consented_by_id")
    found = pairs.values_list("campaign_id", "token__consented_by_id").distinct()
    return [(campaign, person) for campaign, person in found[:AT_A_TIME] if person is not None]


def _ask_safely(campaign_id: int, person_id: int, now: datetime) -> bool:
    """Ask one person. One who cannot be asked stops no other."""
    try:
        return _ask(campaign_id, person_id, now)
    except hold.OnHold:
        return False
    except Refusal as refusal:
        logger.warning("Campaign %s cannot ask person %s: %s", campaign_id, person_id, refusal)
    except Exception:
        logger.exception("Campaign %s could not ask person %s", campaign_id, person_id)
    rows = CampaignLogIn.objects.filter(campaign=campaign_id, token__consented_by=person_id)
    rows.filter(next_at__lte=now, stage__in=[*OPEN, Stage.FAILED]).update(
        next_at=None, stage=Stage.FAILED, trouble=REFUSED, why=REFUSED
    )
    return False


@transaction.atomic
def _ask(campaign_id: int, person_id: int, now: datetime) -> bool:
    """Ask one person by one mail for all log-ins of the campaign that are due. Return whether a mail was written."""
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)
    actor = campaign.made_by
    if actor is None or not actor.is_active or not actor.has_perm(permissions.RUN_CAMPAIGN):
        running.end_of_maker(campaign, now)
        return False
    # Log-ins before rows, as a consent does; whoever comes second waited for the campaign, and finds nothing due.
    mine = _rows(now).filter(campaign=campaign, token__consented_by=person_id)
    tokens = list(Token.objects.filter(pk__in=mine.values("token")).locked().values_list("pk", flat=True))
    rows = list(mine.filter(token__in=tokens).order_by("pk").select_for_update(no_key=True, of=("self",)))
    if not rows:
        return False
    asked = set(_asked_today(tokens, now))
    fresh = [row for row in rows if row.token_id not in asked]
    if fresh and _mailed_today(person_id, tokens, now) and campaign.ends_at > now + ONE_MAIL_WITHIN:
        _next([row for row in rows if row.token_id in asked], now)
        _wait(fresh, now + ONE_MAIL_WITHIN)
        return False
    about = _about([row.token_id for row in fresh], actor)
    reach = {token.pk for _, token in about}
    _next([row for row in rows if row.token_id in asked], now)
    _unseen([row for row in fresh if row.token_id not in reach])
    if not about:
        return False
    more = {"campaign": campaign.pk, "reminder": _reminder(campaign, person_id, fresh)}
    _, key = actions.write_ask(about=about, actor=actor, note=campaign.note, now=now, more=more)
    message = Message.objects.values_list("pk", flat=True).get(dedupe_key=key)
    _next([row for row in fresh if row.token_id in reach], now, message=message)
    return True


def _reminder(campaign: Campaign, person_id: int, rows: Sequence[CampaignLogIn]) -> int:
    """Return which reminder the next mail is; 0 where none of the mails before it left, so that it is the first that its person reads.

    Without a mail of the campaign's own, somebody else asked, which counts.
    """
    email = User.objects.values_list("email", flat=True).get(pk=person_id)
    mails = Message.objects.filter(kind=ask_mail.KIND, recipient=email, payload__campaign=campaign.pk)
    states = set(mails.values_list("state", flat=True))
    return 0 if states and Message.State.SENT not in states else max(row.asks for row in rows)


def _asked_today(tokens: Sequence[int], now: datetime) -> QuerySet[Any, int]:
    """Return those that somebody, or another campaign, asked for today."""
    return asks_of_app.asked_today(Q(token__in=tokens), now).values_list("token_id", flat=True)


def _mailed_today(person_id: int, tokens: Sequence[int], now: datetime) -> bool:
    """Return whether somebody, or another campaign, asked the person today for other log-ins than these."""
    others = Q(token__consented_by=person_id) & ~Q(token__in=tokens)
    return asks_of_app.asked_today(others, now).exists()


def _wait(rows: Sequence[CampaignLogIn], until: datetime) -> None:
    """Ask for these later, so that their person gets one mail a day."""
    CampaignLogIn.objects.filter(pk__in=[row.pk for row in rows]).update(next_at=until)


def _about(tokens: Sequence[int], actor: User) -> list[tuple[Account, Token]]:
    """Return the accounts of these log-ins, as far as the campaign's maker sees them: what stops first before the rest."""
    seen = Account.objects.visible_to(actor).values("pk")
    entries = AccountToken.objects.filter(token__in=tokens, account__in=seen).defer("token__credentials")
    entries = entries.select_related("account__team", "token__app", "token__consented_by")
    order = (F("account__deadline").asc(nulls_first=True), "account__name", "account_id", "pk")
    return [(entry.account, entry.token) for entry in entries.order_by(*order)]


def _next(rows: Sequence[CampaignLogIn], now: datetime, *, message: int | None = None) -> None:
    """Note that these were asked now, or (without a message) by somebody else today, and when they are asked next."""
    for asks in {row.asks for row in rows}:
        same = CampaignLogIn.objects.filter(pk__in=[row.pk for row in rows if row.asks == asks])
        first = Coalesce(F("first_asked_at"), Value(now, output_field=DateTimeField()))
        after = first + REMINDERS[asks] if asks < len(REMINDERS) else None
        facts: dict[str, Any] = {"asks": asks + 1, "first_asked_at": first, "asked_at": now, "next_at": after}
        if message is not None:
            facts["message"] = message
        same.update(**facts)


def _unseen(rows: Sequence[CampaignLogIn]) -> None:
    """Note that the maker no longer sees an account of these log-ins: nobody is asked for them."""
    CampaignLogIn.objects.filter(pk__in=[row.pk for row in rows]).update(
        stage=Stage.FAILED, trouble="not_seen", why="not_seen", next_at=None
    )
