"""How the calls to a channel app stand, in words: whether it answers, asked us to wait, or has nearly used up a limit."""

from tokens.channels import brake, breaker, gate
from tokens.models import ChannelApp


def trouble(app: ChannelApp) -> list[str]:
    """Return a sentence for each thing that holds calls of this app up now; none: nothing does."""
    name = gate.name_of(app.channel, app.client_id)
    said = [_silence(breaker.read(name)), *_limits(brake.read(name), app.daily_budget)]
    return [words for words in said if words]


def _silence(reading: breaker.Reading) -> str:
    if reading.state == "closed":
        return ""
    again = f"asked again in {reading.seconds} s" if reading.seconds else "being asked again"
    return f"Gives no answer, {again}."


def _limits(reading: brake.Reading, budget: int | None) -> list[str]:
    said = []
    if reading.pause:
        minutes = -(-reading.pause // 60)
        said.append(
            f"Asked us to wait for {minutes} minute{'' if minutes == 1 else 's'}: no checks until then."
        )
    if budget and reading.calls_today >= brake.SLOW_FROM * budget:
        rest = "no checks until midnight UTC" if reading.calls_today >= budget else "checks are slowed down"
        said.append(f"{reading.calls_today:,} of today's {budget:,} calls are made: {rest}.")
    if reading.used >= brake.SLOW_FROM:
        rest = "no checks" if reading.used >= 1 else "checks are slowed down"
        said.append(f"{reading.used:.0%} of its limit is used up: {rest}.")
    return said
