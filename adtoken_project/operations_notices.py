"""What the portal's start page says of background work and its hosts."""

from datetime import datetime

from adtoken_project import lanes, lateness, signs_of_life, version
from portal import start_page


def notices(now: datetime) -> list[str]:
    """Return in a sentence each which lanes have no worker, which work is late, and which clocks are wrong."""
    living = signs_of_life.living(now=now)
    dead = [lane for name, lane in lanes.LANES.items() if not living[name]]
    return [
        *([lateness.say("no_worker", lanes="; ".join(lane.does for lane in dead))] if dead else []),
        *(f"{work.words(now)}." for work in lateness.late(now) if living[work.lane]),
        *(f"{said[0].upper()}{said[1:]}." for said in signs_of_life.wrong_clocks(now=now)),
    ]


def register() -> None:
    """Have the start page show it. Called once, when the root app starts."""
    start_page.register(notices=notices, version=version.called)
