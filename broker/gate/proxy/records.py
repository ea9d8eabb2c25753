"""The record of what the gate sent: one row a credential, token and minute, committed before the first request of that minute leaves."""

from collections.abc import Callable
from datetime import datetime

from accounts.models import LeaseRecord
from broker.gate.decisions import Asked, Sending
from broker.gate.proxy.refusals import Refused
from broker.gate.threads import once as once_for_all
from broker.leases import records
from broker.leases.errors import Busy

Key = tuple[object, ...]


class OnceAMinute:
    """Work that is done once for all who come with the same key within a minute. Each of them waits until it is done."""

    def __init__(self) -> None:
        self._minute = 0
        self._done: set[Key] = set()

    async def do(self, key: Key, now: datetime, work: Callable[[], object]) -> None:
        """Do it in a thread, or wait for whoever does. Raises what the work raised; whoever comes then tries again."""
        minute = int(now.timestamp() // 60)
        if minute != self._minute:
            self._minute, self._done = minute, set()
        done = self._done  # of this minute, also where the next one begins meanwhile

        def noted() -> None:
            work()
            done.add(key)

        if key not in done:
            await once_for_all((self, minute, key), noted)


async def write_request(once: OnceAMinute, asked: Asked, sending: Sending, now: datetime) -> None:
    """Put on record that this credential sends as this token. Raises Refused where it cannot be written."""
    row, credential = sending.row, sending.credential
    assert row.token_id is not None  # whoever decided saw to it
    token_id = row.token_id

    def write() -> None:
        what = f"{asked.method} {asked.path}"
        given = records.Given(
            row.account_id, token_id, row.generation, credential.purpose, sending.text, what
        )
        records.write_record(sending.caller, LeaseRecord.Kind.REQUEST, given, now=now)

    try:
        await once.do((sending.text, row.token_id, row.generation), now, write)
    except Busy as busy:
        raise Refused(503, "gate_not_recorded", busy.retry_after) from busy
