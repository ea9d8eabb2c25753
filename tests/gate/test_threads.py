"""What the event loop leaves to threads: looked up once for all who wait for it, on connections that are kept."""

import asyncio
from threading import Barrier
from typing import Any

import pytest
from redis.connection import AbstractConnection

from broker.gate.threads import in_thread, once
from tokens.channels import shared


def test_who_asks_at_the_same_time_waits_for_one_look_and_hears_what_came_of_it() -> None:
    looked: list[int] = []
    begun = Barrier(2)

    def look(number: int) -> int:
        begun.wait(60)
        looked.append(number)
        if number > 1:
            raise LookupError(number)
        return number

    async def ask(number: int) -> list[Any]:
        asking = asyncio.gather(*(once("one", look, number) for _ in range(5)), return_exceptions=True)
        await in_thread(begun.wait, 60)
        return await asking

    assert asyncio.run(ask(1)) == [1] * 5
    assert {str(error) for error in asyncio.run(ask(2))} == {"2"}
    assert looked == [1, 2]


def test_questions_to_valkey_share_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[AbstractConnection] = []
    connect: Any = AbstractConnection.connect

    def counted(connection: AbstractConnection) -> None:
        opened.append(connection)
        connect(connection)

    monkeypatch.setattr(AbstractConnection, "connect", counted)
    shared._calls.cache_clear()

    async def ask() -> None:
        for _ in range(5):
            await in_thread(shared.read, ["one"])

    asyncio.run(ask())

    assert len(set(opened)) == 1
