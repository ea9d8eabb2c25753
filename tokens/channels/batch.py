"""Answers to several calls at once, which publishing jobs report: read item by item."""

from collections.abc import Iterable

from tokens.channels.kinds import Classification, Verdict

MOST = 200  # items that are looked at
# The gravest first: what the whole answer means is what its gravest item means.
_GRAVITY = (
    Verdict.TOKEN_DEAD, Verdict.CONFIRM_FIRST, Verdict.APP_FAULT, Verdict.ACCESS_LOST, Verdict.ACCOUNT_RESTRICTED,
    Verdict.RATE_LIMITED, Verdict.TRANSIENT, Verdict.OUR_BUG, Verdict.OK,
)  # fmt: skip


def gravest(classifications: Iterable[Classification]) -> Classification:
    """Return what the items mean together; no item at all is fine.

    A token that served one item lives, whatever another says: then it is only in doubt.
    """
    found = list(classifications)
    worst = min(
        found,
        key=lambda classification: _GRAVITY.index(classification.verdict),
        default=Classification(Verdict.OK),
    )
    served = any(classification.verdict == Verdict.OK for classification in found)
    if worst.verdict == Verdict.TOKEN_DEAD and served:
        return Classification(Verdict.CONFIRM_FIRST, worst.reason, row=worst.row, note=worst.note)
    return worst
