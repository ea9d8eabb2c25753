"""Why something happened to an account, in words that fit accounts of all channels."""

from functools import partial

from accounts.pool_reasons import DECIDED_HERE
from tokens import reasons
from tokens.channels.kinds import Reason
from ui.phrases import phrase

say = partial(phrase, "words/start_page.txt")
_REASONS = frozenset({*(reason.value for reason in Reason), *DECIDED_HERE, *reasons.OURS})
# What `settle` is told as the cause where no log-in came to an end.
_DONE = frozenset({"linked", "imported", "switched", "dates", "person_deleted", "resumed"})


def cause_words(cause: str) -> str:
    """Return why, as a table says it."""
    if cause in _REASONS:
        return reasons.explain("", cause).short
    return say(f"cause_{cause}") if cause in _DONE else say("cause_other", cause=cause.replace("_", " "))
