"""Whether a channel may be asked now, its connections, and what its answers say of the app: as `gate.through`, for an event loop.

The brake asks Valkey where what it knows is old, so then a thread asks it. The ordinary call finds all at hand.
"""

from collections import defaultdict
from contextlib import AbstractAsyncContextManager

import httpcore2

from broker.gate.decisions import Sending
from broker.gate.proxy.refusals import Refused
from broker.gate.threads import in_thread, once
from tokens.channels import brake, gate
from tokens.channels.kinds import Answer
from tokens.channels.streams import Body, Streams

READS, WRITES = (
    60.0,
    180.0,
)  # seconds of patience: of a write that takes longer nobody knows what became of it
MUCH_USED = 0.8  # part of an announced limit from which on all processes hear of it
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Reach:
    """The channels as one event loop reaches them: connections of each of its own."""

    def __init__(self) -> None:
        self._streams: defaultdict[str, Streams] = defaultdict(Streams)

    def send(
        self, sending: Sending, method: str, headers: dict[str, str], body: Body
    ) -> AbstractAsyncContextManager[httpcore2.Response]:
        """Send it; see `Streams.sent`."""
        streams, seconds = self._streams[sending.row.channel], patience(method, sending)
        return streams.sent(
            method, sending.url, headers, body, seconds=seconds, key=sending.credential.key_id
        )

    async def close(self) -> None:
        """Close all connections."""
        for one in self._streams.values():
            await one.close()


def patience(method: str, sending: Sending) -> float:
    """Return for how many seconds an answer is waited for."""
    return READS if sending.repeatable or method in SAFE else WRITES


async def ask(sending: Sending, seconds: float) -> None:
    """Ask the brake. Raises Refused. Whoever comes through sends, and notes what came of it, or leaves it to others."""
    app = sending.app
    if not gate.is_at_hand(app):
        await once(("look", app.name), gate.look, app.name)
    if gate.is_at_hand(app):
        said = gate.refused(app, "api", seconds)
    else:
        said = await in_thread(gate.refused, app, "api", seconds)
    if said is not None:
        status, why = (429, "gate_paused") if said.status == gate.LIMITED else (503, "gate_dark")
        raise Refused(status, why, int(said.headers["retry-after"]))


async def note(sending: Sending, answer: Answer, seconds: float, *, is_good: bool = False) -> None:
    """Note what an answer says of the app, as `gate.note`: that the channel is there, and its limits. Status 0: there was none."""
    app = sending.app
    used = app.channel.used_of(answer)
    plain = 0 < answer.status < 400 and (used is None or used < MUCH_USED)
    if plain and gate.is_at_hand(app):
        gate.note(app, answer, seconds, is_good=is_good)
    else:
        await in_thread(gate.note, app, answer, seconds, is_good=is_good)


async def leave(sending: Sending) -> None:
    """Leave the one try of a dark channel to the next: nothing was learnt of it."""
    if not gate.is_at_hand(sending.app):
        await in_thread(brake.not_tried, sending.app.name)
