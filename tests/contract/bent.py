"""True answers of every channel, and ways to bend them: one part replaced, left out, or all of it garbage.

An operation is recorded once against the stand-in, over real HTTP. Then it runs again and again on what was recorded, with one answer bent.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.test import Client

from accounts.models import Account
from tests.support import native
from tests.support.sandbox import Sandbox
from tokens.channels import http, registry
from tokens.channels.base import Channel
from tokens.channels.kinds import Answer, AppKeys, ChannelError, Credentials, Identity
from tokens.channels.tiktok import pushes as tiktok_pushes
from tokens.channels.x import calls as x_calls
from tokens.models import ChannelApp, Token

Operation = Callable[[], Any]
Place = tuple[str, str]  # method and path
Recorded = Mapping[str, Mapping[Place, list[Answer]]]  # by the operation's name
LATEST = datetime(2101, 1, 1, tzinfo=UTC)

# What replaces a part. Each has broken a parser of somebody's.
PARTS: tuple[Any, ...] = (
    None, True, 0, -1, 7, 1.5, 1e400, 10**12, 10**4000,
    "", " ", "x", "0", "1e9", "x" * 5000, "\ufffd", "²", "http://[", "2026-13-45T99:99:99Z",
    [], {}, [None], [{}], {"": None},
)  # fmt: skip


@dataclass
class Recorder:
    """Takes the place of `http.request`: passes on and keeps, or answers from what was kept."""

    passes_on: Callable[..., Answer]
    kept: dict[Place, list[Answer]] = field(default_factory=dict)
    bent: Mapping[Place, Any] | None = None  # None: records
    status: int | None = None
    asked: dict[Place, int] = field(default_factory=dict)

    def request(self, call: Any, method: str, url: str, **more: Any) -> Answer:
        """Answer as the channel did, but for what is bent."""
        place = (method, urlsplit(url).path)
        if self.bent is None:
            answer = self.passes_on(call, method, url, **more)
            self.kept.setdefault(place, []).append(answer)
            return answer
        known = self.kept.get(place) or [Answer(call, 404, body="")]
        number = self.asked.get(place, 0)
        self.asked[place] = number + 1
        answer = known[min(number, len(known) - 1)]
        if place not in self.bent:
            return Answer(call, answer.status, answer.headers, copy.deepcopy(answer.body))
        status = answer.status if self.status is None else self.status
        return Answer(call, status, answer.headers, copy.deepcopy(self.bent[place]))

    def record(self, operation: Operation) -> dict[Place, list[Answer]]:
        """Let the operation ask the channel and return what it was answered. It may be refused."""
        self.kept, self.bent = {}, None
        with suppress(ChannelError, ValueError):
            operation()
        return self.kept

    def bend(self, place: Place, body: Any, status: int | None = None) -> None:
        """From now on this place answers so."""
        self.bent, self.status, self.asked = {place: body}, status, {}


@dataclass(frozen=True)
class Bench:
    """One channel with a living log-in, and all that can be asked of it."""

    channel: Channel
    operations: Mapping[str, Operation]
    recorder: Recorder
    living: Recorded  # what each operation was answered
    ended: Recorded  # the same after the person had cancelled the authorisation

    def run(self, name: str) -> Any:
        """Run an operation and look at what came of it; anything raised but ChannelError (ValueError of `inspect_pasted`) is a failure."""
        try:
            found = self.operations[name]()
        except ChannelError as error:
            found = error
        except ValueError:
            if name != "inspect_pasted":
                raise
            found = None
        look_at(found, self.channel)
        return found

    def places(self, recorded: Recorded) -> Iterator[tuple[str, Place, Answer]]:
        """Give each operation with each address that it asks and the answer it got, and answer from that record.

        Of answers of one shape, such as the roles on each of three ad accounts, the first stands for all.
        """
        for name, kept in recorded.items():
            self.recorder.kept = dict(kept)
            seen = set()
            for place, answers in kept.items():
                shape = (place[0], tuple(_paths(answers[0].body)))
                if shape not in seen or not isinstance(answers[0].body, dict):
                    yield name, place, answers[0]
                seen.add(shape)

    def words(self) -> list[str]:
        """Return all keys that this channel's answers have."""
        answers = [a for recorded in (self.living, self.ended) for _, _, a in self.places(recorded)]
        return sorted(
            {
                part
                for answer in answers
                for path in _paths(answer.body)
                for part in path
                if isinstance(part, str)
            }
        )


def bench(key: str, world: Sandbox, client: Client, set_request: Callable[[Any], None]) -> Bench:
    """Link a person at the channel and record every operation."""
    channel, keys = registry.get(key), ChannelApp.objects.get(channel=key).keys()
    for name in (
        "Fern Gardens",
        "Brand EU (old)",
    ):  # two ad accounts are enough, and X asks for the role on each
        world.drop_role(key, name, "ada")
    answer = way_back(key, world, client, keys)
    recorder = Recorder(http.request)
    set_request(recorder.request)
    operations = operations_of(channel, world, keys, answer)
    recorded = {name: recorder.record(operation) for name, operation in operations.items()}
    world.cancel_authorisation(key, "ada")
    refused = {name: recorder.record(operation) for name, operation in operations.items()}
    recorder.bent = {}
    return Bench(channel, operations, recorder, recorded, refused)


def way_back(key: str, world: Sandbox, client: Client, keys: AppKeys) -> dict[str, str]:
    """Consent at the channel and return what `exchange` wants to know."""
    if key == "x":
        temporary = x_calls.request_token(keys)
        back = native.decide(f"{world.x}/oauth/authorize?oauth_token={temporary.access_token}", "ada")
        said = dict(parse_qsl(urlsplit(back).query))
        return {
            "oauth_token": temporary.access_token,
            "oauth_token_secret": temporary.secret,
            "oauth_verifier": said["oauth_verifier"],
        }
    said = dict(parse_qsl(urlsplit(native.decide(native.leave(client, key), "ada")).query))
    return {"code": said.get("auth_code") or said["code"]}


def operations_of(
    channel: Channel, world: Sandbox, keys: AppKeys, answer: Mapping[str, str]
) -> dict[str, Operation]:
    """Return everything that asks the channel, the end of the token last."""
    issued = world.issue_token(channel.key, "ada")
    held = Credentials(
        issued.get("access_token") or issued["oauth_token"],
        refresh_token=issued.get("refresh_token", ""),
        secret=issued.get("oauth_token_secret", ""),
    )
    one = next(row["id"] for row in world.state()["accounts"] if row["channel"] == channel.key)
    ada = Identity("1", "Ada")
    scopes = tuple(scope.name for scope in channel.scopes)
    found: dict[str, Operation] = {
        "consent": lambda: channel.consent(keys, answer),
        "identity": lambda: channel.identity(keys, held),
        "list_accounts": lambda: channel.list_accounts(keys, held, ada, scopes),
        "read_account": lambda: channel.read_account(keys, held, one, scopes=scopes, timeout=5),
        "inspect": lambda: channel.inspect(keys, held, timeout=5),
        "verify_app_keys": lambda: channel.verify_app_keys(keys, timeout=5),
    }
    if channel.key == "x":
        found["request_token"] = lambda: x_calls.request_token(keys)
    if channel.key == "tiktok":
        found["subscribe"] = lambda: tiktok_pushes.subscribe(
            keys, held, callback_url="http://testserver/push/", native_ids=[one]
        )
    if channel.key == "facebook":
        issued = world.issue_token("facebook", "ada", system=True)
        system, system_id = issued["access_token"], issued["user_id"]
        found["inspect_pasted"] = lambda: channel.inspect_pasted(keys, system)
        found["renew_system_user"] = lambda: channel.renew(keys, Credentials(system), timeout=5)
        found["list_of_system_user"] = lambda: channel.list_accounts(
            keys, Credentials(system), Identity(system_id, "Ada", "system"), scopes
        )
    if channel.renewal is not None and (channel.renewal.exchange or held.refresh_token):
        found["renew"] = lambda: channel.renew(keys, held, timeout=5)
    found["revoke"] = lambda: channel.revoke(keys, held)
    return found


def bendings(body: Any) -> Iterator[Any]:
    """Give the body with every part of it replaced by a sixth of the parts above, or left out. Of a list the first row stands for all."""
    if isinstance(body, str):  # X's form
        pairs = parse_qsl(body)
        for name, _ in pairs:
            yield "&".join(f"{one}={value}" for one, value in pairs if one != name)
            for value in ("", "%00", "%ff", "x" * 5000, "%0d%0aX:1"):
                yield "&".join(f"{one}={value if one == name else kept}" for one, kept in pairs)
    for number, path in enumerate(_paths(body)):
        for part in PARTS[number % 6 :: 6]:
            yield _replaced(body, path, part)
        if path:
            yield _replaced(body, path, None, leave_out=True)


def _paths(body: Any) -> Iterator[tuple[Any, ...]]:
    yield ()
    inner = (
        body.items()
        if isinstance(body, dict)
        else list(enumerate(body))[:1]
        if isinstance(body, list)
        else ()
    )
    for key, value in inner:
        for rest in _paths(value):
            yield (key, *rest)


def _replaced(body: Any, path: tuple[Any, ...], part: Any, *, leave_out: bool = False) -> Any:
    if not path:
        return part
    made = copy.copy(body)
    if len(path) == 1 and leave_out:
        del made[path[0]]
    else:
        made[path[0]] = _replaced(body[path[0]], path[1:], part, leave_out=leave_out)
    return made


# Where what a channel said is stored, and how long that may be.
LENGTHS = {
    "native_id": Account._meta.get_field("native_id").max_length,
    "name": Account._meta.get_field("name").max_length,
    "currency": Account._meta.get_field("currency").max_length,
    "time_zone": Account._meta.get_field("time_zone").max_length,
    "native_status": Account._meta.get_field("native_status").max_length,
    "restriction": Account._meta.get_field("restriction").max_length,
    "native_user_id": Token._meta.get_field("native_user_id").max_length,
    "row": 60,
    "role": 100,
    "note": 500,
}


def look_at(found: Any, channel: Channel) -> None:
    """Fail where a result cannot be stored, holds a secret, or is of another kind than it says."""
    if isinstance(found, ChannelError):
        look_at(found.classification, channel)
        _look_at_evidence(found.evidence)
    elif isinstance(found, Credentials):
        assert found.access_token.strip()
        assert all(isinstance(part, str) for part in found.as_dict().values())
    elif is_dataclass(found):
        for one in fields(found):
            _look_at_field(one.name, getattr(found, one.name), channel)
    elif isinstance(found, tuple):
        for part in found:
            look_at(part, channel)
    elif isinstance(found, datetime):
        assert found.tzinfo is not None
        assert found < LATEST
    elif isinstance(found, str):
        found.encode()  # half a surrogate pair does not pass
        assert "\0" not in found


def _look_at_field(name: str, value: Any, channel: Channel) -> None:
    if name == "evidence":
        _look_at_evidence(value)
    elif name == "native_id":
        assert channel.canonical_id(value) == value
    elif name == "can_publish":
        assert value in {"yes", "no", "unknown"}
    elif name in {"complete", "closed"}:
        assert isinstance(value, bool)
    elif name == "native_user_id":
        assert value.isprintable()
        assert " " not in value
    elif name == "sources":
        assert set(value.values()) <= {"provider", "introspection", "never", "unknown"}
    elif name == "scopes" and value is not None:
        assert all(isinstance(scope, str) for scope in value)
    if isinstance(value, str) and name in LENGTHS:
        assert len(value) <= (LENGTHS[name] or 0), name
    if name != "evidence":
        look_at(value, channel)


def _look_at_evidence(evidence: Mapping[str, Any]) -> None:
    text = json.dumps(evidence, allow_nan=False)
    assert "\\u0000" not in text
    assert Sandbox.MARKER not in text
    assert len(text) < 10_000
