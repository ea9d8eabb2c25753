"""What our own question about a report found, kept for a moment: who reports the same again is answered by it, and the channel is spared.

Kept in Valkey for all processes, where that is away by each for itself. It outranks nothing that is written: a token that died, was renewed
or lost its ad account since is answered as it stands.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.leases.services import Claims
from tokens.channels import shared
from tokens.channels.kinds import AccessCheck, CanPublish, Classification, NativeAccount, Reason, Verdict

FOUND_FOR = 60.0  # seconds; a token that dies meanwhile is found by the next report
UNDECIDED_FOR = (
    30.0  # seconds after which whoever was told to come back does so, and the channel is asked again
)


@dataclass(frozen=True)
class Asked:
    """What the channel said of the ad account, asked with the token of a lease. `decided` False: nothing that can be gone by."""

    verdict: Verdict
    reason: Reason | None
    can_publish: CanPublish | None  # None: the ad account was not read
    restricted: bool
    decided: bool

    @classmethod
    def of(cls, read: AccessCheck, *, decided: bool) -> "Asked":
        """Return what is kept of a reading: nothing of the answer itself."""
        said, account = read.classification, read.account
        publishes = account.can_publish if account else None
        return cls(said.verdict, said.reason, publishes, bool(account and account.restriction), decided)

    def as_read(self, native_id: str) -> AccessCheck:
        """Return it as the reading, with what decides about a refused write."""
        said = Classification(self.verdict, self.reason)
        if self.can_publish is None:
            return AccessCheck(said)
        return AccessCheck(
            said,
            NativeAccount(
                native_id,
                "",
                can_publish=self.can_publish,
                restriction="restricted" if self.restricted else "",
            ),
        )


def recall(claims: Claims, reported: Verdict, now: datetime) -> Asked | None:
    """Return what was found of the lease's token and ad account, where a report that said the same made us ask a moment ago."""
    key = _key(claims, reported)
    kept: dict[str, Any] | None = shared.read([key]).get(key)
    if kept is None:
        return None
    age = abs(now.timestamp() - kept["at"])
    if age >= (FOUND_FOR if kept["decided"] else UNDECIDED_FOR):
        return None
    reason = Reason(kept["reason"]) if kept["reason"] else None
    return Asked(Verdict(kept["verdict"]), reason, kept["can_publish"], kept["restricted"], kept["decided"])


def keep_answer(claims: Claims, reported: Verdict, asked: Asked, now: datetime) -> None:
    """Keep what was found, for reports that say the same of this token and ad account."""
    kept = {
        "at": now.timestamp(),
        "verdict": asked.verdict.value,
        "reason": asked.reason.value if asked.reason else "",
        "can_publish": asked.can_publish,
        "restricted": asked.restricted,
        "decided": asked.decided,
    }
    shared.write(_key(claims, reported), kept, FOUND_FOR if asked.decided else UNDECIDED_FOR)


def _key(claims: Claims, reported: Verdict) -> str:
    """Name the question. By verdict, so that a job's bad request does not hide a death that another reports; and those are few."""
    return f"report:{claims.token_id}:{claims.generation}:{claims.account_id}:{reported.value}"
