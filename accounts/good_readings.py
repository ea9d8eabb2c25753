"""Good readings of the ad accounts of several log-ins, written together: most of them say what is stored, and then nothing is written.

What one writes is what `account_sync.record` writes of the same readings. Whatever is more than an ad account's own facts, a role that
serves and what may be published is left to that: losses, restrictions, lists, what is doubted, and suspicions of the app.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts import access_doubts, pool_entries
from accounts.account_sync import Findings
from accounts.pool_entries import TokenReadings
from tokens.channels.kinds import AccessCheck, Verdict
from tokens.doubts import services as doubts
from tokens.models import Token


@dataclass(frozen=True)
class GoodReadings:
    """What the channel said of the ad accounts of a token, as it was asked with, and when its check began."""

    token: Token
    found: Findings
    now: datetime

    @property
    def is_plain(self) -> bool:
        """Whether nothing follows from these readings but what they show: no loss, no fault that ends, nothing unknown."""
        app, found = self.token.app, self.found
        if found.listed is not None or found.fault is not None or found.list_failed:
            return False
        if self.token.use_refused_at is not None:
            return False
        if app.use_refused_at is not None or app.fault_since is not None:
            return False
        return all(_is_good(reading) for reading in found.readings.values())


def record_good_readings(several: Sequence[GoodReadings], *, source: str) -> list[bool]:
    """Write readings made with different tokens, all or none. Tells of each whether it is written, or left to `account_sync.record`."""
    in_doubt = doubts.apps_in_doubt({one.token.app_id for one in several})
    plain = [one for one in several if one.token.app_id not in in_doubt and one.is_plain]
    if plain:
        readings = [TokenReadings(one.token, one.token.generation, one.found.readings) for one in plain]
        pool_entries.apply_readings_of(readings, now=max(one.now for one in plain), source=source)
    written = {one.token.pk for one in plain}
    return [one.token.pk in written for one in several]


def _is_good(reading: AccessCheck) -> bool:
    said = reading.classification
    if said.verdict != Verdict.OK or said.unknown or reading.account is None:
        return False
    return not reading.account.restriction and not access_doubts.takes_away(reading)
