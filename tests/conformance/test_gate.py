"""The vendors' own clients go on while log-ins die: full runs through the gate, with nothing but address and credential changed."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey, LeaseRecord
from broker.gate.proxy.asgi import Proxy
from tests.conformance.gate_clients import BATCHES, CLIENTS, UPLOADS, WHOLE_UPLOADS, Client
from tests.support import native, node
from tests.support.gate import credential, served
from tests.support.sandbox import Sandbox
from users.models import Team

pytestmark = pytest.mark.django_db(transaction=True)
LOOPBACK = str(node.FOLDER / "loopback.cjs")
ENDS = {"facebook": "change_password"}  # what the person does; elsewhere they remove the app


class Watched:
    """The gate as clients see it. `before`: what happens once, before the request of that number is passed on."""

    def __init__(self) -> None:
        self.proxy, self.said, self.number = Proxy(), b"", 0
        self.before: dict[int, Callable[[], Any]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.number += 1
        await asyncio.to_thread(self.before.pop(self.number, lambda: None))

        async def tell(message: Any) -> None:
            self.said += message.get("body", b"") + b"".join(map(b":".join, message.get("headers", [])))
            await send(message)

        await self.proxy(scope, receive, tell)


@pytest.fixture
def gate() -> Watched:
    return Watched()


@pytest.fixture(params=CLIENTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def channel(name: str) -> str:
    return name.partition(" ")[0]


@pytest.fixture
def client(
    name: str,
    channel: str,
    gate: Watched,
    world: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Client]:
    account = native.linked(channel, "ada", "ben")
    key, _ = api_keys.issue_key(name="job", scopes=[ApiKey.Scope.GATE], teams=[Team.default()])
    caplog.set_level("DEBUG")
    with served(gate, gate.proxy.close) as address:
        text = credential(account, key.pk)
        made = CLIENTS[name](f"{address}/proxy", text, monkeypatch, tmp_path)
        made.base, made.credential = f"{address}/proxy", text
        yield made
        made.close()
    assert Sandbox.MARKER.encode() not in gate.said
    logged = "".join(f"{row.getMessage()} {row.exc_text}" for row in caplog.get_records("call"))
    assert Sandbox.MARKER not in logged


@pytest.fixture
def ends(channel: str, world: Sandbox) -> Callable[[], None]:
    return lambda: world.action(channel, "ada", ENDS.get(channel, "cancel_authorisation"))


def test_a_whole_run_leaves_a_row_a_minute(client: Client) -> None:
    names = {f"Autumn {number}" for number in range(5)}
    for name in sorted(names):
        client.write(name)

    assert client.names() == names
    assert LeaseRecord.objects.filter(kind="request").count() <= 2


def test_a_log_in_that_dies_between_pages_ends_nothing(
    client: Client, channel: str, gate: Watched, ends: Callable[[], None], world: Sandbox
) -> None:
    names = {f"Autumn {number:02}" for number in range(5 if client.pages_of == 2 else 60)}
    for name in sorted(names):
        client.write(name)
    gate.before[gate.number + 2] = ends
    world.clear_calls()

    assert client.names() == names

    pages = world.calls(channel=channel, method="GET", path="ampaigns$|campaign/get")
    assert [page["native_user"] for page in pages[:3]] == ["ada", "ada", "ben"]


def test_a_log_in_that_dies_before_a_write_has_it_made_once_by_the_next(
    client: Client, channel: str, gate: Watched, ends: Callable[[], None], world: Sandbox
) -> None:
    client.names()
    ends()

    client.write("Autumn")

    made = [row for row in world.state()["campaigns"] if row["channel"] == channel]
    assert [row["created_by"] for row in made] == ["ben"]


def test_another_account_is_refused_in_the_clients_own_words(client: Client, world: Sandbox) -> None:
    world.clear_calls()

    with pytest.raises(client.error) as caught:
        client.elsewhere()

    assert "AdToken" in _words(caught.value)
    assert not world.calls(path=client.other)


def _words(error: Any) -> str:
    said = [error, getattr(error, "details", ""), getattr(getattr(error, "response", ""), "text", "")]
    return "".join(map(str, said))


@pytest.mark.parametrize("name", BATCHES, indirect=True)
def test_a_batch_is_sent_again_as_a_whole_where_none_of_it_was_done(
    client: Client, channel: str, ends: Callable[[], None], world: Sandbox
) -> None:
    ends()

    client.write_all(["Autumn", "Winter"])

    made = [row for row in world.state()["campaigns"] if row["channel"] == channel]
    assert [row["created_by"] for row in made] == ["ben", "ben"]


@pytest.mark.parametrize("name", ["facebook", "facebook node"], indirect=True)
def test_what_a_batch_has_done_is_not_done_again(
    client: Client, ends: Callable[[], None], world: Sandbox
) -> None:
    dead = {"error": {"message": "Session has expired", "type": "OAuthException", "code": 190}}
    items = [{"code": 200, "body": '{"id": "1"}'}, {"code": 400, "body": json.dumps(dead)}]
    world.add_fault("facebook", method="POST", path=r"^/v[\d.]+/?$", status=200, body=items, count=1)
    ends()

    assert client.write_all(["Autumn", "Winter"]) == [True, False]

    client.write("Winter")
    assert [row["created_by"] for row in world.state()["campaigns"]] == ["ben"]


def _film(folder: Path, size: int) -> Path:
    file = folder / "film.mp4"
    file.write_bytes((bytes(range(256)) * (size // 256 + 1))[:size])
    return file


@pytest.mark.parametrize("served", ["still", "by the next person"])
@pytest.mark.parametrize(("name", "number"), UPLOADS, indirect=["name"])
def test_an_upload_ends_with_its_log_in_and_the_next_one_goes_as_the_next_person(
    client: Client,
    channel: str,
    number: int,
    served: str,
    gate: Watched,
    ends: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    film = _film(tmp_path, 4_500_000)
    another = CLIENTS[channel](client.base, client.credential, monkeypatch, tmp_path)

    def die() -> None:
        ends()
        if served != "still":
            another.names()

    gate.before[gate.number + number] = die

    with pytest.raises(client.error) as caught:
        client.upload(film)

    assert ("began this upload" in _words(caught.value)) is (served != "still")
    client.upload(film)


@pytest.mark.parametrize("name", WHOLE_UPLOADS, indirect=True)
def test_an_upload_in_one_request_is_sent_again(
    client: Client, channel: str, ends: Callable[[], None], world: Sandbox, tmp_path: Path
) -> None:
    ends()

    client.upload(_film(tmp_path, 900_000))

    assert [call["native_user"] for call in world.calls(channel=channel, path="upload")] == ["ada", "ben"]
