"""Leases for many accounts in one call: one read, one decryption each, and one statement for all rows of the record.

Nothing of a batch waits for a channel. What must be renewed first is asked for, once a token, and answered "retry later"; what needs a
closer look (another token of the pool, the reason why only a person can help) is looked at while there is time.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError

from broker.leases import records
from broker.leases import rows as lease_rows
from broker.leases import services as leases
from broker.leases import slow as slow_leases
from broker.leases.callers import Caller
from broker.leases.errors import BrokerError, Busy, Failed, NotFound
from broker.leases.rows import LeaseRow, Name, Purpose, servable, spare
from broker.leases.services import Lease
from broker.leases.slow import Later, Wanted
from broker.leases.texts import text
from tokens.vault.services import VaultError
from users.installation import hold

logger = logging.getLogger(__name__)

MOST = 100  # accounts of one call
LOOK_FOR = 2.0  # seconds for all accounts that need a closer look
AGAIN_AFTER = 1  # seconds after which the rest may be asked for

Answer = Lease | BrokerError | VaultError


def lease_many(
    *,
    caller: Caller,
    accounts: Sequence[Name],
    now: datetime,
    min_valid_for: int = 0,
    purpose: Purpose = "publish",
) -> list[Answer]:
    """Return for each account (channel, native id), in their order, what `lease` would give or raise.

    Raises OnHold. Whatever cannot be recorded is Busy.
    """
    hold.refuse()
    batch = _Batch(caller, purpose, now, now + timedelta(seconds=min_valid_for))
    rows = lease_rows.read_many(caller, accounts)
    answers = [batch.answer(rows.get(name)) for name in accounts]
    leases.note_uses(batch.served, now)
    try:
        if batch.given:
            records.write_records(caller, batch.given, now=now)
    except Busy as busy:
        return [busy if isinstance(answer, Lease) else answer for answer in answers]
    return answers


@dataclass
class _Batch:
    """What the accounts of one call have in common."""

    caller: Caller
    purpose: Purpose
    now: datetime
    until: datetime
    ends: float = field(default_factory=lambda: time.monotonic() + LOOK_FOR)
    served: list[LeaseRow] = field(default_factory=list)
    given: list[records.Given] = field(default_factory=list)
    asked: dict[int, Later | None] = field(default_factory=dict)  # token -> when it may live longer

    def answer(self, row: LeaseRow | None) -> Answer:
        """Return one account's lease, which is not on record yet, or why there is none."""
        if row is None:
            return NotFound(text("no_account"))
        try:
            if not servable(row, max(self.until, self.now + spare(row.channel)), self.purpose):
                row = self._look_closer(row)
            made = leases.make(self.caller, row, self.purpose, self.now)
        except (BrokerError, VaultError) as error:
            return error
        except DatabaseError:
            raise  # it concerns all
        except Exception:  # one account's fault must not cost the others their leases
            logger.exception("account %s could not be leased in a batch", row.account_id)
            return Failed()
        self.served.append(row)
        self.given.append(leases.given(row, made, self.purpose))
        return made

    def _look_closer(self, row: LeaseRow) -> LeaseRow:
        if time.monotonic() > self.ends:
            raise Busy(AGAIN_AFTER, text("put_off"))
        return slow_leases.find_slowly(self.caller, row, self.until, self.purpose, self.now, self._leave)

    def _leave(self, wanted: Wanted, now: datetime) -> Later | None:
        """Ask for a renewal once, however many accounts are behind the token."""
        if wanted.token_id not in self.asked:
            self.asked[wanted.token_id] = slow_leases.leave(wanted, now)
        return self.asked[wanted.token_id]
