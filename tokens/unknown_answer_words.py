"""Unknown answers in plain words: where they came from, what we do meanwhile, and what staff may say of them."""

from collections.abc import Mapping

from tokens.channels import registry
from tokens.channels.kinds import Answer, Call, Verdict
from tokens.channels.unknown import ASSIGNABLE
from tokens.models import UnknownAnswer

CALLS: Mapping[str, str] = {
    "api": "an ordinary call",
    "refresh": "a renewal",
    "exchange": "the exchange after a consent",
    "introspect": "a check of a log-in",
    "list_accounts": "the list of ad accounts",
    "authorize_callback": "the way back from the channel",
}

# What staff may say: the choice as a sentence, and what we do with such answers from then on.
MEANINGS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.TRANSIENT: (
        "Passing trouble at the channel",
        "We ask again later. Nothing is changed.",
    ),
    Verdict.RATE_LIMITED: (
        "We ask too often",
        "We wait, then ask again. Nothing is changed.",
    ),
    Verdict.CONFIRM_FIRST: (
        "Something may be wrong with the log-in: confirm first",
        "We ask the channel about the log-in itself. Only its answer decides.",
    ),
    Verdict.ACCESS_LOST: (
        "The person has no access to this ad account",
        "The log-in stays. The ad account goes on through somebody else who has access, also where a job alone is answered so. "
        "Ad accounts without anybody else go dark, and their people are mailed.",
    ),
    Verdict.ACCOUNT_RESTRICTED: (
        "The channel has restricted the ad account",
        "All log-ins stay. Jobs are told that the ad account is restricted.",
    ),
    Verdict.APP_FAULT: (
        "The channel refuses AdToken itself",
        "Operators are told. No log-in is touched.",
    ),
    Verdict.OUR_BUG: (
        "AdToken asked in a wrong way",
        "Nothing is changed. It is a bug in AdToken that a developer has to fix.",
    ),
}
assert set(MEANINGS) == set(ASSIGNABLE), "each verdict that staff may give needs its words"

_MEANWHILE: Mapping[Verdict, str] = {
    Verdict.TRANSIENT: "We take it as passing trouble and ask again. No log-in is declared dead by it.",
    Verdict.CONFIRM_FIRST: "We ask the channel about the log-in itself. However often it comes, no log-in is declared dead by it.",
}


def call(name: str) -> str:
    """Return what a call is for, as the end of "answer to …"."""
    return CALLS.get(name, f"a call of the kind “{name}”" if name else "a call")


def title(answer: UnknownAnswer) -> str:
    """Return an answer's name on pages and in lists."""
    return f"{answer.status} from {answer.app.get_channel_display()}, to {call(answer.call)}"


def meaning(answer: UnknownAnswer) -> str:
    """Return what staff said it means, or ""."""
    known = {verdict.value: words for verdict, words in MEANINGS.items()}
    return known[answer.verdict][0] if answer.verdict in known else ""


def meanwhile(answer: UnknownAnswer) -> str:
    """Return what we do with such answers now: what staff said, else what the channel's table says of the sample."""
    known = {verdict.value: words for verdict, words in MEANINGS.items()}
    if answer.verdict in known:
        return known[answer.verdict][1]
    asked: Call = answer.call if answer.call in CALLS else "api"  # type: ignore[assignment]  # checked on this line
    sample = Answer(asked, answer.status, body=answer.sample.get("body"))
    verdict = registry.get(answer.app.channel).classify(sample).verdict
    return _MEANWHILE.get(verdict, "AdToken has learned since what it means.")
