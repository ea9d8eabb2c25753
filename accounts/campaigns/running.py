"""Beginning and ending a campaign, and who sees which."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.campaigns import stages
from accounts.campaigns.stages import OPEN, Stage
from accounts.models import AccountToken, Campaign, CampaignLogIn
from tokens.models import Token
from users import hold
from users.models import Membership, User

MOST = 5_000  # log-ins of one campaign
USUAL = timedelta(days=14)  # until its last day
LONGEST = timedelta(days=90)
Ending = Campaign.Ending


@transaction.atomic
def start(
    *,
    user: User,
    name: str,
    note: str,
    token_ids: Iterable[int],
    ends_at: datetime,
    once: str,
    now: datetime,
    asks_snoozed: bool = False,
) -> tuple[Campaign, bool]:
    """Begin a campaign for these log-ins, which the caller has found visible to the user. Return False where the page asked already.

    A worker writes the mails. `asks_snoozed`: also to whoever has snoozed them by now. Raises OnHold where no mail is sent.
    """
    hold.refuse()
    try:
        with transaction.atomic():
            campaign = Campaign.objects.create(
                name=name,
                note=note,
                made_by=user,
                created_at=now,
                ends_at=ends_at,
                once=once,
                asks_snoozed=asks_snoozed,
            )
    except IntegrityError:
        return Campaign.objects.get(made_by=user, once=once), False
    ids = list(dict.fromkeys(token_ids))
    dead = set(Token.objects.filter(pk__in=ids, state=Token.State.DEAD).values_list("pk", flat=True))
    CampaignLogIn.objects.bulk_create(
        (
            CampaignLogIn(campaign=campaign, token_id=pk, added_at=now, next_at=now, was_dead=pk in dead)
            for pk in ids
        ),
        batch_size=1_000,
    )
    return campaign, True


@transaction.atomic
def stop(*, campaign: Campaign, by: User, now: datetime) -> bool:
    """Stop a campaign: nobody is reminded, and what is not done is marked. Return False where it is over already."""
    stages.settle(now=now)
    return _end([campaign.pk], Ending.STOPPED, now, by=by) > 0


@transaction.atomic
def end_due(*, now: datetime) -> int:
    """End the campaigns in which nobody is waited for, whose last day is over, or whose maker can no longer log in. Returns how many."""
    going = Campaign.objects.filter(ended_at=None)
    rows = CampaignLogIn.objects.filter(campaign=OuterRef("pk"))
    waited_for = rows.filter(Q(stage__in=[*OPEN, Stage.FAILED]) | Q(why=stages.SNOOZED))
    done = list(going.exclude(Exists(waited_for)).values_list("pk", flat=True))
    over = list(going.filter(ends_at__lte=now).exclude(pk__in=done).values_list("pk", flat=True))
    left = going.filter(Q(made_by=None) | Q(made_by__is_active=False)).exclude(pk__in=[*done, *over])
    ended = _end(done, Ending.ALL_DONE, now) + _end(over, Ending.LAST_DAY, now)
    return ended + _end(list(left.values_list("pk", flat=True)), Ending.MAKER_LEFT, now)


def end_of_maker(campaign: Campaign, now: datetime) -> None:
    """End a campaign whose maker may no longer ask, in the caller's transaction."""
    _end([campaign.pk], Ending.MAKER_LEFT, now)


def _end(ids: list[int], ending: Ending, now: datetime, *, by: User | None = None) -> int:
    going = Campaign.objects.filter(pk__in=ids, ended_at=None)
    ended = list(going.order_by("pk").select_for_update().values_list("pk", flat=True))
    Campaign.objects.filter(pk__in=ended).update(ended_at=now, ending=ending, stopped_by=by)
    rows = CampaignLogIn.objects.filter(campaign__in=ended)
    rows.filter(stage__in=OPEN).update(stage=Stage.LEFT, next_at=None)
    rows.filter(next_at__isnull=False).update(next_at=None)
    return len(ended)


def visible_to(user: User) -> QuerySet[Campaign]:
    """Return the campaigns that a person sees: their own, and those that ask for a log-in that they see."""
    if user.sees_all_teams:
        return Campaign.objects.all()
    seen = rows_seen_by(user).filter(campaign=OuterRef("pk"))
    return Campaign.objects.filter(Q(made_by=user) | Exists(seen))


def within_teams(campaigns: Collection[int], teams: Collection[int] | None) -> set[int]:
    """Return which of these campaigns (ids) ask only for log-ins that nobody outside these teams shares; None: all teams. One query."""
    if teams is None:
        return set(campaigns)
    elsewhere = AccountToken.objects.filter(token=OuterRef("token")).exclude(account__team__in=teams)
    linked = AccountToken.objects.filter(token=OuterRef("token"))
    mates = Membership.objects.filter(team__in=teams).values("user")
    of_mates = Token.objects.filter(pk=OuterRef("token"), consented_by__in=mates)
    rows = CampaignLogIn.objects.filter(campaign__in=campaigns)
    beyond = rows.filter(Exists(elsewhere) | (~Exists(linked) & ~Exists(of_mates)))
    return set(campaigns) - set(beyond.values_list("campaign", flat=True))


def rows_seen_by(user: User) -> QuerySet[CampaignLogIn]:
    """Return the log-ins of campaigns that a person sees: in pools of their accounts; in no pool, those of people of their teams.

    A row that is seen says that its campaign is.
    """
    rows = CampaignLogIn.objects.all()
    if user.sees_all_teams:
        return rows
    teams = Membership.objects.filter(user=user).values("team")
    linked = AccountToken.objects.filter(token=OuterRef("token"))
    own = AccountToken.objects.filter(token__consented_by=user).values("account")
    beside_own = AccountToken.objects.filter(account__in=own).values("token")
    mates = Membership.objects.filter(team__in=teams).values("user")
    of_mates = Token.objects.filter(pk=OuterRef("token"), consented_by__in=mates)
    return rows.filter(
        Q(Exists(linked.filter(account__team__in=teams)))
        | Q(token__in=beside_own)
        | (~Exists(linked) & Q(Exists(of_mates)))
    )


def by_what_stops_first(rows: QuerySet[CampaignLogIn]) -> QuerySet[Any]:
    """Return the rows in the order of the board: what stopped, then what ends first."""
    stopped = Q(token__state=Token.State.DEAD)
    return rows.annotate(stopped=stopped).order_by(
        "-stopped", F("token__deadline").asc(nulls_last=True), "pk"
    )
