"""How far the log-ins of campaigns that run are: worked out from the log-ins, their people and the mails, by one statement for all.

A consent calls it in its own transaction (a row that somebody works on is left to the next minute), a worker once a minute for what
happens elsewhere: a log-in that is removed, a person who is switched off, a mail that comes back, a snooze. Done is done, however the
log-in was renewed; everything else may change until the campaign ends.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from accounts import quiet
from accounts.models import CampaignLogIn
from notifications.models import Message
from tokens.channels.kinds import AN_APPEAL_HELPS
from tokens.models import Token

Stage = CampaignLogIn.Stage
OPEN = (Stage.WAITING, Stage.SENT, Stage.OPENED, Stage.AT_CHANNEL)
SOMEBODY_ELSE = "somebody_else"  # the trouble of a consent of another native user
OTHER_LOG_IN = "other_log_in"  # the same of a person who is logged in here: that one was linked
SNOOZED = "snoozed"  # why a log-in is not asked for now, and will be
QUEUED = "queued"  # why a log-in waits whose first mail is written and has not left
MAIL_FAILED = "mail_failed"  # why one failed that is asked for again: the address is fine, that one mail could not be made or was refused
ONE_MAIL_WITHIN = timedelta(days=1)  # to a person, whatever asks
UNDER_WAY = (Message.State.QUEUED, Message.State.SENDING)

# Under an app that takes no new consents nothing is renewed: its person is done once they consented under the channel's default app.
_MOVED = """not a.is_default and exists (
    select 1 from tokens_token k join tokens_channelapp d on d.id = k.app_id
    where k.consented_by_id = t.consented_by_id and d.channel = a.channel and d.is_default and k.linked_at > r.added_at
      and (k.native_user_id = t.native_user_id or k.native_user_name = t.native_user_name))"""
# It had stopped, its channel lifted that, and it works beyond the campaign.
_LIFTED = "r.was_dead and t.state = %(valid)s and (t.deadline is null or t.deadline > c.ends_at)"
# Its person came since the last mail, by whatever way, so that it no longer matters what became of that.
_CAME = "coalesce(greatest(r.opened_at, r.at_channel_at) >= coalesce(r.asked_at, r.added_at), false)"
# Each of its accounts is snoozed, or its person snoozed all. Where staff asked all the same, only by a snooze that began since.
_SNOOZED = """(not exists (
    select 1 from accounts_accounttoken p where p.token_id = t.id and not exists (
      select 1 from quiet q where q.account_id = p.account_id and q.email in ('', lower(u.email))
      and q.until > %(morning)s and (not c.asks_snoozed or q.started_at > c.created_at)))
  or exists (
    select 1 from away w where w.email = lower(u.email)
      and w.until > %(morning)s and (not c.asks_snoozed or w.started_at > c.created_at)))"""
# The last mail has not left, and is the first that its person reads, also where those before it failed.
_FIRST_WAITS = "m.state = any(%(under_way)s) and (r.asks = 1 or m.payload->>'reminder' = '0')"
_FOUND = f"""
    select r.id, case
      when t.linked_at > r.added_at or ({_MOVED}) then 'done:'
      when {_LIFTED} then 'done:works_again'
      when t.reason = %(removed)s then 'not_askable:removed'
      when t.kind = %(system)s then 'not_askable:system_user'
      when t.consented_by_id is null then 'not_askable:nobody_known'
      when not u.is_active then 'not_askable:person_left'
      when t.state = %(dead)s and t.reason = any(%(appeals)s) then 'not_askable:only_appeal'
      when not exists (select 1 from accounts_accounttoken p where p.token_id = t.id) then 'not_askable:not_linked'
      when not {_CAME} and exists (select 1 from users_refusedaddress f where f.email = lower(u.email)) then 'failed:parked'
      when {_SNOOZED} then 'not_askable:snoozed'
      when not {_CAME} and m.state = %(failed)s then 'failed:mail_failed'
      when not {_CAME} and m.state = %(cancelled)s then 'failed:mail_cancelled'
      when r.trouble <> '' then 'failed:' || r.trouble
      when r.at_channel_at is not null then 'at_channel:'
      when r.opened_at is not null then 'opened:'
      when {_FIRST_WAITS} then 'waiting:{QUEUED}'
      when r.asks > 0 then 'sent:'
      when r.next_at > %(now)s then 'waiting:one_mail_a_day'
      else 'waiting:' end as found
    from accounts_campaignlogin r
    join accounts_campaign c on c.id = r.campaign_id and c.ended_at is null
    join tokens_token t on t.id = r.token_id
    join tokens_channelapp a on a.id = t.app_id
    left join users_user u on u.id = t.consented_by_id
    left join notifications_message m on m.id = r.message
    where r.stage <> 'done' and (%(people)s::bigint[] is null or t.consented_by_id = any(%(people)s))
    for update of r skip locked"""  # noqa: S608  # constants
_SETTLE = f"""
    found as materialized ({_FOUND})
    update accounts_campaignlogin r
    set stage = split_part(f.found, ':', 1), why = split_part(f.found, ':', 2),
        done_at = case when split_part(f.found, ':', 1) = 'done' then %(now)s end,
        next_at = case when split_part(f.found, ':', 1) = 'done' then null else r.next_at end
    from found f
    where f.id = r.id and f.found <> r.stage || ':' || r.why"""  # noqa: S608  # constants


def settle(*, now: datetime, people: Sequence[int] | None = None) -> int:
    """Write how far each log-in is whose campaign runs; of these people's (ids) alone, or of all. Returns how many changed."""
    values = {
        "valid": Token.State.VALID,
        "dead": Token.State.DEAD,
        "removed": Token.REMOVED,
        "appeals": list(AN_APPEAL_HELPS),
        "system": Token.Kind.SYSTEM,
        "failed": Message.State.FAILED,
        "cancelled": Message.State.CANCELLED,
        "under_way": list(UNDER_WAY),
        "people": None if people is None else list(people),
        "now": now,
        "morning": quiet.morning(now),
    }
    with connection.cursor() as cursor:
        cursor.execute(f"with {quiet.tables()}, {_SETTLE}", values)
        return int(cursor.rowcount)


def note_sent(messages: Sequence[Message], now: datetime) -> None:
    """Note that these mails left: of campaigns that ask by them, whoever was to be asked was.

    Of a mail that waited long for its server, the reminder does not come on its heels.
    """
    mails: dict[int, list[int]] = defaultdict(list)
    for one in messages:
        if "campaign" in one.payload:
            mails[one.payload["campaign"]].append(one.pk)
    for campaign, ids in mails.items():
        rows = CampaignLogIn.objects.filter(campaign=campaign, campaign__ended_at=None, message__in=ids)
        rows.filter(stage=Stage.WAITING).update(stage=Stage.SENT, why="")
        rows.filter(next_at__lt=now + ONE_MAIL_WITHIN).update(next_at=now + ONE_MAIL_WITHIN)


def note_ended(message: Message) -> None:
    """Note the same of one mail, where it was sent. That it failed is found within a minute."""
    if message.state == Message.State.SENT and message.sent_at is not None:
        note_sent([message], message.sent_at)


def note_opened(*, token_ids: Collection[int], now: datetime) -> None:
    """Note that a browser showed the page that renews these log-ins, in all campaigns that ask for them."""
    _going(token_ids).filter(opened_at=None).update(
        opened_at=now,
        stage=_unless_further(Stage.OPENED, Stage.WAITING, Stage.SENT),
        why=Case(When(stage__in=[Stage.WAITING, Stage.SENT], then=Value("")), default=F("why")),
    )


def note_at_channel(*, token_ids: Collection[int], now: datetime) -> None:
    """Note that the person of these log-ins went to the channel to renew them. What went wrong there before no longer counts."""
    _going(token_ids).update(
        opened_at=Coalesce(F("opened_at"), Value(now, output_field=DateTimeField())),
        at_channel_at=now,
        trouble="",
        why="",
        stage=Stage.AT_CHANNEL,
    )


def note_trouble(*, token_ids: Collection[int], trouble: str) -> None:
    """Note that the way back from the channel renewed none of these: SOMEBODY_ELSE, OTHER_LOG_IN, or a kind of LinkProblem."""
    _going(token_ids).update(trouble=trouble, stage=Stage.FAILED, why=trouble)


def _going(token_ids: Collection[int]) -> QuerySet[CampaignLogIn]:
    rows = CampaignLogIn.objects.filter(token__in=token_ids, campaign__ended_at=None)
    return rows.filter(Q(stage__in=OPEN) | Q(stage=Stage.FAILED))


def _unless_further(stage: Stage, *before: Stage) -> Case:
    return Case(When(stage__in=before, then=Value(stage)), default=F("stage"))
