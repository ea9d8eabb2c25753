"""What each channel answers, and what that means: rows of the fact sheets, as data. `test_verdicts.py` holds every channel to its own.

A module here has `ANSWERS` (by call, or by calls parted by blanks, and by meaning), `LIMITS`, `DEADLY`, `SAME` and `OTHER`, and `SPOKEN`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tokens.channels.kinds import Reason, Verdict

Body = Any
Answers = Mapping[str, Mapping["Meaning", Sequence[tuple[int, Body]]]]


class Meaning(NamedTuple):
    """What an answer means; `row` names the row that must decide, where that matters."""

    verdict: Verdict
    reason: Reason | None = None
    row: str | None = None

    def by(self, row: str) -> "Meaning":
        """The same, decided by this row."""
        return self._replace(row=row)


FINE = Meaning(Verdict.OK)
PASSES = Meaning(Verdict.TRANSIENT, Reason.TRANSIENT)
LIMITED = Meaning(Verdict.RATE_LIMITED, Reason.TRANSIENT)
APP = Meaning(Verdict.APP_FAULT, Reason.APP_FAULT)
RESTRICTED = Meaning(Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED)
BUG = Meaning(Verdict.OUR_BUG)
DOUBT = Meaning(Verdict.CONFIRM_FIRST)


def doubt(reason: Reason) -> Meaning:
    """It looks like this end of the token, which is not proven."""
    return Meaning(Verdict.CONFIRM_FIRST, reason)


def dead(reason: Reason) -> Meaning:
    """The token has ended."""
    return Meaning(Verdict.TOKEN_DEAD, reason)


def lost(reason: Reason) -> Meaning:
    """The token lives, and the ad account is out of its reach."""
    return Meaning(Verdict.ACCESS_LOST, reason)


# Answers that mean the same of every channel, to a call of a job.
EVERYWHERE: Answers = {
    "api": {
        PASSES: [
            (0, "no answer in time"),
            (502, "<html>"),
            (302, ""),
            (200, "<html>log in</html>"),
            (451, ""),
        ],
        LIMITED: [(429, "slow down")],
        APP: [(402, "")],
    }
}
