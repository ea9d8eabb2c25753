"""The accounts to which somebody could be added at once, worked out by a worker before anybody asks (`kept_sets`).

To find them among 100,000 accounts takes half a second: twenty log-ins reach each account, and of each it is asked whether the account's
team may use it.
"""

from collections.abc import Collection
from datetime import datetime

from django.core.exceptions import EmptyResultSet
from django.db import connection

from accounts import backups
from accounts.models import Account, BackupAtHand

_KEEP = """
with found as materialized (select distinct id from ({found}) found (id)), gone as (
  delete from accounts_backupathand where account_id not in (select id from found)
)
insert into accounts_backupathand (account_id) select id from found on conflict do nothing
"""
# What somebody else writes at this moment is left to the next look: nobody who asks a colleague waits for a row of a hint.
_FORGET = """
delete from accounts_backupathand where account_id in (
  select account_id from accounts_backupathand k where k.account_id = any(%s) and k.account_id not in (select id from ({found}) found (id))
  for update skip locked)
"""


def write(_now: datetime) -> None:
    """Look through all accounts that one person carries, or nobody, and write what differs. In the caller's transaction."""
    found, values = backups.sets_at_hand(backups.alone_of(Account.objects.all()))
    with connection.cursor() as cursor:
        cursor.execute(_KEEP.format(found=found), values)


def forget(*, account_ids: Collection[int]) -> None:
    """Forget those of these accounts to which nobody can be added now: somebody was asked, in the caller's transaction."""
    kept = list(BackupAtHand.objects.filter(account__in=account_ids).values_list("account", flat=True))
    if not kept:
        return
    try:
        found, values = backups.sets_at_hand(backups.alone_of(Account.objects.filter(pk__in=kept)))
    except EmptyResultSet:
        return
    with connection.cursor() as cursor:
        cursor.execute(_FORGET.format(found=found), [kept, *values])
