"""How the calls to a channel app stand: whether it answers, asked us to wait, or has nearly used up a limit."""

from tokens.channels import brake, breaker, gate
from tokens.models import ChannelApp
from ui.phrases import phrase
from ui.text import number

FILE = "words/channel_apps.txt"


def problems(app: ChannelApp) -> list[str]:
    """Return a sentence for each thing that holds calls of this app up now; none: nothing does."""
    name = gate.name_of(app.channel, app.client_id)
    said = [_silence(breaker.read(name)), *_limits(brake.read(name), app.daily_budget)]
    return [words for words in said if words]


def _silence(reading: breaker.BreakerReading) -> str:
    if reading.state == "closed":
        return ""
    return phrase(FILE, "no_answer", seconds=reading.seconds)


def _limits(reading: brake.BrakeReading, budget: int | None) -> list[str]:
    said = []
    if reading.pause:
        said.append(phrase(FILE, "asked_to_wait", minutes=-(-reading.pause // 60)))
    if budget and reading.calls_today >= brake.SLOW_FROM * budget:
        name = "budget_spent" if reading.calls_today >= budget else "budget_nearly_spent"
        said.append(phrase(FILE, name, made=number(reading.calls_today), budget=number(budget)))
    if reading.used >= brake.SLOW_FROM:
        name = "limit_used_up" if reading.used >= 1 else "limit_nearly_used_up"
        said.append(phrase(FILE, name, used=f"{reading.used:.0%}"))
    return said
