"""Which ad account an object belongs to, asked of the channel once with the account's token and kept for a day.

An object does not change its account. What a job makes through the gate is known by the answer that made it.
"""

import hashlib
import json
import time
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from broker.leases import services as leases
from broker.leases.callers import Caller
from broker.leases.errors import Busy
from broker.leases.queries import LeaseRow, Purpose
from broker.leases.texts import text
from broker.reports import services as reports
from infra import scrub
from tokens.channel_apps.models import keys_by_version
from tokens.channels import registry, shared
from tokens.channels.base import Channel
from tokens.channels.kinds import DOUBTFUL, HARMLESS, Answer, AppKeys, Verdict
from tokens.channels.parse import digits, mapping

KEPT_FOR = 86_400.0  # seconds
TIMEOUT = 5.0  # seconds for one question
AGAIN_AFTER = 10  # seconds
MOST_KNOWN = 20_000  # of a process

Object = tuple[str, str]  # what kind of thing, as the table of paths names it, and its id
Found = Literal["", "another"] | Answer  # "": the account's own
_known: dict[tuple[str, str, str], tuple[float, str]] = {}  # channel and object -> until when, whose


def is_known(row: LeaseRow, one: Object) -> bool:
    """Return whether this process knows the object for the account's own. Asks nobody."""
    until, owner = _known.get((row.channel, *one), (0.0, ""))
    return owner == row.native_id and until > time.monotonic()


def note(row: LeaseRow, one: Object) -> None:
    """Note that an object is the account's: the channel said so, or it was made just now through the gate."""
    shared.write(_key(row, one), row.native_id, KEPT_FOR)
    _remember(row, one)


def note_made(row: LeaseRow, body: Any) -> None:
    """Note what a good answer to a write says that it made: a video's own answer, for one, names no ad account."""
    for name in registry.get(row.channel).paths.made & mapping(body).keys():
        if digits(body[name]):
            note(row, ("", digits(body[name])))


def look(
    caller: Caller, row: LeaseRow, one: Object, purpose: Purpose, now: datetime
) -> tuple[Found, LeaseRow]:
    """Return whose an object is, by what is kept or by a question to the channel, and with whose token to go on. It waits: in a thread.

    A token that the channel refuses here is taken as reported, and the account's next one asks. An answer: what the channel said in place
    of it, such as that there is no such object. Raises NotAvailable, Busy.
    """
    if shared.read([key := _key(row, one)]).get(key) == row.native_id:
        _remember(row, one)
        return "", row
    native = registry.get(row.channel)
    for _ in range(2):
        keys = keys_by_version(row.app_id, row.app_version)
        owner = native.owner_of(keys, leases.open_credentials(row, keys), *one, timeout=TIMEOUT)
        if owner.answer is None:
            break
        verdict = native.classify(owner.answer).verdict
        if verdict in HARMLESS or not owner.answer.status:
            raise Busy(
                native.classify(owner.answer).retry_after or AGAIN_AFTER,
                text("cannot_be_asked", channel=native.label),
            )
        if verdict not in DOUBTFUL | {Verdict.APP_FAULT}:
            return _without_secrets(native, keys, row, owner.answer), row
        reports.take_from_gate(caller, row, purpose, owner.answer, now=now)
        row = leases.find_serving(caller, row.channel, row.native_id, now, purpose, now)
    else:
        raise Busy(AGAIN_AFTER, text("being_checked"))
    if owner.native_id != row.native_id:
        return "another", row
    note(row, one)
    return "", row


def _without_secrets(native: Channel, keys: AppKeys, row: LeaseRow, answer: Answer) -> Answer:
    """Return an answer that a job may see: some channels say which token was refused."""
    credentials = leases.open_credentials(row, keys)
    secrets = [credentials.access_token, credentials.secret, *native.send(keys, credentials).query.values()]
    return replace(answer, body=json.loads(scrub.used(json.dumps(answer.body), filter(None, secrets))))


def _remember(row: LeaseRow, one: Object) -> None:
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[(row.channel, *one)] = (time.monotonic() + KEPT_FOR, row.native_id)


def _key(row: LeaseRow, one: Object) -> str:
    return f"owner:{row.channel}:{hashlib.sha256('/'.join(one).encode()).hexdigest()[:32]}"


def forget() -> None:
    """Forget what this process knows, as a new one would."""
    _known.clear()
