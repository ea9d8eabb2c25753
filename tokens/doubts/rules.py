"""When what a channel says against a log-in is asked again, and when it is true. Pure functions of moments and facts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

AGAIN = (
    timedelta(minutes=1),  # the other log-ins that were asked at once have answered
    timedelta(minutes=2),  # and so have those that were held at first, and asked at the first look
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=8),
    timedelta(hours=24),
)
TRUE_AFTER = timedelta(hours=3)  # where nobody contradicts it
TRUE_AFTER_ALONE = timedelta(minutes=15)  # where the app has no other log-in that could
TRUE_AFTER_VAGUE = timedelta(hours=72)  # where the answer may mean something else too


@dataclass(frozen=True)
class Facts:
    """What decides whether an answer that was given again is true now."""

    began_at: datetime  # when it was said first
    proves: bool = True  # the answer says it clearly
    conclusive: bool = True  # it rests on the channel's table; what no table knows proves nothing, ever
    others_work: bool = False  # another log-in of the app was answered well since
    alone: bool = False  # the app has no other log-in to ask
    believed: bool = False  # an operator says that it is true


def is_true(facts: Facts, now: datetime) -> bool:
    """Return whether what was said again at `now` is to be believed."""
    lasted = now - facts.began_at
    if facts.believed:
        return True
    if not facts.proves:
        return facts.conclusive and lasted >= TRUE_AFTER_VAGUE
    return facts.others_work or lasted >= (TRUE_AFTER_ALONE if facts.alone else TRUE_AFTER)


def next_look(began_at: datetime, now: datetime) -> datetime | None:
    """Return when it is asked again; None after the last time, when ordinary checks go on."""
    return next((began_at + wait for wait in AGAIN if began_at + wait > now), None)
