"""Which words of words/unknown_answers.txt fit an unknown answer: whence it came, what we do meanwhile, and what staff may say of it."""

from typing import get_args

from tokens.channels import registry
from tokens.channels.kinds import Answer, Call
from tokens.channels.unknown import ASSIGNABLE
from tokens.models import UnknownAnswer
from ui.kept import part
from ui.phrases import blocks, phrase

FILE = "words/unknown_answers.txt"
_CALLS: tuple[Call, ...] = get_args(Call)


def call(name: str) -> str:
    """Return what a call is for, as the end of "answer to …"."""
    return phrase(FILE, f"call_{name}") if name in _CALLS else phrase(FILE, "call_other", name=name)


def title(answer: UnknownAnswer) -> str:
    """Return an answer's name on pages and in lists."""
    channel = answer.app.get_channel_display()
    return phrase(FILE, "title", status=answer.status, channel=channel, call=call(answer.call))


def choices() -> list[tuple[str, str]]:
    """Return what staff may say, as a form wants it."""
    return [(verdict.value, said(verdict)) for verdict in ASSIGNABLE]


def said(verdict: str) -> str:
    """Return a verdict as staff give it: "We ask too often"."""
    return phrase(FILE, f"meaning_{verdict}")


def kept(verdict: str) -> dict[str, object]:
    """Return what `said` does as a fact of a phrase that is kept (ui/kept.py)."""
    return part(FILE, f"meaning_{verdict}")


def then(verdict: str) -> str:
    """Return what we do with such answers from then on."""
    return phrase(FILE, f"then_{verdict}")


def meaning(answer: UnknownAnswer) -> str:
    """Return what staff said it means, or ""."""
    return said(answer.verdict) if answer.verdict in ASSIGNABLE else ""


def meanwhile(answer: UnknownAnswer) -> str:
    """Return what we do with such answers now: what staff said, else what the channel's table says of the sample."""
    if answer.verdict in ASSIGNABLE:
        return then(answer.verdict)
    asked: Call = answer.call if answer.call in _CALLS else "api"
    sample = Answer(asked, answer.status, body=answer.sample.get("body"))
    name = f"meanwhile_{registry.get(answer.app.channel).classify(sample).verdict}"
    return phrase(FILE, name if name in blocks(FILE) else "meanwhile_learned")
