"""The nightly pruning: history older than HISTORY_DAYS is removed, a little at a time, so that nobody waits for it.

Rows that somebody else has locked are left for the next time. A run stops after a while; what the night did not reach, the next one does.

What the product still needs stays, however old: the newest event of each kind, and so what ended a log-in that is still dead; what an
account's event refers to; messages that wait, and those whose notices are kept; notices of the present cycle, which keep it from being
told twice; ends of log-ins that are held or asked about.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from macros.events.models import KEPT
from notifications.outbox import KINDS

NIGHT = range(1, 6)  # local hours
RUN_FOR = 60.0  # seconds of one run
BATCH = 5_000  # rows of one transaction
ROUTINE_DAYS = (
    30  # renewals and dates that a check found: most of the rows, and nobody reads them after a month
)
TEXT_DAYS = 90  # texts of mails: most of the bytes. Subject, reader and outcome stay as long as the rest
_ROUTINE = "('renewed', 'dates')"


@dataclass(frozen=True)
class Rule:
    """What goes from one table: `old`, as SQL on its rows `t`.

    `empties` names text columns that are emptied; without them the rows are deleted. `days`: kept no longer than so many.
    """

    table: str
    old: str
    empties: tuple[str, ...] = ()
    days: int = 0

    @property
    def statement(self) -> str:
        """Return what removes a batch, but what somebody has locked."""
        due = f"select t.id from {self.table} t where {self.old} limit {BATCH} for update skip locked"  # noqa: S608  # constants
        if self.empties:
            emptied = ", ".join(f"{column} = ''" for column in self.empties)
            return f"with due as materialized ({due}) update {self.table} t set {emptied} from due where t.id = due.id"  # noqa: S608
        return f"with due as materialized ({due}) delete from {self.table} t using due where t.id = due.id"  # noqa: S608


def _newest(table: str, owner: str) -> str:
    return f"not exists (select 1 from {table} n where n.{owner} = t.{owner} and n.kind = t.kind and (n.at, n.id) > (t.at, t.id))"  # noqa: S608  # constants


_UNREFERRED = "not exists (select 1 from accounts_accountevent e where e.token_event_id = t.id)"
_TOKEN_EVENT = f"t.at < %(cutoff)s and not ({_newest('tokens_tokenevent', 'token_id')}) and {_UNREFERRED}"
_ENDED = "t.state in ('sent', 'failed', 'cancelled') and greatest(t.created_at, t.queued_at, t.sent_at) < %(cutoff)s"
_UNNAMED = (
    "not exists (select 1 from macros_told n where n.message_id = t.id)"
    " and not exists (select 1 from macros_notice n where n.message_id = t.id)"
)
_RUN_AT = "(select e.started_at from macros_evaluation e where e.id = t.evaluation_id)"
# A notice of the present cycle of what it is about: the evaluation goes by it.
_PRESENT = """t.outcome <> 'dropped' and t.cycle >= case
    when t.token_id is null then (select a.cycle from accounts_account a where a.id = t.account_id)
    else (select k.cycle from tokens_token k where k.id = t.token_id) end"""

_ASK = "select 1 from accounts_ask k where"

# In the order in which one refers to the other.
RULES = (
    Rule(
        "accounts_accountevent",
        f"t.at < %(cutoff)s and not ({_newest('accounts_accountevent', 'account_id')})",
    ),
    Rule("macros_mute", "t.ended_at < %(cutoff)s"),
    Rule(
        "macros_acknowledgement",
        """t.at < %(cutoff)s and t.cycle < case
        when t.token_id is null then (select a.cycle from accounts_account a where a.id = t.account_id)
        else (select k.cycle from tokens_token k where k.id = t.token_id) end""",
    ),
    Rule(
        "accounts_askline",
        f"exists ({_ASK} k.id = t.ask_id and k.ended_at < %(cutoff)s)",
    ),
    Rule(
        "accounts_ask",
        "t.ended_at < %(cutoff)s and not exists (select 1 from accounts_askline r where r.ask_id = t.id)",
    ),
    Rule("tokens_tokenevent", f"t.kind in {_ROUTINE} and {_TOKEN_EVENT}", days=ROUTINE_DAYS),
    Rule("tokens_tokenevent", f"t.kind not in {_ROUTINE} and {_TOKEN_EVENT}"),
    Rule(
        "macros_notice",
        f"t.outcome <> 'waiting' and {_RUN_AT} < %(cutoff)s and not ({_PRESENT})",
    ),
    Rule(
        "macros_evaluation",
        "t.started_at < %(cutoff)s and not exists (select 1 from macros_notice n where n.evaluation_id = t.id)",
    ),
    # What its reader waits to be over stays: dark, or restricted.
    Rule(
        "macros_told",
        "t.at < %(cutoff)s and t.outcome <> 'waiting' and not (t.outcome = 'mailed' and t.over_at is null"
        " and (t.dark or t.kind = 'restricted'))",
    ),
    Rule(
        "notifications_message",
        f"(t.text <> '' or t.html <> '') and {_ENDED}",
        empties=("text", "html"),
        days=TEXT_DAYS,
    ),
    Rule(
        "notifications_message",
        f"{_ENDED} and t.kind <> all(%(stays)s) and {_UNNAMED}",
    ),
    Rule(
        "macros_delivery",
        "exists (select 1 from macros_event e where e.id = t.event_id and e.created_at < %(cutoff)s)",
        days=KEPT.days,
    ),
    Rule(
        "macros_event",
        "t.created_at < %(cutoff)s and not exists (select 1 from macros_delivery d where d.event_id = t.id)",
        days=KEPT.days,
    ),
    Rule("notifications_mailreturn", "t.at < %(cutoff)s"),
    Rule("users_addressevent", "t.at < %(cutoff)s"),
    Rule("tokens_doubt", "coalesce(t.ended_at, t.true_at) < %(cutoff)s"),
)


def run_at_night(*, now: datetime) -> int:
    """Prune for a while if it is night. Returns how many rows went."""
    return prune_history(now=now) if timezone.localtime(now).hour in NIGHT else 0


def prune_history(*, now: datetime, seconds: float = RUN_FOR) -> int:
    """Prune, for so many seconds at most. Returns how many rows went. Two at once harm nobody."""
    until = monotonic() + seconds
    return sum(_prune(rule, now, until) for rule in RULES)


def _prune(rule: Rule, now: datetime, until: float) -> int:
    stays = [key for key, one in KINDS.items() if one.stays]
    kept = min(settings.HISTORY_DAYS, rule.days or settings.HISTORY_DAYS)
    removed, last = 0, BATCH
    while last == BATCH and monotonic() < until:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(rule.statement, {"cutoff": now - timedelta(days=kept), "stays": stays})
            last = cursor.rowcount
        removed += last
    return removed
