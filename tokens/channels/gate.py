"""The gate before every call to a channel: whose app it is for, whether it may be made now, and what its answer says of the app.

`Channel` opens it around each of its methods that takes an app; `http.request` goes through it.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tokens.channels import brake
from tokens.channels.kinds import Answer, AppKeys, Call

if TYPE_CHECKING:
    from tokens.channels.base import Channel  # for the types alone

NOT_ASKED = "not asked"  # how the body of an answer begins that stands for a call which was not made
# The status of one that a limit of the app stands for, as the channel would answer; else it is 0.
LIMITED = 429
# How those begin where nothing was sent; all of it where that was clear at once.
NO_CONNECTION = "no connection"
DARK = ("no answer", NO_CONNECTION)  # how those begin for which nobody answered
UNSENT = "the request could not be sent"  # how those begin that we could not even make
SHARES_PER_CHANNEL = 2
ROOM_AFTER = 2  # seconds after which whoever found no room may come again
# A person waits behind these, with a code that is good once: they are let through, and bounded by the shares alone.
PERSONS = frozenset({"exchange", "authorize_callback"})


@dataclass(frozen=True)
class App:
    """The app that is being called."""

    channel: "Channel"
    client_id: str

    @cached_property
    def name(self) -> str:
        """What the brake knows it by."""
        return name_of(self.channel.key, self.client_id)


_current: ContextVar[App | None] = ContextVar("channel_app", default=None)
_person: ContextVar[bool] = ContextVar("a_person_waits", default=False)


def name_of(channel: str, client_id: str) -> str:
    """Return what the brake knows a channel app by."""
    return f"{channel}:{client_id}"


@contextmanager
def asking(channel: "Channel", keys: AppKeys) -> Iterator[None]:
    """Say for which app the calls inside are made."""
    before = _current.set(App(channel, keys.client_id))
    try:
        yield
    finally:
        _current.reset(before)


@contextmanager
def person_waits(channel: str) -> Iterator[None]:
    """Serve a person who came back from a channel, with an answer that is good once: nothing but the shares refuses the calls inside.

    Raises NoRoom before anything was begun.
    """
    with share(channel, person=True):
        before = _person.set(True)
        try:
            yield
        finally:
            _person.reset(before)


def current_channel() -> str:
    """Return the channel that is being called; "" outside of its methods."""
    app = _current.get()
    return app.channel.key if app else ""


def closed_for(channel: str, client_id: str) -> int:
    """Return for how many seconds asking this app is no use, for whoever would wait for it; 0: ask."""
    name = name_of(channel, client_id)
    return max(brake.would_refuse(name), brake.read(name).pause)


def is_silent(channel: str, client_id: str) -> bool:
    """Return whether the channel gave this app no answer lately, so that whoever asks makes a try and had better not wait for it."""
    return brake.read(name_of(channel, client_id)).state != "closed"


def through(call: Call, send: Callable[[], Answer], *, seconds: float) -> Answer:
    """Make a call of the current app, or answer that it was not asked. `seconds`: the call's patience."""
    app = _current.get()
    if app is None:
        return send()
    person = call in PERSONS or _person.get()
    try:
        # Room first: the one try of a breaker that is half open is for whoever can make it.
        with share(app.channel.key, person=person):
            return (None if person else refused(app, call, seconds)) or _made(app, send, seconds)
    except NoRoom:
        return _not_asked(call, "too many wait for this channel", ROOM_AFTER)


def is_at_hand(app: App) -> bool:
    """Return whether what is known of the app is young enough that `refused`, and `note` of a good answer, ask nobody."""
    return brake.is_at_hand(app.name)


def look(name: str) -> None:
    """Learn what the others know of an app, and tell them how often it was called. `is_at_hand` holds then, where all is well."""
    brake.read(name)
    brake.flush(name)


def refused(app: App, call: Call, seconds: float) -> Answer | None:
    """Return the answer that stands for a call which the brake refuses. Whoever gets None makes it, and notes what came of it."""
    if call != "refresh" and (pause := brake.read(app.name).pause):
        return _not_asked(call, "the channel asked this app to wait", pause, status=LIMITED)
    if wait := brake.refuses(app.name, patience=seconds):
        return _not_asked(call, "the channel does not answer", wait)
    return None


def _made(app: App, send: Callable[[], Answer], seconds: float) -> Answer:
    """Make the call, and note what it says of the app. One that failed here says nothing, and leaves the breaker's try to another."""
    try:
        answer = send()
    except BaseException:
        brake.not_tried(app.name)
        raise
    note(app, answer, seconds)
    return answer


def was_not_asked(evidence: Mapping[str, Any]) -> bool:
    """Return whether this evidence stands for a call that was not made."""
    return str(evidence.get("body")).startswith(NOT_ASKED)


def _not_asked(call: Call, why: str, wait: int, *, status: int = 0) -> Answer:
    return Answer(call, status, {"retry-after": str(wait)}, f"{NOT_ASKED}: {why}")


def note(app: App, answer: Answer, seconds: float, *, is_good: bool = False) -> None:
    """Note what an answer says of the app. `seconds`: the patience that the call had. `is_good`: it was judged, and speaks of no limit."""
    brake.count(app.name)
    said = str(answer.body) if answer.status == 0 else ""
    if said.startswith(DARK):
        # A connection that is refused at once says as much as a long silence.
        brake.failed(app.name, waited=max(seconds, brake.WORTH) if said == NO_CONNECTION else seconds)
        return
    if said.startswith(UNSENT):
        brake.not_tried(app.name)
        return
    brake.answered(app.name)
    if not is_good and (pause := app.channel.pause_of(answer)):
        brake.pause(app.name, pause)
    if (used := app.channel.used_of(answer)) is not None:
        brake.note_use(app.name, used)


# --- shares of a web process: at most half of its threads, and two per channel, wait for channels. Whoever comes then is sent away at once.
# Workers have no such limit: their lanes bound what waits.

_share_limit: dict[str, int | None] = {"all": None}
_shares: Counter[str] = Counter()
_lock = threading.Lock()
_mine = threading.local()


class NoRoom(Exception):  # noqa: N818  # an answer
    """All shares of this process are taken. Nothing was asked."""


def limit_shares(threads: int | None) -> None:
    """Say how many threads this process serves requests with; None: no limit."""
    _share_limit["all"] = None if threads is None else max(1, threads // 2)


@contextmanager
def share(channel: str, *, person: bool = False) -> Iterator[None]:
    """Hold a share while waiting for a channel. A thread that holds one goes on with it.

    `person`: somebody sits before the screen with an answer that is good once, so only the half of all threads bounds them. Raises NoRoom.
    """
    if getattr(_mine, "holds", False) or _share_limit["all"] is None:
        yield
        return
    with _lock:
        full = _shares.total() >= _share_limit["all"]
        if full or (not person and _shares[channel] >= SHARES_PER_CHANNEL):
            raise NoRoom(channel)
        _shares[channel] += 1
    _mine.holds = True
    try:
        yield
    finally:
        _mine.holds = False
        with _lock:
            _shares[channel] -= 1
