"""The nightly pruning: history older than HISTORY_DAYS is removed, a little at a time, so that nobody waits for it.

Each table is walked by its primary key, a window of rows in a transaction of its own. Rows that somebody else has locked are left for
the next night, and nothing waits for a lock longer than half a second. A run stops after a few seconds and the next tick goes on where it
stopped, as the cache in PostgreSQL keeps it. What the night did not reach, the next one does.

What the product still needs stays, however old: the newest event of each kind, and so what ended a log-in that is still dead; what an
account's event refers to; messages that wait, and those whose notices are kept; notices of the present cycle, which keep it from being
told twice; ends of log-ins that are held or asked about.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from notifications import kinds

logger = logging.getLogger(__name__)

NIGHT = range(1, 6)  # local hours
RUN_FOR = 20.0  # seconds of one run: less than a worker has to end in
WINDOW = 2_000  # rows looked at in one transaction
ROUTINE_DAYS = (
    30  # renewals and dates that a check found: most of the rows, and nobody reads them after a month
)
TEXT_DAYS = 90  # texts of mails: most of the bytes. Subject, reader and outcome stay as long as the rest
_DONE = -1  # in the place of a rule's last id: its table is through for this night
_ROUTINE = "('renewed', 'dates')"


@dataclass(frozen=True)
class Rule:
    """What goes from one table, as SQL on its rows `t`. `made`: when a row was written, which grows with the id; `old`: whether it may go.

    `empties` names text columns that are emptied; without them the rows are deleted. `days`: kept no longer than so many.
    """

    table: str
    made: str
    old: str
    empties: tuple[str, ...] = ()
    days: int = 0

    @property
    def name(self) -> str:
        """Name the rule's place in the night."""
        return f"{self.table}:{self.days}"

    def cutoff(self, now: datetime) -> datetime:
        """Return from which moment on its rows are kept."""
        return now - timedelta(days=min(settings.HISTORY_DAYS, self.days or settings.HISTORY_DAYS))


def _newest(table: str, owner: str) -> str:
    return f"not exists (select 1 from {table} n where n.{owner} = t.{owner} and n.kind = t.kind and (n.at, n.id) > (t.at, t.id))"  # noqa: S608  # constants


_UNREFERRED = "not exists (select 1 from accounts_accountevent e where e.token_event_id = t.id)"
_TOKEN_EVENT = f"t.at < %(cutoff)s and not ({_newest('tokens_tokenevent', 'token_id')}) and {_UNREFERRED}"
_ENDED = "t.state in ('sent', 'failed', 'cancelled') and greatest(t.created_at, t.queued_at, t.sent_at) < %(cutoff)s"
_UNNAMED = "not exists (select 1 from accounts_accountnotice n where t.id in (n.message_id, n.ending_id))"
_RUN_AT = "(select e.started_at from macros_evaluation e where e.id = t.evaluation_id)"
# A notice of the present cycle of what it is about: the evaluation goes by it.
_PRESENT = """t.outcome <> 'dropped' and t.cycle >= case
    when t.token_id is null then (select a.cycle from accounts_account a where a.id = t.account_id)
    else (select k.cycle from tokens_token k where k.id = t.token_id) end"""

_CAMPAIGN = "select 1 from accounts_campaign c where"

# In the order in which one refers to the other.
RULES = (
    Rule(
        "accounts_accountevent",
        "t.at",
        f"t.at < %(cutoff)s and not ({_newest('accounts_accountevent', 'account_id')})",
    ),
    Rule("macros_silence", "t.started_at", "t.ended_at < %(cutoff)s"),
    Rule(
        "macros_acknowledgement",
        "t.at",
        """t.at < %(cutoff)s and t.cycle < case
        when t.token_id is null then (select a.cycle from accounts_account a where a.id = t.account_id)
        else (select k.cycle from tokens_token k where k.id = t.token_id) end""",
    ),
    Rule(
        "accounts_backuprequest",
        "t.asked_at",
        "t.asked_at < %(cutoff)s and t.state <> 'asked'",
    ),
    Rule(
        "accounts_campaignlogin",
        "t.added_at",
        f"exists ({_CAMPAIGN} c.id = t.campaign_id and c.ended_at < %(cutoff)s)",
    ),
    Rule(
        "accounts_campaign",
        "t.created_at",
        "t.ended_at < %(cutoff)s and not exists (select 1 from accounts_campaignlogin r where r.campaign_id = t.id)",
    ),
    Rule("tokens_tokenevent", "t.at", f"t.kind in {_ROUTINE} and {_TOKEN_EVENT}", days=ROUTINE_DAYS),
    Rule("tokens_tokenevent", "t.at", f"t.kind not in {_ROUTINE} and {_TOKEN_EVENT}"),
    Rule(
        "macros_notice",
        _RUN_AT,
        f"t.outcome <> 'waiting' and {_RUN_AT} < %(cutoff)s and not ({_PRESENT})",
    ),
    Rule("macros_newsnotice", "t.at", "t.outcome <> 'waiting' and t.at < %(cutoff)s"),
    Rule(
        "macros_evaluation",
        "t.started_at",
        "t.started_at < %(cutoff)s and not exists (select 1 from macros_notice n where n.evaluation_id = t.id)"
        " and not exists (select 1 from macros_newsnotice n where n.evaluation_id = t.id)",
    ),
    Rule("accounts_accountnotice", "t.at", "t.closed_at < %(cutoff)s"),
    Rule(
        "notifications_message",
        "t.created_at",
        f"(t.text <> '' or t.html <> '') and {_ENDED}",
        empties=("text", "html"),
        days=TEXT_DAYS,
    ),
    Rule(
        "notifications_message",
        "t.created_at",
        f"{_ENDED} and t.kind <> all(%(stays)s) and {_UNNAMED}",
    ),
    Rule("notifications_mailreturn", "t.at", "t.at < %(cutoff)s"),
    Rule("users_addressevent", "t.at", "t.at < %(cutoff)s"),
    Rule("tokens_doubt", "t.began_at", "coalesce(t.ended_at, t.true_at) < %(cutoff)s"),
)


def run_at_night(*, now: datetime) -> int:
    """Prune for a few seconds if it is night and this night is not done. Returns how many rows went."""
    local = timezone.localtime(now)
    if local.hour not in NIGHT:
        return 0
    key = f"pruning:{local.date()}"
    places = cache.get(key, {})
    removed = run(now=now, places=places)
    cache.set(key, places, timeout=86_400)  # a day
    return removed


def run(*, now: datetime, places: dict[str, int], seconds: float = RUN_FOR) -> int:
    """Prune from these places on (last ids by rule), for so many seconds at most, and note there how far it came.

    Returns how many rows went. Two at once harm nobody.
    """
    until = monotonic() + seconds
    return sum(_walk(rule, now, places, until) for rule in RULES)


def _walk(rule: Rule, now: datetime, places: dict[str, int], until: float) -> int:
    """Go on through one table, to its end or to what is too young. Returns how many rows went."""
    stays = [key for key, one in kinds.KINDS.items() if one.stays]
    values = {"cutoff": rule.cutoff(now), "stays": stays, "window": WINDOW}
    removed = 0
    while (after := places.get(rule.name, 0)) != _DONE and monotonic() < until:
        last, gone, over = _step(rule, {**values, "after": after})
        removed += gone
        places[rule.name] = _DONE if over else last
    return removed


def _step(rule: Rule, values: dict[str, Any]) -> tuple[int, int, bool]:
    """Prune one window. Returns its last id, how many rows went, and whether nothing old can follow."""
    look = f"""
        select coalesce(max(id), %(after)s), count(*), coalesce(bool_or(made < %(cutoff)s), false)
        from (select t.id, {rule.made} as made from {rule.table} t where t.id > %(after)s order by t.id limit %(window)s) w"""  # noqa: S608  # constants
    with connection.cursor() as cursor:
        cursor.execute(look, values)
        last, seen, any_old = cursor.fetchone()
    if not any_old:
        return last, 0, True
    return last, _remove(rule, {**values, "last": last}), seen < values["window"]


def _remove(rule: Rule, values: dict[str, Any]) -> int:
    """Remove what is old in a window, but what somebody has locked. Returns how many rows went."""
    due = f"""
        with due as materialized (
          select t.id from {rule.table} t where t.id > %(after)s and t.id <= %(last)s and {rule.old} for update skip locked)"""  # noqa: S608  # constants
    if rule.empties:
        emptied = ", ".join(f"{column} = ''" for column in rule.empties)
        text = f"{due} update {rule.table} t set {emptied} from due where t.id = due.id"  # noqa: S608
    else:
        text = f"{due} delete from {rule.table} t using due where t.id = due.id"  # noqa: S608
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("set local lock_timeout = '500ms'")
            cursor.execute(text, values)
            return int(cursor.rowcount)
    except OperationalError as error:
        logger.warning(
            "pruning %s after %s is left for the next night: %s", rule.table, values["after"], error
        )
        return 0
